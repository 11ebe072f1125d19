"""Whose turns a worker takes: a pure decision.

Slots are few and a turn may hold one for as long as an action takes, so a channel that has half of them has its share:
what waits elsewhere comes first. Where nothing does, it may have all.
"""

from __future__ import annotations

from collections import Counter
from typing import Optional


class Shares:
    """How many of `slots` the conversations of each channel have."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._share = max(1, slots // 2)
        self._taken: Counter[Optional[str]] = Counter()

    def take(self, channel: Optional[str]) -> None:
        self._taken[channel] += 1

    def give_back(self, channel: Optional[str]) -> None:
        self._taken[channel] -= 1

    @property
    def full(self) -> list[str]:
        """Channels that have their share."""
        return [channel for channel, slots in self._taken.items() if channel is not None and slots >= self._share]

    @property
    def most(self) -> int:
        """How many to claim at once: not so many that a channel gets more than its share before the others were asked;
        all that are free, where one has that already."""
        room = self._share - max(self._taken.values(), default=0)
        return min(self.free, room) if room > 0 else self.free

    @property
    def free(self) -> int:
        return self._slots - sum(self._taken.values())
