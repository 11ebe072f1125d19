"""One look for all sockets of a gateway, now and then, for what nobody has told: a whisper was lost, the gateway that
sent something died before it said so, a file was fetched, a session has run out.

What is new for whom is asked in one statement, which costs what is new and not what is connected. Sessions, and what
was shown and may look different by now, are looked at for some sockets at a time, in turn.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import batched

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.webchat import transcript
from bot.gateway.webchat.hub import Ear, Hub
from bot.gateway.webchat.sessions import open_among
from bot.store.database import reading
from bot.store.outage import POSSIBLE

log = structlog.get_logger()

_EVERY = 5.0
_LOOKS_BACK = 12
"""So many looks: longer than any transaction takes, since what is committed late may have a lower number."""
_AT_A_TIME = 250


class Lookout:
    """`run` it until `stop`."""

    def __init__(self, *, engine: AsyncEngine, hub: Hub, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._hub = hub
        self._clock = clock
        self._newest: deque[int] = deque(maxlen=_LOOKS_BACK)
        self._in_turn: list[Ear] = []
        self._at_all = False
        self._soon = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        while not self._stopping:
            try:
                await self.look()
            except POSSIBLE as error:
                log.error("webchat.unavailable", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), _EVERY)
            self._soon.clear()

    def look_at_all(self) -> None:
        """Soon, and at every socket: who knows what was missed."""
        self._at_all = True
        self._soon.set()

    def stop(self) -> None:
        self._stopping = True
        self._soon.set()

    async def look(self) -> None:
        """Once. Raises what an outage may look like."""
        at_all, self._at_all = self._at_all, False
        ears = list(self._hub)
        looked_at = ears if at_all else self._next(ears)
        async with reading(self._engine) as connection:
            news = await self._news(connection)
            stale = [
                one for some in batched(looked_at, _AT_A_TIME) for one in await _stale(connection, some, self._clock())
            ]
        for one in {*(one for one in ears if news.get(one.visitor, 0) > one.cursor), *stale}:
            one.wake()

    async def _news(self, connection: AsyncConnection) -> Mapping[str, int]:
        """The newest message of each visitor's who has had any lately."""
        since = self._newest[0] if self._newest else None
        self._newest.append(await transcript.newest(connection))
        return {} if since is None else await transcript.newest_of_each(connection, after=since)

    def _next(self, ears: Sequence[Ear]) -> Sequence[Ear]:
        self._in_turn = self._in_turn or list(ears)
        some, self._in_turn = self._in_turn[:_AT_A_TIME], self._in_turn[_AT_A_TIME:]
        return some


async def _stale(connection: AsyncConnection, ears: Sequence[Ear], now: datetime) -> list[Ear]:
    """Those whose session is over, or who show what looks different by now."""
    theirs = await open_among(connection, [one.token_hash for one in ears], now)
    changed = await transcript.changed_among(connection, [id for one in ears for id in one.watched])
    return [one for one in ears if one.token_hash not in theirs or not changed.isdisjoint(one.watched)]
