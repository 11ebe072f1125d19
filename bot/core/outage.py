"""Waiting for a database that does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.core.logs import described, get_logger
from bot.store.outage import POSSIBLE, is_outage

_log = get_logger()
_T = TypeVar("_T")

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0


async def insist(operation: Callable[[], Awaitable[_T]], *, until: Callable[[], bool] = lambda: False) -> _T:
    """Do it, again and again while the database is out, until it is done. Raises the outage itself once `until` says
    that nobody waits for it any more."""
    wait = _FIRST_WAIT
    while True:
        try:
            result = await operation()
        except POSSIBLE as error:
            if not is_outage(error) or until():
                raise
            if wait == _FIRST_WAIT:
                _log.warning("database.unavailable", **described(error))
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)
        else:
            if wait > _FIRST_WAIT:
                _log.info("database.back")
            return result
