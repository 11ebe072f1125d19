"""Customers who turn out to be one, and who are separated again."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.linking import mint
from bot.gateway.migrate import upgrade
from bot.store.content import content_to_json
from bot.store.database import connect, transaction
from bot.store.merging import latest_merge, separate
from bot.store.numbering import take_numbers
from bot.store.people import unlink
from bot.store.tables import conversations, customers, events, identities, merges, messages
from channels.contract import Content, Link
from tests.database import NOON, Clock, fresh_sqlite
from tests.gateway.people import accepted, conversation_of, customer_of, rows, says

CHANNELS = ("telegram", "whatsapp", "webchat")


class Town:
    """People on channels, and a core that answers what they say: with the words themselves, and an event for each."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.now = NOON

    async def say(self, who: str, text: str, channel: str = "telegram") -> None:
        self.now += timedelta(seconds=1)
        await accepted(self.engine, says(who, text, channel=channel), self.now)
        await self.take_turns()

    async def link(self, who: str, channel: str, to: str, to_channel: str) -> None:
        """`to` is shown a link on `to_channel`, and `who` opens it on `channel`."""
        self.now += timedelta(seconds=1)
        customer = await customer_of(self.engine, to, to_channel)
        async with transaction(self.engine) as connection:
            code = await mint(connection, customer, from_channel=to_channel, to_channel=channel, now=self.now)
        await accepted(self.engine, says(who, Link(code=code), channel=channel), self.now)
        await self.take_turns()

    async def undo(self, merge: int) -> bool:
        self.now += timedelta(seconds=1)
        async with transaction(self.engine) as connection:
            return await separate(connection, merge, by="customer", now=self.now)

    async def take_turns(self) -> None:
        async with transaction(self.engine) as connection:
            waiting = await connection.execute(
                sa.select(messages).where(messages.c.state == "waiting").order_by(messages.c.id)
            )
            for message in waiting.all():
                await _answer(connection, message)

    async def heard(self, conversation: str) -> list[str]:
        """What was said in it, by its messages, in order."""
        found = await rows(self.engine, messages, conversation_id=conversation, direction="in")
        return [row.content.get("text", row.content["type"]) for row in sorted(found, key=lambda row: row.seq)]

    async def told(self, conversation: str) -> list[str]:
        """The same by its events."""
        return [row.data["text"] for row in await rows(self.engine, events, conversation_id=conversation)]


async def _answer(connection: AsyncConnection, message: Any) -> None:
    text = message.content.get("text", message.content["type"])
    last = await connection.execute(
        sa.select(sa.func.max(events.c.seq)).where(events.c.conversation_id == message.conversation_id)
    )
    await connection.execute(
        sa.insert(events).values(
            conversation_id=message.conversation_id,
            seq=(last.scalar_one() or 0) + 1,
            type="user",
            timestamp=0.0,
            message_id=message.id,
            data={"text": text},
        )
    )
    await connection.execute(
        sa.insert(messages).values(
            conversation_id=message.conversation_id,
            seq=await take_numbers(connection, message.conversation_id),
            direction="out",
            author="bot",
            channel=message.channel,
            address=message.address,
            identity_id=message.identity_id,
            cause_id=message.id,
            content=content_to_json(Content(text=text)),
            state="sent",
            attempts=1,
            due_at=message.created_at,
            created_at=message.created_at,
        )
    )
    await connection.execute(sa.update(messages).where(messages.c.id == message.id).values(state="done"))
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == message.conversation_id)
        .values(done_seq=message.seq, waiting_since=None)
    )


async def test_whoever_opens_a_link_brings_all_their_channels_along(engine: AsyncEngine) -> None:
    town = Town(engine)
    await town.say("Alice", "hello", "webchat")
    await town.say("alice_t", "hi", "telegram")
    await town.link("alice_w", "whatsapp", "alice_t", "telegram")
    await town.link("alice_t", "telegram", "Alice", "webchat")

    assert {await customer_of(engine, "alice_t", "telegram"), await customer_of(engine, "alice_w", "whatsapp")} == {
        await customer_of(engine, "Alice", "webchat")
    }


