"""The product's processes: killed at any moment, restarted at once, as a supervisor would."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.journeys.stack import CORE_PYTHON, ROOT

_RESTART_AFTER = 0.2
"""Seconds; one that cannot start, since the database is away, is started again and again."""
_END_WITHIN = 20.0
_LAST = 1500
"""Characters of a log that tell what was wrong."""


@dataclass(frozen=True, kw_only=True)
class Member:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]


class Fleet:
    """`died`: how often each has ended that nobody had killed."""

    def __init__(self, members: Sequence[Member], logs: Path) -> None:
        self._members = {member.name: member for member in members}
        self._logs = logs
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._up = {member.name: asyncio.Event() for member in members}
        self._killed: set[int] = set()
        self._ending = False
        self.kills = 0
        self.died = Counter[str]()

    async def run(self, member: Member) -> None:
        """Once, to its end. Raises RuntimeError if it fails."""
        process = await self._start(member)
        if await process.wait() != 0:
            raise RuntimeError(f"{member.name} failed:\n{self.last_words()}")

    async def kill(self, name: str) -> None:
        """As a power cut would; if it is just being restarted, as soon as it runs."""
        await self._up[name].wait()
        process = self._running[name]
        self._killed.add(process.pid)
        self._up[name].clear()
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
            self.kills += 1

    async def keep(self, name: str) -> None:
        """Have it running until all are ended."""
        while not self._ending:
            process = self._running[name] = await self._start(self._members[name])
            self._up[name].set()
            await process.wait()
            self._up[name].clear()
            if process.pid not in self._killed and not self._ending:
                self.died[name] += 1
            self._killed.discard(process.pid)
            await asyncio.sleep(_RESTART_AFTER)

    def last_words(self) -> str:
        """The ends of all logs."""
        logs = ((log.stem, log.read_text(encoding="utf-8", errors="replace")) for log in sorted(self._logs.iterdir()))
        return "\n".join(f"--- {name}\n{text[-_LAST:]}" for name, text in logs)

    async def end(self) -> None:
        """As an operator would; who does not end in time is killed."""
        self._ending = True
        running = [process for process in self._running.values() if process.returncode is None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_WITHIN):
                await asyncio.gather(*(process.wait() for process in running))
        for process in running:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def _start(self, member: Member) -> asyncio.subprocess.Process:
        with (self._logs / f"{member.name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *member.command,
                cwd=ROOT,
                env={**os.environ, **member.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                process_group=0,  # as `throughline run` has it
            )
        return process


@asynccontextmanager
async def keeping(fleet: Fleet, names: Sequence[str]) -> AsyncIterator[None]:
    """All of them running; ended at the end, whatever happens."""
    keepers = [asyncio.create_task(fleet.keep(name)) for name in names]
    try:
        yield
    finally:
        await fleet.end()
        await asyncio.gather(*keepers)


def migration(environment: Mapping[str, str]) -> Member:
    """What an operator does first."""
    command = [sys.executable, "-m", "bot.gateway", "migrate"]
    return Member(name="migrate", command=command, environment=environment)


def product(environment: Mapping[str, str], *, gateways: Sequence[int], workers: int, actions: int) -> list[Member]:
    """Gateways and the action server on these ports, and so many workers."""
    core = str(CORE_PYTHON)
    return [
        *(
            Member(
                name=f"gateway-{number}",
                command=[sys.executable, "-m", "bot.gateway", "gateway"],
                environment={**environment, "PORT": str(port)},
            )
            for number, port in enumerate(gateways, 1)
        ),
        *(
            Member(name=f"core-{number}", command=[core, "-m", "bot.core.worker"], environment=environment)
            for number in range(1, workers + 1)
        ),
        Member(
            name="actions",
            command=[core, "-m", "rasa_sdk", "--actions", "actions", "--port", str(actions)],
            environment=environment,
        ),
    ]
