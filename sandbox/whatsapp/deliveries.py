"""Webhooks on their way: signed, retried, batched. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview

What one person does arrives in order as long as nothing is refused; a refused webhook is tried again with growing
delays and holds up nothing, so that it may arrive late, and again if its first answer was lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import aiohttp

from .errors import Json
from .limits import Limits


class CallbackRefused(Exception):
    """The webhook's address did not pass the handshake, and is not registered."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One delivery of one body."""

    at: datetime
    status: int | None
    """None: no answer came."""


@dataclass(kw_only=True, eq=False)
class Delivery:
    """One body and what became of it."""

    json: Json
    queue: str
    created: datetime
    state: Literal["pending", "taken", "expired"] = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    on_taken: Callable[[], None] | None = field(default=None, repr=False)
    _ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def body(self) -> bytes:
        """Meta escapes what is not ASCII, and slashes."""
        return json.dumps(self.json).replace("/", "\\/").encode()

    @property
    def value(self) -> Json:
        """The first change's value."""
        value: Json = self.json["entry"][0]["changes"][0]["value"]
        return value

    @property
    def message(self) -> Json:
        message: Json = self.value["messages"][0]
        return message

    async def taken(self, timeout: float = 10) -> Delivery:
        """Wait until the webhook took it. Raises TimeoutError, or AssertionError if it never will."""
        async with asyncio.timeout(timeout):
            await self._ended.wait()
        assert self.state == "taken", f"the webhook was not taken but {self.state}"
        return self

    def end(self, state: Literal["taken", "expired"]) -> None:
        if self.state == "pending" and state == "taken" and self.on_taken is not None:
            self.on_taken()
        self.state = state
        self._ended.set()


@dataclass(kw_only=True, eq=False)
class Deliverer:
    """All webhooks of one app."""

    app_secret: str = field(repr=False)
    limits: Limits
    now: Callable[[], datetime]
    deliveries: list[Delivery] = field(default_factory=list)
    """Every body there ever was, in order."""
    url: str = ""
    _session: aiohttp.ClientSession | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _queues: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    _registered: asyncio.Event = field(default_factory=asyncio.Event)
    _batch: Delivery | None = None

    async def register(self, url: str, verify_token: str) -> None:
        """Perform the handshake and deliver there from now on. Raises CallbackRefused."""
        number = str(secrets.randbelow(10**10))
        query = {"hub.mode": "subscribe", "hub.challenge": number, "hub.verify_token": verify_token}
        try:
            async with self._client().get(url, params=query, allow_redirects=False) as answer:
                echoed = answer.status == 200 and await answer.text() == number
        except (aiohttp.ClientError, TimeoutError, ValueError):
            echoed = False
        if not echoed:
            raise CallbackRefused("The callback URL or verify token couldn't be validated.")
        self.url = url
        self._registered.set()

    def add(self, entry: Json, *, queue: str, on_taken: Callable[[], None] | None = None) -> Delivery:
        """Have one entry delivered, or put it into the open batch."""
        if self._batch is not None:
            self._batch.json["entry"].append(entry)
            return self._batch
        delivery = self._make([entry], queue, on_taken)
        self._start(delivery)
        return delivery

    def add_raw(self, body: Json, *, queue: str = "raw") -> Delivery:
        """Have any body delivered, signed, whether or not Meta would ever send it."""
        delivery = self._make([], queue, None)
        delivery.json = body
        self._start(delivery)
        return delivery

    @contextlib.contextmanager
    def batch(self) -> Iterator[Delivery]:
        """What happens inside goes out as one body at the end."""
        self._batch = batch = self._make([], "batch", None)
        try:
            yield batch
        finally:
            self._batch = None
        self._start(batch)

    async def repeat(self, delivery: Delivery) -> None:
        """Deliver the very same body once more, as after an answer that was lost."""
        await self._attempt(delivery)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def signature(self, body: bytes) -> str:
        return "sha256=" + hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()

    def _make(self, entries: list[Json], queue: str, on_taken: Callable[[], None] | None) -> Delivery:
        body = {"object": "whatsapp_business_account", "entry": entries}
        delivery = Delivery(json=body, queue=queue, created=self.now(), on_taken=on_taken)
        self.deliveries.append(delivery)
        return delivery

    def _start(self, delivery: Delivery) -> None:
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        async with self._queues[delivery.queue]:
            await self._registered.wait()
            taken = await self._attempt(delivery)
        delay = self.limits.retry_base
        while not taken:
            if self._expires_within(delivery, delay):
                delivery.end("expired")
                return
            await asyncio.sleep(delay)
            delay = min(delay * 2, self.limits.retry_max)
            taken = await self._attempt(delivery)
        delivery.end("taken")

    def _expires_within(self, delivery: Delivery, seconds: float) -> bool:
        return (self.now() - delivery.created).total_seconds() + seconds > self.limits.webhook_life

    async def _attempt(self, delivery: Delivery) -> bool:
        """Deliver once; whether it was taken."""
        body = delivery.body
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": self.signature(body)}
        try:
            async with self._client().post(self.url, data=body, headers=headers, allow_redirects=False) as answer:
                status: int | None = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            status = None
        delivery.attempts.append(Attempt(at=self.now(), status=status))
        return status == 200

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self.limits.webhook_timeout)
            self._session = aiohttp.ClientSession(timeout=timeout, trust_env=False)
        return self._session
