"""`throughline stuck retry` and `throughline stuck park`."""

from __future__ import annotations

from bot.gateway.opening import opened
from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.store import unsticking
from bot.store.clock import DatabaseClock
from bot.store.database import transaction
from bot.store.unsticking import NotStuck


async def retry(settings: Settings, message: int, *, even_uncertain: bool) -> str:
    """As `bot.store.unsticking.retry`, in a transaction. Raises CannotRun."""
    async with opened(settings) as engine:
        clock = DatabaseClock(engine)
        await clock.tune()
        try:
            async with transaction(engine) as connection:
                return await unsticking.retry(connection, message, clock(), even_uncertain=even_uncertain)
        except NotStuck as error:
            raise CannotRun(str(error)) from None


async def park(settings: Settings, message: int, *, silently: bool) -> str:
    """As `bot.store.unsticking.park`, in a transaction. Raises CannotRun."""
    async with opened(settings) as engine:
        clock = DatabaseClock(engine)
        await clock.tune()
        try:
            async with transaction(engine) as connection:
                return await unsticking.park(connection, message, clock(), silently=silently)
        except NotStuck as error:
            raise CannotRun(str(error)) from None
