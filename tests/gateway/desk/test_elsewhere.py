"""Colleagues are seen at whichever gateway they are connected to, and a gateway that died leaves nobody behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.gateway.desk.elsewhere import Elsewhere, People
from bot.gateway.migrate import upgrade
from bot.store.database import connect
from bot.store.whispers import OwnWhispers
from tests.database import Clock, fresh_postgres
from tests.gateway.desk.office import Office, open_office
from tests.gateway.running import running_gateway


class Strict(OwnWhispers):
    """Takes no more than PostgreSQL does."""

    async def say(self, topic: str, what: dict[str, Any]) -> None:
        assert len(json.dumps([topic, what])) < 7_000
        await super().say(topic, what)


class Side:
    """One gateway's, with a clock that is moved."""

    def __init__(self, whispers: OwnWhispers, name: str) -> None:
        self.now = 0.0
        self.here: dict[str, People] = {}
        self.changed: list[str] = []
        self.touched: list[str] = []
        self.elsewhere = Elsewhere(
            whispers,
            name,
            here=lambda conversation: self.here.get(conversation, People()),
            changed=self.changed.append,
            touched=self.touched.append,
            clock=lambda: self.now,
        )

    async def looks(self, conversation: str, *viewers: str, typing: tuple[str, ...] = ()) -> None:
        self.here[conversation] = People(frozenset(viewers), frozenset(typing))
        self.elsewhere.say(conversation)
        await told()


async def told() -> None:
    """What was to be said has been said."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*tasks)


@pytest.fixture
def sides() -> tuple[Side, Side]:
    whispers = Strict()
    return Side(whispers, "here"), Side(whispers, "there")


async def test_who_looks_is_known_at_the_other_gateway_and_not_counted_twice(sides: tuple[Side, Side]) -> None:
    here, there = sides
    await here.looks("kettle", "Maya", typing=("Maya",))
    assert there.elsewhere.people("kettle") == People(frozenset({"Maya"}), frozenset({"Maya"}))
    assert there.elsewhere.people("teapot") == here.elsewhere.people("kettle") == People()
    assert (there.changed, here.changed) == (["kettle"], [])
    await here.looks("kettle")
    assert there.elsewhere.people("kettle") == People()
    assert there.changed == ["kettle", "kettle"]


async def test_what_is_said_again_changes_nothing(sides: tuple[Side, Side]) -> None:
    here, there = sides
    await here.looks("kettle", "Maya")
    here.now = 1.9
    here.elsewhere.repeat(["kettle"])
    await told()
    assert not asyncio.all_tasks() - {asyncio.current_task()}
    here.now = 2.0
    here.elsewhere.repeat(["kettle"])
    await told()
    assert there.changed == ["kettle"]


async def test_whoever_is_not_heard_of_any_more_is_gone(sides: tuple[Side, Side]) -> None:
    here, there = sides
    await here.looks("kettle", "Maya")
    there.now = here.now = 5.9
    there.elsewhere.forget()
    assert there.elsewhere.people("kettle").viewers == {"Maya"}
    here.elsewhere.repeat(["kettle"])
    await told()
    there.now = 11.8
    there.elsewhere.forget()
    assert there.changed == ["kettle"]
    there.now = 11.9
    there.elsewhere.forget()
    assert there.elsewhere.people("kettle") == People()
    assert there.changed == ["kettle", "kettle"]


async def test_however_many_are_looked_at_each_is_told(sides: tuple[Side, Side]) -> None:
    here, there = sides
    for n in range(500):
        here.here[f"conversation {n}"] = People(frozenset({f"agent {n}"}))
    crowd = frozenset(f"{n:032x}" for n in range(1_000))
    here.here["crowd"] = People(crowd, crowd)
    here.elsewhere.say(*here.here)
    await told()
    assert all(there.elsewhere.people(f"conversation {n}").viewers == {f"agent {n}"} for n in range(500))
    assert len(there.elsewhere.people("crowd").viewers) == 80


async def test_what_was_touched_here_is_touched_there(sides: tuple[Side, Side]) -> None:
    here, there = sides
    await here.elsewhere.touched("kettle")
    assert (here.touched, there.touched) == ([], ["kettle"])


@asynccontextmanager
async def two_offices(server: str, clock: Clock, folder: Path) -> AsyncIterator[tuple[Office, Office]]:
    """Of one company, each at its own gateway."""
    url = await fresh_postgres(server)
    engine = connect(url)
    await upgrade(engine)
    async with (
        open_office(engine, clock, folder) as one,
        running_gateway(folder, clock=clock, database_url=url) as gateway,
    ):
        other = Office(gateway=gateway, engine=engine, clock=clock, agents=one.agents)
        yield one, other
        await other.goes_home()
    await engine.dispose()


async def test_colleagues_at_two_gateways_see_each_other(postgres_server: str, clock: Clock, tmp_path: Path) -> None:
    async with two_offices(postgres_server, clock, tmp_path) as (one, other):
        conversation = await one.asks_for_people("alice")
        maya, ben = await one.comes("maya"), await other.comes("ben")
        her, him = one.agents["maya"], one.agents["ben"]
        async with one.window(maya) as hers:
            await hers.say("open", conversation=conversation)
            await hers.hears("people", viewers=[her])
            async with other.window(ben) as his:
                await his.say("open", conversation=conversation)
                await hers.hears("people", viewers=sorted([her, him]), typing=[])
                await his.say("typing", conversation=conversation)
                await hers.hears("people", typing=[him])
                panel = (await maya.get(f"/desk/api/conversations/{conversation}"))[1]
                assert panel["viewers"] == sorted([her, him])
            await hers.hears("people", viewers=[her], typing=[])


async def test_what_an_agent_has_read_at_one_gateway_is_read_in_their_window_at_the_other(
    postgres_server: str, clock: Clock, tmp_path: Path
) -> None:
    async with two_offices(postgres_server, clock, tmp_path) as (one, other):
        conversation = await one.asks_for_people("alice")
        here, there = await one.comes("maya"), await other.comes("maya")
        async with one.window(here) as reading, other.window(there) as lists:
            await lists.hears("hello")
            await reading.say("open", conversation=conversation)
            newest = (await reading.hears("lines"))["lines"][-1]["id"]
            await reading.say("seen", conversation=conversation, message=newest)
            await lists.hears_of(conversation, unread=0)
