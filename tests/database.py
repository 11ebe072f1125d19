"""Real databases for tests, fresh for each of them, and a clock that stands still."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.gateway.migrate import upgrade
from bot.store.database import connect, database_url

NewDatabase = Callable[[], Awaitable[str]]
"""Makes an empty database, and gives its address."""

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


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewDatabase:
    """Makes an empty database for a product, and gives its address; every test runs on both kinds. Where the kind makes
    no difference to what a file is about, it says which one it takes: a product takes ten seconds to start."""

    async def make() -> str:
        if request.param == "sqlite":
            return fresh_sqlite(tmp_path_factory.mktemp("database"))
        return await fresh_postgres(request.getfixturevalue("postgres_server"))

    return make


def utc_now() -> datetime:
    return datetime.now(UTC)


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


async def fresh_postgres(server: str) -> str:
    """The address of a new, empty database on `server`."""
    name = f"t_{secrets.token_hex(6)}"
    engine = create_async_engine(database_url(server), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(sa.text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return database_url(server).set(database=name).render_as_string(hide_password=False)


def fresh_sqlite(folder: Path) -> str:
    """The address of a new SQLite file."""
    return f"sqlite:///{folder / f'{secrets.token_hex(6)}.db'}"
