"""What other desks are told: every conversation that is with people, from its beginning to its end, each message once,
and nothing of any other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.outside.telling import CHANGED, WAITS, tell_some
from bot.store.database import connect, reading, transaction
from bot.store.desk_tables import outside_messages, outside_stretches
from bot.store.handoffs import ask_desk, move
from bot.store.tables import conversations, customers, identities, merges
from channels.contract import Choice, Location, Start
from tests.database import Clock
from tests.gateway.desk.outside import Core, change, told
from tests.gateway.desk.staff import hire
from tests.gateway.people import accepted, bot_says, customer_of, rows, says


@pytest.fixture
def core(engine: AsyncEngine, clock: Clock) -> Core:
    return Core(engine, clock)


async def look(engine: AsyncEngine, clock: Clock) -> None:
    more = True
    while more:
        async with transaction(engine) as connection:
            more = await tell_some(connection, ["webhook"], clock())


async def begin(core: Core, clock: Clock, conversation: str, **started: Any) -> None:
    """The customer asks for people a moment after what was said so far."""
    clock.forward(seconds=1)
    await core.begin(conversation, **started)


async def waits(engine: AsyncEngine) -> bool:
    async with reading(engine) as connection:
        return bool((await connection.execute(sa.select(sa.or_(WAITS, CHANGED)))).scalar_one())


async def types(engine: AsyncEngine) -> list[str]:
    return [row.type for row in await told(engine)]


async def test_a_conversation_with_the_bot_is_told_to_nobody(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("alice", "hello"), clock())
    await bot_says(engine, asked, "Hello!", clock())
    assert not await waits(engine)
    await look(engine, clock)
    assert await told(engine) == []


async def test_it_begins_with_who_it_is_and_what_was_said_so_far(engine: AsyncEngine, clock: Clock, core: Core) -> None:
    await accepted(engine, says("alice", Start()), clock())
    first = await accepted(engine, says("alice", "where is my order?"), clock())
    await bot_says(engine, first, "Which one?", clock())
    await begin(core, clock, first.conversation, topic="orders", language="en")
    assert await waits(engine)
    await look(engine, clock)
    [row] = await told(engine)
    data = row.data
    assert (row.type, row.receiver, row.stream) == ("conversation.queued", "webhook", first.conversation)
    assert (data["conversation"], data["again"], data["why"], data["topic"], data["language"]) == (
        first.conversation,
        False,
        "asked",
        "orders",
        "en",
    )
    assert data["customer"]["id"] == await customer_of(engine, "alice", "telegram")
    assert [one["channel"] for one in data["channels"]] == ["telegram"]
    assert [(one["author"], one["text"], one["channel"]) for one in data["transcript"]] == [
        ("customer", "where is my order?", "telegram"),
        ("bot", "Which one?", "telegram"),
    ]
    assert not await waits(engine)


async def test_the_transcript_holds_the_last_fifty(engine: AsyncEngine, clock: Clock, core: Core) -> None:
    for number in range(60):
        asked = await accepted(engine, says("alice", f"word {number}"), clock())
    await begin(core, clock, asked.conversation)
    await look(engine, clock)
    [row] = await told(engine)
    assert [one["text"] for one in row.data["transcript"]] == [f"word {number}" for number in range(10, 60)]


async def test_all_that_is_said_with_people_is_told_once_and_in_order(
    engine: AsyncEngine, clock: Clock, core: Core
) -> None:
    asked = await accepted(engine, says("alice", "a person please"), clock())
    await begin(core, clock, asked.conversation)
    clock.forward(seconds=1)
    await bot_says(engine, asked, "You are next.", clock())
    await look(engine, clock)
    maya = await hire(engine, "maya")
    await core.do(asked.conversation, "take", maya, agent=maya)
    await accepted(engine, says("alice", "are you there?"), clock())
    identity = await _identity(engine, "alice")
    await core.do(asked.conversation, "say", maya, agent=maya, content={"text": "I am"}, to=identity)
    await accepted(engine, says("alice", Choice(message=1, option=0, label="Refund")), clock())
    await accepted(engine, says("alice", Location(latitude=1.28, longitude=0.0)), clock())
    await core.do(asked.conversation, "hand_back", maya)
    clock.forward(seconds=1)
    await accepted(engine, says("alice", "for the bot alone"), clock())
    await look(engine, clock)
    await look(engine, clock)
    found = await told(engine)
    assert [row.type for row in found] == [
        "conversation.queued",
        "message.created",
        *["message.created"] * 4,
        "conversation.returned",
    ]
    said = [row.data["message"] for row in found if row.type == "message.created"]
    assert [(one["author"], one["text"]) for one in said] == [
        ("bot", "You are next."),
        ("customer", "are you there?"),
        ("agent", "I am"),
        ("customer", "Refund"),
        ("customer", None),
    ]
    assert said[2]["agent"] == {"id": maya, "name": "Maya", "desk": "throughline"}
    assert said[4]["location"] == {"latitude": 1.28, "longitude": 0.0}
    end = found[-1].data
    assert (end["by"], end["agent"]["name"]) == ("agent", "Maya")


async def test_who_has_it_is_told_with_each_change(engine: AsyncEngine, clock: Clock, core: Core) -> None:
    asked = await accepted(engine, says("alice", "a person please"), clock())
    maya, tom = await hire(engine, "maya"), await hire(engine, "tom")
    await begin(core, clock, asked.conversation)
    await look(engine, clock)
    await core.do(asked.conversation, "take", maya, agent=maya)
    await look(engine, clock)
    await core.do(asked.conversation, "transfer", maya, agent=tom)
    await look(engine, clock)
    await core.do(asked.conversation, "requeue", tom, agent=tom, why="gone")
    await look(engine, clock)
    await core.do(asked.conversation, "close", tom, reason="solved", ask_rating=False)
    await look(engine, clock)
    found = await told(engine)
    assert [(row.type, (row.data.get("agent") or {}).get("name"), row.data.get("again")) for row in found] == [
        ("conversation.queued", None, False),
        ("conversation.assigned", "Maya", None),
        ("conversation.assigned", "Tom", None),
        ("conversation.queued", None, True),
        ("conversation.closed", "Tom", None),
    ]
    assert found[-1].data["reason"] == "solved"


async def test_whoever_goes_back_to_the_bot_is_named(engine: AsyncEngine, clock: Clock, core: Core) -> None:
    asked = await accepted(engine, says("alice", "a person please"), clock())
    await begin(core, clock, asked.conversation)
    await look(engine, clock)
    await core.do(asked.conversation, "back", "customer")
    await look(engine, clock)
    assert [(row.type, row.data.get("by")) for row in await told(engine)][1:] == [("conversation.returned", "customer")]


async def test_delivery_and_edits_are_told_also_a_while_after_the_end(
    engine: AsyncEngine, clock: Clock, core: Core
) -> None:
    asked = await accepted(engine, says("alice", "a person please"), clock())
    await begin(core, clock, asked.conversation)
    clock.forward(seconds=1)
    said = await bot_says(engine, asked, "You are next.", clock())
    heard = await accepted(engine, says("alice", "hurry"), clock())
    await look(engine, clock)
    before = len(await told(engine))
    await change(engine, said, state="sending")
    assert not await waits(engine)
    await change(engine, said, state="sent")
    await look(engine, clock)
    await change(engine, heard.message, content={"type": "text", "text": "hurry", "revised": "please"})
    await look(engine, clock)
    await core.do(asked.conversation, "back", "customer")
    await look(engine, clock)
    await change(engine, said, delivered_at=clock(), read_at=clock())
    await look(engine, clock)
    later = (await told(engine))[before:]
    assert [(row.type, row.data.get("changed")) for row in later] == [
        ("message.updated", ["state"]),
        ("message.updated", ["content"]),
        ("conversation.returned", None),
        ("message.updated", ["delivered_at", "read_at"]),
    ]
    assert later[0].data["message"]["state"] == "sent"
    assert later[1].data["message"]["revised"] == "please"

    clock.forward(hours=2)
    await look(engine, clock)
    assert (await rows(engine, outside_stretches), await rows(engine, outside_messages)) == ([], [])
    assert not await waits(engine)


async def test_what_another_desk_wanted_and_did_not_get_is_told(engine: AsyncEngine, clock: Clock, core: Core) -> None:
    asked = await accepted(engine, says("alice", "a person please"), clock())
    await begin(core, clock, asked.conversation)
    doing = {"do": "say", "by": "somebody", "agent": "somebody", "content": {"text": "hello"}}
    async with transaction(engine) as connection:
        key = "outside:webhook:0123456789"
        await ask_desk(connection, asked.conversation, doing, agent="somebody", now=clock(), key=key)
    await look(engine, clock)
    await core.turns()
    await look(engine, clock)
    [_, row] = await told(engine)
    assert row.type == "doing.refused"
    assert (row.data["do"], row.data["error"]) == ("say", "not_yours")
    assert row.data["reference"] == {"desk": "webhook", "key": "0123456789"}


async def test_two_gateways_that_look_at_once_tell_it_once(engine: AsyncEngine, clock: Clock, core: Core) -> None:
    for who in ("alice", "bob", "carol"):
        asked = await accepted(engine, says(who, "a person please"), clock())
        await begin(core, clock, asked.conversation)
    other = connect(engine.url)
    try:
        await asyncio.gather(*(look(one, clock) for one in (engine, other, engine, other)))
    finally:
        await other.dispose()
    await look(engine, clock)
    assert await types(engine) == ["conversation.queued"] * 3
    assert len({row.stream for row in await told(engine)}) == 3


async def test_a_conversation_that_joins_another_brings_nothing_that_was_said_to_the_bot(
    engine: AsyncEngine, clock: Clock, core: Core
) -> None:
    old = await accepted(engine, says("alice", "a person please"), clock())
    new = await accepted(engine, says("alice", "for the bot alone", channel="whatsapp"), clock())
    await begin(core, clock, old.conversation)
    await look(engine, clock)
    clock.forward(seconds=1)
    async with transaction(engine) as connection:
        await _join(connection, engine, old.conversation, new.conversation, clock)
        await move(connection, old=old.conversation, new=new.conversation, now=clock())
    await accepted(engine, says("alice", "here I am", channel="whatsapp"), clock())
    await look(engine, clock)
    found = await told(engine)
    assert [row.type for row in found] == ["conversation.queued", "message.created"]
    assert found[1].data["message"]["text"] == "here I am"
    assert (found[1].data["conversation"], found[1].data["handoff"]) == (new.conversation, found[0].data["handoff"])
    assert found[1].stream == found[0].stream


async def test_a_stretch_that_was_over_before_anybody_looked_is_not_told(
    engine: AsyncEngine, clock: Clock, core: Core
) -> None:
    asked = await accepted(engine, says("alice", "a person please"), clock())
    await begin(core, clock, asked.conversation)
    await core.do(asked.conversation, "back", "customer")
    assert not await waits(engine)
    await look(engine, clock)
    assert await told(engine) == []


async def _identity(engine: AsyncEngine, who: str) -> int:
    [row] = await rows(engine, identities, external_id=who)
    return int(row.id)


async def _join(connection: Any, engine: AsyncEngine, old: str, new: str, clock: Clock) -> None:
    ids = {}
    for conversation in (old, new):
        found = sa.select(conversations.c.customer_id).where(conversations.c.id == conversation)
        ids[conversation] = (await connection.execute(found)).scalar_one()
    await connection.execute(
        sa.insert(merges).values(
            into_customer=ids[new],
            from_customer=ids[old],
            into_conversation=new,
            from_conversation=old,
            identities=[],
            merged_at=clock(),
        )
    )
    joined = sa.update(customers).where(customers.c.id == ids[old]).values(merged_into=ids[new])
    await connection.execute(joined)
