"""Every journey of this folder, on the product with all its channels. `throughline journeys` plays them as well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.journeys.parser import read_journey
from sandbox.journeys.play import Stage, play
from sandbox.journeys.stage import running_stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = Path(__file__).parent
FILES = [pytest.param(file, id=file.relative_to(HERE).as_posix()) for file in sorted(HERE.rglob("*.journey"))]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with running_stage(tmp_path_factory.mktemp("journeys")) as stage:
        yield stage


@pytest.mark.parametrize("file", FILES)
async def test_a_journey_goes_as_written(stage: Stage, file: Path) -> None:
    await play(stage, read_journey(file))
