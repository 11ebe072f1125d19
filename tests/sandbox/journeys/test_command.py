"""`throughline journeys` as far as it goes without a product; tests/journeys has the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.gateway.cli import main as throughline
from sandbox.journeys.__main__ import main
from sandbox.journeys.parser import FORMS

JOURNEY = "# Alice comes back\n\nAlice on Telegram: hi\nbot: Hello\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "en").mkdir()
    (tmp_path / "en/back.journey").write_text(JOURNEY)
    (tmp_path / "zh.journey").write_text("# 小美回来了\nlanguage: zh\n小美 on Teams: 你好\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a journey")
    return tmp_path


def test_list_says_which_there_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{folder}/en/back.journey  en  Alice comes back",
        f"{folder}/zh.journey  zh  小美回来了",
    ]


def test_grammar_says_what_a_line_can_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--grammar"]) == 0
    assert capsys.readouterr().out == f"{FORMS}\n"


def test_a_line_that_means_nothing_ends_it_before_anything_is_started(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "wrong.journey").write_text(JOURNEY + "Alice shouts: hi\n")
    assert main([str(folder)]) == 1
    assert "wrong.journey, line 5: " in capsys.readouterr().err


@pytest.mark.parametrize("missing", ["none.journey", "empty"])
def test_nothing_to_play(folder: Path, missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "empty").mkdir()
    assert main([str(folder / missing)]) == 2
    assert capsys.readouterr().err.startswith("throughline journeys: ")


def test_the_products_command_is_the_same(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert throughline(["journeys", "--list", str(folder / "zh.journey")]) == 0
    assert capfd.readouterr().out == f"{folder}/zh.journey  zh  小美回来了\n"
    assert throughline(["journeys", str(folder / "none.journey")]) == 2
