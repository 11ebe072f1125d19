"""What must be right with the database before a gateway starts: each fault is one sentence that says what to do.

A SQLite database is one machine's, so who starts there brings its tables up to date. On PostgreSQL others may be
running: there an operator does it, once and beforehand, with `throughline migrate`.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta

import structlog
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.migrate import Held, upgrade
from bot.gateway.run import CannotRun
from bot.store.awaiting import PATIENCE, UNUSABLE, answering, trouble
from bot.store.clock import OFF_BY, DatabaseClock
from bot.store.database import connect, database_url, reading
from bot.store.disks import check_disk
from bot.store.fitness import NEEDED, Unfit, check_migrating, check_use, is_behind, version_of

log = structlog.get_logger()


async def prepare(engine: AsyncEngine, *, patience: float = PATIENCE) -> None:
    """Make sure that the database can be used; one that is away is waited for, for `patience` seconds. Raises
    CannotRun."""
    async with plainly(engine.url):
        await answering(engine, _log_waiting, patience=patience)
    if engine.dialect.name == "sqlite":
        await _brought_up_to_date(engine)
    newer = await look(engine)
    if newer:
        log.info("database.newer", version=newer, needed=NEEDED)
    await _compare_clocks(engine)


async def look(engine: AsyncEngine) -> str | None:
    """The database's version if it is newer than ours, else None; changes nothing. Raises CannotRun for a database that
    cannot be used."""
    async with plainly(engine.url):
        check_disk(engine.url)
        async with reading(engine) as connection:
            await check_use(connection)
            version = await version_of(connection)
        if is_behind(version):
            raise Unfit(
                f"the database is at migration {version or 'none'}, and this version of Throughline needs {NEEDED}: "
                "run `throughline migrate` first; gateways and workers may go on meanwhile"
            )
    return None if version == NEEDED else version


async def migrate(url: str) -> None:
    """Bring the tables of the database at this address up to date; one that is away is waited for. Raises CannotRun."""
    engine = connect(database_url(url))
    try:
        async with plainly(engine.url):
            await answering(engine, _print_waiting)
        await _brought_up_to_date(engine)
    finally:
        await engine.dispose()


def _log_waiting(what: str, waited: float) -> None:
    log.warning("database.awaited", trouble=what, waited=round(waited))


def _print_waiting(what: str, waited: float) -> None:
    print(f"throughline: {what}; waiting for it ({waited:.0f} s)", file=sys.stderr, flush=True)


async def _brought_up_to_date(engine: AsyncEngine) -> None:
    async with plainly(engine.url):
        check_disk(engine.url)
        async with reading(engine) as connection:
            if not is_behind(await version_of(connection)):
                return
            await check_migrating(connection)
        await upgrade(engine)


@asynccontextmanager
async def plainly(url: URL) -> AsyncIterator[None]:
    """What goes wrong with the database within the block becomes CannotRun."""
    try:
        yield
    except (Unfit, Held) as error:
        raise CannotRun(f"{error}.") from None
    except UNUSABLE as error:
        raise CannotRun(f"{trouble(url, error)}. Is DATABASE_URL right?") from None


@contextmanager
def only_gateway(url: URL) -> Iterator[None]:
    """Within the block this is the SQLite database's only gateway; raises CannotRun if there is another one. The lock
    is the process's: it ends with it, however it ends."""
    if not url.drivername.startswith("sqlite") or not url.database or url.database == ":memory:":
        yield
        return
    with open(f"{url.database}.gateway", "a+", encoding="ascii") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.seek(0)
            raise CannotRun(
                f"another gateway (process {held.read(20).strip() or 'unknown'}) uses {url.database} already. A SQLite "
                "database is for one; several share PostgreSQL: DATABASE_URL=postgresql://user:password@host/name"
            ) from None
        held.truncate(0)
        held.write(f"{os.getpid()}\n")
        held.flush()
        yield


async def _compare_clocks(engine: AsyncEngine) -> None:
    ahead = await clock_ahead(engine)
    if abs(ahead) > OFF_BY:
        log.warning("clock.off", ahead_seconds=round(ahead.total_seconds(), 1), hint=CLOCK_OFF)


CLOCK_OFF = (
    "set this machine's clock (NTP): turns and sends go by the database's, but Teams' tokens are checked by this one, "
    "and refused if it is 5 minutes off"
)


async def clock_ahead(engine: AsyncEngine) -> timedelta:
    """How far this machine's clock is ahead of the database's. Raises what an outage may look like."""
    clock = DatabaseClock(engine)
    await clock.tune()
    return clock.ahead
