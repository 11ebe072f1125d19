"""How soon a webhook is acknowledged while messages arrive at their own pace, and the core takes turns meanwhile.

An open loop: when each message is sent stands beforehand, and its time counts from then on, so that a slow answer makes
none of the others come later. https://www.scylladb.com/2021/04/22/on-coordinated-omission/
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figures import milliseconds, percentile
from benchmarks.load.database import fresh_database
from benchmarks.load.stand import Gateway, open_stand
from benchmarks.load.traffic import TELEGRAM, WHATSAPP, Heard, Traffic, open_traffic
from benchmarks.load.wire import Cut

A_SECOND = 100
_CUSTOMERS = 1_000
_SEED = 7
_PATIENCE = 30.0
"""Seconds in which the last answers may come."""


@dataclass(kw_only=True)
class Acks:
    """`times`: seconds from when a message was to be sent to its 200. `statuses`: of all; 0: the connection was cut.
    `answers`: seconds from then to the customer's answer, for each message."""

    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    answers: dict[str, float] = field(default_factory=dict)

    @property
    def p99(self) -> float:
        return percentile(sorted(self.times), 99) if self.times else float("inf")

    @property
    def refused(self) -> int:
        return sum(count for status, count in self.statuses.items() if status != 200)

    def as_json(self) -> dict[str, Any]:
        answers = sorted(self.answers.values())
        return {
            "messages": sum(self.statuses.values()),
            "refused": self.refused,
            "p50_ms": milliseconds(percentile(sorted(self.times), 50)) if self.times else None,
            "p99_ms": milliseconds(self.p99),
            "longest_ms": milliseconds(max(self.times, default=0.0)),
            "answered": len(answers),
            "answer_p50_ms": milliseconds(percentile(answers, 50)) if answers else None,
            "answer_p99_ms": milliseconds(percentile(answers, 99)) if answers else None,
        }


def schedule(seconds: float, a_second: float, seed: int = _SEED) -> Iterator[float]:
    """Moments from 0 on, as a crowd makes them: nobody knows of anybody else."""
    drawn = random.Random(seed)  # noqa: S311
    at = drawn.expovariate(a_second)
    while at < seconds:
        yield at
        at += drawn.expovariate(a_second)


async def measure(kind: str, folder: Path, *, seconds: float, a_second: float = A_SECOND) -> Acks:
    """On a fresh database of that kind, Telegram and WhatsApp by turns."""
    arrivals = _Arrivals()
    async with (
        fresh_database(kind, folder) as database,
        open_traffic(arrivals.hear) as traffic,
        open_stand(database, folder / "stand", traffic) as stand,
    ):
        gateway = await stand.add_gateway()
        await stand.add_echo()
        await arrivals.warm_up(traffic, gateway)
        await arrivals.run(traffic, gateway, list(schedule(seconds, a_second)))
        return arrivals.acks


class _Arrivals:
    def __init__(self) -> None:
        self.acks = Acks()
        self._begun: dict[str, float] = {}
        self._expected = math.inf
        self._all_answered = asyncio.Event()
        self._drawn = random.Random(_SEED)  # noqa: S311

    def hear(self, heard: Heard) -> None:
        begun = self._begun.get(heard.text)
        if begun is not None:
            self.acks.answers.setdefault(heard.text, heard.at - begun)
            self._count()

    async def warm_up(self, traffic: Traffic, gateway: Gateway) -> None:
        """The first requests meet what is still being loaded."""
        for number in range(50):
            for channel in (TELEGRAM, WHATSAPP):
                await gateway.lines.post(traffic.says(channel, _CUSTOMERS + number, "good morning"))

    async def run(self, traffic: Traffic, gateway: Gateway, moments: list[float]) -> None:
        start = time.perf_counter()
        sent = []
        for number, moment in enumerate(moments):
            due = start + moment
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent.append(asyncio.create_task(self._send(traffic, gateway, number, due)))
        await asyncio.gather(*sent)
        await self._last_answers(len(sent))

    async def _send(self, traffic: Traffic, gateway: Gateway, number: int, due: float) -> None:
        text = f"where is my parcel, number {number}?"
        self._begun[text] = due
        channel = (TELEGRAM, WHATSAPP)[number % 2]
        request = traffic.says(channel, self._drawn.randrange(1, _CUSTOMERS), text)
        try:
            status = (await gateway.lines.post(request)).status
        except (Cut, OSError):
            status = 0
        self.acks.statuses[status] += 1
        if status == 200:
            self.acks.times.append(time.perf_counter() - due)

    async def _last_answers(self, messages: int) -> None:
        """Fewer are found in `answers` if they do not come."""
        self._expected = messages
        self._count()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_answered.wait(), _PATIENCE)

    def _count(self) -> None:
        if len(self.acks.answers) >= self._expected:
            self._all_answered.set()
