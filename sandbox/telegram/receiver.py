"""A bot's webhook that remembers everything and answers as it is told: the other end, for tests of deliveries."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from .errors import Json

CLOSE = 0
"""Instead of a status: close the connection without an answer."""


@dataclass(frozen=True, kw_only=True)
class Received:
    headers: Mapping[str, str]
    update: Json
    status: int
    """How it was answered."""


@dataclass(kw_only=True)
class WebhookReceiver:
    """Listens on a free port of loopback as an async context manager. Answers 200, or the next of `statuses` while
    there are any; `body` goes along with 200; while `gate` is clear no answer leaves."""

    path: str = "/hook"
    received: list[Received] = field(default_factory=list)
    statuses: deque[int] = field(default_factory=deque)
    body: Json = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0
    """Requests that wait for their answer now."""
    url: str = ""
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> WebhookReceiver:
        self.gate.set()
        app = web.Application()
        app.router.add_post(self.path, self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}{self.path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def updates(self) -> list[Json]:
        return [one.update for one in self.received]

    async def has_open(self, count: int, timeout: float = 10) -> None:
        """Wait until that many requests wait for their answer at once. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._arrived:
            await self._arrived.wait_for(lambda: self.open >= count)

    async def has_received(self, count: int, timeout: float = 10) -> None:
        """Wait until that many requests have come, answered or not. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= count)

    async def _take(self, request: web.Request) -> web.Response:
        update: Json = await request.json()
        status = self.statuses.popleft() if self.statuses else 200
        self.received.append(Received(headers=request.headers, update=update, status=status))
        async with self._arrived:
            self.open += 1
            self._arrived.notify_all()
        await self.gate.wait()
        self.open -= 1
        return self._answer(request, status)

    def _answer(self, request: web.Request, status: int) -> web.Response:
        if status == CLOSE and request.transport is not None:
            request.transport.abort()
        if status == 200 and self.body:
            return web.json_response(self.body)
        return web.Response(status=status or 500, headers={"Location": self.path} if 300 <= status <= 399 else None)
