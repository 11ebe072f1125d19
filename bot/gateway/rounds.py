"""Work that waits in the database, done as soon as it is there.

Each kind of work says in one condition whether any of it waits. All conditions are asked together, in one statement,
when something was committed and now and then anyway; and only those who have something to do look for it.

Nothing here is cancelled, since a transaction that is cut in the middle leaves its connection in doubt.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import reading
from bot.store.outage import POSSIBLE
from bot.store.tables import Utc
from bot.store.wake import Wake

log = structlog.get_logger()

_SLOW_POLL = 1.0
# For what is under way when the gateway stops: longer than a channel waits for its platform. What is cut off after
# that has an unknown outcome.
_GRACE = 30.0

NOW = sa.bindparam("now", type_=Utc())
"""In a condition: the moment of asking."""


class Rounds:
    """Calls `look` whenever there may be something, until `stop`, and then lets what it started finish.

    waits:    whether there is something, as one condition of SQL
    at_once:  pieces of work that may be under way side by side
    """

    def __init__(
        self, *, waits: sa.ColumnElement[bool], look: Callable[[], Coroutine[None, None, None]], at_once: int
    ) -> None:
        self.waits = waits
        self._look = look
        self._at_once = at_once
        self._again = asyncio.Event()
        self._stopping = False
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def free(self) -> int:
        """How many more may be started now."""
        return self._at_once - len(self._under_way)

    @property
    def stopping(self) -> bool:
        """Whether nothing more is to be begun."""
        return self._stopping

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Let it run beside the rounds."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    async def run(self) -> None:
        while not self._stopping:
            self._again.clear()
            if self.free > 0:
                await self._look_once()
            await self._again.wait()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE)

    def look_again(self) -> None:
        """There may be something."""
        self._again.set()

    def stop(self) -> None:
        self._stopping = True
        self._again.set()

    async def _look_once(self) -> None:
        try:
            await self._look()
        except Exception as error:
            # A fault of ours must not end all work of this kind until somebody starts the gateway again.
            log.error("rounds.broke", look=self._look.__qualname__, error=type(error).__name__)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self.free == 0:
            self._again.set()  # something may have been left where it was
        self._under_way.discard(task)


class Watch:
    """Runs rounds, woken when there is something for them. They share one `wake`, which tells only one listener."""

    def __init__(
        self, every: Sequence[Rounds], *, engine: AsyncEngine, wake: Wake, clock: Callable[[], datetime]
    ) -> None:
        self._every = every
        self._engine = engine
        self._wake = wake
        self._clock = clock
        self._glance = sa.select(*[rounds.waits for rounds in every])
        self._asleep = False
        self._stopping = False

    async def run(self) -> None:
        watching = asyncio.create_task(self._watch())
        await asyncio.gather(*(rounds.run() for rounds in self._every))
        if self._asleep:
            watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching

    def stop(self) -> None:
        self._stopping = True
        for rounds in self._every:
            rounds.stop()

    async def _watch(self) -> None:
        while not self._stopping:
            self._asleep = True
            await self._wake.wait(_SLOW_POLL)
            self._asleep = False
            await self._tell()

    async def _tell(self) -> None:
        try:
            async with reading(self._engine) as connection:
                found = (await connection.execute(self._glance, {"now": self._clock()})).one()
        except POSSIBLE as error:
            log.error("rounds.unavailable", error=type(error).__name__)
            return
        for rounds, waits in zip(self._every, found, strict=True):
            if waits:
                rounds.look_again()
