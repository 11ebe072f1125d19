"""Going on elsewhere and back: replies go to where their question came from, nothing is asked twice, nothing leaks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.store.tables import conversations, link_codes, messages
from sandbox.journeys.stack import TELEGRAM_SECRET, Stack, running_stack
from sandbox.journeys.visitor import Visitor, options, visitor
from sandbox.telegram import BotAccount, Limits, TelegramServer, User
from tests.acceptance.transcripts import change, rows
from tests.database import NewDatabase

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "1234567891:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"


@dataclass(frozen=True, kw_only=True)
class Shop:
    stack: Stack
    telegram: TelegramServer
    bot: BotAccount

    def visitor(self, language: str = "en") -> Any:
        return visitor(self.stack.gateway_url, self.stack.origin, language=language)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Shop]:
    async with TelegramServer(limits=Limits(retry_base=0.2)) as telegram:
        bot = telegram.bot(TOKEN)
        folder = tmp_path_factory.mktemp("switching")
        settings = {"DATABASE_URL": await new_database()}
        async with running_stack(folder, telegram_url=telegram.url, telegram_token=TOKEN, settings=settings) as stack:
            webhook = {"url": f"{stack.gateway_url}/webhooks/telegram", "secret_token": TELEGRAM_SECRET}
            await telegram.call(bot, "setWebhook", webhook)
            yield Shop(stack=stack, telegram=telegram, bot=bot)


async def hears(person: User, words: str) -> dict[str, Any]:
    """The next message to this person that contains `words`; those before it are passed over."""
    while True:
        message = await person.next_message(timeout=60)
        if words in (message.get("text") or message.get("caption") or ""):
            return message


async def sees(customer: Visitor, words: str) -> dict[str, Any]:
    while True:
        message = await customer.answer()
        if words in message.get("text", ""):
            return message


async def let_ten_minutes_pass(stack: Stack) -> None:
    """For every link that was made so far."""
    await change(stack, sa.update(link_codes).values(expires_at=link_codes.c.created_at))


async def link_to_telegram(customer: Visitor) -> str:
    await customer.send(type="invite", channel="telegram")
    invitation = await customer.next("invitation")
    assert invitation["qr"].startswith("<svg")
    assert invitation["expires_in"] == 600
    found = re.fullmatch(r"https://t\.me/hearthside_bot\?start=([A-Za-z0-9_-]{32})", invitation["url"])
    assert found
    return found[1]


async def test_both_channels_stay_joined_and_answer_where_they_are_asked(shop: Shop) -> None:
    alice = shop.telegram.user("Alice")
    async with shop.visitor() as web:
        await web.say("I want to return the blue kettle from order 1042")
        await sees(web, "reason")
        await alice.start(shop.bot, await link_to_telegram(web))
        await hears(alice, "You were returning the blue kettle from order 1042")
        question = await hears(alice, "reason")

        await alice.tap(question, "Damaged or faulty")
        await hears(alice, "refund or an exchange")
        await web.say("a refund please")
        asked = await sees(web, "How will you return it")
        await alice.say(shop.bot, "post it back")
        confirmation = await hears(alice, "Shall I register")
        assert "refund" in confirmation["text"]
        await web.choose(asked, "Bring it to a store")
        await sees(web, "already been answered")

    telegram = await rows(shop.stack, sa.select(messages).where(messages.c.address == str(alice.id)))
    assert len({row.conversation_id for row in telegram}) == 1
    await every_reply_went_where_it_was_asked(shop.stack, telegram[0].conversation_id)


async def every_reply_went_where_it_was_asked(stack: Stack, conversation: str) -> None:
    said = await rows(stack, sa.select(messages).where(messages.c.conversation_id == conversation))
    asked = {row.id: (row.channel, row.address) for row in said if row.direction == "in"}
    answered = [row for row in said if row.direction == "out"]
    assert {asked[row.cause_id] for row in answered} == set(asked.values())
    assert all((row.channel, row.address) == asked[row.cause_id] for row in answered)


async def test_from_telegram_to_the_website(shop: Shop) -> None:
    bob = shop.telegram.user("Bob", language="zh-hans")
    await bob.start(shop.bot)
    await bob.say(shop.bot, "我想退货，订单号 1046")
    await hears(bob, "原因")
    await bob.say(shop.bot, "去网站上继续聊")
    invitation = await hears(bob, "网站")
    [[button]] = invitation["reply_markup"]["inline_keyboard"]
    found = re.fullmatch(rf"{re.escape(shop.stack.origin)}/#continue=([A-Za-z0-9_-]{{32}})", button["url"])
    assert found
    async with shop.visitor(language="zh") as web:
        await web.send(type="link", code=found[1])
        await sees(web, "1046")
        question = await web.answer_with_options()
        assert len(options(question)) >= 1

    codes = await rows(shop.stack, sa.select(link_codes.c.code_hash))
    assert found[1] not in repr(codes)
    assert found[1] not in repr(await rows(shop.stack, sa.select(messages.c.content)))


@pytest.mark.parametrize("code", ["used", "expired", "invented"])
async def test_a_code_that_joins_nothing_gets_a_friendly_sentence(shop: Shop, code: str) -> None:
    alice, mallory = shop.telegram.user("Alice"), shop.telegram.user("Mallory")
    async with shop.visitor() as web:
        await web.say("I want to return the lamp from order 1046")
        await web.answer()
        payload = "A" * 32
        if code == "expired":
            payload = await link_to_telegram(web)
            await let_ten_minutes_pass(shop.stack)
        if code == "used":
            payload = await link_to_telegram(web)
            await alice.start(shop.bot, payload)
            await hears(alice, "Welcome to Telegram")
    await mallory.start(shop.bot, payload)
    answer = await mallory.next_message(timeout=60)
    assert "link" in answer["text"]
    assert "1046" not in repr(mallory.messages)
    [row] = await rows(
        shop.stack,
        sa.select(conversations.c.last_seq)
        .join(messages, messages.c.conversation_id == conversations.c.id)
        .where(messages.c.address == str(mallory.id), messages.c.direction == "in"),
    )
    assert row.last_seq <= 3


async def test_a_group_is_answered_what_is_public_and_hears_nothing_of_anybodys_conversation(shop: Shop) -> None:
    carol = shop.telegram.user("Carol")
    await carol.start(shop.bot)
    await carol.next_message(timeout=60)
    family = shop.telegram.group("Family", shop.bot, [carol])
    for words in ("where is my order 1043?", "1043", "I want to return the wool blanket from order 1052"):
        told = await family.say(carol, words, mention=True)
        assert told is not None
        answer = await hears_in(carol, family.id)
        assert "between the two of us" in answer["text"]
        [[button]] = answer["reply_markup"]["inline_keyboard"]
        assert button["url"] == f"https://t.me/{shop.bot.username}"
    await family.say(carol, "when are you open?", mention=True)
    assert "Our stores today" in (await hears_in(carol, family.id))["text"]
    assert await family.say(carol, "let us go there on Sunday") is None

    await carol.say(shop.bot, "hello")
    await carol.next_message(timeout=60)
    said = await rows(shop.stack, sa.select(messages.c.content).where(messages.c.address == str(carol.id)))
    assert "1043" not in repr(said)
    told_to_group = await rows(shop.stack, sa.select(messages).where(messages.c.address == str(family.id)))
    assert {row.identity_id for row in told_to_group} == {None}
    assert "Sunday" not in repr([row.content for row in told_to_group])


async def hears_in(person: User, chat: int) -> dict[str, Any]:
    """The next message of the bot's in this chat."""
    while True:
        message = await person.next_message(timeout=60)
        if message["chat"]["id"] == chat and message["from"]["is_bot"]:
            return message


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "🫖" * 3_000,
        "مرحبا، أين طلبي؟",
        "\u202eevil\u202c",
        "\x07\x1b[31m",
        "/inform{'a': 1}",
        "<b>hi</b>",
        "/",
    ],
    ids=["100,000 characters", "emoji", "right to left", "override", "control", "payload", "HTML", "slash"],
)
async def test_whatever_is_said_gets_an_answer(shop: Shop, text: str) -> None:
    dora = shop.telegram.user("Dora")
    await dora.send(shop.bot, {"text": text})
    assert (await dora.next_message(timeout=60))["text"]


