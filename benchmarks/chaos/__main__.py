"""`make chaos`: a storm, a table, and the figures under benchmarks/results/.

python -m benchmarks.chaos                                    all of it: 10,000 messages, 100 kills, on PostgreSQL
python -m benchmarks.chaos --messages 300 --kills 5 --minutes 1    a small one, to look at: prints, and writes nothing
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.chaos.plan import Size, make_plan
from benchmarks.chaos.report import Report
from benchmarks.chaos.scene import play
from benchmarks.cost import machine

RESULTS = Path(__file__).resolve().parents[1] / "results"
_WHOLE = Size(messages=10_000, customers=500, kills=100, seconds=20 * 60.0, away=3, full=2)
_BEGUN = time.perf_counter()


def main(arguments: Sequence[str] | None = None) -> int:
    # As Ctrl-C does, so that the processes that were started are ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = _parser().parse_args(arguments)
    size = Size(
        messages=chosen.messages,
        customers=chosen.customers or max(1, chosen.messages * _WHOLE.customers // _WHOLE.messages),
        kills=chosen.kills,
        seconds=60.0 * chosen.minutes,
        away=_share(_WHOLE.away, chosen.minutes),
        full=_share(_WHOLE.full, chosen.minutes),
        gateways=1 if chosen.database == "sqlite" else _WHOLE.gateways,
        workers=_WHOLE.workers,
    )
    plan = make_plan(chosen.seed, size)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    _say(f"seed {chosen.seed}, {chosen.database}; the processes' logs are in {folder}/logs")
    report = asyncio.run(play(plan, database=chosen.database, folder=folder, patience=60.0 * chosen.patience, say=_say))
    print(f"\n{report.table()}\n")
    if report.evidence():
        print(f"{report.evidence()}\n")
    if size.messages >= _WHOLE.messages and size.kills >= _WHOLE.kills:
        _write(report, size)
    for line in report.missed:
        _say(f"missed: {line}")
    return 1 if report.missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.chaos", description="A storm over the product, and what became of every message."
    )
    parser.add_argument("--seed", type=int, default=1, help="decides what is said and what goes wrong, and when")
    parser.add_argument("--messages", type=int, default=_WHOLE.messages)
    parser.add_argument("--customers", type=int, help="a twentieth of the messages, unless said")
    parser.add_argument("--kills", type=int, default=_WHOLE.kills)
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--minutes", type=float, default=_WHOLE.seconds / 60, help="for so long people speak")
    parser.add_argument("--patience", type=float, default=10.0, help="minutes until nothing may wait any more")
    return parser


def _share(times: int, minutes: float) -> int:
    """As often for each minute as in the whole storm, and once at least."""
    return max(1, round(times * 60 * minutes / _WHOLE.seconds))


def _write(report: Report, size: Size) -> None:
    """A whole storm is written down: chaos.json, or chaos-sqlite.json."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / ("chaos.json" if report.database == "postgresql" else f"chaos-{report.database}.json")
    measured = {"machine": machine(), "measured_at": datetime.now(UTC).isoformat(timespec="minutes")}
    sizes = {"customers": size.customers, "gateways": size.gateways, "workers": size.workers}
    written = {**measured, **report.figures(), **sizes, "missed": report.missed}
    path.write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    _say(f"written: {path}")


def _say(line: str) -> None:
    print(f"[{time.perf_counter() - _BEGUN:5.0f} s] {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
