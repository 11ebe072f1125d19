"""A turn happens once, whenever a process dies. Real processes, really killed."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store.database import transaction
from bot.store.tables import conversations, events, messages
from sandbox.journeys.stack import TELEGRAM_SECRET, Process, Stack, running_stack, until
from sandbox.telegram import BotAccount, Limits, TelegramServer
from tests.acceptance.gate import Gate, gate
from tests.acceptance.transcripts import database, rows
from tests.database import NewDatabase

QUESTION = "where is my order 1043?"


@dataclass(kw_only=True)
class Shop:
    stack: Stack
    telegram: TelegramServer
    bot: BotAccount
    gate: Gate


@asynccontextmanager
async def open_shop(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[Shop]:
    async with TelegramServer(limits=Limits(retry_base=0.2)) as telegram, gate() as actions:
        token = "1234567890:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
        bot = telegram.bot(token)
        async with running_stack(
            folder, telegram_url=telegram.url, telegram_token=token, action_url=actions.url, settings=settings
        ) as stack:
            actions.behind = f"http://127.0.0.1:{stack.environment['ACTIONS_PORT']}/webhook"
            webhook = {"url": f"{stack.gateway_url}/webhooks/telegram", "secret_token": TELEGRAM_SECRET}
            await telegram.call(bot, "setWebhook", webhook)
            yield Shop(stack=stack, telegram=telegram, bot=bot, gate=actions)


@pytest.fixture
async def shop(tmp_path: Path, new_database: NewDatabase) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path, {"DATABASE_URL": await new_database()}) as shop:
        yield shop


async def replies(stack: Stack, address: int) -> list[str]:
    """The states of what was said to this address, in order."""
    said = (messages.c.direction == "out") & (messages.c.address == str(address))
    return [row.state for row in await rows(stack, sa.select(messages.c.state).where(said).order_by(messages.c.id))]


async def replied(stack: Stack, address: int, *, known: int = 0) -> None:
    """Wait for a reply to be committed, beside those that are `known`."""

    async def more() -> bool:
        return len(await replies(stack, address)) > known

    await until(more, f"reply {known + 1} to be committed")


async def uttered(stack: Stack, address: int) -> int:
    theirs = sa.select(messages.c.conversation_id).where(messages.c.address == str(address))
    query = sa.select(events.c.seq).where(events.c.type == "user", events.c.conversation_id.in_(theirs))
    return len(await rows(stack, query))


async def all_sent(stack: Stack, address: int, count: int) -> None:
    async def done() -> bool:
        found = await replies(stack, address)
        return len(found) >= count and set(found) == {"sent"}

    await until(done, f"{count} replies to be sent")


async def freeze(process: Process, stack: Stack) -> None:
    """Stop the process where it stands, but not in the middle of a transaction that writes: nobody could commit."""
    while True:
        process.signal(signal.SIGSTOP)
        if not await somebody_writes(stack):
            return
        process.signal(signal.SIGCONT)
        await asyncio.sleep(0.05)


async def somebody_writes(stack: Stack) -> bool:
    """Whether there is a transaction that holds what others may want to write."""
    if not stack.on_sqlite:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        query = f"SELECT pid FROM pg_stat_activity WHERE {others} AND backend_xid IS NOT NULL"
        return bool(await rows(stack, sa.text(query)))
    with closing(sqlite3.connect(stack.database, timeout=0.5, isolation_level=None)) as probe:
        try:
            probe.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        probe.execute("ROLLBACK")
        return False


@asynccontextmanager
async def no_turn_is_committed(stack: Stack) -> AsyncIterator[None]:
    """A worker that wants to commit waits: on SQLite as everybody who writes, on PostgreSQL for the table of events."""
    async with database(stack) as engine, transaction(engine) as connection:
        if not stack.on_sqlite:
            await connection.execute(sa.text("LOCK TABLE events IN EXCLUSIVE MODE"))
        yield


async def a_commit_waits(stack: Stack) -> bool:
    """Whether somebody waits for a lock. A file does not tell: there the lock is everybody's."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return stack.on_sqlite or bool(await rows(stack, sa.text(query)))


def heard(person: Any) -> list[str]:
    return [message.get("text") or message.get("caption") for message in person.messages if message["from"]["is_bot"]]


