"""A short storm over the whole product, with the same checks as `make chaos`: nothing lost, doubled, mixed up."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.chaos.plan import Size, make_plan
from benchmarks.chaos.scene import play

SEED = 13
SIZES = {
    "sqlite": Size(messages=60, customers=12, kills=4, seconds=15.0, gateways=1, workers=1),
    "postgresql": Size(messages=60, customers=12, kills=4, seconds=15.0),
}


@pytest.mark.parametrize("database", list(SIZES))
async def test_a_storm_loses_doubles_and_mixes_up_nothing(database: str, tmp_path: Path) -> None:
    plan = make_plan(SEED, SIZES[database])
    report = await play(plan, database=database, folder=tmp_path, patience=120.0, say=print)
    print(report.table())
    assert report.missed == [], report.evidence()
    assert (report.counts.messages, report.kills) == (plan.size.messages, plan.size.kills)
