"""A storm's figures, its goals, and the table that is printed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.chaos.counting import Counts
from benchmarks.figures import milliseconds, percentile

_SHOWN = 10
_WRONG = ("lost", "doubled_turns", "misordered", "misrouted", "repeated_replies", "repeated_unmarked")
_WORTH_KNOWING = ("unacknowledged", "replies", "apologies", "uncertain", "unheard", "failed")


@dataclass(frozen=True, kw_only=True)
class Report:
    """`met`: how often each trouble was met. `acknowledged_within`: seconds of every webhook that a gateway took.
    `left`: what still waited when patience was over. `skipped`: troubles that this machine cannot play, and why."""

    seed: int
    database: str
    kills: int
    counts: Counts
    took: float
    met: Mapping[str, int]
    acknowledged_within: Sequence[float] = ()
    left: str = ""
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def missed(self) -> list[str]:
        """The goals that were."""
        figures = self.figures()
        missed = [f"{key} is {figures[key]}, not 0" for key in _WRONG if key != "repeated_replies" and figures[key]]
        if figures["repeated_replies"] > self.kills:
            missed.append(f"repeated_replies is {figures['repeated_replies']}, more than one for each of the kills")
        if self.counts.unacknowledged:
            missed.append(f"{self.counts.unacknowledged} messages were never acknowledged")
        return missed + ([f"still waiting: {self.left}"] if self.left else [])

    def figures(self) -> dict[str, Any]:
        counts = self.counts
        return {
            "messages": counts.messages,
            "kills": self.kills,
            **{key: len(getattr(counts, key)) for key in _WRONG},
            "seed": self.seed,
            "database": self.database,
            **{key: getattr(counts, key) for key in _WORTH_KNOWING},
            **self._acknowledging(),
            "seconds": round(self.took),
            "met": dict(sorted(self.met.items())),
            "skipped": dict(self.skipped),
        }

    def _acknowledging(self) -> dict[str, float]:
        """How long a vendor waits, outages of the database and all."""
        took = self.acknowledged_within
        return {f"ack_p{percent}_ms": milliseconds(percentile(took, percent)) for percent in (50, 99)} if took else {}

    def table(self) -> str:
        figures = self.figures()
        goals = {key: "0" for key in _WRONG} | {"repeated_replies": f"at most {self.kills}", "unacknowledged": "0"}
        rows = [("", "counted", "goal")]
        rows += [
            (key, str(figures[key]), goals.get(key, "")) for key in ("messages", "kills", *_WRONG, *_WORTH_KNOWING)
        ]
        rows += [(key, str(figures[key]), "") for key in self._acknowledging()]
        rows += [(f"met: {what}", str(times), "") for what, times in figures["met"].items()]
        rows += [(f"skipped: {what}", "", reason) for what, reason in self.skipped.items()]
        width = max(len(row[0]) for row in rows)
        return "\n".join(f"{name:<{width}}  {counted:>8}  {goal}".rstrip() for name, counted, goal in rows)

    def evidence(self) -> str:
        """Some of what is wrong, line by line."""
        lines = []
        for key in _WRONG:
            found = getattr(self.counts, key)
            lines += [f"{key}: {line}" for line in found[:_SHOWN]]
            lines += [f"{key}: and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
        return "\n".join(lines)
