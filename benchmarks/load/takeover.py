"""A gateway dies at full load: how long the conversations stand still whose messages it had in its hands.

Two gateways on PostgreSQL send what is due. At the kill, some messages are under way at the dead one: what became of
them nobody knows, and whatever is behind them at the same address waits until somebody settles that.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.figures import percentile
from benchmarks.load.database import POSTGRES, fresh_database
from benchmarks.load.rate import Crowd
from benchmarks.load.stand import Gateway, open_stand
from benchmarks.load.traffic import TELEGRAM, Heard, Traffic, open_traffic
from benchmarks.load.wire import Cut
from bot.store.database import connect, reading
from bot.store.tables import messages

CUSTOMERS = 200
_WARM_UP = 5.0
_PATIENCE = 120.0
_AFTER = "are you still there?"


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """Seconds from the kill until the next message of a conversation was there: of those that had a message under way
    at the gateway that died, and of everybody who wrote to it."""

    under_way: list[float]
    everybody: list[float]
    never: int

    @property
    def longest(self) -> float:
        return float("inf") if self.never else max(self.under_way or self.everybody)

    def as_json(self) -> dict[str, Any]:
        return {
            "under_way_at_the_kill": len(self.under_way),
            "never_went_on": self.never,
            "under_way_longest_s": round(max(self.under_way, default=0.0), 2),
            "everybody_p50_s": round(percentile(sorted(self.everybody), 50), 2),
            "everybody_longest_s": round(max(self.everybody), 2),
        }


async def measure(folder: Path, *, customers: int = CUSTOMERS) -> Takeover:
    crowd, after = Crowd(), _After()

    def hear(heard: Heard) -> None:
        crowd.hear(heard)
        after.hear(heard)

    async with (
        fresh_database(POSTGRES, folder) as database,
        open_traffic(hear) as traffic,
        open_stand(database, folder / "stand", traffic) as stand,
    ):
        dies, lives = [await stand.add_gateway() for _ in range(2)]
        await stand.add_echo()
        everybody = range(1, customers + 1)
        crowd.gather(traffic, [dies, lives], everybody)
        await asyncio.sleep(_WARM_UP)
        killed = time.perf_counter()
        await dies.process.kill()
        await crowd.leave()
        await after.write(traffic, lives, everybody)
        await after.answers(customers)
        stood = await _uncertain(database.url)
    waited = {customer: at - killed for customer, at in after.heard.items()}
    return Takeover(
        under_way=[waited[customer] for customer in stood if customer in waited],
        everybody=list(waited.values()),
        never=customers - len(waited),
    )


class _After:
    """What everybody says after the kill, and when each is answered."""

    def __init__(self) -> None:
        self.heard: dict[int, float] = {}
        self._expected = math.inf
        self._all_answered = asyncio.Event()

    def hear(self, heard: Heard) -> None:
        if heard.text == _AFTER:
            self.heard.setdefault(heard.customer, heard.at)
            self._count()

    async def write(self, traffic: Traffic, gateway: Gateway, customers: range) -> None:
        await asyncio.gather(*(self._write(traffic, gateway, customer) for customer in customers))

    async def _write(self, traffic: Traffic, gateway: Gateway, customer: int) -> None:
        request = traffic.says(TELEGRAM, customer, _AFTER)
        while True:
            try:
                answer = await gateway.lines.post(request)
            except (Cut, OSError):
                await asyncio.sleep(0.1)
                continue
            if answer.status == 200:
                return
            await asyncio.sleep(answer.retry_after or 1)

    async def answers(self, customers: int) -> None:
        """Fewer are in `heard` if they do not come."""
        self._expected = customers
        self._count()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._all_answered.wait(), _PATIENCE)

    def _count(self) -> None:
        if len(self.heard) >= self._expected:
            self._all_answered.set()


async def _uncertain(url: str) -> list[int]:
    """Customers of whose message nobody knows whether it was sent: the gateway died meanwhile."""
    engine = connect(url)
    async with reading(engine) as connection:
        found = await connection.execute(
            sa.select(messages.c.address)
            .distinct()
            .where(messages.c.direction == "out", messages.c.state == "uncertain")
        )
        customers = [int(address) for address in found.scalars()]
    await engine.dispose()
    return customers
