"""Both sides beside each other: the ratios that the project promises, and the table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from benchmarks.figures import Growth, Load, milliseconds

Keys = dict[str, Optional[float]]
LONG_ENOUGH = 20_000
"""Events of the conversation that `growth_20000` speaks of."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What is known of one side; None: not measured.

    training, training_cpu, started, added: seconds; memory: bytes
    alone, crowd: one customer at a time, and all of them
    """

    training: float | None = None
    training_cpu: float | None = None
    started: float | None = None
    memory: int | None = None
    alone: Load | None = None
    crowd: Load | None = None
    growth: Growth | None = None
    added: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "training_s": self.training,
            "training_cpu_s": self.training_cpu,
            "start_to_first_answer_s": _rounded(self.started),
            "resident_mb": None if self.memory is None else round(self.memory / 1e6),
            "added_p50_ms": None if self.added is None else milliseconds(self.added),
            "one_at_a_time": self.alone and self.alone.as_json(),
            "sixteen_customers": self.crowd and self.crowd.as_json(),
            "growth": self.growth and self.growth.as_json(),
        }


def ratios(stock: Measured, ours: Measured) -> Keys:
    """Above 1 is better in the first three, below 1 in the others. None where something was not measured.

    cpu_ratio, p99_ratio: stock over ours; turns_ratio: ours over stock, so that here, too, more is better
    growth_20000:         ours: a turn in a conversation of 20,000 events over one in a conversation of 20
    gateway_added_ms:     ours: everything around Rasa's own handling, p50
    training_ratio, start_ratio, rss_ratio: ours over stock
    """
    long = ours.growth is not None and ours.growth.long_events >= LONG_ENOUGH
    return {
        "cpu_ratio": _of(stock, ours, lambda side: side.crowd.cpu_a_turn if side.crowd else None),
        "turns_ratio": _of(ours, stock, lambda side: side.crowd.turns_a_second if side.crowd else None),
        "p99_ratio": _of(stock, ours, lambda side: side.crowd.p99 if side.crowd else None),
        "growth_20000": round(ours.growth.ratio, 3) if ours.growth and long else None,
        "gateway_added_ms": None if ours.added is None else milliseconds(ours.added),
        "training_ratio": _of(ours, stock, lambda side: side.training),
        "start_ratio": _of(ours, stock, lambda side: side.started),
        "rss_ratio": _of(ours, stock, lambda side: side.memory),
    }


def of_understanding(figures: Mapping[str, Any]) -> Keys:
    """Those of understanding's figures that have a goal; None where the data was not there."""
    return {key: figures[key] for key in GOALS if key in figures}


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What a figure is to be: at least `bound`, or at most."""

    bound: float
    least: bool

    def met(self, value: float) -> bool:
        return value >= self.bound if self.least else value <= self.bound

    def __str__(self) -> str:
        return f"{'at least' if self.least else 'at most'} {self.bound:g}"


GOALS: Mapping[str, Goal] = {
    "cpu_ratio": Goal(bound=6, least=True),
    "turns_ratio": Goal(bound=6, least=True),
    "p99_ratio": Goal(bound=6, least=True),
    "growth_20000": Goal(bound=1.1, least=False),
    "gateway_added_ms": Goal(bound=10, least=False),
    "training_ratio": Goal(bound=0.333, least=False),
    "start_ratio": Goal(bound=0.5, least=False),
    "rss_ratio": Goal(bound=1, least=False),
    "banking77_10shot": Goal(bound=85.2, least=True),
    "banking77_full": Goal(bound=93.7, least=True),
    "nlu_cpu_ms": Goal(bound=4, least=False),
    "zh_from_en": Goal(bound=90, least=True),
}

Show = Callable[[Measured], Optional[str]]
_ROWS: tuple[tuple[str, str | None, Show], ...] = (
    ("CPU of a turn, 16 customers, ms", "cpu_ratio", lambda side: _ms(side.crowd.cpu_a_turn) if side.crowd else None),
    (
        "turns a second, 16 customers",
        "turns_ratio",
        lambda side: f"{side.crowd.turns_a_second:.1f}" if side.crowd else None,
    ),
    ("p99 of a turn, 16 customers, ms", "p99_ratio", lambda side: _ms(side.crowd.p99) if side.crowd else None),
    ("p50 of a turn, 16 customers, ms", None, lambda side: _ms(side.crowd.p50) if side.crowd else None),
    ("p50 of a turn, one at a time, ms", None, lambda side: _ms(side.alone.p50) if side.alone else None),
    ("long conversation against short", "growth_20000", lambda side: _growth(side.growth) if side.growth else None),
    ("around Rasa's handling, p50, ms", "gateway_added_ms", lambda side: _ms(side.added) if side.added else None),
    ("training, s", "training_ratio", lambda side: f"{side.training:.1f}" if side.training else None),
    ("start to first answer, s", "start_ratio", lambda side: f"{side.started:.1f}" if side.started else None),
    ("resident memory, MB", "rss_ratio", lambda side: f"{side.memory / 1e6:.0f}" if side.memory else None),
)


def table(stock: Measured, ours: Measured, keys: Mapping[str, float | None]) -> str:
    """For the screen: a line for each figure, those of understanding last."""
    lines = [_line("", "stock Rasa", "ours", "", "goal")]
    shown = set()
    for title, key, show in _ROWS:
        lines.append(_line(title, show(stock), show(ours), *_verdict(key, keys)))
        shown.add(key)
    lines += [_line(key, None, None, *_verdict(key, keys)) for key in keys if key in GOALS and key not in shown]
    return "\n".join(lines)


def _verdict(key: str | None, keys: Mapping[str, float | None]) -> tuple[str, str]:
    value = keys.get(key) if key else None
    if key is None or value is None:
        return "", ""
    goal = GOALS[key]
    return f"{value:.2f}", f"{goal}: {'met' if goal.met(value) else 'MISSED'}"


def _line(title: str, stock: str | None, ours: str | None, ratio: str, goal: str) -> str:
    return f"{title:<34}{stock or '–':>18}{ours or '–':>18}{ratio:>9}  {goal}".rstrip()


def _of(above: Measured, below: Measured, figure: Callable[[Measured], float | None]) -> float | None:
    one, other = figure(above), figure(below)
    return round(one / other, 3) if one is not None and other else None


def _growth(growth: Growth) -> str:
    return f"{growth.ratio:.2f} at {growth.long_events}"


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.1f}"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
