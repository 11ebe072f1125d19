"""One time for all machines: the database's.

Leases, due times and epochs are compared by processes on several machines, whose clocks differ. Each asks the database
for the time now and then, and counts on from there by a clock that nobody sets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import reading
from bot.store.outage import POSSIBLE

TUNE_EVERY = 10.0
OFF_BY = timedelta(seconds=5)
"""A machine whose clock differs from the database's by more is worth a word."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NOW = sa.text("SELECT extract(epoch FROM clock_timestamp())::float8")
_LOOKS = 3


def _of_this_machine() -> float:
    return time.time()


class DatabaseClock:
    """Calling it gives the time in UTC. A SQLite database is on this machine, and so is its time."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        machine: Callable[[], float] = _of_this_machine,
        counting: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._machine = machine
        self._counting = counting
        self._began: float | None = None
        """Seconds since 1970 when the counting clock stood at zero, by the database; None: not asked yet."""

    def __call__(self) -> datetime:
        seconds = self._machine() if self._began is None else self._began + self._counting()
        return _EPOCH + timedelta(seconds=seconds)

    @property
    def ahead(self) -> timedelta:
        """How far this machine's clock is ahead of the database's."""
        return timedelta(seconds=self._machine()) - (self() - _EPOCH)

    async def tune(self) -> None:
        """Ask the database for the time. Raises what an outage may look like."""
        if self._engine.dialect.name != "postgresql":
            return
        looks = []
        async with reading(self._engine) as connection:
            for _ in range(_LOOKS):
                before = self._counting()
                theirs = (await connection.execute(_NOW)).scalar_one()
                took = self._counting() - before
                looks.append((took, theirs - before - took / 2))
        # The quickest answer is the surest.
        self._began = min(looks)[1]

    async def keep_tuned(self) -> None:
        """Goes on until it is cancelled, which it may be: it only reads."""
        while True:
            await asyncio.sleep(TUNE_EVERY)
            try:
                await self.tune()
            except POSSIBLE:
                continue  # the clock goes on from what it knows
