"""A migrated database of each kind, and people who write to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.migrate import upgrade
from bot.store.database import connect
from tests.database import fresh_postgres, fresh_sqlite

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An empty database with the newest tables; every test runs on both kinds."""
    if request.param == "sqlite":
        url = fresh_sqlite(tmp_path)
    else:
        url = await fresh_postgres(request.getfixturevalue("postgres_server"))
    engine = connect(url)
    await upgrade(engine)
    yield engine
    await engine.dispose()


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()
