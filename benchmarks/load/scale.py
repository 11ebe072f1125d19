"""What a second machine brings: turns a second with one gateway and one core worker, and with two of each.

Real workers, real Rasa, and the action server that a conversation begins with. Each pair has a machine of its own
(machines.py); PostgreSQL and the customers have the rest of this one.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.load.database import POSTGRES, Database, fresh_database
from benchmarks.load.machines import Machine, machines
from benchmarks.load.rate import Crowd, Rate, watch
from benchmarks.load.stand import Stand, open_stand, with_actions
from benchmarks.load.traffic import Traffic, open_traffic
from sandbox.ports import free_port

SHARE = 0.4
"""Of a core, for each pair."""
_CUSTOMERS = 48
_WARM_UP = 5.0
_SAYINGS = ("thank you", "thank you very much", "thanks a lot", "many thanks")


@dataclass(frozen=True, kw_only=True)
class Scale:
    """`one`, `again`: with one pair, before and after `two`."""

    kind: str
    share: float
    one: Rate
    two: Rate
    again: Rate

    @property
    def ratio(self) -> float:
        return 2 * self.two.a_second / (self.one.a_second + self.again.a_second)

    def as_json(self) -> dict[str, Any]:
        rates = {"one": self.one.as_json(), "two": self.two.as_json(), "one_again": self.again.as_json()}
        return {"machine": self.kind, "cores_each": self.share, "ratio": round(self.ratio, 2), **rates}


async def measure(folder: Path, *, seconds: float, share: float = SHARE) -> Scale:
    """On PostgreSQL."""
    crowd = Crowd(lambda customer, count: _SAYINGS[(customer + count) % len(_SAYINGS)])
    async with contextlib.AsyncExitStack() as stack:
        first, second = stack.enter_context(machines(2))
        database = await stack.enter_async_context(fresh_database(POSTGRES, folder))
        traffic = await stack.enter_async_context(open_traffic(crowd.hear))
        one = await stack.enter_async_context(_pair(database, folder / "stand-0", traffic, first))
        alone = await _talked(crowd, traffic, [one], seconds, first, share=share)
        async with _pair(database, folder / "stand-1", traffic, second) as other:
            both = await _talked(crowd, traffic, [one, other], seconds, first, second, share=share)
        again = await _talked(crowd, traffic, [one], seconds, first, share=share)
    return Scale(kind=first.kind, share=share, one=alone, two=both, again=again)


@contextlib.asynccontextmanager
async def _pair(database: Database, folder: Path, traffic: Traffic, machine: Machine) -> AsyncIterator[Stand]:
    port = free_port()
    async with open_stand(database, folder, traffic, with_actions(folder, port)) as stand:
        await stand.add_gateway(machine.prefix)
        await stand.add_actions(port, machine.prefix)
        await stand.add_core(machine.prefix)
        yield stand


async def _talked(
    crowd: Crowd, traffic: Traffic, stands: list[Stand], seconds: float, *where: Machine, share: float
) -> Rate:
    for machine in where:
        machine.limit(share)
    gateways = [gateway for stand in stands for gateway in stand.gateways]
    crowd.gather(traffic, gateways, range(1, _CUSTOMERS + 1))
    try:
        return await watch(crowd, stands, seconds, warm_up=_WARM_UP)
    finally:
        await crowd.leave()
        for machine in where:
            machine.limit(2)
