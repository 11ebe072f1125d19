"""Real databases for tests, fresh for each of them, and a clock that stands still."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.migrate import upgrade
from bot.store.database import connect, database_url
from tests.postgres import copied_database, create_database

NewDatabase = Callable[[], Awaitable[str]]
"""Makes an empty database, and gives its address."""

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An empty database with the newest tables; every test runs on both kinds."""
    async with _migrated(request, tmp_path) as url:
        engine = connect(url)
        yield engine
        await engine.dispose()


@asynccontextmanager
async def _migrated(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[str | URL]:
    if request.param == "sqlite":
        yield await migrated_sqlite(folder)
    else:
        async with copied_database(request.getfixturevalue("postgres_server"), _migrate) as url:
            yield url


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
    return (await create_database(server)).render_as_string(hide_password=False)


def fresh_sqlite(folder: Path) -> str:
    """The address of a new SQLite file."""
    return f"sqlite:///{folder / f'{secrets.token_hex(6)}.db'}"


async def migrated_sqlite(folder: Path) -> str:
    """A new SQLite file with the newest tables, which are made once and then copied."""
    url = fresh_sqlite(folder)
    file = Path(url.removeprefix("sqlite:///"))
    if not _migrated_sqlite:
        await _migrate(database_url(url))
        _migrated_sqlite.append(await asyncio.to_thread(file.read_bytes))
    await asyncio.to_thread(file.write_bytes, _migrated_sqlite[0])
    return url


_migrated_sqlite: list[bytes] = []


async def _migrate(url: URL) -> None:
    engine = connect(url)
    await upgrade(engine)
    await engine.dispose()
