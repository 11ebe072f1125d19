"""An action server's front door that a test can hold shut, so that a turn stands still at a known place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web


class Gate:
    """Passes calls on to the real action server; while shut, they wait."""

    def __init__(self) -> None:
        self.url = ""
        self.behind = ""
        """The real action server's webhook; set before the first call."""
        self._open = asyncio.Event()
        self._open.set()
        self._called = asyncio.Event()

    def shut(self) -> None:
        self._called.clear()
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    async def called(self) -> None:
        """Wait until a call stands before the gate."""
        async with asyncio.timeout(120):
            await self._called.wait()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._called.set()
        await self._open.wait()
        async with aiohttp.ClientSession() as http, http.post(self.behind, data=body) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)


@asynccontextmanager
async def gate() -> AsyncIterator[Gate]:
    gate = Gate()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/webhook", gate._pass)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gate.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    yield gate
    gate.open()
    await runner.cleanup()
