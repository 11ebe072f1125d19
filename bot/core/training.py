"""Training the assistant's model, when something that it is made from has changed.

`python -m bot.core.training [--force]` from the project's root. Whether to train is decided before Rasa is imported, so
that a start with nothing to do costs nothing.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import json
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_MODELS = Path("models")
_RECORD = "trained.json"
_SOURCES = ("config.yml", "domain", "domain.yml", "data", "bot/core/nlu", "bot/core/uv.lock")
_SUFFIXES = (".yml", ".yaml", ".json", ".txt", ".csv", ".py", ".lock")


def main(arguments: list[str] | None = None) -> int:
    """0: there is an up-to-date model; 1: the training failed."""
    parser = argparse.ArgumentParser(prog="python -m bot.core.training", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--force", action="store_true", help="train even if nothing has changed")
    force = parser.parse_args(arguments).force
    root, models = Path.cwd(), Path(os.environ.get("MODELS_DIR") or _MODELS)
    if not (root / "config.yml").exists():
        return _fail("There is no config.yml here: start this in the project's root.")
    fingerprint = fingerprint_of(root)
    current = None if force else up_to_date_model(models, fingerprint)
    if current is not None:
        _say(f"Nothing has changed since {current} was trained.")
        return 0
    try:
        model = _train(root, models)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            return _fail(f"The disk is full: the model could not be written to {models}/.")
        raise
    if model is None:
        return _fail("The training failed; what Rasa said about it is above.")
    (models / _RECORD).write_text(json.dumps({"model": model.name, "fingerprint": fingerprint}, indent=2) + "\n")
    _say(f"Trained {models / model.name}.")
    return 0


def fingerprint_of(root: Path) -> str:
    """SHA-256 over all that a model is made from: names and contents."""
    total = hashlib.sha256()
    for path in _sources(root):
        total.update(f"{path.relative_to(root)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def up_to_date_model(models: Path, fingerprint: str) -> str | None:
    """Name of the model that was trained from just this, if it is still there and still the newest."""
    try:
        record = json.loads((models / _RECORD).read_text())
    except (OSError, ValueError):
        return None
    newest = max(models.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime_ns, default=None)
    fresh = newest is not None and newest.name == record.get("model") and record.get("fingerprint") == fingerprint
    return record["model"] if fresh else None


def _sources(root: Path) -> Iterator[Path]:
    for name in _SOURCES:
        source = root / name
        if source.is_dir():
            yield from sorted(path for path in source.rglob("*") if path.suffix in _SUFFIXES and path.is_file())
        elif source.is_file():
            yield source


def _train(root: Path, models: Path) -> Path | None:
    """Train into a folder beside the others and move the finished file, so that nobody sees half a model."""
    workshop = models / ".training"
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(parents=True)
    try:
        made = _ask_rasa(root, workshop)
        return made and made.rename(models / made.name)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _ask_rasa(root: Path, output: Path) -> Path | None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))  # for the assistant's own components
    from rasa.api import train
    from rasa.shared.exceptions import RasaException
    from rasa.utils.common import configure_logging_and_warnings
    from rasa.utils.log_utils import configure_structlog

    configure_logging_and_warnings(logging.INFO)
    configure_structlog(logging.INFO)
    _hide_what_no_bot_builder_can_mend()
    domain = "domain" if (root / "domain").exists() else "domain.yml"
    try:
        # Rasa's own cache knows a component by its class alone, and would miss a change in what the class calls.
        result: Any = train(
            domain=domain, config="config.yml", training_files=["data"], output=str(output), force_training=True
        )
    except RasaException as error:
        _fail(str(error))
        return None
    return Path(result.model) if result.code == 0 and result.model else None


def _hide_what_no_bot_builder_can_mend() -> None:
    """Libraries' deprecations, and Rasa's belief that only its own components read lookup tables and synonyms: ours do
    (bot/core/nlu/catalogue.py). Filters would not do, since several libraries set their own."""
    show = warnings.showwarning

    def show_the_rest(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        ours = "lookup table" in str(message) or "'EntitySynonymMapper'" in str(message)
        if not ours and not issubclass(category, DeprecationWarning):
            show(message, category, *where, **more)

    warnings.showwarning = show_the_rest


def _say(line: str) -> None:
    print(line, flush=True)


def _fail(line: str) -> int:
    print(line, file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