async def test_many_people_at_once_each_get_their_own_answer(shop: Shop) -> None:
    """Ten people on two channels ask about different orders at the same moment."""
    orders = ["1042", "1043", "1044", "1045", "1046"]

    async def on_telegram(order: str) -> str:
        person = shop.telegram.user(f"customer of {order}")
        await person.say(shop.bot, f"where is my order {order}?")
        return str((await hears(person, "10"))["text"])

    async def on_the_website(order: str) -> str:
        async with shop.visitor() as web:
            await web.say(f"where is my order {order}?")
            return str((await sees(web, "10"))["text"])

    answers = await asyncio.gather(*(ask(order) for ask in (on_telegram, on_the_website) for order in orders))
    assert [re.findall(r"\b10[0-9]{2}\b", answer)[0] for answer in answers] == [*orders, *orders]


async def test_no_log_holds_a_secret_or_a_word_of_a_customer(shop: Shop) -> None:
    said = [
        row.content["text"]
        for row in await rows(shop.stack, sa.select(messages.c.content).where(messages.c.direction == "in"))
        if row.content.get("type") == "text"
    ]
    logs = "".join(log.read_text(encoding="utf-8", errors="replace") for log in shop.stack.logs)
    assert said
    assert logs
    # A number alone tells nothing: a log may name a port or a process of the same one.
    telling = [text for text in said if len(text) > 3 and not text.isdecimal()]
    assert telling
    assert [text for text in telling if text in logs] == []
    for secret in (TOKEN, TOKEN.partition(":")[2], TELEGRAM_SECRET):
        assert secret not in logs
