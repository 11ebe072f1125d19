"""Telling a database that does not answer from a statement that is wrong."""

from __future__ import annotations

import asyncio

import asyncpg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# Not all errors of asyncpg come as SQLAlchemy's: those of connecting, and of a connection that is just being lost, do
# not.
POSSIBLE = (
    DBAPIError,
    PoolTimeoutError,
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncio.TimeoutError,
)
"""What an outage may look like; `is_outage` says whether it was one."""

_OUR_FAULT = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


def is_outage(error: BaseException) -> bool:
    """Whether trying the same again later can help."""
    return isinstance(error, POSSIBLE) and not isinstance(error, _OUR_FAULT)
