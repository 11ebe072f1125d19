"""`make bench`: measures, prints tables, and writes the figures under benchmarks/results/.

python -m benchmarks                              everything
python -m benchmarks core --only turns,growth     some of it, to look at: prints, and writes nothing
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import core, turns, understanding
from benchmarks.comparison import GOALS, Keys, of_understanding, ratios, table
from benchmarks.core import NOTHING, PARTS, Compared
from benchmarks.cost import machine
from sandbox.journeys.stack import CORE_PYTHON, ROOT

RESULTS = Path(__file__).with_name("results")
_PICTURE = ROOT / "docs/growth.png"
_BEGUN = time.perf_counter()


def main(arguments: Sequence[str] | None = None) -> int:
    # As Ctrl-C does, so that the processes that were started are ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = _parser().parse_args(arguments)
    only = frozenset(chosen.only.split(",")) if chosen.only else frozenset()
    if only - {*PARTS, "understanding"}:
        _say(f"--only takes {', '.join((*PARTS, 'understanding'))}")
        return 2
    if chosen.what in ("all", "core"):
        _compare(only, again=chosen.train, data=chosen.data)
    if chosen.what in ("all", "turns"):
        _shop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What a turn costs.")
    what = "core: our product beside stock Rasa; turns: the example shop on ours; all, unless said: both"
    parser.add_argument("what", nargs="?", choices=("all", "core", "turns"), default="all", help=what)
    parser.add_argument("--only", help=f"parts of core, by comma: {', '.join((*PARTS, 'understanding'))}")
    parser.add_argument("--train", action="store_true", help="train the compared bots even if there are models of them")
    parser.add_argument("--data", type=Path, help="the folder that holds banking77/, if not ../shared/data")
    return parser


def _compare(only: frozenset[str], *, again: bool, data: Path | None) -> None:
    parts = [part for part in PARTS if not only or part in only]
    compared = asyncio.run(core.compare(parts, again=again, progress=_progress)) if parts else NOTHING
    understood = _understood(data) if not only or "understanding" in only else {}
    keys: Keys = {**ratios(compared.stock, compared.ours), **of_understanding(understood)}
    print(f"\n{table(compared.stock, compared.ours, keys)}\n")
    if only:
        _say("A part alone is not written down: what is compared must come from one run.")
        return
    written = _write("core.json", {**keys, **_raw(compared), "understanding": understood})
    subprocess.run([CORE_PYTHON, "-m", "benchmarks.picture", written, _PICTURE], check=True, cwd=ROOT)  # noqa: S603
    _say(f"drawn: {_PICTURE.relative_to(ROOT)}")


def _understood(data: Path | None) -> dict[str, object]:
    _progress("how well the pipeline understands")
    return understanding.measure(data)


def _raw(compared: Compared) -> dict[str, Any]:
    return {
        "goals": {key: str(goal) for key, goal in GOALS.items()},
        "repeated_texts": compared.repeated,
        "stock": compared.stock.as_json(),
        "ours": compared.ours.as_json(),
    }


def _shop() -> None:
    loads = asyncio.run(turns.measure())
    print(f"\n{turns.table(loads)}\n")
    _write("turns.json", {"turns": [{"load": name, **load.as_json()} for name, load in loads.items()]})


def _write(name: str, figures: dict[str, Any]) -> Path:
    RESULTS.mkdir(exist_ok=True)
    measured = {"machine": machine(), "measured_at": datetime.now(UTC).isoformat(timespec="minutes")}
    path = RESULTS / name
    path.write_text(json.dumps({**measured, **figures}, indent=2) + "\n", encoding="utf-8")
    _say(f"written: {path.relative_to(ROOT)}")
    return path


def _progress(line: str) -> None:
    _say(f"[{time.perf_counter() - _BEGUN:5.0f} s] {line}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
