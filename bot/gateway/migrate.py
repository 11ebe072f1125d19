"""Bringing the database's tables up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

import bot.store.migrations
from bot.store.fitness import NEEDED, is_behind, version_of

log = structlog.get_logger()

# Any number will do; all who migrate a PostgreSQL database must take the same one.
_LOCK = 7_114_207
_TRY_TO_LOCK = sa.text(f"SELECT pg_try_advisory_lock({_LOCK})")
_UNLOCK = sa.text(f"SELECT pg_advisory_unlock({_LOCK})")
_ASK_EVERY = 0.2

# Whoever waits for a table makes all others wait behind them, so one waits briefly and tries again: for each table,
# gateways stand still for this long at most. Shorter than PostgreSQL's deadlock_timeout, so that nobody else's
# transaction is ended.
_WAIT_FOR_A_TABLE = "400ms"
_TRY_AGAIN_AFTER = 1.0
_TRIES = 300
_LOCK_NOT_AVAILABLE = "55P03"  # https://www.postgresql.org/docs/15/errcodes-appendix.html


class Held(Exception):
    """A sentence: others held the tables for so long that they could not be altered."""


async def upgrade(engine: AsyncEngine) -> None:
    """Create or alter what the newest version needs; a database of a newer version stays as it is. Harmless to repeat,
    safe when two start at once, and safe beside running gateways. Raises Held."""
    async with _alone(engine):
        for _ in range(_TRIES):
            if await _upgraded(engine):
                return
            log.info("migration.waits", hint="others use the tables; tried again in a moment")
            await asyncio.sleep(_TRY_AGAIN_AFTER)
    raise Held(
        "others have used the tables without a break, so that they could not be altered: a transaction that stays open "
        "may be the reason (SELECT pid, xact_start, query FROM pg_stat_activity ORDER BY xact_start). End it and run "
        "`throughline migrate` again: what was done so far stays"
    )


async def _upgraded(engine: AsyncEngine) -> bool:
    """False: others held a table."""
    async with engine.connect() as connection:
        if not is_behind(await version_of(connection)):
            return True
        await connection.commit()
        try:
            await connection.run_sync(_upgrade)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            return False
        await connection.commit()
        return True


async def is_current(engine: AsyncEngine) -> bool:
    """Whether the database is at the version that this code needs."""
    async with engine.connect() as connection:
        return await version_of(connection) == NEEDED


def alembic_config() -> Config:
    """Alembic's settings, without an ini file: they depend on nothing but where this package lies."""
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.migrations.__file__).parent))
    return config


@asynccontextmanager
async def _alone(engine: AsyncEngine) -> AsyncIterator[None]:
    """Only one migrates a PostgreSQL database at a time. One asks for the lock now and then: who stands in a statement
    that waits for it would be waited for by an index that is built beside running gateways."""
    if engine.dialect.name != "postgresql":
        yield
        return
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        while not (await connection.execute(_TRY_TO_LOCK)).scalar_one():  # noqa: ASYNC110  # nobody tells us
            await asyncio.sleep(_ASK_EVERY)
        try:
            yield
        finally:
            await connection.execute(_UNLOCK)


def _upgrade(connection: sa.Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    with _impatient(connection):
        command.upgrade(config, "head")


@contextmanager
def _impatient(connection: sa.Connection) -> Iterator[None]:
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.exec_driver_sql(f"SET lock_timeout = '{_WAIT_FOR_A_TABLE}'")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql("RESET lock_timeout")
        connection.commit()
