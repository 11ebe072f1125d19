"""SQLite under asyncio without a thread for each statement.

A statement here takes some ten microseconds. To hand it to a thread and take the answer back, as aiosqlite does, costs
ten times as much, and a message meets thirty of them on its way; so they run on the event loop. What may take long does
not hold it up: for another process's write lock one waits asleep, and a commit, which waits for the disk, is made in a
thread. A query that reads a whole table has no place on this engine.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import await_only

DRIVER = "sqlite+onloop"

BEGIN_TO_WRITE = "BEGIN IMMEDIATE"
BEGIN_FLEETING = "BEGIN IMMEDIATE /* its commit does not wait for the disk */"

# Seconds that a writer waits for the other processes', and how often it looks.
_PATIENCE = 30.0
_LOOK_EVERY = 0.001
# Milliseconds that SQLite itself may wait, blocking: it does so only when a database is being recovered after a crash.
_RECOVERY = 5000


class Connection(sqlite3.Connection):
    """Used by one task at a time, as SQLAlchemy's pool hands it out."""

    _begun: str | None = None
    """How the transaction that writes began, while there is one."""

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or Cursor)

    def commit(self) -> None:
        """In a thread, where there is something to be brought to the disk."""
        if self._begun == BEGIN_TO_WRITE:
            await_only(asyncio.get_running_loop().run_in_executor(None, super().commit))
        else:
            super().commit()
        self._end()

    def rollback(self) -> None:
        super().rollback()
        self._end()

    async def begin(self, how: str) -> None:
        """Raises sqlite3.OperationalError where others have held the lock for too long."""
        deadline = time.monotonic() + _PATIENCE
        # Another process tells nobody when its lock is free.
        while not self._try_to_begin(how, last=time.monotonic() > deadline):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_EVERY)

    def _try_to_begin(self, how: str, *, last: bool) -> bool:
        self._set("busy_timeout", "0")
        if how == BEGIN_FLEETING:
            self._set("synchronous", "NORMAL")
        self._begun = how
        try:
            self._run(how)
        except sqlite3.OperationalError as error:
            self._end()
            if last or "locked" not in str(error):
                raise
            return False
        self._set("busy_timeout", str(_RECOVERY))
        return True

    def _end(self) -> None:
        begun, self._begun = self._begun, None
        if begun == BEGIN_FLEETING:
            self._set("synchronous", "FULL")

    def _set(self, pragma: str, value: str) -> None:
        self._run(f"PRAGMA {pragma}={value}")

    def _run(self, statement: str) -> None:
        super().cursor().execute(statement).close()


class Cursor(sqlite3.Cursor):
    """SQLAlchemy wants to see each statement awaited."""

    connection: Connection

    def execute(self, statement: str, parameters: Any = ()) -> Any:
        if statement in (BEGIN_TO_WRITE, BEGIN_FLEETING):
            return await_only(self.connection.begin(statement))
        return await_only(self._execute(statement, parameters))

    def executemany(self, statement: str, parameters: Any) -> Any:
        return await_only(self._execute_many(statement, parameters))

    async def _execute(self, statement: str, parameters: Any) -> None:
        super().execute(statement, parameters)

    async def _execute_many(self, statement: str, parameters: Any) -> None:
        super().executemany(statement, parameters)

    async def _async_soft_close(self) -> None:
        """SQLAlchemy 2.1 lets go of a cursor whose rows it still wants; there is nothing to let go of here."""


class Dialect(SQLiteDialect_pysqlite):
    """SQLAlchemy's own dialect for `sqlite3`, with the connections above."""

    driver = "onloop"
    is_async = True
    has_terminate = True  # closing needs no event loop
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: Any) -> Any:
        return AsyncAdaptedQueuePool

    def create_connect_args(self, url: Any) -> Any:
        positional, named = super().create_connect_args(url)
        return positional, {**named, "factory": Connection, "check_same_thread": False}


registry.register("sqlite.onloop", __name__, "Dialect")
