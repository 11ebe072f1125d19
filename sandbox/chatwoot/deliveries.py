"""Webhooks on their way: signed, once each, side by side. https://github.com/chatwoot/chatwoot/pull/13892"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp

from .account import Inbox, Json, Message

_TIMEOUT = 5.0


@dataclass(kw_only=True, eq=False)
class Webhook:
    """One body, and how each attempt was answered: None where no answer came."""

    inbox: Inbox
    json: Json
    message: Message | None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    statuses: list[int | None] = field(default_factory=list)

    @property
    def body(self) -> bytes:
        return json.dumps(self.json).encode()


class Webhooks:
    """All of them."""

    def __init__(self) -> None:
        self.sent: list[Webhook] = []
        self.doubled = False
        self._held: list[Webhook] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def send(self, inbox: Inbox, event: str, payload: Json, message: Message | None = None) -> None:
        webhook = Webhook(inbox=inbox, json={**payload, "event": event}, message=message)
        if self._held is not None:
            self._held.append(webhook)
        else:
            self._start(webhook)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """What happens inside is told afterwards, the newest first, one after the other."""
        self._held = []
        try:
            yield
        finally:
            late, self._held = self._held[::-1], None
            self._run(self._one_after_the_other(late))

    async def repeat(self, webhook: Webhook, *, age: float = 0.0) -> int | None:
        """The very same body once more, signed `age` seconds ago; the answer's status."""
        await self._attempt(webhook, int(time.time() - age))
        return webhook.statuses[-1]

    async def delivered(self) -> None:
        """Until all of them were answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        await self.delivered()
        if self._session is not None:
            await self._session.close()

    def _start(self, webhook: Webhook) -> None:
        self.sent.append(webhook)
        for _ in range(2 if self.doubled else 1):
            self._run(self._deliver(webhook))

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _one_after_the_other(self, webhooks: Sequence[Webhook]) -> None:
        for webhook in webhooks:
            self.sent.append(webhook)
            for _ in range(2 if self.doubled else 1):
                await self._deliver(webhook)

    async def _deliver(self, webhook: Webhook) -> None:
        await self._attempt(webhook, int(time.time()))
        status, message = webhook.statuses[-1], webhook.message
        if message is not None and (status is None or status >= 400):
            message.status, message.error = "failed", f"{status}"
            message.conversation.account.notify()

    async def _attempt(self, webhook: Webhook, timestamp: int) -> None:
        body = webhook.body
        digest = hmac.new(webhook.inbox.secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Chatwoot-Timestamp": str(timestamp),
            "X-Chatwoot-Signature": f"sha256={digest}",
            "X-Chatwoot-Delivery": webhook.id,
        }
        try:
            async with self._client().post(webhook.inbox.webhook_url, data=body, headers=headers) as answer:
                webhook.statuses.append(answer.status)
        except (aiohttp.ClientError, OSError):
            webhook.statuses.append(None)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT), trust_env=False)
        return self._session
