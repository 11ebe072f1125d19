"""`make load`: measures, prints a table with the goals, and writes benchmarks/results/load.json.

python -m benchmarks.load                              everything, which takes half an hour
python -m benchmarks.load --only rate,takeover         some of it, to look at: prints, and writes nothing
python -m benchmarks.load --only scale --write         some of it anew, in the place of what the file says of it
python -m benchmarks.load --only ack --seconds 30      as short as one likes: prints, and writes nothing
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.cost import machine
from benchmarks.load.database import SETTINGS
from benchmarks.load.goals import GOALS, missed, table
from benchmarks.load.parts import PARTS, Measured, Sizes
from sandbox.journeys.stack import ROOT

_RESULT = ROOT / "benchmarks/results/load.json"
_DATA = ROOT / "var/load"
_BEGUN = time.perf_counter()


def main(arguments: Sequence[str] | None = None) -> int:
    # As Ctrl-C does, so that the processes that were started are ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = _parser().parse_args(arguments)
    only = chosen.only.split(",") if chosen.only else list(PARTS)
    if unknown := set(only) - set(PARTS):
        _say(f"--only takes {', '.join(PARTS)}; not {', '.join(sorted(unknown))}")
        return 2
    sizes = _sizes(chosen)
    whole = set(only) == set(PARTS)
    is_kept = (whole or chosen.write) and sizes == replace(Sizes(), data=sizes.data)
    measured = uvloop.run(measure(only, sizes, _keep if is_kept else _leave))
    print(f"\n{table(_keys(measured))}\n")
    if not is_kept:
        print(json.dumps(_details(measured), indent=2))
        _say("Less of a part is not written down, and a part alone only with --write.")
    return 0


Parts = Mapping[str, Measured]


async def measure(only: Sequence[str], sizes: Sizes, keep: Callable[[Parts], None]) -> Parts:
    """One part after the other. Each is kept at once, so that a fault in the next one costs no half an hour."""
    measured: dict[str, Measured] = {}
    for name in only:
        with tempfile.TemporaryDirectory(prefix="load") as folder:
            measured[name] = await PARTS[name](Path(folder) / name, sizes, _progress)
        _progress(f"{name}: {measured[name].keys}")
        keep(measured)
    return measured


def _keys(measured: Parts) -> dict[str, float]:
    return {key: value for each in measured.values() for key, value in each.keys.items()}


def _details(measured: Parts) -> dict[str, Any]:
    return {name: each.details for name, each in measured.items()}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description="What the gateway carries.")
    parser.add_argument("--only", help=f"some parts, by comma: {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="of the parts, in full size: renew them in load.json")
    parser.add_argument("--seconds", type=float, help="of ack, rate and scale, each")
    parser.add_argument("--burst", type=int, help="webhooks at once")
    parser.add_argument("--sockets", type=int, help="idle web chats")
    parser.add_argument("--customers", type=int, help="of the large database, ten messages each")
    parser.add_argument("--data", type=Path, default=_DATA, help="where the large database is kept for the next time")
    return parser


def _sizes(chosen: argparse.Namespace) -> Sizes:
    given: dict[str, Any] = {name: getattr(chosen, name) for name in ("burst", "sockets", "customers", "data")}
    given |= dict.fromkeys(("ack", "rate", "scale"), chosen.seconds)
    return replace(Sizes(), **{name: value for name, value in given.items() if value is not None})


def _keep(measured: Parts) -> None:
    """The newest of the parts, in the place of what the file says of it; where there is no file yet, all of them, once
    they are all there."""
    kept = json.loads(_RESULT.read_text(encoding="utf-8")) if _RESULT.exists() else {}
    fresh = dict(list(measured.items())[-1:]) if kept else measured
    if not kept and set(fresh) != set(PARTS):
        return
    written = result(_keys(fresh), _details(fresh), kept, datetime.now(UTC).isoformat(timespec="minutes"))
    _RESULT.parent.mkdir(exist_ok=True)
    _RESULT.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    _say(f"written: {_RESULT.relative_to(ROOT)}")


def _leave(_measured: Parts) -> None:
    """What is only to look at is not kept."""


def result(
    keys: Mapping[str, float], details: Mapping[str, Any], kept: Mapping[str, Any], now: str
) -> Mapping[str, Any]:
    """What is written: what was measured now, and of parts that were not, what is `kept` of the file so far."""
    figures = {key: keys[key] if key in keys else kept[key] for key in GOALS}
    return {
        "machine": machine(),
        "measured_at": {name: now if name in details else kept["measured_at"][name] for name in PARTS},
        **figures,
        "goals": {key: str(goal) for key, goal in GOALS.items()},
        "missed": missed(figures),
        "postgresql": SETTINGS,
        "sizes": {name: value for name, value in asdict(Sizes()).items() if name != "data"},
        **{name: details[name] if name in details else kept[name] for name in PARTS},
    }


def _progress(line: str) -> None:
    _say(f"[{time.perf_counter() - _BEGUN:5.0f} s] {line}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
