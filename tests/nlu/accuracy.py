"""Whether Rasa's own reports on the held-out examples reach what the project promises, in each language.

`python -m tests.nlu.accuracy REPORTS GOAL` after `rasa test nlu` wrote REPORTS/en and REPORTS/zh. Needs only Python.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

LANGUAGES = ("en", "zh")


def accuracy(reports: Path, language: str) -> tuple[float, int]:
    """Share of intents that were right, and the number of examples."""
    report = json.loads((reports / language / "intent_report.json").read_text(encoding="utf-8"))
    return float(report["accuracy"]), int(report["weighted avg"]["support"])


def main(reports: Path, goal: float) -> int:
    measured = {language: accuracy(reports, language) for language in LANGUAGES}
    for language, (share, examples) in measured.items():
        print(f"intent accuracy, {language}: {share:.1%} of {examples} held-out examples (promised: {goal:.0%})")
    return 0 if all(share >= goal for share, _ in measured.values()) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), float(sys.argv[2])))
