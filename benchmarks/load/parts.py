"""The parts of `make load`: what each measures, on which databases, and which of the figures it gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.figures import milliseconds
from benchmarks.load import ack, big, burst, idle, rate, scale, takeover
from benchmarks.load.database import POSTGRES, SQLITE

KINDS = (SQLITE, POSTGRES)
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured. Only with these do figures mean what their goals say.

    ack, rate, scale: seconds
    burst, sockets, customers, each: how many; `each`: messages of a customer in the large database
    data: the folder where the large database stays
    """

    ack: float = 300.0
    rate: float = 30.0
    scale: float = 30.0
    burst: int = burst.WEBHOOKS
    sockets: int = idle.SOCKETS
    customers: int = big.CUSTOMERS
    each: int = big.EACH
    data: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """`keys`: the figures that have a goal; `details`: all there is to say."""

    keys: dict[str, float] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


Part = Callable[[Path, Sizes, Progress], Awaitable[Measured]]


async def _ack(folder: Path, sizes: Sizes, progress: Progress) -> Measured:
    """The worse of both databases."""
    acks = {}
    for kind in KINDS:
        progress(f"acknowledging for {sizes.ack:.0f} s, {kind}")
        acks[kind] = await ack.measure(kind, _new(folder / kind), seconds=sizes.ack)
    worst = {
        "ack_p99_ms": milliseconds(max(each.p99 for each in acks.values())),
        "ack_refused": max(each.refused for each in acks.values()),
    }
    return Measured(keys=worst, details={kind: each.as_json() for kind, each in acks.items()})


async def _burst(folder: Path, sizes: Sizes, progress: Progress) -> Measured:
    bursts = {}
    for kind in KINDS:
        progress(f"a burst of {sizes.burst} webhooks, {kind}")
        bursts[kind] = await burst.measure(kind, _new(folder / kind), webhooks=sizes.burst)
    worst = {
        "burst_lost": max(each.lost for each in bursts.values()),
        "burst_rss_mb": round(max(each.rss for each in bursts.values()) / 1e6, 1),
    }
    return Measured(keys=worst, details={kind: each.as_json() for kind, each in bursts.items()})


async def _idle(folder: Path, sizes: Sizes, progress: Progress) -> Measured:
    chats = {}
    for kind in KINDS:
        progress(f"{sizes.sockets} idle web chats, {kind}")
        chats[kind] = await idle.measure(kind, _new(folder / kind), sockets=sizes.sockets)
    worst = max(each.each for each in chats.values())
    return Measured(
        keys={"idle_socket_kb": round(worst / 1024, 1)}, details={kind: each.as_json() for kind, each in chats.items()}
    )


async def _rate(folder: Path, sizes: Sizes, progress: Progress) -> Measured:
    rates = {}
    for kind in KINDS:
        progress(f"as many messages as there can be for {sizes.rate:.0f} s, {kind}")
        rates[kind] = await rate.measure(kind, _new(folder / kind), seconds=sizes.rate)
    keys = {"postgres_rate": round(rates[POSTGRES].a_second, 1), "sqlite_rate": round(rates[SQLITE].a_second, 1)}
    return Measured(keys=keys, details={kind: each.as_json() for kind, each in rates.items()})


async def _scale(folder: Path, sizes: Sizes, progress: Progress) -> Measured:
    progress("one gateway and one core worker, then two of each")
    found = await scale.measure(_new(folder), seconds=sizes.scale)
    return Measured(keys={"scale_out": round(found.ratio, 3)}, details=found.as_json())


async def _big(folder: Path, sizes: Sizes, progress: Progress) -> Measured:
    found = await big.measure(
        _new(folder), progress=progress, data=sizes.data, customers=sizes.customers, each=sizes.each
    )
    return Measured(keys={"big_database_ratio": found.ratio}, details=found.as_json())


async def _takeover(folder: Path, sizes: Sizes, progress: Progress) -> Measured:
    progress("killing one of two gateways at full load")
    found = await takeover.measure(_new(folder))
    return Measured(keys={"takeover_s": round(found.longest, 2)}, details=found.as_json())


PARTS: Mapping[str, Part] = {
    "rate": _rate,
    "ack": _ack,
    "burst": _burst,
    "idle": _idle,
    "takeover": _takeover,
    "scale": _scale,
    "big": _big,
}


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