async def undisturbed(shop: Shop) -> list[str]:
    """What somebody hears who asks while nothing goes wrong."""
    bob = shop.telegram.user("Bob")
    await (await bob.say(shop.bot, QUESTION)).taken()
    await replied(shop.stack, bob.id)
    await all_sent(shop.stack, bob.id, 1)
    return heard(bob)


async def test_core_killed_between_the_answer_and_the_commit(shop: Shop) -> None:
    expected = await undisturbed(shop)
    alice = shop.telegram.user("Alice")
    core = shop.stack.processes["core"]
    before = core.log.read_text().count("turn.answered")
    shop.gate.shut()
    await (await alice.say(shop.bot, QUESTION)).taken()
    await shop.gate.called()
    async with no_turn_is_committed(shop.stack):
        shop.gate.open()
        await until(lambda: core.log.read_text().count("turn.answered") > before, "Rasa's answer")
        await until(lambda: a_commit_waits(shop.stack), "the worker to wait with its commit")
        await core.kill()
    assert await replies(shop.stack, alice.id) == []
    assert await uttered(shop.stack, alice.id) == 0

    await shop.stack.start("core")
    await all_sent(shop.stack, alice.id, len(expected))
    assert heard(alice) == expected
    assert await uttered(shop.stack, alice.id) == 1


async def test_core_killed_right_after_the_commit(shop: Shop) -> None:
    expected = await undisturbed(shop)
    alice = shop.telegram.user("Alice")
    await (await alice.say(shop.bot, QUESTION)).taken()
    await replied(shop.stack, alice.id)
    await shop.stack.processes["core"].kill()

    await shop.stack.start("core")
    await all_sent(shop.stack, alice.id, len(expected))
    await shop.stack.ready()
    # A turn taken twice would be visible by the time the next one is answered.
    await (await alice.say(shop.bot, "thank you")).taken()
    await replied(shop.stack, alice.id, known=len(expected))
    assert heard(alice)[: len(expected)] == expected
    assert await uttered(shop.stack, alice.id) == 2


async def test_gateway_killed_between_the_commit_and_the_send(shop: Shop) -> None:
    expected = await undisturbed(shop)
    alice = shop.telegram.user("Alice")
    gateway = shop.stack.processes["gateway"]
    shop.gate.shut()
    await (await alice.say(shop.bot, QUESTION)).taken()
    await shop.gate.called()
    await freeze(gateway, shop.stack)  # so that it cannot send what is about to be committed
    shop.gate.open()
    await replied(shop.stack, alice.id)
    await gateway.kill()
    assert heard(alice) == []

    await shop.stack.start("gateway")
    await all_sent(shop.stack, alice.id, len(expected))
    assert heard(alice) == expected
    assert await uttered(shop.stack, alice.id) == 1


async def test_every_webhook_three_times_is_every_message_once(shop: Shop) -> None:
    alice = shop.telegram.user("Alice")
    for step in ("/start", "I want to return something", "1042"):
        known = len(await replies(shop.stack, alice.id))
        await (await alice.say(shop.bot, step)).taken()
        await replied(shop.stack, alice.id, known=known)
        await all_sent(shop.stack, alice.id, known + 1)
    asked = next(message for message in reversed(alice.messages) if "reply_markup" in message)
    known = len(await replies(shop.stack, alice.id))
    await (await alice.tap(asked, 0)).taken()
    await replied(shop.stack, alice.id, known=known)

    before = heard(alice)
    delivered = [update for update in shop.bot.updates if update.state == "taken"]
    again = []
    for _ in range(3):
        for update in delivered:
            body = {key: value for key, value in update.json.items() if key != "update_id"}
            again.append(shop.telegram.post_raw(shop.bot, body, update_id=update.id))
    await asyncio.gather(*(update.taken() for update in again))
    assert len(await rows(shop.stack, sa.select(messages.c.id).where(messages.c.direction == "in"))) == 4
    # Whatever was queued behind the repetitions has had its turn when this is answered.
    await (await alice.say(shop.bot, "what can you do?")).taken()

    async def all_done() -> bool:
        [row] = await rows(shop.stack, sa.select(conversations.c.done_seq, conversations.c.inbound_seq))
        return bool(row.done_seq == row.inbound_seq)

    await until(all_done, "all turns")
    assert await uttered(shop.stack, alice.id) == 5
    assert heard(alice)[: len(before)] == before
