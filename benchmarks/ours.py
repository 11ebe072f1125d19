"""Our product: gateway, core worker and, for a bot with custom actions, action server. Telegram is telegram.py."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from benchmarks.cost import cpu_of, memory_of
from benchmarks.processes import Processes, processes
from benchmarks.sides import PATIENCE, START, NotAnswered
from benchmarks.telegram import TOKEN, Telegram, open_telegram
from benchmarks.words import Line
from sandbox.journeys.stack import CORE_PYTHON, TELEGRAM_SECRET, NotReady, Process, answers_200
from sandbox.ports import free_ports

_FIRST = 1
"""The customer who waits for the start."""
_LOG_PATIENCE = 5.0
_ANSWERED = re.compile(r"turn\.answered\b.*\brasa_ms=([0-9.]+)")


class Ours:
    """The running product. `started`: seconds from the core worker's start to its first answer on the phone."""

    name = "ours"

    def __init__(self, *, telegram: Telegram, gateway_url: str, running: Processes, db: Path) -> None:
        self._telegram = telegram
        self._webhook = f"{gateway_url}/webhooks/telegram"
        self._running = running
        self._db = db
        self._worker: Process | None = None
        self._said = 0
        self.started = 0.0

    async def say(self, customer: int, line: Line) -> float:
        begun = time.perf_counter()
        await self._deliver(customer, line)
        return await self._last(customer, line) - begun

    async def _deliver(self, customer: int, line: Line) -> None:
        self._said += 1
        await self._telegram.say(self._webhook, customer, line.text)

    async def _last(self, customer: int, line: Line, patience: float = PATIENCE) -> float:
        """When the turn's last answer was there."""
        try:
            arrived = await self._telegram.next_message(customer, patience)
            while line.last not in (None, arrived.text):
                arrived = await self._telegram.next_message(customer, patience)
        except TimeoutError:
            raise NotAnswered("the expected answer did not come") from None
        return arrived.at

    def cpu(self) -> float:
        return cpu_of(self._running.pids)

    def memory(self) -> int:
        return memory_of(self._core.pid)

    def events(self, customer: int) -> int:
        query = """
            SELECT count(*) FROM events
            JOIN conversations ON conversations.id = events.conversation_id
            JOIN identities ON identities.customer_id = conversations.customer_id
            WHERE identities.external_id = ?
        """
        with contextlib.closing(sqlite3.connect(self._db)) as database:
            return int(database.execute(query, (str(customer),)).fetchone()[0])

    async def inside_rasa(self, turns: int) -> list[float]:
        """Seconds that each of the last turns spent in Rasa's own handling, as the worker logged it; fewer if it did
        not. A reply may be quicker than the log line of its turn, which is waited for."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOG_PATIENCE):
                while len(self._logged()) < self._said:  # noqa: ASYNC110  # a file tells nobody when it grows
                    await asyncio.sleep(0.05)
        return self._logged()[-turns:]

    def _logged(self) -> list[float]:
        log = self._core.log.read_text(encoding="utf-8", errors="replace")
        return [float(found) / 1000 for found in _ANSWERED.findall(log)]

    @property
    def _core(self) -> Process:
        assert self._worker is not None, "the worker has not been started"
        return self._worker

    async def start_core(self, line: Line) -> None:
        """With a message waiting for it, as after any restart. Raises NotReady."""
        await self._deliver(_FIRST, line)
        begun = time.perf_counter()
        self._worker = await self._running.start("core", [CORE_PYTHON, "-m", "bot.core.worker"])
        try:
            self.started = await self._last(_FIRST, line, START) - begun
        except NotAnswered:
            raise NotReady(f"our product did not answer:\n{self._running.last_words()}") from None


@contextlib.asynccontextmanager
async def open_ours(
    folder: Path, first: Line, *, settings: Mapping[str, str], actions: bool = False
) -> AsyncIterator[Ours]:
    """Started, and `first` answered. `settings` say which model; `actions`: with the action server."""
    gateway, action_port = free_ports(2)
    async with open_telegram() as telegram:
        environment = {
            "DATABASE_URL": f"sqlite:///{folder}/throughline.db",
            "MEDIA_DIR": f"{folder}/media",
            "SHOP_DATABASE_URL": f"sqlite:///{folder}/shop.db",
            "PORT": str(gateway),
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_SECRET_TOKEN": TELEGRAM_SECRET,
            "TELEGRAM_API_URL": telegram.url,
            "ACTION_ENDPOINT_URL": f"http://127.0.0.1:{action_port}/webhook",
            "SANIC_HOST": "127.0.0.1",
            **settings,
        }
        async with processes(folder, environment) as running:
            if actions:
                command: list[str | Path] = [
                    CORE_PYTHON,
                    "-m",
                    "rasa_sdk",
                    "--actions",
                    "actions",
                    "--port",
                    str(action_port),
                ]
                await running.start("actions", command)
                await answers_200(f"http://127.0.0.1:{action_port}/health")
            await running.start("gateway", [sys.executable, "-m", "benchmarks.gateway"])
            url = f"http://127.0.0.1:{gateway}"
            await answers_200(f"{url}/healthz")
            ours = Ours(telegram=telegram, gateway_url=url, running=running, db=folder / "throughline.db")
            await ours.start_core(first)
            yield ours
