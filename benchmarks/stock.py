"""Stock Rasa: `rasa run` with its REST channel and its SQL tracker store on SQLite."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import yaml

from benchmarks.bots import RASA, environment
from benchmarks.cost import cpu_of, memory_of
from benchmarks.processes import Processes, processes
from benchmarks.sides import PATIENCE, START, NotAnswered
from benchmarks.words import Line
from sandbox.journeys.stack import NotReady, Process
from sandbox.ports import free_port

_FIRST = 1
"""The customer who waits for the start."""


class StockRasa:
    """A running `rasa run`. `started`: seconds from its start to its first answer."""

    name = "stock Rasa"

    def __init__(
        self, *, session: aiohttp.ClientSession, url: str, running: Processes, server: Process, db: Path
    ) -> None:
        self._session = session
        self._url = url
        self._running = running
        self._server = server
        self._db = db
        self.started = 0.0

    async def say(self, customer: int, line: Line) -> float:
        begun = time.perf_counter()
        said = {"sender": str(customer), "message": line.text}
        try:
            async with asyncio.timeout(PATIENCE), self._session.post(self._url, json=said) as answer:
                answer.raise_for_status()
                replies = await answer.json()
        except TimeoutError:
            raise NotAnswered("nothing came") from None
        took = time.perf_counter() - begun
        if not replies or line.last not in (None, replies[-1].get("text")):
            raise NotAnswered(f"instead of the expected answer came {len(replies)} messages")
        return took

    def cpu(self) -> float:
        return cpu_of(self._running.pids)

    def memory(self) -> int:
        return memory_of(self._server.pid)

    def events(self, customer: int) -> int:
        with contextlib.closing(sqlite3.connect(self._db)) as database:
            found = database.execute("SELECT count(*) FROM events WHERE sender_id = ?", (str(customer),)).fetchone()
        return int(found[0])

    async def first_answer(self, line: Line, begun: float) -> None:
        """Ask until it answers. Raises NotReady."""
        while time.perf_counter() - begun < START:
            if not self._server.alive:
                break
            with contextlib.suppress(aiohttp.ClientError):
                await self.say(_FIRST, line)
                self.started = time.perf_counter() - begun
                return
            await asyncio.sleep(0.05)
        raise NotReady(f"stock Rasa did not answer:\n{self._running.last_words()}")


@contextlib.asynccontextmanager
async def open_stock(folder: Path, model: Path, first: Line) -> AsyncIterator[StockRasa]:
    """Started, and `first` answered."""
    port = free_port()
    db, url = folder / "rasa.db", f"http://127.0.0.1:{port}/webhooks/rest/webhook"
    async with aiohttp.ClientSession(trust_env=False) as session, processes(folder, environment()) as running:
        command: list[str | Path] = [RASA, "run", "-i", "127.0.0.1", "-p", str(port), "-m", model, *_files(folder, db)]
        begun = time.perf_counter()
        server = await running.start("rasa", command, cwd=folder)
        stock = StockRasa(session=session, url=url, running=running, server=server, db=db)
        await stock.first_answer(first, begun)
        yield stock


def _files(folder: Path, db: Path) -> list[str | Path]:
    """What `rasa run` is configured by, as its arguments."""
    endpoints, credentials = folder / "endpoints.yml", folder / "credentials.yml"
    store = {"tracker_store": {"type": "SQL", "dialect": "sqlite", "db": str(db)}}
    endpoints.write_text(yaml.safe_dump(store), encoding="utf-8")
    credentials.write_text("rest:\n", encoding="utf-8")
    return ["--endpoints", endpoints, "--credentials", credentials]
