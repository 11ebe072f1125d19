"""The benchmark's arithmetic: what was measured of each side, and the ratios between the two. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Load:
    """Some turns under one load. All in seconds.

    times:    of each turn, from the customer's message to the last of the bot's answers to it
    took:     from the first message to the last answer
    cpu:      of all processes of the side
    driver:   CPU of the benchmark itself, which plays the customers and their platform on the same machine
    others:   CPU of everything else on the machine meanwhile
    failed:   turns that were not answered as the bot's stories have it; they are in none of the other figures
    """

    times: tuple[float, ...]
    took: float
    cpu: float
    driver: float
    others: float
    failed: int = 0

    @property
    def turns(self) -> int:
        return len(self.times)

    @property
    def turns_a_second(self) -> float:
        return self.turns / self.took

    @property
    def p50(self) -> float:
        return statistics.median(self.times)

    @property
    def p99(self) -> float:
        return percentile(self.times, 99)

    @property
    def cpu_a_turn(self) -> float:
        return self.cpu / self.turns

    def __str__(self) -> str:
        return (
            f"{self.turns_a_second:.1f} turns/s, p50 {1000 * self.p50:.0f} ms, p99 {1000 * self.p99:.0f} ms, "
            f"{1000 * self.cpu_a_turn:.1f} ms CPU a turn; others used {self.others / self.took:.1f} cores"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "turns": self.turns,
            "failed": self.failed,
            "turns_a_second": round(self.turns_a_second, 2),
            "p50_ms": milliseconds(self.p50),
            "p99_ms": milliseconds(self.p99),
            "cpu_ms_a_turn": milliseconds(self.cpu_a_turn),
            "driver_cpu_ms_a_turn": milliseconds(self.driver / self.turns),
            "cores_used_by_others": round(self.others / self.took, 2),
        }


def together(loads: Sequence[Load]) -> Load:
    """Rounds of the same load as one."""
    return Load(
        times=tuple(each for load in loads for each in load.times),
        took=sum(load.took for load in loads),
        cpu=sum(load.cpu for load in loads),
        driver=sum(load.driver for load in loads),
        others=sum(load.others for load in loads),
        failed=sum(load.failed for load in loads),
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """Interpolated between the neighbours, as `statistics.quantiles` has it for the whole of a population."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Some turns in a row of one long conversation. Seconds; `events`: how many it had in the middle of them."""

    events: int
    p50: float
    cpu_a_turn: float

    def as_json(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "p50_ms": milliseconds(self.p50),
            "cpu_ms_a_turn": milliseconds(self.cpu_a_turn),
        }


@dataclass(frozen=True, kw_only=True)
class Growth:
    """What one conversation's length costs.

    curve:       the conversation from its beginning
    long, short: seconds of single turns, by turns one in the long conversation and one in a conversation with about
                 `short_events` events
    """

    curve: tuple[Stretch, ...]
    long_events: int
    long: tuple[float, ...]
    short_events: int
    short: tuple[float, ...]

    @property
    def ratio(self) -> float:
        return statistics.median(self.long) / statistics.median(self.short)

    def as_json(self) -> dict[str, Any]:
        return {
            "long_events": self.long_events,
            "long_p50_ms": milliseconds(statistics.median(self.long)),
            "short_events": self.short_events,
            "short_p50_ms": milliseconds(statistics.median(self.short)),
            "ratio": round(self.ratio, 3),
            "curve": [stretch.as_json() for stretch in self.curve],
        }


def stretches(times: Sequence[float], cpu: Sequence[float], *, events: int, each: int) -> tuple[Stretch, ...]:
    """A conversation's turns, `each` of them together.

    times:   seconds of every turn
    cpu:     the side's CPU seconds before the first turn and after every `each` turns
    events:  how many the whole conversation has
    """
    found = []
    for number in range(len(cpu) - 1):
        own = times[number * each : (number + 1) * each]
        middle = number * each + len(own) / 2
        found.append(
            Stretch(
                events=round(events * middle / len(times)),
                p50=statistics.median(own),
                cpu_a_turn=(cpu[number + 1] - cpu[number]) / len(own),
            )
        )
    return tuple(found)


def added(whole: Sequence[float], inside: Sequence[float]) -> float:
    """The median of what is around Rasa's own handling: each turn's time without the time inside Rasa, in seconds.
    Raises ValueError if the two do not belong to the same turns."""
    return statistics.median(all_of_it - rasa for all_of_it, rasa in zip(whole, inside, strict=True))


def milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 2)
