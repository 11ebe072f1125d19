"""How `throughline run` sees that a process which it has started is of use."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import sqlalchemy as sa

from bot.gateway.supervise import Ready
from bot.store.clock import DatabaseClock
from bot.store.database import connect, database_url, reading
from bot.store.lives import process_name
from bot.store.outage import POSSIBLE
from bot.store.tables import workers

# A worker writes its row every two seconds. Older ones are of the dead, whose numbers a container gives out again.
_SEEN_WITHIN = timedelta(seconds=10)


def answers(url: str) -> Ready:
    """Of use is who answers 200 there."""

    async def asked(_process: int) -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(url) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    return asked


def at_work(url: str) -> Ready:
    """A core worker opens no port: of use is who has its row in the database at this address, which it writes once its
    model is loaded."""

    async def asked(process: int) -> bool:
        engine = connect(database_url(url))
        try:
            clock = DatabaseClock(engine)
            await clock.tune()
            here, _, _ = process_name().rsplit("-", 2)
            its_row = sa.select(workers.c.id).where(
                workers.c.id.startswith(f"{here}-{process}-", autoescape=True),
                workers.c.seen_at > clock() - _SEEN_WITHIN,
            )
            async with reading(engine) as connection:
                return (await connection.execute(its_row)).first() is not None
        except POSSIBLE:
            return False
        finally:
            await engine.dispose()

    return asked
