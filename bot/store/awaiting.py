"""Waiting, at a process's start, for a database server that is away or still recovering.

After a power cut all machines start together, and a process that ended because its database needs a minute longer would
have to be started again by hand. What waiting does not mend is not waited for.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable

import asyncpg
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.outage import POSSIBLE, is_outage

PATIENCE = 45.0
"""Seconds. With the start itself less than the minute that Kubernetes gives a gateway (`startupProbe` in
deploy/kubernetes/gateway.yaml), so that the process ends by itself, with its reason, before it is ended."""

_TRY_EVERY = 1.0
_TELL_EVERY = 5.0
# A machine that is off answers nothing at all, and the driver would wait for a minute.
_ANSWERS_WITHIN = 5.0

UNUSABLE = (*POSSIBLE, asyncpg.PostgresError)
"""What a database that cannot be used may look like."""

_LASTING = (PermissionError, ssl.SSLError, ValueError)
"""Mended by people: a socket that is not ours, a certificate, an address that the driver does not understand."""

Tell = Callable[[str, float], None]
"""Is told what is wrong, as `trouble` has it, and for how many seconds that has been waited for."""


async def answering(engine: AsyncEngine, tell: Tell, *, patience: float = PATIENCE) -> None:
    """Return once the server lets us in. Raises one of UNUSABLE, at once if waiting does not mend it, else after
    `patience` seconds. A SQLite database is never waited for."""
    if engine.dialect.name == "sqlite":
        return
    begun, next_word = time.monotonic(), 0.0
    while True:
        try:
            await asyncio.wait_for(_let_in(engine), _ANSWERS_WITHIN)
            return
        except UNUSABLE as error:
            waited = time.monotonic() - begun
            if not passes(error) or waited + _TRY_EVERY > patience:
                raise
            if waited >= next_word:
                tell(trouble(engine.url, error), waited)
                next_word = waited + _TELL_EVERY
        await asyncio.sleep(_TRY_EVERY)


def passes(error: BaseException) -> bool:
    """Whether a server that could not be reached may be reached later."""
    cause = _cause(error)
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_AGAIN  # not: there is no such name
    return is_outage(cause) and not isinstance(cause, _LASTING)


def trouble(url: URL, error: BaseException) -> str:
    """What is wrong with the database at this address, for people; without the password."""
    return f"the database {url.difference_update_query(['password'])!r} cannot be used: {_reason(error)}"


def _reason(error: BaseException) -> str:
    """Of a server that refuses us, its own words: they name users and databases and hold no secret."""
    cause = _cause(error)
    if isinstance(cause, asyncpg.PostgresError):
        return str(cause.args[0])
    if isinstance(cause, (TimeoutError, asyncio.TimeoutError)):  # two classes before Python 3.11
        return "it does not answer"
    return str(cause) if isinstance(cause, OSError) else type(cause).__name__


def _cause(error: BaseException) -> BaseException:
    """What the driver said: releases of SQLAlchemy differ in which of its errors they put into theirs."""
    original = error.orig if isinstance(error, DBAPIError) else None
    return error if original is None else original.__cause__ or original


async def _let_in(engine: AsyncEngine) -> None:
    async with engine.connect():
        pass
