"""What a dead process had in hand goes on at once; what the living have is left to them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.outbox import claim_due
from bot.gateway.takeover import Takeover
from bot.store.database import transaction
from bot.store.tables import conversations, messages, workers
from channels.contract import Channel
from channels.webchat import WebchatChannel
from tests.database import NOON, Clock
from tests.gateway.people import accepted, bot_says, rows, says


class Living:
    """Who is taken to live."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)

    async def keep(self) -> None:
        return

    async def living(self, names: Collection[str]) -> set[str]:
        return self.names & set(names)

    async def close(self) -> None:
        return


async def sending(engine: AsyncEngine, gateway: str, who: str, channel: str = "telegram") -> int:
    """A message to them, which that gateway has begun to send."""
    message = await bot_says(engine, await accepted(engine, says(who, "hello", channel=channel), NOON), "hi", NOON)
    async with transaction(engine) as connection:
        [due] = await claim_due(connection, [channel], NOON, limit=1, gateway=gateway)
    assert due.message.id == message
    return message


async def look(
    engine: AsyncEngine,
    clock: Clock,
    living: Sequence[str],
    claimed: Collection[int] = (),
    channels: Mapping[str, Channel] = MappingProxyType({}),
) -> None:
    await Takeover(
        engine=engine,
        lives=Living(*living),
        name="here",
        channels=channels,
        claimed=lambda: claimed,
        clock=clock,
    ).look()


async def state(engine: AsyncEngine, message: int) -> tuple[str, int]:
    [row] = await rows(engine, messages, id=message)
    return row.state, row.attempts


async def test_what_a_dead_gateway_was_sending_is_uncertain_at_once(engine: AsyncEngine, clock: Clock) -> None:
    dead, living = await sending(engine, "dead", "Alice"), await sending(engine, "there", "Bob")
    await look(engine, clock, ["there"])
    assert await state(engine, dead) == ("uncertain", 1)
    assert await state(engine, living) == ("sending", 1)


def counted() -> dict[str, float]:
    """The sends that this process has counted as uncertain, by channel."""
    found = [sample for metric in metrics.sends.collect() for sample in metric.samples]
    return {
        sample.labels["channel"]: sample.value
        for sample in found
        if sample.name == "throughline_sends_total" and sample.labels["outcome"] == "uncertain"
    }


async def test_what_becomes_uncertain_is_counted_with_its_channel_by_who_marks_it(
    engine: AsyncEngine, clock: Clock
) -> None:
    webchat = WebchatChannel(origins=(), push=print, typing=print, open_upload=nobody)
    for who, channel in (("Alice", "telegram"), ("Bob", "telegram"), ("Carol", "whatsapp")):
        await sending(engine, "dead", who, channel)
    repeated = await sending(engine, "dead", "Dave", "webchat")
    await sending(engine, "there", "Erin")
    before = counted()
    await look(engine, clock, ["there"], channels={"webchat": webchat})
    await look(engine, clock, ["there"], channels={"webchat": webchat})  # once
    more = {channel: count - before.get(channel, 0) for channel, count in counted().items()}
    assert {channel: count for channel, count in more.items() if count} == {"telegram": 2, "whatsapp": 1}
    assert (await state(engine, repeated))[0] == "queued"


async def test_of_two_gateways_that_take_over_each_message_is_counted_once(engine: AsyncEngine, clock: Clock) -> None:
    for number in range(20):
        await sending(engine, "dead", f"Customer {number}")
    before = counted().get("telegram", 0)
    await asyncio.gather(*(look(engine, clock, []) for _ in range(4)))
    assert counted()["telegram"] - before == 20


async def nobody(*_: Any) -> Any:
    return None


async def test_what_hangs_at_a_living_gateway_is_uncertain_once_its_lease_is_over(
    engine: AsyncEngine, clock: Clock
) -> None:
    message = await sending(engine, "there", "Alice")
    clock.forward(seconds=61)
    await look(engine, clock, ["there"])
    assert await state(engine, message) == ("uncertain", 1)


async def test_a_claim_of_which_this_gateway_does_not_know_was_never_tried(engine: AsyncEngine, clock: Clock) -> None:
    """The commit came through, and the connection broke before it was said."""
    unknown, known = await sending(engine, "here", "Alice"), await sending(engine, "here", "Bob")
    await look(engine, clock, ["here"], claimed=[known])
    assert await state(engine, unknown) == ("queued", 0)
    assert await state(engine, known) == ("sending", 1)


async def test_the_claims_of_a_dead_worker_are_anybodys(engine: AsyncEngine, clock: Clock) -> None:
    await accepted(engine, says("Alice", "hello"), NOON)
    await accepted(engine, says("Bob", "hello"), NOON)
    held = sa.select(conversations.c.id).order_by(conversations.c.id)
    async with transaction(engine) as connection:
        of_dead, of_hanging = (await connection.execute(held)).scalars()
        for worker, conversation in (("dead", of_dead), ("hanging", of_hanging)):
            seen = {"seen_at": NOON, "started_at": NOON}
            await connection.execute(sa.insert(workers).values(id=worker, model="m", **seen))
            await connection.execute(
                sa.update(conversations)
                .where(conversations.c.id == conversation)
                .values(claimed_by=worker, lease_until=NOON + timedelta(seconds=15))
            )
    await look(engine, clock, ["hanging"])  # its row is fresh: one of the version before shows itself by that alone
    assert [row.id for row in await rows(engine, workers)] == ["dead", "hanging"]
    clock.forward(seconds=5)
    await look(engine, clock, ["hanging"])
    assert [row.id for row in await rows(engine, workers)] == ["hanging"]
    [free], [kept] = await rows(engine, conversations, id=of_dead), await rows(engine, conversations, id=of_hanging)
    assert (free.claimed_by, free.lease_until) == (None, None)
    assert kept.claimed_by == "hanging"
