"""A webhook that remembers everything and answers as it is told: the other end, for tests of deliveries."""

from __future__ import annotations

import asyncio
import json
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
    body: bytes
    status: int
    """How it was answered."""

    @property
    def json(self) -> Json:
        data: Json = json.loads(self.body)
        return data


@dataclass(kw_only=True)
class WebhookReceiver:
    """Listens on a free port of loopback as an async context manager. Passes the handshake with its `verify_token`;
    answers 200, or the next of `statuses` while there are any."""

    verify_token: str = "verify-me"  # noqa: S105 (a test double's)
    path: str = "/hook"
    received: list[Received] = field(default_factory=list)
    statuses: deque[int] = field(default_factory=deque)
    url: str = ""
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> WebhookReceiver:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        app.router.add_get(self.path, self._handshake)
        app.router.add_post(self.path, self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}{self.path}"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def has_received(self, count: int, timeout: float = 10) -> None:
        """Wait until that many deliveries have come. Raises TimeoutError."""
        async with asyncio.timeout(timeout), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= count)

    async def _handshake(self, request: web.Request) -> web.Response:
        if request.query.get("hub.verify_token") != self.verify_token:
            return web.Response(status=403)
        return web.Response(text=request.query.get("hub.challenge", ""))

    async def _take(self, request: web.Request) -> web.Response:
        status = self.statuses.popleft() if self.statuses else 200
        self.received.append(Received(headers=request.headers, body=await request.read(), status=status))
        async with self._arrived:
            self._arrived.notify_all()
        if status == CLOSE and request.transport is not None:
            request.transport.abort()
        return web.Response(status=status or 500)
