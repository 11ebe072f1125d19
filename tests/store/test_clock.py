"""The product's time is the database's, whatever the machine's clock says."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.clock import DatabaseClock

_WRONG = timedelta(minutes=10)


def _wrong() -> float:
    return time.time() + _WRONG.total_seconds()


async def test_a_machine_whose_clock_is_wrong_goes_by_the_databases(engine: AsyncEngine) -> None:
    clock = DatabaseClock(engine, machine=_wrong)
    await clock.tune()
    if engine.dialect.name == "sqlite":  # its time is the machine's
        assert abs(clock.ahead) < timedelta(seconds=1)
        return
    # Both are on one machine here, so the difference is that of the two clocks.
    assert abs(clock.ahead - _WRONG) < timedelta(seconds=1)
    assert abs(clock() - datetime.now(UTC)) < timedelta(seconds=1)


async def test_time_goes_on_between_two_questions(engine: AsyncEngine) -> None:
    counted = 100.0
    clock = DatabaseClock(engine, counting=lambda: counted, machine=lambda: 100.0)
    await clock.tune()
    before = clock()
    counted += 60
    gone = timedelta(seconds=60) if engine.dialect.name == "postgresql" else timedelta()
    assert clock() - before == gone
