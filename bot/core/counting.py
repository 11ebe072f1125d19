"""What a worker has done since it started. It opens no port, so its row in `workers` holds this, written with every
heartbeat, and the gateway gives it out with its own (bot/gateway/gauges.py)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from datetime import datetime
from typing import Any

from bot.core.turn import Message, Turn

# Seconds. They go with the counts, so that a gateway of another version reads them rightly.
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Counts:
    """Turns by channel and outcome, how long they took, and how long their messages had waited until then."""

    def __init__(self) -> None:
        self._turns: Counter[tuple[str, str]] = Counter()
        self._took: dict[str, _Spread] = {}
        self._waited: dict[str, _Spread] = {}

    def committed(self, message: Message, turn: Turn, began: datetime, now: datetime) -> None:
        """A turn is on disk: `done`, `refused` (a doing of the desk's) or `parked` with an apology."""
        outcome = "parked" if turn.failure is not None else "refused" if turn.refused is not None else "done"
        self._turns[message.channel, outcome] += 1
        self._took.setdefault(message.channel, _Spread()).add((now - began).total_seconds())
        self._waited.setdefault(message.channel, _Spread()).add((began - message.created_at).total_seconds())

    def postponed(self, message: Message) -> None:
        """A turn failed and is tried again."""
        self._turns[message.channel, "again"] += 1

    def as_json(self) -> dict[str, Any]:
        """`turns`: [channel, outcome, count]; `took` and `waited`: [channel, sum of seconds, counts up to each of
        `bounds` and above]."""
        return {
            "bounds": BOUNDS,
            "turns": [[*key, count] for key, count in sorted(self._turns.items())],
            "took": [[channel, *spread.as_json()] for channel, spread in sorted(self._took.items())],
            "waited": [[channel, *spread.as_json()] for channel, spread in sorted(self._waited.items())],
        }


class _Spread:
    def __init__(self) -> None:
        self._sum = 0.0
        self._counts = [0] * (len(BOUNDS) + 1)

    def add(self, seconds: float) -> None:
        seconds = max(seconds, 0.0)  # two machines' clocks
        self._sum += seconds
        self._counts[bisect_left(BOUNDS, seconds)] += 1

    def as_json(self) -> tuple[float, list[int]]:
        return round(self._sum, 6), list(self._counts)
