"""Invariant 5, and the order of what is sent."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.accept import accept_all
from bot.gateway.outbox import LEASE, Due, claim_due, record_failure, record_sent, settle_abandoned, under_way
from bot.gateway.retry import MAX_ATTEMPTS, Again, Over, after_failure
from bot.store.database import transaction
from bot.store.tables import early_receipts, messages
from channels.contract import Receipt, SendError, Sent
from tests.database import NOON, Clock
from tests.gateway.people import accepted, bot_says, rows, says


async def claim(engine: AsyncEngine, clock: Clock, limit: int = 10) -> list[Due]:
    async with transaction(engine) as connection:
        return await claim_due(connection, ["telegram", "webchat"], clock(), limit=limit)


async def sent(engine: AsyncEngine, clock: Clock, due: Due) -> None:
    async with transaction(engine) as connection:
        await record_sent(connection, due, Sent(platform_ids=("t1",)), clock())


async def failed(engine: AsyncEngine, clock: Clock, message: int, decision: Again | Over) -> None:
    async with transaction(engine) as connection:
        await record_failure(connection, message, decision, "flood", clock())


async def state(engine: AsyncEngine, message: int) -> tuple[str, int]:
    [row] = await rows(engine, messages, id=message)
    return row.state, row.attempts


async def test_replies_to_one_address_go_one_after_the_other(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    first = await bot_says(engine, asked, "one", NOON)
    second = await bot_says(engine, asked, "two", NOON)

    [due] = await claim(engine, clock)
    assert (due.message.id, due.message.content.text, due.attempts) == (first, "one", 1)
    assert await claim(engine, clock) == []
    await sent(engine, clock, due)
    assert [due.message.id for due in await claim(engine, clock)] == [second]


async def test_a_reply_names_the_message_that_it_answers(engine: AsyncEngine, clock: Clock) -> None:
    inbound = says("Alice", "hello")
    await bot_says(engine, await accepted(engine, inbound, NOON), "one", NOON)

    [due] = await claim(engine, clock)
    assert (due.channel, due.message.address, due.message.reply_to) == (
        "telegram",
        inbound.address,
        inbound.platform_id,
    )


async def test_addresses_are_served_side_by_side(engine: AsyncEngine, clock: Clock) -> None:
    for who in ("Alice", "Bob", "Carol"):
        asked = await accepted(engine, says(who, "hello"), NOON)
        await bot_says(engine, asked, f"{who} 1", NOON)
        await bot_says(engine, asked, f"{who} 2", NOON)

    assert [due.message.content.text for due in await claim(engine, clock)] == ["Alice 1", "Bob 1", "Carol 1"]


async def test_order_is_kept_after_a_retry(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    first = await bot_says(engine, asked, "one", NOON)
    await bot_says(engine, asked, "two", NOON)
    bob = await bot_says(engine, await accepted(engine, says("Bob", "hello"), NOON), "for Bob", NOON)

    [_, bobs] = await claim(engine, clock)
    assert bobs.message.id == bob
    await failed(engine, clock, first, Again(wait=timedelta(seconds=7)))
    await sent(engine, clock, bobs)
    assert await claim(engine, clock) == []
    clock.forward(seconds=7)
    [due] = await claim(engine, clock)
    assert (due.message.id, due.attempts) == (first, 2)


async def test_a_message_given_up_lets_the_next_one_through(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    first = await bot_says(engine, asked, "one", NOON)
    second = await bot_says(engine, asked, "two", NOON)
    await claim(engine, clock)
    await failed(engine, clock, first, Over(state="uncertain"))

    [row] = await rows(engine, messages, id=first)
    assert (row.state, row.error, row.finished_at) == ("uncertain", "flood", NOON)
    assert [due.message.id for due in await claim(engine, clock)] == [second]


async def test_two_gateways_never_claim_the_same_message(engine: AsyncEngine, clock: Clock) -> None:
    for number in range(20):
        asked = await accepted(engine, says(f"customer {number}", "hello"), NOON)
        await bot_says(engine, asked, "hi", NOON)

    claimed = await asyncio.gather(*(claim(engine, clock, limit=7) for _ in range(6)))
    ids = [due.message.id for batch in claimed for due in batch]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("channel", "becomes"), [("telegram", "uncertain"), ("webchat", "queued")], ids=["uncertain", "again"]
)
async def test_what_was_abandoned_is_uncertain_unless_doubling_does_no_harm(
    engine: AsyncEngine, clock: Clock, channel: str, becomes: str
) -> None:
    asked = await accepted(engine, says("Alice", "hello", channel=channel), NOON)
    message = await bot_says(engine, asked, "one", NOON)
    await claim(engine, clock)
    async with transaction(engine) as connection:
        [attempt] = await under_way(connection, clock())
        assert (attempt.message, attempt.gateway, attempt.lease_over) == (message, None, False)
    clock.forward(seconds=LEASE.total_seconds() + 1)
    async with transaction(engine) as connection:
        [attempt] = await under_way(connection, clock())
        assert attempt.lease_over
        await settle_abandoned(connection, [attempt], ["webchat"], clock())
        assert await under_way(connection, clock()) == []

    assert await state(engine, message) == (becomes, 1)
    assert [due.message.id for due in await claim(engine, clock)] == [message] * (becomes == "queued")


@pytest.mark.parametrize("reported_first", [True, False], ids=["before the answer", "after it"])
async def test_a_receipt_may_overtake_the_answer_to_our_own_call(
    engine: AsyncEngine, clock: Clock, reported_first: bool
) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    message = await bot_says(engine, asked, "one", NOON)
    [due] = await claim(engine, clock)
    read_at = NOON + timedelta(seconds=3)
    receipts = [
        Receipt(platform_id="t1", state="read", at=read_at),
        Receipt(platform_id="t1", state="delivered", at=NOON),
    ]
    if reported_first:
        await accept_all(engine, [], channel="telegram", body=b"", now=clock(), news=receipts)
        await sent(engine, clock, due)
    else:
        await sent(engine, clock, due)
        await accept_all(engine, [], channel="telegram", body=b"", now=clock(), news=receipts)

    [row] = await rows(engine, messages, id=message)
    assert (row.state, row.read_at, row.delivered_at) == ("sent", read_at, read_at)
    assert await rows(engine, early_receipts) == []


async def test_what_failed_after_all_is_marked_with_its_reason(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    message = await bot_says(engine, asked, "one", NOON)
    [due] = await claim(engine, clock)
    await sent(engine, clock, due)
    failure = Receipt(platform_id="t1", state="failed", error="the 24 hours are over")
    await accept_all(engine, [], channel="telegram", body=b"", now=clock(), news=[failure])

    [row] = await rows(engine, messages, id=message)
    assert (row.state, row.error) == ("failed", "the 24 hours are over")


async def test_what_was_held_back_to_keep_a_limit_is_no_attempt(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    message = await bot_says(engine, asked, "one", NOON)
    error = SendError("too fast", retry_after=2, held_back=True)
    for _ in range(MAX_ATTEMPTS + 1):
        [due] = await claim(engine, clock)
        await failed(engine, clock, message, after_failure(error, attempts=due.attempts, repeatable=False))
        assert await state(engine, message) == ("queued", 0)
        clock.forward(seconds=2)
