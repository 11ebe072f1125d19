"""The desk's lists: which conversations, in which order, page by page, and what each shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.customers import audience_conversation
from bot.gateway.desk.items import BadCursor, Wanted, count, read_items, read_page
from bot.store.database import reading, transaction
from bot.store.desk_tables import handoffs, labels, seen, teams
from bot.store.merging import join_customers
from bot.store.tables import conversations, customers, identities, messages
from channels.contract import Content, Media
from tests.database import NOON, Clock
from tests.gateway.desk.office import tells
from tests.gateway.desk.staff import hire
from tests.gateway.people import accepted, conversation_of, customer_of, says

PLAIN = str.upper
"""Stands for taking the formatting off."""


class Town:
    """Customers who write, and what becomes of their conversations."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock

    async def writes(self, who: str, words: Any = "hello", channel: str = "telegram") -> str:
        self.clock.forward(seconds=1)
        await accepted(self.engine, says(who, words, channel=channel), self.clock())
        return await conversation_of(self.engine, who, channel)

    async def with_people(self, conversation: str, state: str = "queued", **columns: Any) -> int:
        row = {
            "conversation_id": conversation,
            "state": state,
            "priority": 0,
            "why": "asked",
            "asked_at": self.clock(),
            "queued_at": self.clock(),
            "left_message": False,
            **columns,
        }
        async with transaction(self.engine) as connection:
            result = await connection.execute(sa.insert(handoffs).values(**row).returning(handoffs.c.id))
            return int(result.scalar_one())

    async def team(self, name: str, **columns: Any) -> int:
        row = {
            "name": name,
            "topics": [],
            "hours": {"timezone": "UTC", "always": True},
            "answer_within": 60,
            "assignment": "automatic",
            "created_at": NOON,
            **columns,
        }
        async with transaction(self.engine) as connection:
            result = await connection.execute(sa.insert(teams).values(**row).returning(teams.c.id))
            return int(result.scalar_one())

    async def lists(self, view: str, agent: str = "", **more: Any) -> list[str]:
        """All pages, two at a time; nothing twice, and as many as are counted."""
        wanted = Wanted(view=view, agent=agent, limit=2, **more)
        found, after = list[str](), None
        async with reading(self.engine) as connection:
            while True:
                page = await read_page(connection, wanted, after)
                found += page.ids
                after = page.after
                if after is None:
                    break
            assert len(set(found)) == len(found) == await count(connection, wanted)
        return found

    async def item(self, conversation: str, agent: str = "") -> Any:
        async with reading(self.engine) as connection:
            [item] = await read_items(connection, [conversation], agent, self.clock(), PLAIN)
        return item


@pytest.fixture
def town(engine: AsyncEngine, clock: Clock) -> Town:
    return Town(engine, clock)


async def test_all_are_listed_with_the_latest_words_first(town: Town) -> None:
    alice, bob, carol = [await town.writes(who) for who in ("alice", "bob", "carol")]
    assert await town.lists("all") == [carol, bob, alice]
    await town.writes("alice")
    assert await town.lists("all") == [alice, carol, bob]


async def test_groups_and_whoever_turned_out_to_be_somebody_else_are_in_no_list(town: Town) -> None:
    alice, _ = await town.writes("alice"), await town.writes("al", channel="webchat")
    async with transaction(town.engine) as connection:
        await audience_conversation(connection, "telegram", "-100", NOON)
        one, into = await customer_of(town.engine, "al", "webchat"), await customer_of(town.engine, "alice", "telegram")
        await join_customers(connection, one=one, into=into, now=NOON)
    assert await town.lists("all") == [alice]
    assert (await town.item(alice))["channels"] == ["webchat", "telegram"]


async def test_a_conversation_is_listed_though_its_newest_messages_went_away(town: Town) -> None:
    alice = await town.writes("alice")
    async with transaction(town.engine) as connection:
        await connection.execute(sa.update(conversations).values(last_seq=7))
    assert await town.lists("all") == [alice]


async def test_who_is_taken_first_stands_first_in_the_queue(town: Town) -> None:
    people = {who: await town.writes(who) for who in ("alice", "bob", "carol", "dan")}
    for who, priority in (("alice", 0), ("bob", 5), ("carol", 0), ("dan", 5)):
        await town.with_people(people[who], priority=priority, queued_at=NOON)
    assert await town.lists("queue") == [people[who] for who in ("bob", "dan", "alice", "carol")]


