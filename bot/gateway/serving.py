"""Listening until told to stop, and then leaving in order, so that nobody notices.

1. `/readyz` answers 503 for SHUTDOWN_DELAY seconds, while everything is served: a load balancer turns away meanwhile.
2. Nothing new is listened to, sockets are closed as "going away", whereupon widgets and desks connect elsewhere.
3. Requests under way are answered, sends under way end and are recorded; what was not begun stays in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Collection

import structlog
from aiohttp import WSCloseCode, web

from bot.gateway.health import LEAVING
from bot.gateway.run import CannotRun

log = structlog.get_logger()

_ANSWERED_WITHIN = 5.0
_CLOSED_WITHIN = 3.0
# A burst waits here until it is looked at; the kernel cuts it to net.core.somaxconn.
_BACKLOG = 4096


async def serve(app: web.Application, *, host: str, port: int, delay: float) -> None:
    """Until SIGTERM or SIGINT; a second one ends the delay. Raises CannotRun where it cannot listen."""
    stop, hurry = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: (hurry if stop.is_set() else stop).set())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_ANSWERED_WITHIN)
    try:
        # A start may take its time, as when the database is away, and nobody has to wait for it to end.
        if not await _ready_before(stop, runner):
            return
        await _listen(runner, host, port)
        await stop.wait()
        app[LEAVING].set()
        log.info("gateway.leaving", delay=delay)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), delay)
    finally:
        await runner.cleanup()
    log.info("gateway.stopped")


async def _ready_before(stop: asyncio.Event, runner: web.AppRunner) -> bool:
    starting, stopped = asyncio.create_task(runner.setup()), asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not starting.done():
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await starting
        return False
    starting.result()
    return True


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
    except OSError as error:
        raise CannotRun(f"cannot listen on {host}:{port} ({error.strerror}); set PORT") from error


async def close_sockets(sockets: Collection[web.WebSocketResponse]) -> None:
    """All at once: one whose other end is gone must not hold up the others."""
    closing = [asyncio.create_task(socket.close(code=WSCloseCode.GOING_AWAY)) for socket in sockets]
    if closing:
        await asyncio.wait(closing, timeout=_CLOSED_WITHIN)
