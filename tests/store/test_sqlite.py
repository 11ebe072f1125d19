"""SQLite on the event loop: whoever waits for the write lock, or for the disk, holds up nobody else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store import sqlite
from bot.store.database import connect, reading, transaction

metadata = sa.MetaData()
notes = sa.Table("notes", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("text", sa.Text))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = connect(f"sqlite:///{tmp_path}/a.db", pool_size=4)
    async with transaction(engine) as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
def somebody_else(engine: AsyncEngine) -> sqlite3.Connection:
    """Another process, as far as SQLite can tell."""
    return sqlite3.connect(str(engine.url.database), isolation_level=None)


async def write(engine: AsyncEngine, text: str) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.insert(notes).values(text=text))


async def texts(engine: AsyncEngine) -> list[str]:
    async with reading(engine) as connection:
        return list((await connection.execute(sa.select(notes.c.text).order_by(notes.c.id))).scalars())


async def test_reads_go_on_while_a_writer_waits_for_another_process(
    engine: AsyncEngine, somebody_else: sqlite3.Connection
) -> None:
    await write(engine, "before")
    somebody_else.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(write(engine, "after"))
    while engine.pool.checkedout() == 0:  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    assert await texts(engine) == ["before"]
    assert not waiting.done()
    somebody_else.execute("COMMIT")
    await waiting
    assert await texts(engine) == ["before", "after"]


async def test_whoever_waits_for_too_long_is_told(
    engine: AsyncEngine, somebody_else: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.0)
    somebody_else.execute("BEGIN IMMEDIATE")
    with pytest.raises(sa.exc.OperationalError, match="database is locked"):
        await write(engine, "never")
    somebody_else.execute("ROLLBACK")
    await write(engine, "later")
    assert await texts(engine) == ["later"]


async def test_writers_of_one_process_come_in_their_order(engine: AsyncEngine) -> None:
    await asyncio.gather(*(write(engine, str(number)) for number in range(20)))
    assert await texts(engine) == [str(number) for number in range(20)]


async def test_a_transaction_that_fails_leaves_nothing_and_holds_up_nobody(engine: AsyncEngine) -> None:
    async def fail() -> None:
        async with transaction(engine) as connection:
            await connection.execute(sa.insert(notes).values(id=1, text="gone"))
            await connection.execute(sa.insert(notes).values(id=1, text="twice"))

    with pytest.raises(sa.exc.IntegrityError):
        await fail()
    await write(engine, "next")
    assert await texts(engine) == ["next"]


async def test_whoever_is_cancelled_while_waiting_holds_up_nobody(
    engine: AsyncEngine, somebody_else: sqlite3.Connection
) -> None:
    somebody_else.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(write(engine, "never"))
    while engine.pool.checkedout() == 0:  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    somebody_else.execute("ROLLBACK")
    await write(engine, "next")
    assert await texts(engine) == ["next"]


async def test_a_commit_is_on_disk_when_it_returns(engine: AsyncEngine, somebody_else: sqlite3.Connection) -> None:
    await write(engine, "here")
    assert somebody_else.execute("SELECT text FROM notes").fetchall() == [("here",)]
    assert somebody_else.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_a_commit_that_fails_gives_the_lock_back(engine: AsyncEngine, somebody_else: sqlite3.Connection) -> None:
    async def fail(*, durable: bool) -> None:
        async with transaction(engine, durable=durable) as connection:
            await connection.execute(sa.text("PRAGMA defer_foreign_keys=ON"))
            await connection.execute(sa.text("INSERT INTO answers (note) VALUES (7)"))

    async with transaction(engine) as connection:
        await connection.execute(sa.text("CREATE TABLE answers (note INTEGER REFERENCES notes(id))"))
    for durable in (True, False):
        with pytest.raises(sa.exc.IntegrityError, match="FOREIGN KEY"):
            await fail(durable=durable)
        somebody_else.execute("BEGIN IMMEDIATE")
        somebody_else.execute("ROLLBACK")
    await write(engine, "next")
    assert await texts(engine) == ["next"]


async def test_what_is_not_durable_is_seen_at_once_and_the_next_is_durable_again(
    engine: AsyncEngine, somebody_else: sqlite3.Connection
) -> None:
    async with transaction(engine, durable=False) as connection:
        await connection.execute(sa.insert(notes).values(text="fleeting"))
        assert (await connection.execute(sa.text("PRAGMA synchronous"))).scalar_one() == 1
    assert somebody_else.execute("SELECT text FROM notes").fetchall() == [("fleeting",)]
    async with transaction(engine) as connection:
        assert (await connection.execute(sa.text("PRAGMA synchronous"))).scalar_one() == 2