async def test_mine_are_mine_and_a_teams_are_its_own(town: Town) -> None:
    maya = await hire(town.engine, "maya")
    returns, others = await town.team("Returns"), await town.team("Others")
    alice, bob, carol = [await town.writes(who) for who in ("alice", "bob", "carol")]
    await town.with_people(alice, "agent", agent_id=maya, team_id=returns)
    await town.with_people(bob, "snoozed", agent_id=maya, team_id=others)
    await town.with_people(carol, "queued", team_id=returns)
    assert await town.lists("mine", maya) == [bob, alice]
    assert await town.lists("team", maya, teams=(returns,)) == [carol, alice]
    assert await town.lists("team", maya, team=others, teams=(returns,)) == [bob]
    assert await town.lists("team", maya) == [carol, bob, alice]
    assert await town.lists("queue", maya, team=others) == []
    assert await town.lists("all", maya) == [carol, bob, alice]


async def test_closed_is_what_was_closed_last_and_not_heard_of_since(town: Town) -> None:
    alice, bob = await town.writes("alice"), await town.writes("bob")
    for one in (alice, bob):
        await town.with_people(one, "closed", ended_at=town.clock())
    assert await town.lists("closed") == [bob, alice]
    assert (await town.item(alice))["state"] == "closed"
    await town.writes("alice", "and one more thing")
    assert await town.lists("closed") == [bob]
    assert (await town.item(alice))["state"] == "bot"
    await town.with_people(bob, "queued")
    assert await town.lists("closed") == []


async def test_who_came_along_with_a_merge_is_with_people_though_another_stretch_is_over(town: Town) -> None:
    alice = await town.writes("alice")
    await town.with_people(alice)
    await town.with_people(alice, "closed", ended_at=town.clock())
    assert (await town.item(alice))["state"] == "queued"
    assert await town.lists("closed") == []


async def test_lists_can_be_narrowed_to_a_label_or_a_channel(town: Town) -> None:
    alice, bob = await town.writes("alice"), await town.writes("bob", channel="webchat")
    for one in (alice, bob):
        await town.with_people(one)
    async with transaction(town.engine) as connection:
        await connection.execute(sa.insert(labels).values(conversation_id=alice, label="vip", created_at=NOON))
    for view in ("all", "queue", "team"):
        assert await town.lists(view, label="vip") == [alice]
        assert await town.lists(view, label="none") == []
        assert await town.lists(view, channel="webchat") == [bob]


async def test_a_cursor_that_is_none_is_refused(town: Town) -> None:
    async with reading(town.engine) as connection:
        for view in ("queue", "mine", "team", "all", "closed"):
            for cursor in ("", "x", "1.2", "1.2.3.4", "'; --", "9" * 30, "1.x.3"):
                with pytest.raises(BadCursor):
                    await read_page(connection, Wanted(view=view, agent=""), cursor)


async def test_an_item_shows_what_was_said_last_and_what_is_unread(town: Town) -> None:
    maya = await hire(town.engine, "maya")
    alice = await town.writes("alice", "a  first\nline")
    assert await town.item(alice, maya) == {
        "id": alice,
        "customer": {"id": await customer_of(town.engine, "alice", "telegram"), "name": None},
        "channels": ["telegram"],
        "state": "bot",
        "agent": None,
        "team": None,
        "topic": None,
        "language": "en",
        "priority": 0,
        "why": None,
        "queued_at": None,
        "asked_at": None,
        "answered_at": None,
        "snoozed_until": None,
        "late": False,
        "last": {"id": 1, "at": "2026-11-21T12:00:01Z", "author": "customer", "text": "a first line"},
        "labels": [],
        "left_message": False,
        "unread": 0,
    }
    await town.with_people(alice)
    await town.writes("alice", "second")
    await town.writes("alice", "third")
    assert (await town.item(alice, maya))["unread"] == 3
    async with transaction(town.engine) as connection:
        await connection.execute(sa.insert(seen).values(agent_id=maya, conversation_id=alice, seq=2))
        await tells(connection, alice, Content(text="x" * 200), town.clock())
    item = await town.item(alice, maya)
    assert (item["unread"], item["last"]["author"], len(item["last"]["text"])) == (1, "bot", 140)
    assert item["last"]["text"].startswith("XXX")


