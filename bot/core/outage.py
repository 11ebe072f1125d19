"""Telling a database that does not answer from a statement that is wrong, and waiting for the former."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg  # type: ignore[import-untyped]
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from bot.core.logs import described, get_logger

_log = get_logger()
_T = TypeVar("_T")

_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0

POSSIBLE = (
    DBAPIError,
    PoolTimeoutError,
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncio.TimeoutError,
)
_OUR_FAULT = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


def is_outage(error: BaseException) -> bool:
    """Whether trying the same again later can help."""
    return isinstance(error, POSSIBLE) and not isinstance(error, _OUR_FAULT)


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
