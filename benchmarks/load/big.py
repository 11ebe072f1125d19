"""What a message costs in a database that has seen years, against an empty one: accept, turn and send, each by itself.

Two stands on one PostgreSQL server, by turns. While one process works the others stand still (SIGSTOP), so that the CPU
time and the time of each step are its own. On either side as many customers write, who are known; in the large one they
are drawn from all there are. What they say first, after years, finds nothing of theirs in the server's memory, and is
told apart from what they say then.

Turns are taken by a real worker with Rasa, and in every other round by its stand-in, which does little but what costs
the database: there the same milliseconds more are a larger share.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.figures import milliseconds
from benchmarks.load.ballast import Progress, old_database
from benchmarks.load.database import Database, postgres_server
from benchmarks.load.stand import Stand, cpu, open_stand, with_actions
from benchmarks.load.traffic import TELEGRAM, Heard, Traffic, open_traffic
from bot.store.database import connect, reading
from bot.store.tables import conversations
from sandbox.journeys.stack import Process
from sandbox.ports import free_port

CUSTOMERS, EACH = 1_000_000, 10
_FEW = 2_000
"""Customers of the empty database, without a message."""
_ROUNDS = 24
_AT_ONCE = 300
_ACTIVE = 6 * _AT_ONCE
"""Customers who write."""
_PATIENCE = 60.0
_LOOK_EVERY = 0.01
_SAYS = "thank you very much"
TURN, STAND_IN = "turn", "turn_of_stand_in"
STEPS = ("accept", TURN, "send")


@dataclass(kw_only=True)
class Steps:
    """Seconds of CPU and of time that each step took, a message, in each round; `database`: the
    server's part of CPU."""

    cpu: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    database: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    took: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def as_json(self) -> dict[str, Any]:
        figures = {"cpu_ms": self.cpu, "database_cpu_ms": self.database, "ms": self.took}
        return {step: {name: milliseconds(mean(of[step])) for name, of in figures.items()} for step in self.cpu}


@dataclass(frozen=True, kw_only=True)
class Big:
    messages: int
    customers: int
    large: Steps
    empty: Steps
    large_first: Steps
    empty_first: Steps

    @property
    def ratio(self) -> float:
        """Of CPU time, of the step that suffers most."""
        by_step = ratios(self.large.cpu, self.empty.cpu)
        return max(by_step[step] for step in STEPS)

    def as_json(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "customers": self.customers,
            "cpu_ratios": ratios(self.large.cpu, self.empty.cpu),
            "time_ratios": ratios(self.large.took, self.empty.took),
            "cpu_ratios_first_words": ratios(self.large_first.cpu, self.empty_first.cpu),
            "large": self.large.as_json(),
            "empty": self.empty.as_json(),
        }


