"""A link joins exactly the one who opens it, once, in time, on its own channel."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.linking import mint
from bot.store.database import transaction
from bot.store.tables import identities, link_codes, merges, messages
from channels.contract import Link
from tests.database import NOON, Clock
from tests.gateway.people import accepted, conversation_of, customer_of, rows, says


async def code_for(engine: AsyncEngine, who: str, clock: Clock, *, to: str = "telegram") -> str:
    customer = await customer_of(engine, who, "webchat")
    async with transaction(engine) as connection:
        return await mint(connection, customer, from_channel="webchat", to_channel=to, now=clock())


@pytest.fixture
async def code(engine: AsyncEngine, clock: Clock) -> str:
    """Alice is on the website and was shown this code for Telegram."""
    await accepted(engine, says("Alice", "hello", channel="webchat"), clock())
    return await code_for(engine, "Alice", clock)


async def last_message(engine: AsyncEngine) -> object:
    return (await rows(engine, messages))[-1].content


async def test_who_opens_the_link_is_joined(engine: AsyncEngine, clock: Clock, code: str) -> None:
    joined = await accepted(engine, says("alice_t", Link(code=code)), clock())

    assert joined.conversation == await conversation_of(engine, "Alice", "webchat")
    assert await customer_of(engine, "alice_t", "telegram") == await customer_of(engine, "Alice", "webchat")
    [identity] = await rows(engine, identities, external_id="alice_t")
    assert (identity.assurance, identity.linked_how, identity.linked_at) == ("code", "deep_link", NOON)
    [merge] = await rows(engine, merges)
    assert await last_message(engine) == {"type": "linked", "from": "webchat", "merge": merge.id}
    assert merge.message_id == joined.message


async def test_what_is_said_afterwards_belongs_to_the_same_conversation(
    engine: AsyncEngine, clock: Clock, code: str
) -> None:
    await accepted(engine, says("alice_t", Link(code=code)), clock())
    on_telegram = await accepted(engine, says("alice_t", "and now?"), clock())
    on_the_website = await accepted(engine, says("Alice", "still here", channel="webchat"), clock())

    assert on_telegram.conversation == on_the_website.conversation
    assert [row.seq for row in await rows(engine, messages, conversation_id=on_telegram.conversation)] == [1, 2, 3, 4]


async def test_the_code_itself_is_stored_nowhere(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("alice_t", Link(code=code)), clock())

    for table in (link_codes, messages, identities):
        assert code not in repr(await rows(engine, table))


async def test_a_used_code_joins_nobody_else(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("alice_t", Link(code=code)), clock())
    await accepted(engine, says("Mallory", Link(code=code)), clock())

    assert await last_message(engine) == {"type": "link_refused", "problem": "used"}
    assert await customer_of(engine, "Mallory", "telegram") != await customer_of(engine, "Alice", "webchat")


async def test_opening_the_same_link_again_is_no_mistake(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("alice_t", Link(code=code)), clock())
    await accepted(engine, says("alice_t", Link(code=code)), clock())

    assert await last_message(engine) == {"type": "linked", "from": "webchat"}


async def test_of_two_who_open_it_at_once_one_is_joined(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await asyncio.gather(*(accepted(engine, says(f"tab{n}", Link(code=code)), clock()) for n in range(6)))

    alice = await customer_of(engine, "Alice", "webchat")
    joined = [row for row in await rows(engine, identities, channel="telegram") if row.customer_id == alice]
    assert len(joined) == 1
    contents = [row.content["type"] for row in await rows(engine, messages, channel="telegram")]
    assert sorted(contents) == ["link_refused"] * 5 + ["linked"]


async def test_an_expired_code_joins_nobody(engine: AsyncEngine, clock: Clock, code: str) -> None:
    clock.forward(minutes=10)
    await accepted(engine, says("alice_t", Link(code=code)), clock())

    assert await last_message(engine) == {"type": "link_refused", "problem": "expired"}
    assert await customer_of(engine, "alice_t", "telegram") != await customer_of(engine, "Alice", "webchat")


@pytest.mark.parametrize("invented", ["", "A" * 32, "'; DROP TABLE customers; --", "码" * 20])
async def test_an_invented_code_joins_nobody(engine: AsyncEngine, clock: Clock, code: str, invented: str) -> None:
    await accepted(engine, says("Mallory", Link(code=invented)), clock())

    assert await last_message(engine) == {"type": "link_refused", "problem": "unknown"}


async def test_a_code_for_another_channel_joins_nobody(engine: AsyncEngine, clock: Clock, code: str) -> None:
    await accepted(engine, says("Mallory", Link(code=code), channel="webchat"), clock())

    assert await last_message(engine) == {"type": "link_refused", "problem": "unknown"}


async def test_a_link_delivered_three_times_is_one_message(engine: AsyncEngine, clock: Clock, code: str) -> None:
    inbound = says("alice_t", Link(code=code))
    for _ in range(3):
        await accepted(engine, inbound, clock())

    assert len(await rows(engine, messages, channel="telegram")) == 1


async def test_codes_long_out_of_date_are_forgotten(engine: AsyncEngine, clock: Clock, code: str) -> None:
    clock.forward(days=3)
    await code_for(engine, "Alice", clock)

    assert len(await rows(engine, link_codes)) == 1
