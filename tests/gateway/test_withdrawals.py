"""Buttons of questions that are not open any more are taken off, once."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.outbox import claim_due, record_sent
from bot.gateway.withdrawals import take_due
from bot.store.database import transaction
from bot.store.tables import messages
from channels.contract import Sent
from tests.database import NOON, Clock
from tests.gateway.people import accepted, bot_says, rows, says


async def due_ones(engine: AsyncEngine) -> list[tuple[int, list[str]]]:
    async with transaction(engine) as connection:
        found = await take_due(connection, ["telegram"], limit=5)
    return [(stale.message.id, list(stale.platform_ids)) for stale in found]


async def withdraw(engine: AsyncEngine, message: int) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == message).values(withdrawal="due"))


async def test_what_was_sent_is_withdrawn_with_all_its_parts_once(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    message = await bot_says(engine, asked, "which one?", NOON)
    async with transaction(engine) as connection:
        [due] = await claim_due(connection, ["telegram"], clock(), limit=1)
        await record_sent(connection, due, Sent(platform_ids=("t1", "t2")), clock())
    assert await due_ones(engine) == []

    await withdraw(engine, message)
    assert await due_ones(engine) == [(message, ["t1", "t2"])]
    assert await due_ones(engine) == []
    [row] = await rows(engine, messages, id=message)
    assert row.withdrawal == "done"


async def test_what_is_on_its_way_waits(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("Alice", "hello"), NOON)
    message = await bot_says(engine, asked, "which one?", NOON)
    await withdraw(engine, message)
    assert await due_ones(engine) == []
    async with transaction(engine) as connection:
        [due] = await claim_due(connection, ["telegram"], clock(), limit=1)
        await record_sent(connection, due, Sent(platform_ids=("t1",)), clock())
    assert await due_ones(engine) == [(message, ["t1"])]
