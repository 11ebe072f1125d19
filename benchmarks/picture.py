"""Draws docs/growth.png. Runs in the core's environment, which has matplotlib:

python -m benchmarks.picture benchmarks/results/core.json docs/growth.png
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_COLOURS = {"stock": "#b3541e", "ours": "#0f6e5c"}
_NAMES = {"stock": "stock Rasa 3.6", "ours": "Throughline"}
# Beside the end of a line that ends early, above the end of one that goes all the way.
_PLACES = {"stock": {"xytext": (8, -6), "ha": "left"}, "ours": {"xytext": (0, 8), "ha": "right"}}


def main(results: Path, picture: Path) -> None:
    measured = json.loads(results.read_text(encoding="utf-8"))
    draw({side: measured[side]["growth"] for side in _NAMES}, picture)


def draw(growth: dict[str, Any], picture: Path) -> None:
    """`growth`: of each side, as `Growth.as_json` has it."""
    from matplotlib import pyplot  # type: ignore[import-not-found, unused-ignore]  # the core's environment has it

    figure, axes = pyplot.subplots(figsize=(8, 3.6), dpi=150)
    for side, name in _NAMES.items():
        curve = growth[side]["curve"]
        x, y = [point["events"] for point in curve], [point["p50_ms"] for point in curve]
        axes.plot(x, y, color=_COLOURS[side], linewidth=1.8)
        axes.annotate(
            name, (x[-1], y[-1]), xytext=(-4, 8), textcoords="offset points", ha="right", color=_COLOURS[side]
        )
    axes.set_xlabel("events in the conversation")
    axes.set_ylabel("a turn, ms (median of 50)")
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    figure.tight_layout()
    figure.savefig(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
