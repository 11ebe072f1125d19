"""Updates on their way to the bot's webhook: https://core.telegram.org/bots/api#setwebhook

As Telegram's own server has it: updates of one queue are delivered one at a time and in order, queues side by side up
to `max_connections`. A message waits in its chat's queue; a tap waits in a queue of its person's taps, so that a tap
can overtake a message of the same chat. One that is refused holds up its queue and is tried again with growing delays
until it expires. (`webhook_queue_id` in the server's code, https://github.com/tdlib/telegram-bot-api)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import aiohttp

from .errors import ApiError, Json
from .flood import Limits
from .params import Params, json_object

KINDS = frozenset({
    "message", "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message",
    "edited_business_message", "deleted_business_messages", "guest_message", "message_reaction",
    "message_reaction_count", "inline_query", "chosen_inline_result", "callback_query", "shipping_query",
    "pre_checkout_query", "purchased_paid_media", "poll", "poll_answer", "my_chat_member", "chat_member",
    "chat_join_request", "chat_boost", "removed_chat_boost", "managed_bot",
})  # fmt: skip
_NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
_NEVER_IN_AN_ANSWER = ("deletewebhook", "setwebhook", "close", "logout")


@dataclass(frozen=True, kw_only=True)
class Webhook:
    url: str
    secret_token: str = ""
    max_connections: int = 40


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One delivery of one update."""

    at: datetime
    status: int | None
    """None: no answer came."""
    error: str = ""


