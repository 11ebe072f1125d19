"""An agent's open window, as the live updates see it: what it looks at, and what is still to be told to it."""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from aiohttp import web

from bot.gateway.desk.access.sessions import Agent
from bot.gateway.desk.items import Json

log = structlog.get_logger()

_BEHIND_MAX = 1_000


class Seat:
    """Frames are queued, so that a slow line holds nobody else up. One that falls too far behind is closed: its page
    comes back, and misses nothing."""

    def __init__(self, agent: Agent, socket: web.WebSocketResponse) -> None:
        self.agent = agent
        self.looks_at: str | None = None
        """The conversation that is open in the window."""
        self._socket = socket
        self._frames: asyncio.Queue[Json | None] = asyncio.Queue(_BEHIND_MAX)

    def tell(self, frame: Json) -> None:
        try:
            self._frames.put_nowait(frame)
        except asyncio.QueueFull:
            log.warning("desk.too_slow", agent=self.agent.id)
            self._end_with(None)

    def expire(self) -> None:
        """The session is over."""
        self.tell({"type": "expired"})
        self.leave()

    def leave(self) -> None:
        """Close it, once it was told everything."""
        with contextlib.suppress(asyncio.QueueFull):
            self._frames.put_nowait(None)

    async def send(self) -> None:
        """Send what it is told, until it is left."""
        with contextlib.suppress(ConnectionError):
            while (frame := await self._frames.get()) is not None:
                await self._socket.send_json(frame)
        await self._socket.close()

    def _end_with(self, last: Json | None) -> None:
        while not self._frames.empty():
            self._frames.get_nowait()
        self._frames.put_nowait(last)
