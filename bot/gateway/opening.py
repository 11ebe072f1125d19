"""The database as the operators' commands open it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.store.clock import DatabaseClock
from bot.store.database import connect, database_url, reading
from bot.store.outage import POSSIBLE
from bot.store.tables import gateways, workers

# A worker, and a gateway, writes its row every few seconds.
_SEEN_WITHIN = timedelta(seconds=10)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """The database of the settings. Raises CannotRun, within the block too, where it cannot be used."""
    engine = connect(database_url(settings.database_url))
    try:
        yield engine
    except POSSIBLE as error:
        name = type(error).__name__
        raise CannotRun(f"the database cannot be used ({name}): `throughline doctor` says more.") from None
    finally:
        await engine.dispose()


async def nobody_works_on(engine: AsyncEngine, name: str) -> None:
    """Raises CannotRun where a gateway or a core worker uses the database, which people know as `name`."""
    clock = DatabaseClock(engine)
    await clock.tune()
    since = clock() - _SEEN_WITHIN
    async with reading(engine) as connection:
        for table, what in ((workers, "core worker"), (gateways, "gateway")):
            found = await connection.execute(sa.select(table.c.id).where(table.c.seen_at > since).limit(1))
            if found.first() is not None:
                raise CannotRun(
                    f"a {what} works on {name}: stop the product first. One that was killed is forgotten after "
                    f"{_SEEN_WITHIN.total_seconds():.0f} seconds."
                )
