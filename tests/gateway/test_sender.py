"""The sender against a Telegram that fails in every way it can; Bob never waits for Alice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.gateway.accept import Accepted
from bot.store.database import reading
from bot.store.tables import messages
from channels.contract import Inbound, Text
from sandbox.telegram import (
    BotAccount,
    TelegramServer,
    User,
    close_connection,
    flood_wait,
    refuse,
    server_error,
)
from tests.database import fresh_postgres, utc_now
from tests.gateway.people import accepted, bot_says
from tests.gateway.running import TOKEN, Gateway, running_gateway


@dataclass(frozen=True, kw_only=True)
class Line:
    """A gateway with a Telegram."""

    gateway: Gateway
    telegram: TelegramServer
    bot: BotAccount

    async def person(self, name: str) -> User:
        person = self.telegram.user(name)
        await person.start(self.bot)
        return person

    async def asked(self, person: User, key: str = "1") -> Accepted:
        inbound = Inbound(
            channel="telegram",
            external_id=str(person.id),
            address=str(person.id),
            dedupe_key=f"{person.id}:{key}",
            said=Text(text="hello"),
        )
        return await accepted(self.gateway.engine, inbound, utc_now())

    async def says(self, cause: Accepted, text: str) -> int:
        return await bot_says(self.gateway.engine, cause, text, utc_now())

    async def row(self, message: int) -> Any:
        async with reading(self.gateway.engine) as connection:
            return (await connection.execute(sa.select(messages).where(messages.c.id == message))).one()

    async def becomes(self, message: int, state: str) -> Any:
        async with asyncio.timeout(30):
            while (row := await self.row(message)).state != state:
                await asyncio.sleep(0.02)
        return row


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with TelegramServer() as telegram:
        bot = telegram.bot(TOKEN)
        async with running_gateway(tmp_path, telegram_url=telegram.url) as gateway:
            yield Line(gateway=gateway, telegram=telegram, bot=bot)


def heard(person: User) -> list[str]:
    return [message["text"] for message in person.messages if message["from"]["is_bot"]]


async def test_a_reply_is_sent_once_and_its_platform_id_kept(line: Line) -> None:
    alice = await line.person("Alice")
    message = await line.says(await line.asked(alice), "Good morning!")
    row = await line.becomes(message, "sent")
    assert heard(alice) == ["Good morning!"]
    assert row.platform_id == str(alice.messages[-1]["message_id"])
    assert (row.attempts, row.error, row.lease_until) == (1, None, None)


@pytest.mark.parametrize("fault", [lambda: flood_wait(1), server_error], ids=["flood", "server error"])
async def test_after_a_retry_the_order_is_kept_and_nobody_else_waited(line: Line, fault: Callable[[], Any]) -> None:
    alice, bob = await line.person("Alice"), await line.person("Bob")
    line.bot.faults.order("sendMessage", fault())
    asked = await line.asked(alice)
    first, second = await line.says(asked, "one"), await line.says(asked, "two")
    bobs = await line.says(await line.asked(bob), "for Bob")
    await line.becomes(bobs, "sent")
    await line.becomes(second, "sent")
    assert heard(alice) == ["one", "two"]
    assert heard(bob) == ["for Bob"]
    assert (await line.row(first)).attempts == 2


async def test_whoever_blocked_the_bot_is_not_tried_again(line: Line) -> None:
    alice = await line.person("Alice")
    asked = await line.asked(alice)
    await alice.block(line.bot)
    row = await line.becomes(await line.says(asked, "are you there?"), "failed")
    assert row.attempts == 1
    assert "blocked" in row.error


async def test_a_message_that_telegram_refuses_lets_the_next_one_through(line: Line) -> None:
    alice = await line.person("Alice")
    asked = await line.asked(alice)
    line.bot.faults.order("sendMessage", refuse(400, "Bad Request: something about this text"))
    refused = await line.says(asked, "odd")
    following = await line.says(asked, "fine")
    await line.becomes(following, "sent")
    assert (await line.row(refused)).state == "failed"
    assert heard(alice) == ["fine"]


async def test_what_may_have_arrived_is_marked_and_not_repeated(line: Line) -> None:
    alice = await line.person("Alice")
    line.bot.faults.order("sendMessage", close_connection(done=True))
    message = await line.says(await line.asked(alice), "perhaps")
    row = await line.becomes(message, "uncertain")
    assert heard(alice) == ["perhaps"]
    assert row.attempts == 1
    assert row.error


async def test_broken_database_connections_are_made_again(tmp_path: Path, postgres_server: str) -> None:
    async with TelegramServer() as telegram:
        bot = telegram.bot(TOKEN)
        database = await fresh_postgres(postgres_server)
        async with running_gateway(tmp_path, telegram_url=telegram.url, database_url=database) as gateway:
            line = Line(gateway=gateway, telegram=telegram, bot=bot)
            alice = await line.person("Alice")
            asked = await line.asked(alice)
            await line.becomes(await line.says(asked, "one"), "sent")
            await gateway.engine.dispose()
            async with gateway.engine.begin() as connection:
                await connection.execute(
                    sa.text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
            await line.becomes(await line.says(asked, "two"), "sent")
            assert heard(alice) == ["one", "two"]


async def test_an_invitation_carries_a_link_whose_code_is_kept_nowhere(line: Line) -> None:
    alice = await line.person("Alice")
    asked = await line.asked(alice)
    async with line.gateway.engine.begin() as connection:
        result = await connection.execute(
            sa.insert(messages)
            .values(
                conversation_id=asked.conversation,
                seq=99,
                direction="out",
                author="bot",
                channel="telegram",
                address=str(alice.id),
                content={"text": "Here you are.", "invite": "webchat"},
                language="en",
                cause_id=asked.message,
                state="queued",
                attempts=0,
                due_at=utc_now(),
                created_at=utc_now(),
            )
            .returning(messages.c.id)
        )
        message = result.scalar_one()
    row = await line.becomes(message, "sent")
    [[button]] = alice.messages[-1]["reply_markup"]["inline_keyboard"]
    assert button["url"].startswith("https://shop.example.com/#continue=")
    assert button["url"].partition("=")[2] not in repr(row)
