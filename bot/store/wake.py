"""How the two processes tell each other that something was committed, with nothing but the database between them.

A wake says "look again", never what to find: it may come for nothing, and a slow poll stands behind it, so a lost one
costs a second and loses no message. On PostgreSQL it says at least whom it is for, since with several of each process
every look is made as often as there are processes.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

# SQLite is asked again at these intervals, in seconds: quickly while there is work, slowly when there has been none.
_BUSY, _QUIET, _IDLE = 0.002, 0.01, 0.05


class About(Enum):
    """What there is; the values are the channels of NOTIFY."""

    TURNS = "throughline_turns"
    """Something waits for its turn: for the workers."""
    WORK = "throughline"
    """Something is to be sent, fetched, given to somebody, shown: for the gateways."""


class Wake(Protocol):
    """Wakes this process when another one has committed."""

    async def wait(self, timeout: float) -> None:
        """Return when something was committed elsewhere since the last call, or after `timeout` seconds."""

    async def close(self) -> None: ...


async def open_wake(url: URL, *about: About) -> Wake:
    """The way of waking that this database has: by what is about any of these, or by all. Close it with `close`."""
    if url.drivername.startswith("sqlite"):
        return SqliteWake(url)
    return await PostgresWake.open(url, about or tuple(About))


async def notify(connection: AsyncConnection, *about: About) -> None:
    """Wake the others when this transaction commits: those whom it may be about, or all. On SQLite the commit itself is
    what they see, and all of them do."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_NOTIFY[frozenset(about or About)])


def _notifying(about: Iterable[About]) -> sa.TextClause:
    return sa.text("SELECT " + ", ".join(f"pg_notify('{one.value}', '')" for one in about))


_NOTIFY = {frozenset(about): _notifying(about) for about in [tuple(About), *((one,) for one in About)]}
"""Built once: to build a statement costs more than to run it."""


class SqliteWake:
    """`PRAGMA data_version` changes when another connection has committed; a look costs microseconds, so it is made on
    the event loop itself."""

    def __init__(self, url: URL) -> None:
        self._connection = sqlite3.connect(url.database or ":memory:", isolation_level=None)
        self._version = self._look()
        self._changed_at = time.monotonic()

    async def wait(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            version = self._look()
            if version != self._version:
                self._version, self._changed_at = version, time.monotonic()
                return
            await asyncio.sleep(self._interval())

    async def close(self) -> None:
        self._connection.close()

    def _look(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _interval(self) -> float:
        quiet_for = time.monotonic() - self._changed_at
        return _BUSY if quiet_for < 2 else _QUIET if quiet_for < 30 else _IDLE


class PostgresWake:
    """LISTEN on a connection of its own."""

    def __init__(self, url: URL, about: Sequence[About]) -> None:
        self._url = url
        self._about = about
        self._event = asyncio.Event()
        self._connection: Any = None

    @classmethod
    async def open(cls, url: URL, about: Sequence[About]) -> PostgresWake:
        wake = cls(url, about)
        await wake._listen()
        return wake

    async def wait(self, timeout: float) -> None:
        if self._connection is None or self._connection.is_closed():
            await self._try_listening_again(timeout)
        try:
            await asyncio.wait_for(self._event.wait(), timeout)
        except (TimeoutError, asyncio.TimeoutError):  # two classes before Python 3.11
            return
        self._event.clear()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _listen(self) -> None:
        import asyncpg

        address = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = await asyncpg.connect(address)
        for one in self._about:
            await self._connection.add_listener(one.value, lambda *_: self._event.set())

    async def _try_listening_again(self, timeout: float) -> None:
        import asyncpg

        try:
            await self._listen()
        except (OSError, asyncpg.PostgresError):
            self._connection = None  # the caller's slow poll goes on meanwhile
