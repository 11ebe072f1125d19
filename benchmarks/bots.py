"""The bot that is compared: the one that `rasa init` writes, trained once as stock Rasa has it and once as our
assistant has it. Only config.yml differs.

Models are kept under .cache/ by the hash of all that went into them, together with what their training took.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.cost import Meter
from sandbox.journeys.stack import CORE_PYTHON, ROOT

_MODEL = "model.tar.gz"
CACHE = ROOT / ".cache/benchmarks"
RASA = CORE_PYTHON.with_name("rasa")
# What our components are made of, besides the bot's own files.
_OURS = (*sorted((ROOT / "bot/core/nlu").rglob("*.py")), ROOT / "bot/core/uv.lock")
_QUIET = {"RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}
_COPY = "import sys; from rasa.cli.scaffold import create_initial_project; create_initial_project(sys.argv[1])"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model, and what `rasa train` took for it, start of the command included.

    seconds, cpu_seconds: by the clock, and of the processor
    others:               cores that everything else on the machine used meanwhile
    """

    model: Path
    seconds: float
    cpu_seconds: float
    others: float


def write_bot(folder: Path) -> None:
    """The project that `rasa init` writes, its sample action and its tests left out."""
    subprocess.run([CORE_PYTHON, "-c", _COPY, folder], check=True, capture_output=True, env=environment())  # noqa: S603
    for name in ("actions", "tests"):
        shutil.rmtree(folder / name)


def configure_as_ours(folder: Path) -> None:
    """Give the bot our assistant's pipeline and policies, without what names actions that this bot does not have."""
    config = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))
    known = yaml.safe_load((folder / "domain.yml").read_text(encoding="utf-8"))
    config["policies"] = [without_foreign_actions(policy, known.get("actions", ())) for policy in config["policies"]]
    config["assistant_id"] = "compared"
    (folder / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def without_foreign_actions(policy: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """A policy's settings but for custom actions that are not `known`: Rasa refuses to train with those."""
    return {
        name: value
        for name, value in policy.items()
        if not (name.endswith("action_name") and _is_foreign(value, known))
    }


def _is_foreign(action: str, known: Collection[str]) -> bool:
    """Rasa's own fallbacks are all called action_default_…"""
    return action.startswith("action_") and not action.startswith("action_default_") and action not in known


def trained(folder: Path, *, again: bool = False) -> Trained:
    """The bot's model, from the cache unless `again`. Raises subprocess.CalledProcessError with Rasa's words."""
    kept = CACHE / "models" / _fingerprint(folder)
    record = kept / "trained.json"
    if again or not record.exists():
        kept.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(_train(folder, kept), indent=2) + "\n")
    return Trained(model=kept / _MODEL, **json.loads(record.read_text(encoding="utf-8")))


def environment() -> dict[str, str]:
    """For Rasa's commands: quiet, and able to import our components."""
    return {**os.environ, **_QUIET, "PYTHONPATH": str(ROOT)}


def _train(folder: Path, kept: Path) -> dict[str, float]:
    """In a copy, so that Rasa finds nothing that it trained before. The figures of `Trained`."""
    with tempfile.TemporaryDirectory() as scratch:
        project = shutil.copytree(folder, Path(scratch) / "bot")
        command: list[str | Path] = [RASA, "train", "--fixed-model-name", _MODEL.removesuffix(".tar.gz"), "--out", kept]
        meter = Meter(_children)
        subprocess.run(command, check=True, capture_output=True, cwd=project, env=environment())  # noqa: S603
        cost = meter.read()
    return {
        "seconds": round(cost.took, 1),
        "cpu_seconds": round(cost.side, 1),
        "others": round(cost.others / cost.took, 2),
    }


def _children() -> float:
    """CPU seconds of all children that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _fingerprint(folder: Path) -> str:
    """Of the bot's files, and of our components where its config.yml names any."""
    sources = sorted(folder.rglob("*.yml"))
    if "bot.core." in (folder / "config.yml").read_text(encoding="utf-8"):
        sources += _OURS
    total = hashlib.sha256()
    for path in sources:
        total.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:16]
