"""Runs the benchmarks, prints a table, and writes the figures under benchmarks/results/."""

from __future__ import annotations

import asyncio
import json
import os
import platform
from pathlib import Path

from benchmarks.turns import Figures, measure

RESULTS = Path(__file__).with_name("results")


def main() -> None:
    figures = asyncio.run(measure())
    print(table(figures))
    RESULTS.mkdir(exist_ok=True)
    written = {"machine": machine(), "turns": [figure.as_json() for figure in figures]}
    (RESULTS / "turns.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {RESULTS.name}/turns.json")


def table(figures: list[Figures]) -> str:
    head = f"{'load':<28}{'turns':>7}{'turns/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU ms/turn':>13}"
    return "\n".join([head, *(figure.as_line() for figure in figures)])


def machine() -> dict[str, object]:
    """What the figures were measured on; they mean little elsewhere."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    main()
