"""A platform that hangs holds up nobody but its own people."""

from __future__ import annotations

import asyncio
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.sender import Sender
from bot.store.database import reading
from bot.store.tables import messages
from channels.contract import Outbound, Sent
from tests.database import NOON, Clock
from tests.gateway.people import accepted, bot_says, says


class Platform:
    """Takes messages, once it answers at all."""

    repeatable = False

    def __init__(self, *, hangs: bool) -> None:
        self.answers = asyncio.Event()
        if not hangs:
            self.answers.set()

    async def send(self, _message: Outbound) -> Sent:
        await self.answers.wait()
        return Sent()


async def test_a_platform_that_hangs_holds_up_no_other(engine: AsyncEngine, clock: Clock) -> None:
    for number in range(300):
        await bot_says(engine, await accepted(engine, says(f"alice{number}", "hello"), NOON), "Hi", NOON)
    platforms: Any = {"telegram": Platform(hangs=True), "whatsapp": Platform(hangs=False)}
    sender = Sender(engine=engine, channels=platforms, clock=clock)
    running = asyncio.create_task(sender.rounds.run())
    async with asyncio.timeout(60):
        while not sender.claimed:
            await asyncio.sleep(0.01)
        bob = await bot_says(engine, await accepted(engine, says("bob", "hello", channel="whatsapp"), NOON), "Hi", NOON)
        sender.rounds.look_again()
        while await state_of(engine, bob) != "sent":
            await asyncio.sleep(0.01)
        assert len(sender.claimed) < 64
        platforms["telegram"].answers.set()
        while await waiting(engine):
            await asyncio.sleep(0.05)
        sender.rounds.stop()
        await running


async def state_of(engine: AsyncEngine, message: int) -> str:
    async with reading(engine) as connection:
        found = await connection.execute(sa.select(messages.c.state).where(messages.c.id == message))
        return str(found.scalar_one())


async def waiting(engine: AsyncEngine) -> int:
    unsent = sa.and_(messages.c.direction == "out", messages.c.state != "sent")
    async with reading(engine) as connection:
        found = await connection.execute(sa.select(sa.func.count()).select_from(messages).where(unsent))
        return int(found.scalar_one())
