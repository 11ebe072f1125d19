"""Opening the database, and the two ways of using it: a transaction that writes and one that only reads.

Entry points open the transaction; everything below them takes the connection and never commits.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, Optional
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.store import sqlite

# Statements that a PostgreSQL connection keeps parsed; those that store several rows at once are one for each number.
_PREPARED = 400

DEFAULT_URL = "sqlite:///var/throughline.db"

_DRIVERS = {"sqlite": sqlite.DRIVER, "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


def database_url(text: str | None = None) -> URL:
    """The address with our drivers filled in, from `text`, `DATABASE_URL`, the file that `DATABASE_URL_FILE` names, or
    the default. Raises ValueError."""
    given = text or os.environ.get("DATABASE_URL") or _from_file(os.environ.get("DATABASE_URL_FILE")) or DEFAULT_URL
    try:
        url = make_url(given)
    except sa.exc.ArgumentError:
        raise ValueError("DATABASE_URL is not a database address") from None
    family = url.drivername.split("+")[0]
    if family not in _DRIVERS:
        raise ValueError(f"DATABASE_URL names {family!r}: only sqlite and postgresql are supported")
    return url.set(drivername=_DRIVERS[family])


def _from_file(path: Optional[str]) -> str:
    """As container platforms hand out secrets."""
    try:
        return Path(path).read_text(encoding="utf-8").strip() if path else ""
    except OSError as error:
        raise ValueError(f"the file that DATABASE_URL_FILE names cannot be read: {error.strerror}") from None


def connect(url: URL | str, *, pool_size: int = 5) -> AsyncEngine:
    """An engine. Close it with `await engine.dispose()`. Its errors do not quote what was being stored."""
    address = database_url(url) if isinstance(url, str) else url
    if address.drivername.startswith("sqlite"):
        return _connect_sqlite(address, pool_size)
    engine = create_async_engine(
        address,
        pool_size=pool_size,
        max_overflow=pool_size,
        hide_parameters=True,
        connect_args={"prepared_statement_cache_size": _PREPARED},
    )
    sa.event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(_connection: Any, record: Any, _proxy: Any) -> None:
    """A server that was started anew has closed its connections, as each of them knows; to ask the server, as
    SQLAlchemy can, takes three ways to it and back for each transaction."""
    if record.driver_connection.is_closed():
        raise sa.exc.DisconnectionError


@asynccontextmanager
async def transaction(engine: AsyncEngine, *, durable: bool = True) -> AsyncIterator[AsyncConnection]:
    """A transaction that writes; commits at the end of the block, rolls back if the block raises. One that is not
    `durable` may be undone by a power cut, not by a crash of ours, and does not wait for the disk."""
    async with _turn_to_write(engine), _begun(engine if durable else _fleeting(engine)) as connection:
        if not durable and connection.dialect.name == "postgresql":
            await connection.execute(_DO_NOT_WAIT_FOR_THE_DISK)
        yield connection


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A consistent view to read from. On SQLite it does not wait for a writer, as `transaction` would."""
    async with _begun(_read_only(engine)) as connection:
        yield connection


@asynccontextmanager
async def _begun(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Not `engine.begin()`: in SQLAlchemy 1.4, which Rasa needs, a begin or a commit that fails does not give its
    connection back to the pool, and after a full disk nobody would get one any more."""
    async with engine.connect() as connection, connection.begin():
        yield connection


@lru_cache(maxsize=64)
def _read_only(engine: AsyncEngine) -> AsyncEngine:
    return engine.execution_options(read_only=True)


@lru_cache(maxsize=64)
def _fleeting(engine: AsyncEngine) -> AsyncEngine:
    return engine.execution_options(fleeting=True)


_DO_NOT_WAIT_FOR_THE_DISK = sa.text("SET LOCAL synchronous_commit = off")

# SQLite has one writer at a time: within a process they come in order, and between processes first come, first served.
_writers: WeakKeyDictionary[Engine, asyncio.Lock] = WeakKeyDictionary()


def _turn_to_write(engine: AsyncEngine) -> AbstractAsyncContextManager[Any]:
    if engine.dialect.name != "sqlite":
        return nullcontext()
    return _writers.setdefault(engine.sync_engine, asyncio.Lock())


def _connect_sqlite(url: URL, pool_size: int) -> AsyncEngine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, pool_size=pool_size, max_overflow=pool_size, hide_parameters=True)
    sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # We begin transactions ourselves: the driver would begin them late, and a read that turns into a write then fails
    # with "database is locked" at once, whatever the time-out.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.engine.Connection) -> None:
    options = connection.get_execution_options()
    write = sqlite.BEGIN_FLEETING if options.get("fleeting") else sqlite.BEGIN_TO_WRITE
    connection.exec_driver_sql("BEGIN" if options.get("read_only") else write)
