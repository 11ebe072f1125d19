"""What docs/security.md says is shown by a test is shown by one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
THREATS = [line for line in PAGE.partition("## Threats")[2].partition("##")[0].splitlines() if line.startswith("| ")][
    1:
]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_every_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    assert name in functions


@pytest.mark.parametrize("threat", THREATS)
def test_every_threat_has_a_defence_and_a_test(threat: str) -> None:
    _, what, defence, shown, _ = (cell.strip() for cell in threat.split("|"))
    assert what
    assert defence
    assert re.search(r"`tests/[\w/]+\.py::test_\w+`", shown)