def ratios(large: Mapping[str, Sequence[float]], empty: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """By step."""
    return {step: round(mean(large[step]) / mean(empty[step]), 3) for step in large}


def mean(values: Sequence[float]) -> float:
    """Of the middle half: a checkpoint, or somebody else on the machine, meets one round and not the other."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    middle = ordered[quarter : len(ordered) - quarter]
    return sum(middle) / len(middle)


async def measure(
    folder: Path,
    *,
    progress: Progress = print,
    data: Path | None = None,
    customers: int = CUSTOMERS,
    each: int = EACH,
    rounds: int = _ROUNDS,
) -> Big:
    """`data`: the folder of the server's data, which stay there, so that the large database is made once."""
    with postgres_server(data) as server:
        sizes = {"large": (customers, each), "empty": (_FEW, 0)}
        urls = {
            name: await old_database(server.url, customers=many, each=of_each, progress=progress)
            for name, (many, of_each) in sizes.items()
        }
        ears = _Ears()
        async with open_traffic(ears.hear) as traffic, contextlib.AsyncExitStack() as stack:
            sides = {}
            for name, (many, _) in sizes.items():
                database = Database(url=urls[name], pid=server.pid)
                opened = _side(database, folder / f"stand-{name}", traffic, ears, many)
                sides[name] = await stack.enter_async_context(opened)
            for number in range(_ACTIVE // _AT_ONCE + rounds):
                for name in sorted(sides, reverse=bool(number // 2 % 2)):
                    await sides[name].round(number)
            large, empty = sides["large"], sides["empty"]
    return Big(
        messages=customers * each,
        customers=customers,
        large=large.steps,
        empty=empty.steps,
        large_first=large.first,
        empty_first=empty.first,
    )


class _Ears:
    def __init__(self) -> None:
        self.expected: set[int] = set()
        self.all_heard = asyncio.Event()

    def expect(self, customers: Sequence[int]) -> None:
        self.expected = set(customers)
        self.all_heard.clear()

    def hear(self, heard: Heard) -> None:
        self.expected.discard(heard.customer)
        if not self.expected:
            self.all_heard.set()


class _Side:
    """One database with a gateway and an echo."""

    def __init__(self, stand: Stand, engine: AsyncEngine, traffic: Traffic, ears: _Ears, customers: int) -> None:
        self._stand = stand
        self._engine = engine
        self._traffic = traffic
        self._ears = ears
        self._drawn = random.Random()  # noqa: S311
        self._active = self._drawn.sample(range(1, customers + 1), _ACTIVE)
        self.first = Steps()
        self.steps = Steps()

    async def round(self, number: int) -> None:
        """Some messages, all through each step before the next begins. In the first rounds each writes once."""
        first = self._active[number * _AT_ONCE : (number + 1) * _AT_ONCE]
        chosen, steps = (first, self.first) if first else (self._drawn.sample(self._active, _AT_ONCE), self.steps)
        self._ears.expect(chosen)
        gateway, (worker, stand_in) = self._stand.gateways[0].process, self._stand.cores
        turn, core = (TURN, worker) if first or number % 2 else (STAND_IN, stand_in)
        todo: list[tuple[str, Process, Callable[[], Awaitable[None]]]] = [
            ("accept", gateway, lambda: self._accept(chosen)),
            (turn, core, self._turns_taken),
            ("send", gateway, self._sent),
        ]
        for step, process, work in todo:
            spent, took = await self._timed(process, work)
            steps.cpu[step].append(sum(spent.values()) / _AT_ONCE)
            steps.database[step].append(spent["database"] / _AT_ONCE)
            steps.took[step].append(took / _AT_ONCE)

    async def _timed(self, process: Process, work: Callable[[], Awaitable[None]]) -> tuple[dict[str, float], float]:
        """CPU seconds by kind of process, and seconds."""
        before, begun = cpu([self._stand]), time.perf_counter()
        process.signal(signal.SIGCONT)
        async with asyncio.timeout(_PATIENCE):
            await work()
        process.signal(signal.SIGSTOP)
        after = cpu([self._stand])
        return {name: after[name] - before[name] for name in after}, time.perf_counter() - begun

    async def _accept(self, customers: Sequence[int]) -> None:
        lines = self._stand.gateways[0].lines
        says = (self._traffic.says(TELEGRAM, each, _SAYS) for each in customers)
        answers = await asyncio.gather(*(lines.post(each) for each in says))
        assert all(answer.status == 200 for answer in answers), "a message was not taken"

    async def _turns_taken(self) -> None:
        waits = sa.select(sa.exists().where(conversations.c.waiting_since.isnot(None)))
        while True:
            async with reading(self._engine) as connection:
                if not (await connection.execute(waits)).scalar():
                    return
            await asyncio.sleep(_LOOK_EVERY)

    async def _sent(self) -> None:
        await self._ears.all_heard.wait()
        await asyncio.sleep(_LOOK_EVERY)  # until what was sent is written down, too


@contextlib.asynccontextmanager
async def _side(
    database: Database, folder: Path, traffic: Traffic, ears: _Ears, customers: int
) -> AsyncIterator[_Side]:
    engine = connect(database.url, pool_size=1)
    port = free_port()
    async with open_stand(database, folder, traffic, with_actions(folder, port)) as stand:
        await stand.add_gateway()
        await stand.add_actions(port)
        await stand.add_core()
        await stand.add_echo()
        for process in (stand.gateways[0].process, *stand.cores):
            process.signal(signal.SIGSTOP)
        yield _Side(stand, engine, traffic, ears, customers)
    await engine.dispose()
