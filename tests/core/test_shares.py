"""Whose turns come first when there are more than a worker can take: no channel keeps the others out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core import claims
from bot.core.claims import Claim
from bot.core.shares import Shares
from bot.store.database import transaction
from bot.store.handoffs import ask_desk
from bot.store.tables import conversations, open_channels
from tests.core.playing import Clock, People
from tests.core.test_worker import Office, office

__all__ = ["office"]

LEASE = timedelta(seconds=30)
SLOTS = 16


@pytest.fixture
def people(engine: AsyncEngine, clock: Clock) -> People:
    return People(engine, clock)


class Slots:
    """A worker's slots, with turns that take as long as the test wants."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._shares = Shares(SLOTS)
        self.taken: list[Claim] = []

    async def claim(self) -> list[str]:
        async with transaction(self._engine) as connection:
            claimed = await claims.claim_waiting(
                connection, "w1", self._clock(), LEASE, most=self._shares.most, full=self._shares.full
            )
        for claim in claimed:
            self._shares.take(claim.channel)
        self.taken += claimed
        return [claim.conversation for claim in claimed]

    async def fill(self) -> None:
        while self._shares.free:
            assert await self.claim()

    def end(self) -> None:
        """The first of its turns is over."""
        self._shares.give_back(self.taken.pop(0).channel)


async def crowd(engine: AsyncEngine, clock: Clock, channel: str, size: int) -> None:
    """So many conversations wait on the channel."""
    await serves(engine, clock, channel)
    waiting = {
        "owner": "bot",
        "last_seq": 1,
        "inbound_seq": 1,
        "done_seq": 0,
        "epoch": 0,
        "waiting_channel": channel,
        "waiting_since": clock() - timedelta(minutes=1),
        "created_at": clock(),
    }
    async with transaction(engine) as connection:
        rows = [{**waiting, "id": f"{channel}{number}"} for number in range(size)]
        await connection.execute(sa.insert(conversations), rows)


async def serves(engine: AsyncEngine, clock: Clock, *channels: str) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.insert(open_channels), [{"name": name, "opened_at": clock()} for name in channels])


async def test_one_of_another_channel_is_taken_before_thousands_that_came_earlier(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await crowd(engine, clock, "telegram", 5000)
    await serves(engine, clock, "whatsapp")
    slots = Slots(engine, clock)
    await slots.fill()
    assert all(claim.channel == "telegram" for claim in slots.taken)  # nobody else waits yet
    await people.says("bob", "hello", channel="whatsapp")
    slots.end()
    assert await slots.claim() == ["bob"]
    slots.end()
    [next_one] = await slots.claim()
    assert next_one.startswith("telegram")


async def test_half_of_the_slots_are_kept_for_the_channels_that_wait(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await crowd(engine, clock, "telegram", 40)
    await crowd(engine, clock, "whatsapp", 40)
    slots = Slots(engine, clock)
    await slots.fill()
    assert sorted(_count(slots.taken).values()) == [SLOTS // 2, SLOTS // 2]


async def test_what_an_agent_does_waits_for_no_crowd(engine: AsyncEngine, clock: Clock, people: People) -> None:
    await crowd(engine, clock, "telegram", 100)
    slots = Slots(engine, clock)
    await slots.fill()
    await people.says("alice", "hello", channel="teams")
    async with transaction(engine) as connection:
        await connection.execute(
            sa.update(conversations).where(conversations.c.id == "alice").values(waiting_since=None)
        )
        await ask_desk(connection, "alice", {"do": "take", "by": "maya", "agent": "maya"}, agent="maya", now=clock())
    slots.end()
    assert await slots.claim() == ["alice"]


@pytest.mark.parametrize("slots", [1, 2, 16])
def test_one_channel_alone_has_all_slots(slots: int) -> None:
    shares = Shares(slots)
    taken = 0
    while shares.free:
        taken += shares.most
        for _ in range(shares.most):
            shares.take("telegram")
    assert taken >= slots
    assert shares.full == ["telegram"]


def _count(taken: Sequence[Claim]) -> dict[str | None, int]:
    channels = [claim.channel for claim in taken]
    return {channel: channels.count(channel) for channel in channels}


async def test_others_are_served_in_between_the_messages_of_one_who_writes_many(office: Office) -> None:
    many = [await office.people.says("alice", "faq") for _ in range(40)]
    one = await office.people.says("bob", "faq")
    async with office.worker(slots=1):
        await office.people.waits_for(one, *many, seconds=60)
    bobs = (await office.people.rows("bob"))[0].finished_at
    earlier = [row for row in await office.people.rows("alice") if row.direction == "in" and row.finished_at < bobs]
    assert len(earlier) <= 8
