"""What is measured: gateways and cores, or the core's stand-ins, as processes on one database."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cost import cpu_of
from benchmarks.load.database import Database
from benchmarks.load.traffic import Traffic
from benchmarks.load.wire import Lines
from benchmarks.processes import Processes, processes
from sandbox.journeys.stack import CORE_PYTHON, NotReady, Process, answers_200
from sandbox.ports import free_port

_CONNECTIONS = 64
"""To one gateway; Telegram opens up to 40 for a bot, and Meta says no number."""


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """`lines`: connections of the platforms to it."""

    process: Process
    port: int
    lines: Lines


@dataclass(kw_only=True)
class Stand:
    """Processes on one database. What is added runs and is ready; `prefix`: a command that starts it somewhere
    special."""

    database: Database
    running: Processes
    gateways: list[Gateway] = field(default_factory=list)
    cores: list[Process] = field(default_factory=list)
    actions: list[Process] = field(default_factory=list)

    async def add_gateway(self, prefix: Sequence[str] = ()) -> Gateway:
        """Raises NotReady."""
        port = free_port()
        command = [*prefix, "env", f"PORT={port}", sys.executable, "-m", "benchmarks.load.gateway"]
        process = await self.running.start(f"gateway-{len(self.gateways)}", command)
        await self._until(process, answers_200(f"http://127.0.0.1:{port}/healthz"))
        gateway = Gateway(process=process, port=port, lines=Lines(port, most=_CONNECTIONS))
        self.gateways.append(gateway)
        return gateway

    async def add_echo(self) -> Process:
        """Raises NotReady."""
        return await self._add_core([sys.executable, "-m", "benchmarks.load.echo"], "echo: ready")

    async def add_core(self, prefix: Sequence[str] = ()) -> Process:
        """A real one, with the newest model. Raises NotReady."""
        return await self._add_core([*prefix, str(CORE_PYTHON), "-m", "bot.core.worker"], "worker.ready")

    async def add_actions(self, port: int, prefix: Sequence[str] = ()) -> None:
        """The action server. Raises NotReady."""
        command = [*prefix, str(CORE_PYTHON), "-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
        process = await self.running.start("actions", command)
        await self._until(process, answers_200(f"http://127.0.0.1:{port}/health"))
        self.actions.append(process)

    async def _add_core(self, command: Sequence[str], ready: str) -> Process:
        process = await self.running.start(f"core-{len(self.cores)}", command)
        await self._until(process, process.says(ready))
        self.cores.append(process)
        return process

    async def _until(self, process: Process, ready: Awaitable[None]) -> None:
        """Raises NotReady at once where it has ended."""
        waiting = asyncio.ensure_future(ready)
        while not waiting.done() and process.alive:
            await asyncio.wait({waiting}, timeout=0.1)
        if not waiting.done():
            waiting.cancel()
            raise NotReady(f"{process.name} did not start:\n{self.running.last_words()}")
        waiting.result()


def cpu(stands: Sequence[Stand]) -> dict[str, float]:
    """CPU seconds so far, by kind of process. They share one database server."""
    gateways = [gateway.process for stand in stands for gateway in stand.gateways]
    cores = [process for stand in stands for process in (*stand.cores, *stand.actions)]
    return {
        "gateway": cpu_of(process.pid for process in gateways if process.alive),
        "core": cpu_of(process.pid for process in cores if process.alive),
        "database": stands[0].database.cpu(),
    }


def with_actions(folder: Path, port: int) -> dict[str, str]:
    """Settings for a stand that has an action server, on that port."""
    return {
        "SHOP_DATABASE_URL": f"sqlite:///{folder}/shop.db",
        "ACTIONS_PORT": str(port),
        "ACTION_ENDPOINT_URL": f"http://127.0.0.1:{port}/webhook",
        "SANIC_HOST": "127.0.0.1",
    }


@contextlib.asynccontextmanager
async def open_stand(
    database: Database, folder: Path, traffic: Traffic, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Stand]:
    """With nothing running yet; everything is ended at the end."""
    environment = {
        "DATABASE_URL": database.url,
        "MEDIA_DIR": f"{folder}/media",
        **traffic.environment(),
        **(settings or {}),
    }
    async with processes(folder, environment) as running:
        stand = Stand(database=database, running=running)
        try:
            yield stand
        finally:
            for gateway in stand.gateways:
                gateway.lines.close()