async def test_what_has_no_words_is_shown_by_a_sign(town: Town) -> None:
    picture = Media(kind="picture", ref="secret", name="kettle.jpg")
    alice = await town.writes("alice", picture)
    assert (await town.item(alice))["last"]["text"] == "📷 kettle.jpg"


async def test_a_first_answer_is_late_by_the_teams_own_level(town: Town) -> None:
    maya, team = await hire(town.engine, "maya"), await town.team("Returns", answer_within=60)
    waits, left, answered, nobodys = [await town.writes(who) for who in ("alice", "bob", "carol", "dan")]
    await town.with_people(waits, team_id=team)
    await town.with_people(left, team_id=team, left_message=True)
    await town.with_people(answered, "agent", agent_id=maya, team_id=team, answered_at=town.clock())
    await town.with_people(nobodys)
    assert not (await town.item(waits))["late"]
    town.clock.forward(seconds=61)
    late = [one for one in (waits, left, answered, nobodys) if (await town.item(one))["late"]]
    assert late == [waits]


# --- Many -------------------------------------------------------------------------------------------------------------

MANY = 2_000


async def fill(connection: AsyncConnection, many: int) -> None:
    """So many conversations of three messages each, half of them in the queue."""

    def at(number: int) -> datetime:
        return NOON + timedelta(seconds=number)

    ids = range(many)
    people = [{"id": f"c{n}", "name": f"Customer {n}", "created_at": at(n)} for n in ids]
    talks = [
        {
            "id": f"t{n}",
            "customer_id": f"c{n}",
            "owner": "bot",
            "last_seq": 3,
            "inbound_seq": 3,
            "done_seq": 3,
            "epoch": 0,
            "created_at": at(n),
        }
        for n in ids
    ]
    ways = [
        {
            "channel": "telegram",
            "external_id": f"c{n}",
            "customer_id": f"c{n}",
            "address": f"c{n}",
            "assurance": "none",
            "linked_how": "first_contact",
            "linked_at": at(n),
        }
        for n in ids
    ]
    said = [
        {
            "conversation_id": f"t{n}",
            "seq": seq,
            "direction": "in",
            "author": "customer",
            "channel": "telegram",
            "address": f"c{n}",
            "content": {"type": "text", "text": f"words number {n}"},
            "state": "done",
            "attempts": 0,
            "due_at": at(n),
            "created_at": at(n),
        }
        for seq in (1, 2, 3)
        for n in ids
    ]
    waiting = [
        {
            "conversation_id": f"t{n}",
            "state": "queued",
            "priority": n % 3,
            "why": "asked",
            "asked_at": at(n),
            "queued_at": at(n),
            "left_message": False,
        }
        for n in ids
        if n % 2
    ]
    for table, rows in (
        (customers, people),
        (conversations, talks),
        (identities, ways),
        (messages, said),
        (handoffs, waiting),
    ):
        await connection.execute(sa.insert(table), rows)


async def test_a_page_of_many_is_found_along_an_index(engine: AsyncEngine, clock: Clock) -> None:
    async with transaction(engine) as connection:
        await fill(connection, MANY)
        if engine.dialect.name == "postgresql":
            await connection.execute(sa.text("ANALYZE"))
    asked = list[str]()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    numbers = list[int]()
    for limit in (10, 100):
        asked.clear()
        async with reading(engine) as connection:
            page = await read_page(connection, Wanted(view="all", agent="", limit=limit), str(MANY * 3 - 500))
            items = await read_items(connection, page.ids, "", clock(), PLAIN)
        assert (len(items), page.ids[0]) == (limit, f"t{MANY - 502}")
        numbers.append(len([one for one in asked if not one.startswith(("BEGIN", "PRAGMA"))]))
    assert numbers[0] == numbers[1] <= 8
    wanted = Wanted(view="all", agent="", limit=100)
    plan = await _plan(engine, wanted)
    assert "messages" in plan
    assert [one for one in ("Seq Scan on messages", "SCAN messages\n", "TEMP", "Sort") if one in plan] == []


async def _plan(engine: AsyncEngine, wanted: Wanted) -> str:
    """How the database finds a page."""
    from bot.gateway.desk.items import _all

    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    compiled = _all(wanted, "500").limit(101).compile(engine.sync_engine, compile_kwargs={"literal_binds": True})
    async with engine.connect() as connection:
        rows = (await connection.execute(sa.text(explain + str(compiled)))).all()
    return "\n".join(str(row[-1]) for row in rows) + "\n"
