"""The modules of others are the ones that the README beside them names."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

from bot.gateway.desk.access.page import STATIC

VENDOR = STATIC / "vendor"
ROW = re.compile(
    r"^\| `(?P<file>[\w-]+\.js)` \|.*\| `(?P<here>[0-9a-f]{64})` \| (?:`(?P<there>[0-9a-f]{64})`|the same) \|$", re.M
)
ROWS = {found["file"]: found for found in ROW.finditer((VENDOR / "README.md").read_text())}
IMPORTS = {"./preact.js": "preact", "./hooks.js": "preact/hooks", "./signals-core.js": "@preact/signals-core"}


def test_every_module_stands_in_the_readme() -> None:
    assert set(ROWS) == {path.name for path in VENDOR.glob("*.js")}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_module_is_the_packages_own_but_for_the_names_it_imports(name: str) -> None:
    source = (VENDOR / name).read_bytes()
    assert hashlib.sha256(source).hexdigest() == ROWS[name]["here"]
    for ours, theirs in IMPORTS.items():
        source = source.replace(f'"{ours}"'.encode(), f'"{theirs}"'.encode())
    assert hashlib.sha256(source).hexdigest() == (ROWS[name]["there"] or ROWS[name]["here"])


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda path: str(path.relative_to(STATIC)))
def test_own_modules_are_small_and_import_what_is_there(path: Path) -> None:
    source = path.read_text()
    for name in re.findall(r'^(?:import|export)[^;]*?from\s*"([^"]+)"|^import "([^"]+)"', source, re.M):
        imported = (path.parent / (name[0] or name[1])).resolve()
        assert imported.is_file(), imported
    if path.parent not in (VENDOR, STATIC / "words"):
        assert len(source.splitlines()) < 250
    assert "innerHTML" not in source or path.parent == VENDOR