async def test_undoing_gives_everybody_back_what_is_theirs(engine: AsyncEngine) -> None:
    town = Town(engine)
    await town.say("Alice", "a1", "webchat")
    await town.say("bob", "b1", "telegram")
    mine, theirs = await conversation_of(engine, "Alice", "webchat"), await conversation_of(engine, "bob", "telegram")
    await town.link("bob", "telegram", "Alice", "webchat")
    for who, text, channel in (("Alice", "a2", "webchat"), ("bob", "b2", "telegram"), ("Alice", "a3", "webchat")):
        await town.say(who, text, channel)
    assert await town.told(mine) == ["a1", "linked", "a2", "b2", "a3"]
    assert await town.told(theirs) == ["b1"]

    [merge] = await rows(engine, merges)
    assert await town.undo(merge.id)

    assert await town.heard(mine) == ["a1", "a2", "a3"]
    assert await town.told(mine) == ["a1", "a2", "a3"]
    assert await town.heard(theirs) == ["b1", "linked", "b2"]
    assert await town.told(theirs) == ["b1", "b2"]
    assert await conversation_of(engine, "bob", "telegram") == theirs
    await town.say("bob", "b3", "telegram")
    assert await town.heard(theirs) == ["b1", "linked", "b2", "b3"]


async def test_it_is_undone_once(engine: AsyncEngine) -> None:
    town = Town(engine)
    await town.say("Alice", "a1", "webchat")
    await town.link("bob", "telegram", "Alice", "webchat")
    [merge] = await rows(engine, merges)
    assert await town.undo(merge.id)
    assert not await town.undo(merge.id)


async def test_a_merge_into_somebody_who_was_merged_since_can_be_undone(engine: AsyncEngine) -> None:
    town = Town(engine)
    for who, channel in (("Alice", "webchat"), ("bob", "telegram"), ("carol", "whatsapp")):
        await town.say(who, f"{who} 1", channel)
    own = {who: await conversation_of(engine, who, channel) for who, channel in (("bob", "telegram"),)}
    await town.link("bob", "telegram", "Alice", "webchat")
    await town.say("bob", "bob 2", "telegram")
    await town.link("Alice", "webchat", "carol", "whatsapp")
    await town.say("bob", "bob 3", "telegram")
    [first, _second] = await rows(engine, merges)
    await town.undo(first.id)

    assert await town.told(own["bob"]) == ["bob 1", "bob 2", "bob 3"]
    assert await customer_of(engine, "Alice", "webchat") == await customer_of(engine, "carol", "whatsapp")


async def test_whoever_is_unlinked_starts_anew(engine: AsyncEngine) -> None:
    town = Town(engine)
    await town.say("Alice", "a1", "webchat")
    await town.link("bob", "telegram", "Alice", "webchat")
    [row] = await rows(engine, identities, external_id="bob")
    async with transaction(engine) as connection:
        await unlink(connection, row.id, town.now)
    await town.say("bob", "b1", "telegram")
    assert await town.told(await conversation_of(engine, "bob", "telegram")) == ["b1"]
    [row] = await rows(engine, identities, external_id="bob")
    assert row.assurance == "none"


async def test_two_whom_the_company_knows_as_two_are_never_one(engine: AsyncEngine, clock: Clock) -> None:
    town = Town(engine)
    await town.say("Alice", "a1", "webchat")
    await town.say("bob", "b1", "telegram")
    for who, channel in (("Alice", "webchat"), ("bob", "telegram")):
        customer = await customer_of(engine, who, channel)
        async with transaction(engine) as connection:
            await connection.execute(sa.update(customers).where(customers.c.id == customer).values(account=who))
    await town.link("bob", "telegram", "Alice", "webchat")
    assert await customer_of(engine, "bob", "telegram") != await customer_of(engine, "Alice", "webchat")
    [last] = [row for row in await rows(engine, messages, direction="in") if row.content["type"] == "link_refused"]
    assert last.content["problem"] == "other_account"


