"""Every journey of this folder, on the product with all its channels. `throughline journeys` plays them as well.

Each is played on one kind of database; what is there in both languages, on both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.journeys.parser import read_journey
from sandbox.journeys.play import Stage, play
from sandbox.journeys.stage import running_stage
from tests.database import NewDatabase, new_database

pytestmark = pytest.mark.asyncio(loop_scope="session")

__all__ = ["new_database"]

HERE = Path(__file__).parent
DATABASES = {"en": "sqlite", "zh": "postgresql", "handoff": "postgresql"}
"""By folder."""
FILES = [
    pytest.param(DATABASES[file.relative_to(HERE).parts[0]], file, id=file.relative_to(HERE).as_posix())
    for file in sorted(HERE.rglob("*.journey"))
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Stage]:
    settings = {"DATABASE_URL": await new_database()}
    async with running_stage(tmp_path_factory.mktemp("journeys"), settings) as stage:
        yield stage


@pytest.mark.parametrize(("new_database", "file"), FILES, indirect=["new_database"], scope="module")
async def test_a_journey_goes_as_written(stage: Stage, file: Path) -> None:
    await play(stage, read_journey(file))
