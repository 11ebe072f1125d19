"""Where a customer is written to by a message that answers nothing, and whose preference counts."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import transaction
from bot.store.merging import join_customers, separate
from bot.store.people import unlink
from bot.store.preferences import prefer
from bot.store.reaching import where_to_reach
from bot.store.tables import customers, identities, open_channels
from tests.database import NOON
from tests.gateway.people import accepted, customer_of, rows, says


class Town:
    """People on channels, all of which the gateway serves."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.now = NOON

    async def open(self, *channels: str) -> None:
        async with transaction(self.engine) as connection:
            rows = [{"name": channel, "opened_at": NOON} for channel in channels]
            await connection.execute(sa.insert(open_channels), rows)

    async def say(self, who: str, channel: str) -> None:
        self.now += timedelta(seconds=1)
        await accepted(self.engine, says(who, "hello", channel=channel), self.now)

    async def join(self, who: str, channel: str, to: str, to_channel: str) -> int:
        self.now += timedelta(seconds=1)
        one, into = await customer_of(self.engine, who, channel), await customer_of(self.engine, to, to_channel)
        async with transaction(self.engine) as connection:
            merge = await join_customers(connection, one=one, into=into, now=self.now)
        assert merge is not None
        return merge

    async def undo(self, merge: int) -> None:
        self.now += timedelta(seconds=1)
        async with transaction(self.engine) as connection:
            assert await separate(connection, merge, by="customer", now=self.now)

    async def prefer(self, who: str, on: str, channel: str) -> None:
        self.now += timedelta(seconds=1)
        identity = await self.identity(who, on)
        async with transaction(self.engine) as connection:
            await prefer(connection, identity, channel, self.now)

    async def preferred(self, who: str, channel: str) -> str | None:
        [customer] = await rows(self.engine, customers, id=await customer_of(self.engine, who, channel))
        preferred: str | None = customer.preferred_channel
        return preferred

    async def identity(self, who: str, channel: str) -> int:
        [row] = await rows(self.engine, identities, external_id=who, channel=channel)
        return int(row.id)

    async def block(self, who: str, channel: str) -> None:
        identity = await self.identity(who, channel)
        async with transaction(self.engine) as connection:
            await connection.execute(
                sa.update(identities).where(identities.c.id == identity).values(blocked_at=self.now)
            )

    async def reached(self, who: str, channel: str) -> str | None:
        """The address."""
        customer = await customer_of(self.engine, who, channel)
        async with transaction(self.engine) as connection:
            place = await where_to_reach(connection, customer)
        return None if place is None else place.address


@pytest.fixture
async def town(engine: AsyncEngine) -> Town:
    """Alice, on the website and then on Telegram."""
    town = Town(engine)
    await town.open("webchat", "telegram", "whatsapp")
    await town.say("Alice", "telegram")
    await town.say("Alice", "webchat")
    await town.join("Alice", "telegram", "Alice", "webchat")
    return town


async def test_without_a_preference_it_is_the_channel_that_was_used_last(town: Town) -> None:
    assert await town.reached("Alice", "webchat") == "Alice@webchat"
    await town.say("Alice", "telegram")
    assert await town.reached("Alice", "webchat") == "Alice@telegram"


async def test_the_preferred_channel_comes_first(town: Town) -> None:
    await town.prefer("Alice", "webchat", "telegram")
    assert await town.reached("Alice", "webchat") == "Alice@telegram"


async def test_a_preferred_channel_that_is_not_linked_counts_once_it_is(town: Town) -> None:
    await town.prefer("Alice", "webchat", "whatsapp")
    assert await town.reached("Alice", "webchat") == "Alice@webchat"
    await town.say("Alice", "whatsapp")
    await town.join("Alice", "whatsapp", "Alice", "webchat")
    await town.say("Alice", "webchat")
    assert await town.reached("Alice", "webchat") == "Alice@whatsapp"


async def test_a_preferred_channel_that_is_blocked_does_not_count(town: Town) -> None:
    await town.prefer("Alice", "webchat", "telegram")
    await town.block("Alice", "telegram")
    assert await town.reached("Alice", "webchat") == "Alice@webchat"


async def test_whoever_blocked_us_everywhere_or_is_served_nowhere_is_not_reached(town: Town) -> None:
    await town.say("Bob", "teams")
    assert await town.reached("Bob", "teams") is None
    for channel in ("telegram", "webchat"):
        await town.block("Alice", channel)
    assert await town.reached("Alice", "webchat") is None


async def test_a_preference_is_the_customers_and_stays_when_the_channel_that_it_was_said_on_leaves(town: Town) -> None:
    await town.prefer("Alice", "telegram", "webchat")
    identity = await town.identity("Alice", "telegram")
    async with transaction(town.engine) as connection:
        await unlink(connection, identity, town.now)
    assert await town.preferred("Alice", "webchat") == "webchat"
    assert await town.preferred("Alice", "telegram") is None


@pytest.mark.parametrize(("first", "then"), [("Alice", "Bob"), ("Bob", "Alice")])
async def test_of_two_who_become_one_the_newer_preference_counts_and_each_has_theirs_again(
    town: Town, first: str, then: str
) -> None:
    await town.say("Bob", "whatsapp")
    own = {"Alice": ("telegram", "telegram"), "Bob": ("whatsapp", "webchat")}
    for who in (first, then):
        await town.prefer(who, *own[who])
    merge = await town.join("Bob", "whatsapp", "Alice", "webchat")
    assert await town.preferred("Alice", "webchat") == own[then][1]
    await town.undo(merge)
    assert await town.preferred("Alice", "webchat") == "telegram"
    assert await town.preferred("Bob", "whatsapp") == "webchat"


async def test_what_either_said_since_goes_back_with_them(town: Town) -> None:
    await town.say("Bob", "whatsapp")
    await town.prefer("Alice", "webchat", "webchat")
    merge = await town.join("Bob", "whatsapp", "Alice", "webchat")
    await town.prefer("Bob", "whatsapp", "telegram")
    await town.undo(merge)
    assert await town.preferred("Alice", "webchat") == "webchat"
    assert await town.preferred("Bob", "whatsapp") == "telegram"
