"""A day's figures, and what supervisors watch."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.figures import COLUMNS, Day, as_csv, read_figures, zone_named
from bot.gateway.desk.overview import read_overview
from bot.store.database import reading, transaction
from bot.store.desk_tables import agents, audit, team_members
from channels.contract import Content
from tests.database import NOON, Clock
from tests.gateway.desk.office import Office, office, tells
from tests.gateway.desk.staff import hire
from tests.gateway.desk.test_items import Town
from tests.gateway.people import rows

__all__ = ["office"]

TODAY = date(2026, 11, 21)


@pytest.fixture
def town(engine: AsyncEngine, clock: Clock) -> Town:
    return Town(engine, clock)


async def figures(engine: AsyncEngine, day: date, by: str, zone: str | None = None) -> dict[str, Any]:
    async with reading(engine) as connection:
        found = await read_figures(connection, Day(day=day, zone=zone_named(zone)), by)
    return {row["name"]: row for row in found}


async def test_a_day_by_agent_team_and_channel(town: Town) -> None:
    maya, ben = await hire(town.engine, "maya"), await hire(town.engine, "ben")
    team = await town.team("Returns", answer_within=60)

    def later(seconds: float) -> Any:
        return NOON + timedelta(seconds=seconds)

    for number, wait in enumerate((10, 20, 100)):
        conversation = await town.writes(f"customer{number}", channel="webchat" if number else "telegram")
        columns = {"agent_id": maya, "team_id": team, "asked_at": later(0), "answered_at": later(wait)}
        ends = {"taken_at": later(5), "ended_at": later(105), "rating": 5 - number if number < 2 else None}
        town.clock.now = later(-10)
        await town.writes(f"customer{number}", channel="webchat" if number else "telegram")
        await town.with_people(conversation, "closed" if number else "returned", **columns, **ends)
        said_by = {"author": "agent", "agent_id": maya, "channel": "webchat"}
        async with transaction(town.engine) as connection:
            await tells(connection, conversation, Content(text="Hello"), later(wait), **said_by)
    waiting = await town.writes("dan")
    await town.with_people(waiting, asked_at=later(0), queued_at=later(0))
    by_agent = await figures(town.engine, TODAY, "agent")
    assert by_agent["Maya"] == {
        "key": maya,
        "name": "Maya",
        "handoffs": 3,
        "answered": 3,
        "first_answer_median_s": 20,
        "first_answer_p90_s": 100,
        "within_level": 0.667,
        "handled_median_s": 100,
        "closed": 2,
        "returned": 1,
        "rating_mean": 4.5,
        "rated": 2,
        "messages": 3,
    }
    assert by_agent[""]["handoffs"] == 1
    assert by_agent[""]["first_answer_median_s"] is None
    assert set(by_agent) == {"Maya", ""}
    by_team = await figures(town.engine, TODAY, "team")
    assert {name: row["handoffs"] for name, row in by_team.items()} == {"Returns": 3, "": 1}
    by_channel = await figures(town.engine, TODAY, "channel")
    assert {name: (row["handoffs"], row["messages"]) for name, row in by_channel.items()} == {
        "telegram": (2, 0),
        "webchat": (2, 3),
    }
    assert ben not in {row["key"] for row in by_agent.values()}
    assert await figures(town.engine, TODAY - timedelta(days=1), "agent") == {}


async def test_a_day_is_the_teams_own_unless_a_zone_is_asked_for(town: Town) -> None:
    auckland = await town.team("Auckland", hours={"timezone": "Pacific/Auckland", "always": True})
    conversation = await town.writes("alice")
    await town.with_people(conversation, team_id=auckland, asked_at=NOON, queued_at=NOON)
    assert await figures(town.engine, TODAY, "team") == {}
    assert set(await figures(town.engine, TODAY + timedelta(days=1), "team")) == {"Auckland"}
    assert set(await figures(town.engine, TODAY, "team", "UTC")) == {"Auckland"}


def test_nothing_in_a_csv_runs_in_a_spreadsheet() -> None:
    row = {name: 1 for name in COLUMNS}
    names = ["=HYPERLINK(1)", "+1", "-1", "@x", "\tx", "\rx", 'Quote "me", please', "Maya"]
    read = list(csv.reader(io.StringIO(as_csv([{**row, "name": name, "key": None} for name in names]))))
    assert read[0] == list(COLUMNS)
    assert [one[1] for one in read[1:]] == [*(f"'{name}" for name in names[:6]), *names[6:]]


async def test_supervisors_export_and_it_is_noted(office: Office) -> None:
    await office.asks_for_people("alice")
    eve, maya = await office.comes("eve", "supervisor"), await office.comes("maya")
    path = "/desk/api/figures?day=2026-11-21"
    status, told = await eve.get(f"{path}&by=channel")
    assert (status, [row["key"] for row in told["rows"]]) == (200, ["telegram"])
    status, text = await eve.get(f"{path}&by=channel&format=csv")
    assert (status, text.splitlines()[1].split(",")[:3]) == (200, ["telegram", "telegram", "1"])
    [noted] = await rows(office.engine, audit, what="exported")
    assert (noted.who, noted.detail) == (office.agents["eve"], {"day": "2026-11-21", "by": "channel"})
    for wrong in ("day=today", "day=2026-11-21&by=customer", "day=2026-11-21&timezone=Mars/Base", "day=0001-01-01"):
        assert (await eve.get(f"/desk/api/figures?{wrong}"))[0] == 422
    status, log = await eve.get("/desk/api/audit")
    assert (status, "exported" in [row["what"] for row in log["items"]]) == (200, True)
    for theirs in (path, "/desk/api/live", "/desk/api/audit"):
        assert await maya.get(theirs) == (403, {"error": "not_allowed"})


async def test_supervisors_see_queues_agents_and_what_is_late(town: Town) -> None:
    maya, ben = await hire(town.engine, "maya"), await hire(town.engine, "ben", capacity=2)
    returns, others = await town.team("Returns", answer_within=60), await town.team("Others", answer_within=3_600)
    alice, bob, carol = [await town.writes(who) for who in ("alice", "bob", "carol")]
    since: dict[str, Any] = {"asked_at": NOON, "queued_at": NOON}
    await town.with_people(alice, team_id=returns, **since)
    await town.with_people(bob, team_id=others, **since)
    await town.with_people(carol, "agent", agent_id=maya, team_id=returns, answered_at=NOON, **since)
    town.clock.now = NOON + timedelta(seconds=90)
    async with transaction(town.engine) as connection:
        await connection.execute(sa.insert(team_members).values(team_id=returns, agent_id=maya))
        await connection.execute(sa.update(agents).where(agents.c.id == maya).values(seen_at=town.clock()))
    async with reading(town.engine) as connection:
        shown = await read_overview(connection, town.clock())
    assert shown["queues"] == [
        {"team": others, "waiting": 1, "longest_s": 90, "open": 0, "late": 0},
        {"team": returns, "waiting": 1, "longest_s": 90, "open": 1, "late": 1},
    ]
    assert shown["agents"] == [
        {"agent": ben, "state": "offline", "open": 0, "capacity": 2},
        {"agent": maya, "state": "available", "open": 1, "capacity": 5},
    ]
    assert shown["warnings"] == [
        {"kind": "late", "team": returns, "conversation": alice, "seconds": 90},
        {"kind": "nobody", "team": others, "seconds": 90},
    ]