@dataclass(kw_only=True, eq=False)
class Update:
    """One update and what became of it. `state`: `pending`; `taken` by the webhook; `expired`; `dropped` by
    `drop_pending_updates`; `unwanted`, as `allowed_updates` does not name its kind."""

    id: int
    json: Json
    """As delivered."""
    queue: str
    created: datetime
    life: float
    """Seconds until it expires."""
    state: Literal["pending", "taken", "expired", "dropped", "unwanted"] = "pending"
    attempts: list[Attempt] = field(default_factory=list)
    on_taken: Callable[[], None] | None = field(default=None, repr=False)
    _ended: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def kind(self) -> str:
        return next(key for key in self.json if key != "update_id")

    @property
    def message(self) -> Json:
        """The message in it, or the one that was tapped."""
        body: Json = self.json[self.kind]
        message: Json = body.get("message", body)
        return message

    async def ended(self, timeout: float = 10) -> Update:
        """Wait until it is pending no more. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            await self._ended.wait()
        return self

    async def taken(self, timeout: float = 10) -> Update:
        """Wait until the webhook took it. Raises TimeoutError, or AssertionError if it never will."""
        await self.ended(timeout)
        assert self.state == "taken", f"update {self.id} was not taken but {self.state}"
        return self

    def end(self, state: Literal["taken", "expired", "dropped", "unwanted"]) -> None:
        self.state = state
        self._ended.set()
        if state == "taken" and self.on_taken is not None:
            self.on_taken()


@dataclass(kw_only=True, eq=False)
class Delivery:
    """All updates of one bot and their deliverer."""

    limits: Limits
    now: Callable[[], datetime]
    execute: Callable[[str, Params], Awaitable[object]]
    """Carries out the method call that an answer to the webhook may hold."""
    updates: list[Update] = field(default_factory=list)
    """Every update there ever was, in order."""
    webhook: Webhook | None = None
    allowed: frozenset[str] = KINDS - _NOT_BY_DEFAULT
    named: tuple[str, ...] = ()
    """`allowed_updates` as the bot gave it."""
    last_error: tuple[datetime, str] | None = None
    _next_id: int = field(default_factory=lambda: 100_000_000 + secrets.randbelow(800_000_000))
    _queues: dict[str, deque[Update]] = field(default_factory=dict)
    _workers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(40))
    _session: aiohttp.ClientSession | None = None

    def add(
        self,
        body: Json,
        *,
        queue: str,
        life: float | None = None,
        update_id: int | None = None,
        on_taken: Callable[[], None] | None = None,
    ) -> Update:
        """Store an update, `{kind: object}`, and have it delivered."""
        number = self._next_id if update_id is None else update_id
        update = Update(
            id=number,
            json={"update_id": number} | body,
            queue=queue,
            created=self.now(),
            life=self.limits.update_life if life is None else life,
            on_taken=on_taken,
        )
        self.updates.append(update)
        # A kind that is not in Telegram's list yet reaches every bot that did not ask for certain ones.
        if update.kind not in self.allowed and (self.named or update.kind in KINDS):
            update.end("unwanted")
            return update
        self._next_id += 1 if update_id is None else 0
        self._queues.setdefault(queue, deque()).append(update)
        self._work(queue)
        return update

    def pending(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def allow(self, kinds: tuple[str, ...] | None) -> None:
        """None leaves it as it was; empty is the default set. Names Telegram does not know are dropped, as there."""
        if kinds is not None:
            self.named = tuple(kind for kind in kinds if kind in KINDS)
            self.allowed = frozenset(self.named) or KINDS - _NOT_BY_DEFAULT

    def point_at(self, webhook: Webhook | None) -> None:
        """Set or remove the webhook; what is pending goes to the new one at once."""
        self.webhook = webhook
        self.last_error = None
        self._connections = asyncio.Semaphore(webhook.max_connections if webhook else 1)
        self._changed.set()
        self._changed = asyncio.Event()
        for queue in list(self._queues):
            self._work(queue)

    def drop_pending(self) -> None:
        for queue in self._queues.values():
            for update in queue:
                update.end("dropped")
            queue.clear()

    async def close(self) -> None:
        workers = list(self._workers.values())
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _work(self, queue: str) -> None:
        """See to it that the queue has its one worker while it has updates and there is a webhook."""
        if self.webhook is not None and queue not in self._workers:
            self._workers[queue] = asyncio.create_task(self._deliver_all(queue))

    async def _deliver_all(self, name: str) -> None:
        queue, delay = self._queues[name], self.limits.retry_base
        while queue and self.webhook is not None:
            waited = await self._deliver_first(queue, self.webhook, delay)
            delay = min(delay * 2, self.limits.retry_max) if waited else self.limits.retry_base
        # In one step with the look at the queue: whoever adds or points from now on starts a new worker.
        self._workers.pop(name)
        if not queue:
            self._queues.pop(name)

    async def _deliver_first(self, queue: deque[Update], webhook: Webhook, delay: float) -> bool:
        """Make one attempt with the queue's first update. True after waiting for the next attempt with the same one."""
        update = queue[0]
        async with self._connections:
            wait = await self._attempt(update, webhook)
        if update.state != "pending":
            return False
        if wait is None:
            self._leave(queue, "taken")
        elif self._expires_within(update, max(wait, delay)):
            self._leave(queue, "expired")
        elif webhook is self.webhook:
            await self._sleep(max(wait, delay))
            return True
        return False

    def _leave(self, queue: deque[Update], state: Literal["taken", "expired"]) -> None:
        queue.popleft().end(state)

    def _expires_within(self, update: Update, seconds: float) -> bool:
        return (self.now() - update.created).total_seconds() + seconds > update.life

    async def _sleep(self, seconds: float) -> None:
        """Wait, or until the webhook is another one."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def _attempt(self, update: Update, webhook: Webhook) -> float | None:
        """Deliver once. None if it was taken, else the seconds that the webhook asked to wait, 0 if it did not."""
        try:
            status, retry_after, answer = await self._post(update, webhook)
        except TimeoutError:
            return self._failed(update, None, "Read timeout expired")
        except (aiohttp.ClientError, OSError) as error:
            return self._failed(update, None, _words(error))
        if not 200 <= status <= 299:
            self._failed(update, status, f"Wrong response from the webhook: {status}")
            return retry_after
        update.attempts.append(Attempt(at=self.now(), status=status))
        if answer is not None:
            await self._answer(answer)
        return None

    def _failed(self, update: Update, status: int | None, error: str) -> float:
        update.attempts.append(Attempt(at=self.now(), status=status, error=error))
        self.last_error = (self.now(), error)
        return 0.0

    async def _post(self, update: Update, webhook: Webhook) -> tuple[int, float, Params | None]:
        headers = {"Content-Type": "application/json"}
        if webhook.secret_token:
            headers["X-Telegram-Bot-Api-Secret-Token"] = webhook.secret_token
        async with self._client().post(
            webhook.url,
            data=json.dumps(update.json, ensure_ascii=False).encode(),
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=self.limits.webhook_timeout),
        ) as answer:
            body = await answer.read()
            wait = answer.headers.get("Retry-After", "")
            return answer.status, min(3600.0, float(wait) if wait.isdigit() else 0.0), _call(answer, body)

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100), trust_env=False)
        return self._session

    async def _answer(self, params: Params) -> None:
        """Nobody hears whether it succeeded: https://core.telegram.org/bots/api#making-requests-when-getting-updates"""
        method = params.text("method")
        if method.lower().startswith(("get", *_NEVER_IN_AN_ANSWER)):
            return
        with contextlib.suppress(ApiError):
            await self.execute(method, params)


def _call(answer: aiohttp.ClientResponse, body: bytes) -> Params | None:
    if answer.content_type != "application/json" or b'"method"' not in body:
        return None
    try:
        return Params(values=json_object(body))
    except ApiError:
        return None


def _words(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return "Connection refused" if isinstance(error.os_error, ConnectionRefusedError) else "Connection timed out"
    return "Webhook connection closed"
