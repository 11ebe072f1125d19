"""Which of our processes live.

A lease says when a claim ends at the latest; whoever was killed would hold theirs to that end. So each process holds
something that is taken from it in the moment of its death, however it dies: on PostgreSQL an advisory lock of its
session, beside a SQLite database the lock of a file. A process that only hangs keeps both.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
import socket
import time
import uuid
from collections.abc import Collection
from pathlib import Path
from typing import IO, Any, Optional, Protocol

from sqlalchemy.engine import URL

# Any number will do that no other program takes for its advisory locks.
_LOCKS = 7_114_208

# After a database was started anew nobody has a lock until everybody has asked for theirs again.
_ALL_LIVE_FOR = 3.0

# Found dead by the server, where the machine or the network is gone without a word: seconds, and tries.
_KEEPALIVE = {"tcp_keepalives_idle": "2", "tcp_keepalives_interval": "1", "tcp_keepalives_count": "3"}


class Lives(Protocol):
    """What this process knows of the others, and they of it."""

    async def keep(self) -> None:
        """Be known to live; again and again, since the database may forget. Raises what an outage may look like."""

    async def living(self, names: Collection[str]) -> set[str]:
        """Who of them lives. In doubt, they do. Raises what an outage may look like."""

    async def close(self) -> None:
        """Be known to live no more."""


def process_name() -> str:
    """For this process, and no other one that there ever was."""
    return f"{socket.gethostname()[:32]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def lives_of(url: URL, name: str) -> Lives:
    """For the process of that name. Close it with `close`."""
    return FileLives(url, name) if url.drivername.startswith("sqlite") else PostgresLives(url, name)


class PostgresLives:
    """A session of its own holds the lock."""

    def __init__(self, url: URL, name: str) -> None:
        self._url = url
        self._name = name
        self._connection: Any = None
        self._since = 0.0
        self._turn = asyncio.Lock()

    async def keep(self) -> None:
        async with self._turn:
            await self._connected()

    async def living(self, names: Collection[str]) -> set[str]:
        async with self._turn:
            connection = await self._connected()
            if time.monotonic() < _since_when_sure(self._since):
                return set(names)
            held = await connection.fetch(
                "SELECT objid::bigint AS key FROM pg_locks WHERE locktype = 'advisory' AND classid = $1"
                " AND objsubid = 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                _LOCKS,
                timeout=_ALL_LIVE_FOR,
            )
        keys = {row["key"] for row in held}
        return {name for name in names if _key(name) in keys}

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _connected(self) -> Any:
        if self._connection is not None and not self._connection.is_closed():
            # Whether the other side still knows us: a connection can be lost without a sign.
            with contextlib.suppress(Exception):
                await self._connection.execute("SELECT 1", timeout=_ALL_LIVE_FOR)
                return self._connection
            self._connection.terminate()
        import asyncpg

        address = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(address, server_settings=_KEEPALIVE, timeout=5)
        await connection.execute("SELECT pg_advisory_lock_shared($1, $2)", _LOCKS, _signed(_key(self._name)))
        self._connection, self._since = connection, time.monotonic()
        return connection


class FileLives:
    """Files in a folder beside the database, each locked by the process after which it is named."""

    def __init__(self, url: URL, name: str) -> None:
        in_memory = not url.database or url.database == ":memory:"
        self._folder = None if in_memory else Path(f"{url.database}.lives")
        self._name = name
        self._held: Optional[IO[bytes]] = None

    async def keep(self) -> None:
        if self._held is not None or self._folder is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        # Locked before it has its name: nobody ever sees it without.
        fresh = self._folder / f".{self._name}"
        held = fresh.open("wb")
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fresh.rename(self._folder / self._name)
        self._held = held

    async def living(self, names: Collection[str]) -> set[str]:
        return {name for name in names if self._folder is None or _is_locked(self._folder / name)}

    async def close(self) -> None:
        if self._held is not None and self._folder is not None:
            (self._folder / self._name).unlink(missing_ok=True)
            self._held.close()
            self._held = None


def _since_when_sure(connected: float) -> float:
    return connected + _ALL_LIVE_FOR


def _is_locked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    path.unlink(missing_ok=True)  # nobody's any more
    return False


def _key(name: str) -> int:
    """32 bits, as pg_locks shows them."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def _signed(key: int) -> int:
    """The same bits as PostgreSQL's integer."""
    return key - 2**32 if key >= 2**31 else key