async def test_a_customer_number_comes_along_and_goes_back(engine: AsyncEngine) -> None:
    town = Town(engine)
    await town.say("Alice", "a1", "webchat")
    await town.say("bob", "b1", "telegram")
    theirs = await customer_of(engine, "bob", "telegram")
    async with transaction(engine) as connection:
        await connection.execute(sa.update(customers).where(customers.c.id == theirs).values(account="C-7"))
    await town.link("bob", "telegram", "Alice", "webchat")
    mine = await customer_of(engine, "Alice", "webchat")
    assert [row.account for row in await rows(engine, customers, id=mine)] == ["C-7"]
    [merge] = await rows(engine, merges)
    await town.undo(merge.id)
    assert [row.account for row in await rows(engine, customers, id=mine)] == [None]
    assert [row.account for row in await rows(engine, customers, id=theirs)] == ["C-7"]


async def test_the_newest_merge_is_the_one_to_undo_within_a_time(engine: AsyncEngine) -> None:
    town = Town(engine)
    await town.say("Alice", "a1", "webchat")
    await town.link("bob", "telegram", "Alice", "webchat")
    [row] = await rows(engine, identities, external_id="bob")
    [merge] = await rows(engine, merges)
    async with transaction(engine) as connection:
        assert await latest_merge(connection, row.id, since=NOON) == merge.id
        assert await latest_merge(connection, row.id, since=town.now + timedelta(hours=1)) is None


# --- Whatever happens, in whatever order ------------------------------------------------------------------------------

PEOPLE = [(f"{name}_{channel[:3]}", channel) for name in ("ann", "ben") for channel in CHANNELS]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(0, 5)),
        st.tuples(st.just("link"), st.integers(0, 5), st.integers(0, 5)),
        st.tuples(st.just("undo"), st.integers(0, 9)),
        st.tuples(st.just("unlink"), st.integers(0, 5)),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_every_message_and_every_identity_belongs_somewhere_once(steps: Sequence[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), steps))


async def _play(folder: Path, steps: Sequence[tuple[Any, ...]]) -> None:
    engine = connect(fresh_sqlite(folder))
    await upgrade(engine)
    try:
        town = Town(engine)
        said = {who: 0 for who, _ in PEOPLE}
        for who, channel in PEOPLE:
            await town.say(who, f"{who} 0", channel)
        for step in steps:
            await _step(town, step, said)
            await _check(town, said)
    finally:
        await engine.dispose()


async def _step(town: Town, step: tuple[Any, ...], said: dict[str, int]) -> None:
    kind, number, *rest = step
    if kind == "undo":
        found = await rows(town.engine, merges)
        if found:
            await town.undo(found[number % len(found)].id)
        return
    who, channel = PEOPLE[number]
    if kind == "say":
        said[who] += 1
        await town.say(who, f"{who} {said[who]}", channel)
    elif kind == "link":
        await town.link(who, channel, *PEOPLE[rest[0]])
    else:
        [row] = await rows(town.engine, identities, external_id=who)
        async with transaction(town.engine) as connection:
            await unlink(connection, row.id, town.now)


async def _check(town: Town, said: dict[str, int]) -> None:
    everybody = await rows(town.engine, identities)
    assert len(everybody) == len(PEOPLE)
    merged = {row.id for row in await rows(town.engine, customers) if row.merged_into is not None}
    assert not merged & {row.customer_id for row in everybody}

    every_conversation = await rows(town.engine, conversations)
    heard = [text for row in every_conversation for text in await town.heard(row.id) if " " in text]
    assert sorted(heard) == sorted(f"{who} {number}" for who in said for number in range(said[who] + 1))
    for conversation in every_conversation:
        told = [text for text in await town.told(conversation.id) if " " in text]
        assert told == [text for text in await town.heard(conversation.id) if " " in text]
        numbers = [row.seq for row in await rows(town.engine, events, conversation_id=conversation.id)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert conversation.waiting_since is None
        assert conversation.inbound_seq <= conversation.done_seq <= conversation.last_seq

    for row in await rows(town.engine, messages, direction="out"):
        [cause] = await rows(town.engine, messages, id=row.cause_id)
        assert (row.conversation_id, row.channel, row.address) == (
            cause.conversation_id,
            cause.channel,
            cause.address,
        )
