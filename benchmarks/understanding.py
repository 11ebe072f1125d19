"""How well, and how cheaply, the assistant's own understanding pipeline understands.

`bot/core/.venv/bin/python -m benchmarks.understanding [--data FOLDER]` from the project's root; `measure(FOLDER)`
starts just that from any environment. Every model is trained and asked through Rasa, with the `pipeline:` of
config.yml as it stands: BANKING77 (Casanueva et al., 2020, arXiv 2003.04807; its `train.csv` and `test.csv` are looked
for in FOLDER/banking77) with 10 examples an intent and with all of them, and the shop's own intents, taught in English
alone and in both languages. Out of scope are sentences of tests/nlu/out_of_scope.yml, which nothing is trained on.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
DATA = PROJECT.parent / "shared" / "data"
CORE_PYTHON = PROJECT / "bot" / "core" / ".venv" / "bin" / "python"
SHOTS = 10
FALLBACK = "nlu_fallback"

Example = tuple[str, str]
"""A text and its intent."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What was understood: the likeliest intent, how sure that is, and whether it was sure enough to act on."""

    intent: str
    confidence: float
    acted_on: bool


def measure(data: Path | None = None) -> dict[str, object]:
    """All figures, from any environment: accuracies in percent, CPU time in milliseconds, null for what has no data."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "understanding.json"
        where = ["--data", str(data)] if data else []
        command = [str(CORE_PYTHON), "-m", "benchmarks.understanding", "--json", str(result), *where]
        subprocess.run(command, cwd=PROJECT, env={**os.environ, **_QUIET}, check=True)  # noqa: S603  # our own module
        figures: dict[str, object] = json.loads(result.read_text(encoding="utf-8"))
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.understanding", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", type=Path, default=DATA, help="the folder that holds banking77/")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--without-banking77", action="store_true", help="the shop's figures alone")
    options = parser.parse_args()
    os.environ.update(_QUIET)
    figures = {**_shop(), **_banking77(None if options.without_banking77 else options.data / "banking77")}
    print(_table(figures))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def calibration_error(confidences: Sequence[float], right: Sequence[bool], bins: int = 15) -> float:
    """Expected calibration error in percent: how far confidence and accuracy are apart (arXiv 1706.04599)."""
    total = 0.0
    for each in range(bins):
        inside = [i for i, confidence in enumerate(confidences) if min(int(confidence * bins), bins - 1) == each]
        total += abs(sum(confidences[i] - right[i] for i in inside))
    return 100 * total / len(confidences)


def few(examples: Sequence[Example], shots: int) -> list[Example]:
    """`shots` examples of each intent: random.Random(0), intents in the order in which they first occur."""
    chance = random.Random(0)  # noqa: S311  # the same split each time
    texts: dict[str, list[str]] = {}
    for text, intent in examples:
        texts.setdefault(intent, []).append(text)
    return [(text, intent) for intent, own in texts.items() for text in chance.sample(own, shots)]


def _banking77(folder: Path | None) -> dict[str, Any]:
    if folder is None or not (folder / "train.csv").exists():
        print(f"BANKING77 is not measured: there is no train.csv in {folder}.", file=sys.stderr)
        return dict.fromkeys(("banking77_10shot", "banking77_full", "banking77_10shot_ece", "banking77_full_ece"))
    train, test = _read_csv(folder / "train.csv"), _read_csv(folder / "test.csv")
    figures: dict[str, Any] = {}
    for name, examples in (("banking77_10shot", few(train, SHOTS)), ("banking77_full", train)):
        answers = _Understanding.taught(examples, {}).answers(text for text, _ in test)
        figures |= {name: _accuracy(answers, test), f"{name}_ece": _calibration(answers, test)}
    return figures


def _shop() -> dict[str, Any]:
    from rasa.shared.nlu.training_data.loading import load_data  # type: ignore[import-not-found, unused-ignore]

    def read(*places: str) -> list[Example]:
        return [
            (m.get("text"), m.get("intent"))
            for place in places
            for m in load_data(str(PROJECT / place)).intent_examples
        ]

    catalogue = load_data(str(PROJECT / "data" / "catalogue"))
    words = {
        "lookup": [(table["name"], table["elements"]) for table in catalogue.lookup_tables],
        "synonyms": list(catalogue.entity_synonyms.items()),
    }
    english, chinese = read("tests/nlu/held_out_en.yml"), read("tests/nlu/held_out_zh.yml")
    strange = read("tests/nlu/out_of_scope.yml")
    from_english = _Understanding.taught(read("data/nlu/en"), words)
    both = _Understanding.taught(read("data/nlu/en", "data/nlu/zh"), words)
    seen, asked, odd = (
        both.answers(t for t, _ in english),
        both.answers(t for t, _ in chinese),
        both.answers(t for t, _ in strange),
    )
    answers, examples = seen + asked, english + chinese
    return {
        "zh_from_en": _accuracy(from_english.answers(text for text, _ in chinese), chinese),
        "en_from_en": _accuracy(from_english.answers(text for text, _ in english), english),
        "zh_from_both": _accuracy(asked, chinese),
        "en_from_both": _accuracy(seen, english),
        "shop_ece": _calibration(answers, examples),
        "in_scope_acted_on": 100 * sum(answer.acted_on for answer in answers) / len(answers),
        "right_when_acted_on": _accuracy(*_only_acted_on(answers, examples)),
        "out_of_scope_recognised": 100 * sum(not a.acted_on or a.intent == "out_of_scope" for a in odd) / len(odd),
        "nlu_cpu_ms": both.cpu_ms([text for text, _ in english + chinese]),
    }


class _Understanding:
    """A model of the assistant's own pipeline in Rasa's Agent."""

    def __init__(self, model: Path) -> None:
        from rasa.core.agent import Agent  # type: ignore[import-not-found, unused-ignore]
        from rasa.utils.log_utils import configure_structlog  # type: ignore[import-not-found, unused-ignore]

        from bot.core import shortcuts

        configure_structlog(logging.WARNING)
        shortcuts.install()  # as the worker has it
        self._agent = Agent.load(str(model))
        asyncio.run(self._agent.parse_message("hello"))  # encoders are loaded at the first text

    @classmethod
    def taught(cls, examples: Iterable[Example], words: dict[str, Any]) -> _Understanding:
        from rasa.model_training import train_nlu  # type: ignore[import-not-found, unused-ignore]
        from ruamel.yaml import YAML  # type: ignore[import-not-found, unused-ignore]

        sys.path.insert(0, str(PROJECT))  # for the pipeline's own components
        intents: dict[str, list[str]] = {}
        for text, intent in examples:
            intents.setdefault(intent, []).append(" ".join(text.split()))
        items: list[dict[str, str]] = [{"intent": name, "examples": _listed(own)} for name, own in intents.items()]
        items += [{"lookup": name, "examples": _listed(elements)} for name, elements in words.get("lookup", [])]
        items += [{"synonym": value, "examples": _listed([said])} for said, value in words.get("synonyms", [])]
        with tempfile.TemporaryDirectory() as folder:
            data, config = Path(folder) / "nlu.yml", Path(folder) / "config.yml"
            YAML().dump({"version": "3.1", "nlu": items}, data)
            whole = YAML(typ="safe").load((PROJECT / "config.yml").read_text(encoding="utf-8"))
            YAML().dump({key: value for key, value in whole.items() if key != "policies"}, config)
            model = train_nlu(str(config), str(data), folder)
            if model is None:
                raise RuntimeError("Rasa could not train a model from the pipeline of config.yml.")
            return cls(Path(model))

    def answers(self, texts: Iterable[str]) -> list[Answer]:
        return [self._answer(text) for text in texts]

    def cpu_ms(self, texts: Sequence[str]) -> float:
        """CPU time of this process a message, over texts that are all different and were not asked before."""
        fresh = list(dict.fromkeys(f"{text} ~" for text in texts))
        parse = self._agent.parse_message

        async def ask() -> float:
            begun = time.process_time()
            for text in fresh:
                await parse(text)
            return time.process_time() - begun

        return 1000 * asyncio.run(ask()) / len(fresh)

    def _answer(self, text: str) -> Answer:
        understood = asyncio.run(self._agent.parse_message(text))
        best = next(intent for intent in understood["intent_ranking"] if intent["name"] != FALLBACK)
        sure = understood["intent"]["name"] != FALLBACK
        return Answer(intent=best["name"], confidence=best["confidence"], acted_on=sure)


def _accuracy(answers: Sequence[Answer], examples: Sequence[Example]) -> float:
    return 100 * sum(a.intent == intent for a, (_, intent) in zip(answers, examples, strict=True)) / len(examples)


def _calibration(answers: Sequence[Answer], examples: Sequence[Example]) -> float:
    right = [a.intent == intent for a, (_, intent) in zip(answers, examples, strict=True)]
    return calibration_error([answer.confidence for answer in answers], right)


def _only_acted_on(answers: Sequence[Answer], examples: Sequence[Example]) -> tuple[list[Answer], list[Example]]:
    kept = [(answer, example) for answer, example in zip(answers, examples, strict=True) if answer.acted_on]
    return [answer for answer, _ in kept], [example for _, example in kept]


def _listed(texts: Iterable[str]) -> str:
    return "".join(f"- {text}\n" for text in texts)


def _read_csv(path: Path) -> list[Example]:
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["category"]) for row in csv.DictReader(file)]


def _table(figures: dict[str, Any]) -> str:
    return "\n".join(
        f"{_MEANINGS[key]:<72}{'not measured' if value is None else f'{value:.1f}':>14}"
        for key, value in figures.items()
    )


_MEANINGS = {
    "banking77_10shot": "BANKING77, 10 examples an intent: accuracy, %",
    "banking77_10shot_ece": "  expected calibration error, %",
    "banking77_full": "BANKING77, all examples: accuracy, %",
    "banking77_full_ece": "  expected calibration error, %",
    "zh_from_en": "the shop taught in English, asked in Chinese: accuracy, %",
    "en_from_en": "  asked in English",
    "zh_from_both": "the shop taught in both languages, asked in Chinese: accuracy, %",
    "en_from_both": "  asked in English",
    "shop_ece": "  expected calibration error, %",
    "in_scope_acted_on": "  sure enough to act on, % of what the shop knows",
    "right_when_acted_on": "  right when acted on, %",
    "out_of_scope_recognised": "  recognised as out of scope or asked about, % of what is",
    "nlu_cpu_ms": "CPU time to understand a message, ms",
}

_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "RASA_TELEMETRY_ENABLED": "false",
    "PYTHONWARNINGS": "ignore",
    "OMP_NUM_THREADS": "1",
    "RASA_MAX_CACHE_SIZE": "0",  # Rasa's cache knows components by their class alone, not by what the class calls
}


if __name__ == "__main__":
    main()
