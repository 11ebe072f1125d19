"""Somebody who writes to the bot at Telegram, of which a running gateway is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from bot.gateway.accept import Accepted
from bot.store.database import transaction
from bot.store.tables import messages
from sandbox.telegram import BotAccount, TelegramServer, User
from tests.gateway.people import bot_says, rows
from tests.gateway.running import SECRET, TOKEN, Gateway, running_gateway


class Talk:
    """Alice and the bot at Telegram, and a core that is played."""

    def __init__(self, gateway: Gateway, telegram: TelegramServer, bot: BotAccount, alice: User) -> None:
        self.gateway = gateway
        self.telegram = telegram
        self.bot = bot
        self.alice = alice

    async def asks(self, words: str) -> Accepted:
        await (await self.alice.say(self.bot, words)).taken()
        asked = (await rows(self.gateway.engine, messages, direction="in"))[-1]
        return Accepted(message=asked.id, conversation=asked.conversation_id, repeated=False)

    async def is_answered(self, asked: Accepted, *replies: str) -> datetime:
        """As the core's commit leaves it: the turn took 80 ms and began 10 ms after the message came."""
        [row] = await rows(self.gateway.engine, messages, id=asked.message)
        taken: datetime = row.created_at + timedelta(milliseconds=10)
        turn = {"state": "done", "taken_at": taken, "finished_at": taken + timedelta(milliseconds=80)}
        async with transaction(self.gateway.engine) as connection:
            await connection.execute(sa.update(messages).where(messages.c.id == asked.message).values(**turn))
        for words in replies:
            await bot_says(self.gateway.engine, asked, words, row.created_at)
        async with asyncio.timeout(20):
            while [one for one in await rows(self.gateway.engine, messages) if one.state in ("queued", "sending")]:
                await asyncio.sleep(0.02)
        return taken


@asynccontextmanager
async def talking(folder: Path) -> AsyncIterator[Talk]:
    async with TelegramServer() as telegram:
        bot = telegram.bot(TOKEN)
        async with running_gateway(folder, telegram_url=telegram.url) as gateway:
            webhook = {"url": f"{gateway.url}/webhooks/telegram", "secret_token": SECRET}
            await telegram.call(bot, "setWebhook", webhook)
            alice = telegram.user("Alice Liddell")
            yield Talk(gateway, telegram, bot, alice)
