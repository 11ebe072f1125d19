"""Who may import whom. The two processes share the store and the contract, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FORBIDDEN = [
    ("channels", "bot", "a channel knows its vendor, not the product"),
    ("channels", "sandbox", "the product does not know that it is being played with"),
    ("channels", "sqlalchemy", "a channel does not know the database"),
    ("bot", "sandbox", "the product does not know that it is being played with"),
    ("bot/core", "bot.gateway", "Rasa's process has none of the gateway's libraries"),
    ("bot/gateway", "bot.core", "the gateway has no Rasa"),
    ("bot/gateway", "rasa", "the gateway has no Rasa"),
    ("bot/store", "bot.core", "both processes use the store"),
    ("bot/store", "bot.gateway", "both processes use the store"),
    ("actions", "bot", "the shop's actions know the shop"),
    ("sandbox", "bot", "the sandbox plays the vendors, who know nothing of us"),
    ("sandbox", "channels", "the sandbox plays the vendors, who know nothing of us"),
]


@pytest.mark.parametrize(("folder", "package", "why"), FORBIDDEN)
def test_rooms_keep_to_themselves(folder: str, package: str, why: str) -> None:
    trespassers = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(folder)
        for name in imported(path)
        if name == package or name.startswith(f"{package}.")
    ]
    assert trespassers == [], why


def test_only_the_composition_root_knows_the_channels() -> None:
    concrete = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources("bot")
        for name in imported(path)
        if name.startswith("channels.")
        and name not in ("channels.contract", "channels.pacing", "channels.text")
        # The web chat's sockets and sessions live in the gateway.
        and not path.relative_to(ROOT)
        .as_posix()
        .startswith(("bot/gateway/app.py", "bot/gateway/channels.py", "bot/gateway/webchat/"))
    ]
    assert concrete == []


def test_the_package_bot_is_empty() -> None:
    assert (ROOT / "bot/__init__.py").read_text() == ""


def sources(folder: str) -> Iterator[Path]:
    return (path for path in (ROOT / folder).rglob("*.py") if ".venv" not in path.parts)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
