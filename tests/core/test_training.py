"""When the model is trained anew."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.core.training import fingerprint_of, up_to_date_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    assistant = Path(__file__).parent / "assistant"
    shutil.copy(assistant / "config.yml", tmp_path)
    (tmp_path / "domain").mkdir()
    shutil.copy(assistant / "domain.yml", tmp_path / "domain")
    (tmp_path / "data").mkdir()
    shutil.copy(assistant / "data.yml", tmp_path / "data")
    return tmp_path


def train(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "bot.core.training", *arguments],
        cwd=project,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_trains_once_and_again_only_after_a_change(project: Path) -> None:
    first = train(project)
    assert first.returncode == 0, first.stderr
    models = sorted(path.name for path in (project / "models").iterdir())
    assert len(models) == 2
    record = json.loads((project / "models" / "trained.json").read_text())
    assert record["model"] in models

    second = train(project)
    assert (second.returncode, "Nothing has changed" in second.stdout) == (0, True)

    (project / "data" / "data.yml").write_text("not: [yaml")
    third = train(project)
    assert third.returncode == 1
    assert "The training failed" in third.stderr
    assert sorted(path.name for path in (project / "models").iterdir()) == models


def test_whatever_a_model_is_made_of_counts(project: Path) -> None:
    (project / "bot/core/nlu").mkdir(parents=True)
    before = fingerprint_of(project)
    changes = ["config.yml", "domain/domain.yml", "data/new.yml", "bot/core/nlu/part.py", "bot/core/uv.lock"]
    seen = {before}
    for name in changes:
        (project / name).write_text("changed")
        seen.add(fingerprint_of(project))
    assert len(seen) == len(changes) + 1


def test_a_model_that_is_gone_or_not_the_newest_is_trained_again(tmp_path: Path) -> None:
    assert up_to_date_model(tmp_path, "f") is None
    (tmp_path / "trained.json").write_text('{"model": "a.tar.gz", "fingerprint": "f"}')
    assert up_to_date_model(tmp_path, "f") is None
    (tmp_path / "a.tar.gz").touch()
    assert up_to_date_model(tmp_path, "f") == "a.tar.gz"
    assert up_to_date_model(tmp_path, "g") is None
