"""Processes of either side: started with their output in a file, and ended by their own ids."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from sandbox.journeys.stack import ROOT, Process

_LAST = 2000
"""Characters of a log that tell why a start failed."""


class Processes:
    """The processes of one side, in a new folder of their own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        folder.mkdir()
        self._folder = folder
        self._environment = {**os.environ, **environment}
        self._running: list[Process] = []

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self._running if process.alive]

    async def start(self, name: str, command: Sequence[str | Path], *, cwd: Path = ROOT) -> Process:
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            started = await asyncio.create_subprocess_exec(
                *map(str, command),
                cwd=cwd,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(Process(name, started, log))
        return self._running[-1]

    def last_words(self) -> str:
        """The ends of all logs."""
        logs = {process.name: process.log.read_text(encoding="utf-8", errors="replace") for process in self._running}
        return "\n".join(f"--- {name}\n{log[-_LAST:]}" for name, log in logs.items())

    async def end(self) -> None:
        await asyncio.gather(*(process.end() for process in self._running))


@contextlib.asynccontextmanager
async def processes(folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Processes]:
    """All are ended at the end, whatever happens."""
    running = Processes(folder, environment)
    try:
        yield running
    finally:
        await running.end()
