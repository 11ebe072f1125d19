"""A turn happens once, whenever a process dies. Real processes, really killed."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.journeys.stack import TELEGRAM_SECRET, Process, Stack, running_stack, until
from sandbox.telegram import BotAccount, Limits, TelegramServer
from tests.acceptance.gate import Gate, gate

QUESTION = "where is my order 1043?"


@dataclass(kw_only=True)
class Shop:
    stack: Stack
    telegram: TelegramServer
    bot: BotAccount
    gate: Gate


@asynccontextmanager
async def open_shop(folder: Path) -> AsyncIterator[Shop]:
    async with TelegramServer(limits=Limits(retry_base=0.2)) as telegram, gate() as actions:
        token = "1234567890:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
        bot = telegram.bot(token)
        async with running_stack(
            folder, telegram_url=telegram.url, telegram_token=token, action_url=actions.url
        ) as stack:
            actions.behind = f"http://127.0.0.1:{stack.environment['ACTIONS_PORT']}/webhook"
            webhook = {"url": f"{stack.gateway_url}/webhooks/telegram", "secret_token": TELEGRAM_SECRET}
            await telegram.call(bot, "setWebhook", webhook)
            yield Shop(stack=stack, telegram=telegram, bot=bot, gate=actions)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(tmp_path) as shop:
        yield shop


def look(stack: Stack, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(stack.database, timeout=30)) as database:
        return database.execute(query, values).fetchall()


def replies(stack: Stack, address: int) -> list[tuple[Any, ...]]:
    return look(
        stack,
        "SELECT json_extract(content, '$.text'), state FROM messages"
        " WHERE direction = 'out' AND address = ? ORDER BY id",
        str(address),
    )


def uttered(stack: Stack, address: int) -> int:
    [(count,)] = look(
        stack,
        "SELECT count(*) FROM events WHERE type = 'user' AND conversation_id IN"
        " (SELECT conversation_id FROM messages WHERE address = ?)",
        str(address),
    )
    return int(count)


async def all_sent(stack: Stack, address: int, count: int) -> None:
    def done() -> bool:
        found = replies(stack, address)
        return len(found) >= count and all(state == "sent" for _, state in found)

    await until(done, f"{count} replies to be sent")


async def freeze(process: Process, stack: Stack) -> None:
    """Stop the process where it stands, but not where it holds the database's only write lock: nobody could commit."""
    while True:
        process.signal(signal.SIGSTOP)
        with closing(sqlite3.connect(stack.database, timeout=0.5, isolation_level=None)) as probe:
            try:
                probe.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.signal(signal.SIGCONT)
            else:
                probe.execute("ROLLBACK")
                return
        await asyncio.sleep(0.05)


def heard(person: Any) -> list[str]:
    return [message.get("text") or message.get("caption") for message in person.messages if message["from"]["is_bot"]]


async def undisturbed(shop: Shop) -> list[str]:
    """What somebody hears who asks while nothing goes wrong."""
    bob = shop.telegram.user("Bob")
    await (await bob.say(shop.bot, QUESTION)).taken()
    await until(lambda: bool(replies(shop.stack, bob.id)), "Bob's answer")
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
    with closing(sqlite3.connect(shop.stack.database, timeout=30, isolation_level=None)) as lock:
        lock.execute("BEGIN IMMEDIATE")  # nobody else can commit now
        shop.gate.open()
        await until(lambda: core.log.read_text().count("turn.answered") > before, "Rasa's answer")
        await core.kill()
        lock.execute("ROLLBACK")
    assert replies(shop.stack, alice.id) == []
    assert uttered(shop.stack, alice.id) == 0

    await shop.stack.start("core")
    await all_sent(shop.stack, alice.id, len(expected))
    assert heard(alice) == expected
    assert uttered(shop.stack, alice.id) == 1


async def test_core_killed_right_after_the_commit(shop: Shop) -> None:
    expected = await undisturbed(shop)
    alice = shop.telegram.user("Alice")
    await (await alice.say(shop.bot, QUESTION)).taken()
    await until(lambda: bool(replies(shop.stack, alice.id)), "the commit")
    await shop.stack.processes["core"].kill()

    await shop.stack.start("core")
    await all_sent(shop.stack, alice.id, len(expected))
    await shop.stack.ready()
    # A turn taken twice would be visible by the time the next one is answered.
    await (await alice.say(shop.bot, "thank you")).taken()
    await until(lambda: len(replies(shop.stack, alice.id)) > len(expected), "the next answer")
    assert heard(alice)[: len(expected)] == expected
    assert uttered(shop.stack, alice.id) == 2


async def test_gateway_killed_between_the_commit_and_the_send(shop: Shop) -> None:
    expected = await undisturbed(shop)
    alice = shop.telegram.user("Alice")
    gateway = shop.stack.processes["gateway"]
    shop.gate.shut()
    await (await alice.say(shop.bot, QUESTION)).taken()
    await shop.gate.called()
    await freeze(gateway, shop.stack)  # so that it cannot send what is about to be committed
    shop.gate.open()
    await until(lambda: bool(replies(shop.stack, alice.id)), "the commit")
    await gateway.kill()
    assert heard(alice) == []

    await shop.stack.start("gateway")
    await all_sent(shop.stack, alice.id, len(expected))
    assert heard(alice) == expected
    assert uttered(shop.stack, alice.id) == 1


async def test_every_webhook_three_times_is_every_message_once(shop: Shop) -> None:
    alice = shop.telegram.user("Alice")
    for step in ("/start", "I want to return something", "1042"):
        known = len(replies(shop.stack, alice.id))
        await (await alice.say(shop.bot, step)).taken()
        await until(lambda known=known: len(replies(shop.stack, alice.id)) > known, f"the answer to {step}")  # type: ignore[misc]
        await all_sent(shop.stack, alice.id, known + 1)
    asked = next(message for message in reversed(alice.messages) if "reply_markup" in message)
    known = len(replies(shop.stack, alice.id))
    await (await alice.tap(asked, 0)).taken()
    await until(lambda: len(replies(shop.stack, alice.id)) > known, "the answer to the tap")

    before = heard(alice)
    delivered = [update for update in shop.bot.updates if update.state == "taken"]
    again = []
    for _ in range(3):
        for update in delivered:
            body = {key: value for key, value in update.json.items() if key != "update_id"}
            again.append(shop.telegram.post_raw(shop.bot, body, update_id=update.id))
    await asyncio.gather(*(update.taken() for update in again))
    [(count,)] = look(shop.stack, "SELECT count(*) FROM messages WHERE direction = 'in'")
    assert count == 4
    # Whatever was queued behind the repetitions has had its turn when this is answered.
    await (await alice.say(shop.bot, "what can you do?")).taken()
    await until(lambda: look(shop.stack, "SELECT done_seq = inbound_seq FROM conversations")[0][0], "all turns")
    assert uttered(shop.stack, alice.id) == 5
    assert heard(alice)[: len(before)] == before
