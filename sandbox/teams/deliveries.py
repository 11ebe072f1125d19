"""Activities on their way to a bot's endpoint.

Microsoft documents no repetition of what was refused or not answered. The customer sees an error then and may send it
again, for which there is `Delivery.again`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from .errors import Json

if TYPE_CHECKING:
    from .network import Chat

TIMEOUT = 15.0
"""Seconds that Teams waits for an answer:
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-send-and-receive-messages"""


@dataclass(kw_only=True, eq=False)
class Delivery:
    """One activity and what became of it."""

    json: Json
    chat: Chat = field(repr=False)
    courier: Courier = field(repr=False)
    status: int | None = None
    """Of the endpoint's answer; None while there is none, and if none came."""
    answer: bytes = b""
    error: str = ""
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def ended(self, timeout: float = TIMEOUT + 5) -> Delivery:
        """Wait until it was answered, or nobody waits for an answer any more. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            await self._ended.wait()
        return self

    async def taken(self, timeout: float = TIMEOUT + 5) -> Delivery:
        """Wait until the endpoint answered 2xx. Raises RuntimeError if it did not."""
        await self.ended(timeout)
        if not self.ok:
            raise RuntimeError(f"the endpoint did not take it: {self.status or self.error}")
        return self

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status <= 299

    def again(self) -> Delivery:
        """The same activity, delivered once more."""
        return self.courier.deliver(self.chat, self.json)

    def end(self, *, status: int | None = None, answer: bytes = b"", error: str = "") -> None:
        self.status, self.answer, self.error = status, answer, error
        self._ended.set()


class Courier:
    """Delivers a chat's activities one after another. `sign` makes the headers; `on_end` hears what became of each."""

    def __init__(
        self,
        *,
        sign: Callable[[Delivery], Mapping[str, str]],
        on_end: Callable[[Delivery], None],
        timeout: float = TIMEOUT,
    ) -> None:
        self._sign = sign
        self._on_end = on_end
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._order: dict[str, asyncio.Lock] = {}

    def deliver(self, chat: Chat, activity: Json) -> Delivery:
        delivery = Delivery(json=activity, chat=chat, courier=self)
        chat.bot.deliveries.append(delivery)
        task = asyncio.create_task(self._run(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return delivery

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _run(self, delivery: Delivery) -> None:
        async with self._order.setdefault(delivery.chat.id, asyncio.Lock()):
            try:
                await self._post(delivery)
            except TimeoutError:
                delivery.end(error="the endpoint did not answer in time")
            except (aiohttp.ClientError, OSError, ValueError) as error:
                delivery.end(error=type(error).__name__)
        self._on_end(delivery)

    async def _post(self, delivery: Delivery) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8", **self._sign(delivery)}
        async with self._client().post(
            delivery.chat.bot.endpoint,
            data=json.dumps(delivery.json, ensure_ascii=False).encode("utf-8", "surrogatepass"),
            headers=headers,
            allow_redirects=False,
        ) as answer:
            delivery.end(status=answer.status, answer=await answer.read())

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=self._timeout)
            self._session = aiohttp.ClientSession(trust_env=False, timeout=timeout)
        return self._session
