"""The example shop's own data, put back before every journey: a shop takes nothing back twice."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from .stack import CORE_PYTHON, ROOT

_FILL = "from actions.shop import open_shop; open_shop()"
"""What a company replaces is behind the same function."""


class Shop:
    """The data of a shop on SQLite, as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = path.with_suffix(".kept")

    async def open(self) -> None:
        """Fill it, before anybody can buy or return anything, and keep a copy."""
        filling = await asyncio.create_subprocess_exec(
            str(CORE_PYTHON),
            "-c",
            _FILL,
            cwd=ROOT,
            env={**os.environ, "SHOP_DATABASE_URL": f"sqlite:///{self._path}"},
        )
        if await filling.wait() != 0:
            raise RuntimeError("the shop's data could not be prepared")
        _copy(self._path, self._kept)

    def put_back(self) -> None:
        """As it was. The action server may go on using it meanwhile."""
        _copy(self._kept, self._path)


def _copy(source: Path, target: Path) -> None:
    with (
        closing(sqlite3.connect(source, timeout=30)) as original,
        closing(sqlite3.connect(target, timeout=30)) as copy,
    ):
        original.backup(copy)
