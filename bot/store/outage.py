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
    asyncpg.InsufficientResourcesError,  # a full disk, too many connections
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncio.TimeoutError,
)
"""What an outage may look like; `is_outage` says whether it was one."""

_OUR_FAULT = (IntegrityError, DataError, ProgrammingError, NotSupportedError)


# Classes of SQLSTATE: data, integrity, syntax and rights. Not all of them have a class of SQLAlchemy's.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_OUR_FAULT_BY_STATE = ("22", "23", "42")


def is_outage(error: BaseException) -> bool:
    """Whether trying the same again later can help."""
    if not isinstance(error, POSSIBLE) or isinstance(error, _OUR_FAULT):
        return False
    return not _state(error).startswith(_OUR_FAULT_BY_STATE)


def is_unstorable(error: BaseException) -> bool:
    """Whether it is what was to be stored that the database cannot take: a zero byte on PostgreSQL, say."""
    return isinstance(error, DataError) or _state(error).startswith("22")


def _state(error: BaseException) -> str:
    return str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
