"""Waiting for a database that is out."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from bot.core.outage import insist
from bot.store import sqlite
from bot.store.database import connect, reading, transaction
from bot.store.outage import is_outage
from bot.store.tables import workers
from tests.core.playing import NOON


async def test_what_failed_for_an_outage_is_done_when_it_is_over() -> None:
    answers = [ConnectionRefusedError(), OperationalError("select", {}, Exception("locked")), "done"]

    async def ask() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await insist(ask) == "done"


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    engine = connect("postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(OSError) as caught:  # noqa: PT011
        async with reading(engine):
            pass
    assert is_outage(caught.value)
    await engine.dispose()


async def test_a_statement_that_is_wrong_is_none(engine: AsyncEngine) -> None:
    row = {"id": "w", "model": "m", "started_at": NOON, "seen_at": NOON}
    async with transaction(engine) as connection:
        await connection.execute(sa.insert(workers).values(**row))
    with pytest.raises(IntegrityError) as caught:
        async with transaction(engine) as connection:
            await connection.execute(sa.insert(workers).values(**row))
    assert not is_outage(caught.value)


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """It gives back what was left lying about, but nobody knows when."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
async def test_commits_that_fail_keep_no_connections(url: URL) -> None:
    """As with a full disk, when each is tried again and again."""
    engine = connect(url, pool_size=1)
    async with transaction(engine) as connection:
        await connection.execute(sa.text("CREATE TABLE there (id integer PRIMARY KEY)"))
        refers = "integer REFERENCES there (id) DEFERRABLE INITIALLY DEFERRED"
        await connection.execute(sa.text(f"CREATE TABLE pointing (id {refers})"))
    for _ in range(3):
        with pytest.raises(IntegrityError):
            async with transaction(engine) as connection:
                await connection.execute(sa.text("INSERT INTO pointing VALUES (1)"))
    async with reading(engine) as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM pointing"))).scalar_one() == 0
    assert _taken(engine) == 0
    await engine.dispose()


@pytest.mark.usefixtures("_no_collector")
async def test_begins_that_fail_keep_no_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite alone one waits for a begin."""
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.01)
    file = tmp_path / "test.db"
    engine = connect(f"sqlite:///{file}", pool_size=1)
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(3):
        with pytest.raises(OperationalError, match="locked"):
            async with transaction(engine):
                pass
    other.close()
    async with transaction(engine, durable=False):
        pass
    assert _taken(engine) == 0
    await engine.dispose()


def _taken(engine: AsyncEngine) -> int:
    """Connections that the pool waits for."""
    assert isinstance(engine.pool, QueuePool)
    return int(engine.pool.checkedout())


@pytest.mark.parametrize("error", [asyncpg.DiskFullError, asyncpg.TooManyConnectionsError])
def test_a_server_that_lacks_room_is_an_outage(error: type[asyncpg.PostgresError]) -> None:
    """As it is raised while connecting, when SQLAlchemy does not come in between."""
    assert is_outage(error("could not write init file"))
