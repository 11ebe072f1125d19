"""`throughline copy-database`: an installation moves, and goes on where it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway import copying
from bot.gateway.copying import copy_database, digest_of
from bot.gateway.desk.searching import Indexer
from bot.gateway.migrate import upgrade
from bot.gateway.run import CannotRun
from bot.store.database import connect, reading, transaction
from bot.store.desk_tables import metadata
from bot.store.fitness import NEEDED
from bot.store.tables import EventJson, Utc, conversations, customers, events, messages, workers
from tests.database import NOON, Clock, fresh_postgres, fresh_sqlite
from tests.gateway.people import accepted, conversation_of, rows, says
from tests.gateway.test_merging import Town

DIRECTIONS = [("sqlite", "postgresql"), ("postgresql", "sqlite"), ("postgresql", "postgresql")]


async def fresh(kind: str, folder: Path, request: pytest.FixtureRequest) -> str:
    """The address of a database without tables."""
    if kind == "sqlite":
        return fresh_sqlite(folder)
    return await fresh_postgres(request.getfixturevalue("postgres_server"))


@pytest.fixture
async def addresses(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Of a database to copy, and of one without tables."""
    one, other = getattr(request, "param", DIRECTIONS[0])
    return await fresh(one, tmp_path, request), await fresh(other, tmp_path, request)


@pytest.fixture
async def old(addresses: tuple[str, str], clock: Clock) -> AsyncIterator[AsyncEngine]:
    """People on several channels who have become one, and a row at least in every table."""
    engine = connect(addresses[0])
    await upgrade(engine)
    town = Town(engine)
    for who, channel in (("alice", "webchat"), ("bob", "telegram"), ("carol", "whatsapp")):
        for text in ("hello", "a lamp, 一盏灯", "thanks \U0001f642"):
            await town.say(who, text, channel)
    await town.link("bob", "telegram", "alice", "webchat")
    await Indexer(engine=engine, clock=clock).catch_up()
    async with transaction(engine) as connection:
        for table in metadata.sorted_tables:
            if (await digest_of(connection, table)).rows == 0:
                await connection.execute(sa.insert(table).values(await a_row(connection, table)))
    yield engine
    await engine.dispose()


@pytest.fixture
async def new(addresses: tuple[str, str]) -> AsyncIterator[AsyncEngine]:
    engine = connect(addresses[1])
    yield engine
    await engine.dispose()


async def a_row(connection: AsyncConnection, table: sa.Table) -> dict[str, Any]:
    """Something in every column."""
    values: dict[str, Any] = {}
    for column in table.columns:
        if column.foreign_keys:
            [key] = column.foreign_keys
            values[column.name] = (await connection.execute(sa.select(key.column).limit(1))).scalar_one()
        else:
            values[column.name] = _something(column.type)
    return values


def _something(kind: Any) -> Any:
    for family, value in (
        (Utc, NOON + timedelta(microseconds=123456)),
        (EventJson, {"event": "bot", "text": "é"}),
        (sa.JSON, {"é": [1, 0.1, None]}),
        (sa.Boolean, True),
        (sa.Float, 0.1 + 0.2),
        (sa.LargeBinary, bytes(range(256))),
        (sa.Integer, 7),
        (sa.BigInteger, 2**40),
    ):
        if isinstance(kind, family):
            return value
    return "é"


async def contents(engine: AsyncEngine) -> dict[str, list[Any]]:
    return {table.name: sorted(map(repr, await rows(engine, table))) for table in metadata.sorted_tables}


def nobody(_said: str) -> None:
    """Listens."""


@pytest.mark.parametrize("addresses", DIRECTIONS, ids=" to ".join, indirect=True)
async def test_everything_is_there_and_goes_on(
    addresses: tuple[str, str], old: AsyncEngine, new: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "AT_ONCE", 7)  # so that there are many pages
    said: list[str] = []
    await copy_database(*addresses, said.append)
    before = await contents(old)
    assert await contents(new) == before
    assert all(before.values())
    assert f"messages: {len(before['messages'])}, compared" in said
    assert "they stay in MEDIA_DIR" in said[-1]

    newest = max(row.id for row in await rows(new, messages))
    heard = await accepted(new, says("carol", "are you there?", channel="whatsapp"), NOON + timedelta(days=1))
    assert heard.conversation == await conversation_of(old, "carol", "whatsapp")
    assert heard.message == newest + 1
    stranger = await accepted(new, says("dave", "hello"), NOON + timedelta(days=1))
    assert (stranger.message, stranger.repeated) == (newest + 2, False)
    assert await contents(old) == before


