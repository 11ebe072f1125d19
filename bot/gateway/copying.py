"""`throughline copy-database`: everything from one of our databases into another, empty one; how an installation that
has outgrown SQLite moves to PostgreSQL.

All is written in one transaction, and compared before it is committed: the new database has all of it, or nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.migrate import upgrade
from bot.gateway.opening import nobody_works_on
from bot.gateway.run import CannotRun
from bot.store.database import connect, database_url, reading, transaction
from bot.store.desk_tables import metadata
from bot.store.fitness import NEEDED, version_of
from bot.store.outage import POSSIBLE

AT_ONCE = 1000
"""Rows that are read and written together."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Digest:
    """Of a table's rows, in whatever order: databases sort texts differently."""

    rows: int = 0
    total: int = 0
    """The sum of the rows' SHA-256, modulo 2**256."""

    def and_these(self, rows: Sequence[sa.Row[Any]]) -> Digest:
        total = sum(int.from_bytes(_hash(row)) for row in rows)
        return Digest(self.rows + len(rows), (self.total + total) % 2**256)


async def copy_database(source: str, target: str, say: Say) -> None:
    """Copy all tables; `say` is told what is being done, for people. Raises CannotRun, with nothing copied."""
    one, other = _address(source, "FROM"), _address(target, "TO")
    if _same(one, other):
        raise CannotRun("FROM and TO are the same database.")
    if one.drivername.startswith("sqlite") and not _exists(one):
        raise CannotRun(f"there is no file {one.database}.")
    async with _opened(one, "FROM") as old, _opened(other, "TO") as new:
        await _check_source(old)
        await _prepare_target(new)
        await _copy(old, new, say)
    say("The copy is whole. Set DATABASE_URL to the new database, here and for the core worker, and start the product.")
    say("Customers' files were not touched: they stay in MEDIA_DIR, which all gateways have to share.")


async def digest_of(connection: AsyncConnection, table: sa.Table) -> Digest:
    """Of all that is in it."""
    digest = Digest()
    async for rows in _pages(connection, table):
        digest = digest.and_these(rows)
    return digest


# --- What has to be so before -----------------------------------------------------------------------------------------


def _address(text: str, which: str) -> URL:
    try:
        return database_url(text)
    except ValueError as error:
        raise CannotRun(f"{which}: {str(error).removeprefix('DATABASE_URL ')}.") from None


def _same(one: URL, other: URL) -> bool:
    return one.set(password=None, query={}) == other.set(password=None, query={})


def _exists(url: URL) -> bool:
    return bool(url.database) and Path(str(url.database)).exists()


async def _check_source(engine: AsyncEngine) -> None:
    present = await _version(engine)
    if present is None:
        raise CannotRun("FROM is no database of this product.")
    if present != NEEDED:
        raise CannotRun(
            f"FROM has the tables of version {present}, and this code is for {NEEDED}. Where they are older, run "
            "`throughline migrate` with its DATABASE_URL first."
        )
    await nobody_works_on(engine, "FROM")


async def _prepare_target(engine: AsyncEngine) -> None:
    """With the newest tables, and nothing in them."""
    present = await _version(engine)
    if present is None and await _has_tables(engine):
        raise CannotRun("TO is not empty: there are tables of somebody else's in it. Give a new database.")
    if present not in (None, NEEDED):
        raise CannotRun(f"TO has the tables of version {present}, and this code is for {NEEDED}. Give a new database.")
    await upgrade(engine)
    async with reading(engine) as connection:
        for table in metadata.sorted_tables:
            if (await connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1))).first() is not None:
                raise CannotRun(f"TO is not empty: there are rows in the table {table.name}. Give a new database.")


async def _version(engine: AsyncEngine) -> str | None:
    async with reading(engine) as connection:
        return await version_of(connection)


async def _has_tables(engine: AsyncEngine) -> bool:
    async with reading(engine) as connection:
        return bool(await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names()))


@asynccontextmanager
async def _opened(url: URL, which: str) -> AsyncIterator[AsyncEngine]:
    engine = connect(url)
    try:
        yield engine
    except DBAPIError as error:
        raise CannotRun(f"{which} cannot be used: {_class_of(error)}.") from None
    except POSSIBLE as error:
        raise CannotRun(f"{which} cannot be used: {type(error).__name__}.") from None
    finally:
        await engine.dispose()


def _class_of(error: DBAPIError) -> str:
    """Not what it says, which may quote a row."""
    return type(error.orig).__name__


# --- Copying ----------------------------------------------------------------------------------------------------------


async def _copy(old: AsyncEngine, new: AsyncEngine, say: Say) -> None:
    if old.dialect.name == "postgresql":
        old = old.execution_options(isolation_level="REPEATABLE READ")  # one view for all tables
    async with reading(old) as source, transaction(new) as target:
        for table in metadata.sorted_tables:
            await _copy_table(source, target, table, say)
        await _go_on_counting(target)


async def _copy_table(source: AsyncConnection, target: AsyncConnection, table: sa.Table, say: Say) -> None:
    there = int((await source.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())
    read = Digest()
    async for rows in _pages(source, table):
        try:
            await target.execute(sa.insert(table), [dict(row._mapping) for row in rows])
        except DBAPIError as error:
            raise CannotRun(
                f"TO does not take a row of {table.name}, between {_key(table, rows[0])} and {_key(table, rows[-1])}: "
                f"{_class_of(error)}. Nothing was copied."
            ) from None
        read = read.and_these(rows)
        if read.rows < there:
            say(f"{table.name}: {read.rows:,} of {there:,}")
    written = await digest_of(target, table)
    if written != read or read.rows != there:
        raise CannotRun(f"the copy of {table.name} is not the same as what was read. Nothing was copied.")
    if there:
        say(f"{table.name}: {there:,}, compared")


async def _pages(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[Sequence[sa.Row[Any]]]:
    """All rows, by their key, so that no page costs more than another."""
    key = list(table.primary_key.columns)
    query = sa.select(table).order_by(*key).limit(AT_ONCE)
    rows = (await connection.execute(query)).all()
    while rows:
        yield rows
        if len(rows) < AT_ONCE:
            return
        last = [sa.literal(rows[-1]._mapping[column], column.type) for column in key]
        behind = sa.tuple_(*key) > sa.tuple_(*last)
        rows = (await connection.execute(query.where(behind))).all()


def _key(table: sa.Table, row: sa.Row[Any]) -> str:
    return "/".join(str(row._mapping[column]) for column in table.primary_key.columns)


async def _go_on_counting(connection: AsyncConnection) -> None:
    """PostgreSQL counts apart from the rows that are there."""
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None:
            continue
        newest = sa.func.max(column)
        sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
        await connection.execute(
            sa.select(sa.func.setval(sequence, newest)).select_from(table).having(newest.is_not(None))
        )


def _hash(row: sa.Row[Any]) -> bytes:
    return hashlib.sha256(json.dumps([_plain(value) for value in row], sort_keys=True).encode()).digest()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value
