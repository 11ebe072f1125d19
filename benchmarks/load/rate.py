"""How many messages a second one gateway takes in and answers, with the core out of the way.

A closed loop: each of many customers writes again when the answer is there. So the rate is what the product can carry,
whatever it is.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.cost import Meter
from benchmarks.figures import milliseconds, percentile
from benchmarks.load.database import fresh_database
from benchmarks.load.stand import Gateway, Stand, cpu, open_stand
from benchmarks.load.traffic import TELEGRAM, Heard, Traffic, open_traffic
from benchmarks.load.wire import Cut, Request

CUSTOMERS = 200
_WARM_UP = 3.0
_AGAIN = 0.1
"""Seconds after which a platform comes again when its connection was cut."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Messages that were taken in and answered in `took` seconds. `times`: from each to its answer, sorted. `cpu`: CPU
    seconds of the gateways, the core, the database, the driver and whatever else ran. `refused`: webhooks."""

    took: float
    times: list[float]
    cpu: dict[str, float]
    refused: int

    @property
    def messages(self) -> int:
        return len(self.times)

    @property
    def a_second(self) -> float:
        return self.messages / self.took

    def as_json(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "a_second": round(self.a_second, 1),
            "p50_ms": milliseconds(percentile(self.times, 50)) if self.times else None,
            "p99_ms": milliseconds(percentile(self.times, 99)) if self.times else None,
            "refused": self.refused,
            "cpu_ms_a_message": {
                name: milliseconds(spent / self.messages) for name, spent in self.cpu.items() if self.messages
            },
            "cores_used_by_others": round(self.cpu.get("others", 0.0) / self.took, 2),
        }


async def measure(
    kind: str, folder: Path, *, seconds: float, customers: int = CUSTOMERS, channel: str = TELEGRAM
) -> Rate:
    """On a fresh database of that kind."""
    crowd = Crowd()
    async with (
        fresh_database(kind, folder) as database,
        open_traffic(crowd.hear) as traffic,
        open_stand(database, folder / "stand", traffic) as stand,
    ):
        gateway = await stand.add_gateway()
        await stand.add_echo()
        crowd.gather(traffic, [gateway], range(1, customers + 1), channel=channel)
        try:
            return await watch(crowd, [stand], seconds)
        finally:
            await crowd.leave()


class Crowd:
    """Customers who write again as soon as they are answered. Each writes to one gateway and hears whichever answers.

    says: what a customer says, by their number and how often they wrote
    """

    def __init__(
        self, says: Callable[[int, int], str] = lambda customer, count: f"this is message number {count}"
    ) -> None:
        self.times: list[float] = []
        self.statuses: Counter[int] = Counter()
        self._says = says
        self._waiting: dict[int, asyncio.Future[float]] = {}
        self._customers: list[asyncio.Task[None]] = []

    def gather(
        self, traffic: Traffic, gateways: Sequence[Gateway], customers: Iterable[int], *, channel: str = TELEGRAM
    ) -> None:
        for number, customer in enumerate(customers):
            talk = self._talk(traffic, gateways[number % len(gateways)], channel, customer)
            self._customers.append(asyncio.create_task(talk))

    def hear(self, heard: Heard) -> None:
        waiting = self._waiting.get(heard.customer)
        if waiting is not None and not waiting.done():
            waiting.set_result(heard.at)

    def forget(self) -> None:
        """What was measured so far."""
        self.times.clear()
        self.statuses.clear()

    async def leave(self) -> None:
        for customer in self._customers:
            customer.cancel()
        await asyncio.gather(*self._customers, return_exceptions=True)
        self._customers.clear()

    async def _talk(self, traffic: Traffic, gateway: Gateway, channel: str, customer: int) -> None:
        count = 0
        while True:
            count += 1
            answered = self._waiting[customer] = asyncio.get_running_loop().create_future()
            begun = time.perf_counter()
            if await self._deliver(gateway, traffic.says(channel, customer, self._says(customer, count))):
                self.times.append(await answered - begun)

    async def _deliver(self, gateway: Gateway, request: Request) -> bool:
        try:
            answer = await gateway.lines.post(request)
        except (Cut, OSError):
            self.statuses[0] += 1
            await asyncio.sleep(_AGAIN)
            return False
        self.statuses[answer.status] += 1
        if answer.status != 200:
            await asyncio.sleep(answer.retry_after or 1)
        return answer.status == 200


async def watch(crowd: Crowd, stands: Sequence[Stand], seconds: float, *, warm_up: float = _WARM_UP) -> Rate:
    """What happens in the next seconds, after a warm-up."""
    await asyncio.sleep(warm_up)
    crowd.forget()
    before, meter = cpu(stands), Meter(lambda: sum(cpu(stands).values()))
    await asyncio.sleep(seconds)
    cost, after = meter.read(), cpu(stands)
    spent = {name: after[name] - before[name] for name in after}
    return Rate(
        took=cost.took,
        times=sorted(crowd.times),
        cpu={**spent, "driver": cost.driver, "others": cost.others},
        refused=sum(count for status, count in crowd.statuses.items() if status != 200),
    )
