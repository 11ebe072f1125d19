"""More than can be answered soon: platforms keep it, and bring it again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.backlog import Backlog
from bot.store.database import transaction
from bot.store.tables import conversations, messages
from tests.database import NOON
from tests.gateway.people import accepted, bot_says, rows, says
from tests.gateway.running import SECRET, Gateway, running_gateway
from tests.gateway.test_webchat import connected, new_token

_updates: Iterator[int] = itertools.count(1)


def update(text: str, who: int = 7) -> dict[str, Any]:
    number = next(_updates)
    person = {"id": who, "is_bot": False, "first_name": "Alice", "language_code": "en"}
    chat = {"id": who, "type": "private", "first_name": "Alice"}
    message = {"message_id": number, "date": 1_790_000_000, "chat": chat, "from": person, "text": text}
    return {"update_id": number, "message": message}


async def brought(gateway: Gateway, body: dict[str, Any]) -> tuple[int, str | None]:
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    async with gateway.http.post(f"{gateway.url}/webhooks/telegram", json=body, headers=headers) as answer:
        return answer.status, answer.headers.get("Retry-After")


async def has_its_turn(engine: AsyncEngine, message: int) -> None:
    """As the core writes it."""
    async with transaction(engine) as connection:
        row = (await connection.execute(sa.select(messages).where(messages.c.id == message))).one()
        await connection.execute(sa.update(messages).where(messages.c.id == message).values(state="done"))
        more = sa.case((conversations.c.inbound_seq > row.seq, conversations.c.waiting_since), else_=sa.null())
        await connection.execute(
            sa.update(conversations)
            .where(conversations.c.id == row.conversation_id)
            .values(done_seq=row.seq, waiting_since=more)
        )


async def test_it_is_full_when_more_waits_than_may(engine: AsyncEngine) -> None:
    backlog = Backlog(engine=engine, most=3)
    waiting = [await accepted(engine, says(who, "hello"), NOON) for who in ("alice", "alice", "alice", "bob")]
    await backlog.look()
    assert backlog.is_full
    await has_its_turn(engine, waiting[0].message)
    await backlog.look()
    assert not backlog.is_full


async def test_what_was_answered_and_what_we_say_does_not_wait(engine: AsyncEngine) -> None:
    backlog = Backlog(engine=engine, most=1)
    for _ in range(5):
        asked = await accepted(engine, says("alice", "hello"), NOON)
        await bot_says(engine, asked, "Hi", NOON)
        await has_its_turn(engine, asked.message)
    await accepted(engine, says("alice", "and now?"), NOON)
    await backlog.look()
    assert not backlog.is_full


async def test_a_full_gateway_has_the_platform_keep_messages_and_takes_them_later(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, max_backlog=1) as gateway:
        assert (await brought(gateway, update("one")))[0] == 200
        assert (await brought(gateway, update("two")))[0] == 200
        await becomes_full(gateway)
        refused = update("three")
        status, come_again = await brought(gateway, refused)
        assert (status, int(come_again or 0) > 0) == (503, True)
        for message in await rows(gateway.engine, messages):
            await has_its_turn(gateway.engine, message.id)
        async with asyncio.timeout(30):
            while (await brought(gateway, refused))[0] != 200:
                await asyncio.sleep(0.1)
        kept = [row.content["text"] for row in await rows(gateway.engine, messages)]
        assert (kept[:2], kept[-1], kept.count("three")) == (["one", "two"], "three", 1)


async def test_a_full_gateway_tells_a_widget_when_to_come_again(tmp_path: Path) -> None:
    async with (
        running_gateway(tmp_path, max_backlog=1) as gateway,
        connected(gateway, await new_token(gateway)) as widget,
    ):
        await widget.until_ready()
        for text in ("one", "two"):
            await widget.say(text)
            while (await widget.next("message"))["text"] != text:
                pass
        await becomes_full(gateway)
        await widget.send(type="say", id="87654321", text="three")
        refused = await widget.next("error")
        assert (refused["code"], refused["id"], refused["retry_after"] > 0) == ("busy", "87654321", True)


async def test_what_asks_for_no_turn_is_taken_by_a_full_gateway(tmp_path: Path) -> None:
    """Telegram tells that somebody has blocked the bot in the same way in which it brings messages."""
    async with running_gateway(tmp_path, max_backlog=1) as gateway:
        for text in ("one", "two"):
            await brought(gateway, update(text))
        await becomes_full(gateway)
        person = {"id": 7, "is_bot": False, "first_name": "Alice"}
        bot = {"id": 123456789, "is_bot": True, "first_name": "Shop", "username": "shop_bot"}
        blocked = {
            "chat": {"id": 7, "type": "private", "first_name": "Alice"},
            "from": person,
            "date": 1_790_000_000,
            "old_chat_member": {"user": bot, "status": "member"},
            "new_chat_member": {"user": bot, "status": "kicked", "until_date": 0},
        }
        assert (await brought(gateway, {"update_id": next(_updates), "my_chat_member": blocked}))[0] == 200


async def becomes_full(gateway: Gateway) -> None:
    """It looks once a second."""
    async with asyncio.timeout(30):
        while (await brought(gateway, update("more", who=8)))[0] != 503:
            await asyncio.sleep(0.1)


async def test_a_database_that_does_not_answer_leaves_it_as_it_was(engine: AsyncEngine) -> None:
    backlog = Backlog(engine=engine, most=1)
    async with transaction(engine) as connection:
        await connection.execute(sa.text("ALTER TABLE messages RENAME TO gone"))
    await backlog.look()
    assert not backlog.is_full