async def test_a_copy_is_made_once(addresses: tuple[str, str], old: AsyncEngine, new: AsyncEngine) -> None:
    await copy_database(*addresses, nobody)
    with pytest.raises(CannotRun, match="TO is not empty: there are rows in the table agents"):
        await copy_database(*addresses, nobody)


async def test_a_database_of_somebody_elses_is_left_alone(
    addresses: tuple[str, str], old: AsyncEngine, new: AsyncEngine
) -> None:
    async with transaction(new) as connection:
        await connection.execute(sa.text("CREATE TABLE recipes (id INTEGER)"))
    with pytest.raises(CannotRun, match="tables of somebody else's"):
        await copy_database(*addresses, nobody)
    with pytest.raises(CannotRun, match="FROM is no database of this product"):
        await copy_database(addresses[1], addresses[0], nobody)
    with pytest.raises(CannotRun, match="are the same database"):
        await copy_database(addresses[0], addresses[0], nobody)


async def test_versions_that_differ_are_named(addresses: tuple[str, str], old: AsyncEngine, new: AsyncEngine) -> None:
    await upgrade(new)
    for engine, which in ((new, "TO"), (old, "FROM")):
        async with transaction(engine) as connection:
            await connection.execute(sa.text("UPDATE alembic_version SET version_num = '0002'"))
        with pytest.raises(CannotRun, match=f"{which} has the tables of version 0002, and this code is for {NEEDED}"):
            await copy_database(*addresses, nobody)


async def test_while_somebody_works_on_it_nothing_is_copied(
    addresses: tuple[str, str], old: AsyncEngine, new: AsyncEngine
) -> None:
    async with transaction(old) as connection:
        await connection.execute(sa.update(workers).values(seen_at=datetime.now(UTC)))
    with pytest.raises(CannotRun, match="a core worker works on FROM: stop the product first"):
        await copy_database(*addresses, nobody)


async def test_a_row_that_is_not_taken_leaves_nothing_behind(tmp_path: Path, postgres_server: str) -> None:
    """SQLite takes texts of any length, whatever its columns say."""
    here, there = fresh_sqlite(tmp_path), await fresh_postgres(postgres_server)
    old, new = connect(here), connect(there)
    await upgrade(old)
    town = Town(old)
    await town.say("alice", "hello")
    async with transaction(old) as connection:
        await connection.execute(sa.update(messages).where(messages.c.seq == 1).values(language="x" * 50))
    [first, *_] = await rows(old, messages)
    with pytest.raises(CannotRun, match=f"does not take a row of messages, between {first.id} and .*Nothing was"):
        await copy_database(here, there, nobody)
    for table in (customers, conversations, messages):
        assert await rows(new, table) == []
    async with transaction(old) as connection:
        await connection.execute(sa.update(messages).values(language="en"))
    await copy_database(here, there, nobody)
    assert await contents(new) == await contents(old)
    for engine in (old, new):
        await engine.dispose()


async def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    here = fresh_sqlite(tmp_path)
    with pytest.raises(CannotRun, match="there is no file"):
        await copy_database(here, "sqlite:///x.db", nobody)
    engine = connect(here)
    await upgrade(engine)
    await engine.dispose()
    with pytest.raises(CannotRun, match="TO cannot be used"):
        await copy_database(here, "postgresql://nobody:secret@127.0.0.1:9/x", nobody)
    with pytest.raises(CannotRun, match="FROM: names 'mysql'"):
        await copy_database("mysql://host/x", here, nobody)


async def test_a_digest_depends_on_every_row_and_on_no_order(tmp_path: Path) -> None:
    engine = connect(fresh_sqlite(tmp_path))
    await upgrade(engine)
    await Town(engine).say("alice", "hello")
    async with reading(engine) as connection:
        before = await digest_of(connection, events)
    async with transaction(engine) as connection:
        await connection.execute(sa.update(events).values(data={"text": "hello!"}))
    async with reading(engine) as connection:
        after = await digest_of(connection, events)
    assert (before.rows, before == after) == (after.rows, False)
    await engine.dispose()
