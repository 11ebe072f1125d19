"""Customers who wait: what they see, once, in their language, before the answer, and no more of it than is good."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.accept import Accepted
from bot.gateway.waiting import Waiting, is_due
from bot.store.database import transaction
from bot.store.offers import PEOPLE
from bot.store.tables import conversations, messages
from channels.contract import Inbound, Text
from sandbox.telegram import TelegramServer
from tests.database import NOON, Clock
from tests.gateway.people import accepted, bot_says, conversation_of, rows, says
from tests.gateway.running import TOKEN, running_gateway


class Phone:
    """A channel of which only the sign counts here."""

    sign_lasts: ClassVar[timedelta | None] = timedelta(seconds=5)

    def __init__(self) -> None:
        self.shown: list[tuple[str, str | None]] = []

    async def show_typing(self, address: str, platform_id: str | None) -> None:
        self.shown.append((address, platform_id))


class Street:
    """Customers who write, and gateways that look after them."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.phone = Phone()

    def gateway(self) -> Waiting:
        channels: Any = {"telegram": self.phone}
        return Waiting(engine=self.engine, channels=channels, clock=self.clock)

    async def says(self, who: str, words: str = "hello", **more: Any) -> Accepted:
        return await self.brings(says(who, words), **more)

    async def brings(self, inbound: Inbound, **more: Any) -> Accepted:
        return await accepted(self.engine, replace(inbound, **more), self.clock())

    async def is_answered(self, asked: Accepted, text: str = "Hi") -> None:
        """As the core commits a turn."""
        async with transaction(self.engine) as connection:
            row = (await connection.execute(sa.select(messages).where(messages.c.id == asked.message))).one()
            await connection.execute(sa.update(messages).where(messages.c.id == row.id).values(state="done"))
            idle = {"done_seq": row.seq, "waiting_since": None, "unanswered_since": None}
            await connection.execute(
                sa.update(conversations).where(conversations.c.id == row.conversation_id).values(**idle)
            )
        await bot_says(self.engine, asked, text, self.clock())

    async def pass_(self, gateway: Waiting, seconds: float) -> None:
        """Time passes, and the gateway looks every second."""
        for _ in range(int(seconds)):
            self.clock.forward(seconds=1)
            await gateway.look()
            await asyncio.sleep(0)

    async def told(self, who: str) -> list[Any]:
        conversation = await conversation_of(self.engine, who, "telegram")
        return await rows(self.engine, messages, conversation_id=conversation, direction="out")

    async def texts(self, who: str) -> list[str]:
        return [row.content["text"] for row in await self.told(who)]


@pytest.fixture
def street(engine: AsyncEngine, clock: Clock) -> Street:
    return Street(engine, clock)


async def test_the_sign_is_shown_again_and_again_while_somebody_waits(street: Street) -> None:
    gateway = street.gateway()
    asked = await street.says("alice", platform_id="77")
    await street.pass_(gateway, 2)
    assert street.phone.shown == []
    await street.pass_(gateway, 1)
    assert street.phone.shown == [("alice@telegram", "77")]
    await street.pass_(gateway, 10)
    assert len(street.phone.shown) == 3
    await street.is_answered(asked)
    await street.pass_(gateway, 10)
    assert len(street.phone.shown) == 3


async def test_a_kind_word_is_said_once_a_wait_and_before_the_answer(street: Street) -> None:
    gateway = street.gateway()
    asked = await street.says("alice")
    await street.pass_(gateway, 7)
    assert await street.told("alice") == []
    await street.pass_(gateway, 20)
    await street.is_answered(asked)
    word, answer = await street.told("alice")
    assert (word.author, word.address, word.cause_id) == ("product", "alice@telegram", None)
    assert word.content["text"].startswith("One moment")
    assert (word.seq, word.id) < (answer.seq, answer.id)
    asked = await street.says("alice", "and another thing")
    await street.pass_(gateway, 20)
    assert [row.author for row in await street.told("alice")] == ["product", "bot", "product"]


async def test_after_a_minute_people_are_offered_once(street: Street) -> None:
    gateway = street.gateway()
    await street.says("alice")
    await street.pass_(gateway, 200)
    comfort, warning = await street.told("alice")
    assert "options" not in comfort.content
    assert [option["payload"] for option in warning.content["options"]] == [PEOPLE]
    assert "Nothing you wrote is lost" in warning.content["text"]


async def test_a_wait_that_nobody_saw_begin_gets_the_later_word_alone(street: Street) -> None:
    await street.says("alice")
    street.clock.forward(minutes=5)
    gateway = street.gateway()
    await street.pass_(gateway, 30)
    [only] = await street.told("alice")
    assert [option["payload"] for option in only.content["options"]] == [PEOPLE]


@pytest.mark.parametrize(
    ("words", "hint", "spoken_before", "language"),
    [
        ("hello", "zh-CN", None, "zh"),
        ("hello", "zh-CN", "en", "en"),
        ("你好", None, None, "zh"),
        ("hello", None, None, "en"),
        ("hello", "fr", None, "en"),
    ],
)
async def test_the_word_is_in_the_customers_language(
    street: Street, words: str, hint: str | None, spoken_before: str | None, language: str
) -> None:
    if spoken_before:
        await street.is_answered(await street.says("alice"))
        async with transaction(street.engine) as connection:
            said = messages.c.direction == "out"
            await connection.execute(sa.update(messages).where(said).values(language=spoken_before))
    await street.says("alice", words, language=hint)
    await street.pass_(street.gateway(), 10)
    assert (await street.told("alice"))[-1].language == language


async def test_nothing_is_said_while_people_have_the_conversation(street: Street) -> None:
    await street.says("alice")
    async with transaction(street.engine) as connection:
        await connection.execute(sa.update(conversations).values(owner="queue"))
    await street.pass_(street.gateway(), 100)
    assert await street.told("alice") == []
    assert street.phone.shown == []


async def test_nothing_is_said_in_a_group(street: Street) -> None:
    await street.says("our-group", audience=True)
    await street.pass_(street.gateway(), 100)
    assert await rows(street.engine, messages, direction="out") == []


async def test_a_turn_that_is_tried_again_is_waited_for_from_its_beginning(street: Street) -> None:
    """It is due in the future, again and again."""
    gateway = street.gateway()
    await street.says("alice")
    for _ in range(12):
        async with transaction(street.engine) as connection:
            due = street.clock() + timedelta(seconds=30)
            await connection.execute(sa.update(conversations).values(waiting_since=due))
        await street.pass_(gateway, 1)
    assert len(await street.told("alice")) == 1


async def test_two_gateways_say_it_once(street: Street) -> None:
    await street.says("alice")
    first, second = street.gateway(), street.gateway()
    street.clock.forward(seconds=9)
    await asyncio.gather(first.look(), second.look())
    await street.pass_(second, 3)
    await street.pass_(first, 3)
    assert len(await street.texts("alice")) == 1


async def test_two_gateways_together_are_no_louder_than_one(street: Street) -> None:
    await crowd(street, 100)
    gateways = [street.gateway(), street.gateway()]
    street.clock.forward(seconds=9)
    for gateway in gateways:
        await gateway.look()
    assert len(await rows(street.engine, messages, direction="out")) == 20


async def test_a_crowd_is_told_a_few_at_a_time_and_nobody_is_left_out(street: Street) -> None:
    await crowd(street, 50)
    gateway = street.gateway()
    street.clock.forward(seconds=9)
    said = []
    for _ in range(4):
        await gateway.look()
        said.append(len(await rows(street.engine, messages, direction="out")))
        street.clock.forward(seconds=1)
    assert said == [20, 40, 50, 50]


async def test_an_answer_that_comes_first_leaves_nothing_to_say(street: Street) -> None:
    asked = await street.says("alice")
    street.clock.forward(seconds=9)
    await street.is_answered(asked)
    await street.gateway().look()
    assert await street.texts("alice") == ["Hi"]


@pytest.mark.parametrize(
    ("lasts", "looked", "now", "due"),
    [
        (5, 1.9, 2.9, False),
        (5, 2.9, 3.9, True),
        (5, 3.9, 4.9, False),
        (5, 7.5, 8.0, True),
        (25, 7.5, 8.0, False),
        (None, 2.9, 3.9, False),
    ],
)
def test_a_sign_is_due_when_the_one_before_is_over(lasts: int | None, looked: float, now: float, due: bool) -> None:
    after = [NOON + timedelta(seconds=seconds) for seconds in (looked, now)]
    assert is_due(NOON, None if lasts is None else timedelta(seconds=lasts), *after) is due


async def crowd(street: Street, size: int) -> Sequence[Accepted]:
    return [await street.says(f"customer{number}") for number in range(size)]


async def test_on_a_phone(tmp_path: Path, clock: Clock) -> None:
    """The whole gateway, with nobody who answers."""
    async with TelegramServer() as telegram:
        bot = telegram.bot(TOKEN)
        async with running_gateway(tmp_path, telegram_url=telegram.url, clock=clock) as gateway:
            alice = telegram.user("Alice")
            await alice.start(bot)
            chat = str(alice.id)
            asked = Inbound(channel="telegram", external_id=chat, address=chat, dedupe_key="1", said=Text(text="你好"))
            await accepted(gateway.engine, asked, clock())
            clock.forward(seconds=3.5)
            assert (await alice.next_event("action"))["action"] == "typing"
            clock.forward(seconds=5)
            assert (await alice.next_message())["text"].startswith("请稍等")
            clock.forward(seconds=60)
            offered = await alice.next_message()
            assert offered["reply_markup"]["inline_keyboard"][0][0]["text"] == "转人工客服"


async def test_what_a_worker_of_the_version_before_left_behind_is_no_wait(street: Street) -> None:
    """It knows nothing of the column."""
    await street.is_answered(await street.says("alice"))
    async with transaction(street.engine) as connection:
        long_ago = street.clock() - timedelta(days=1)
        await connection.execute(sa.update(conversations).values(unanswered_since=long_ago))
    gateway = street.gateway()
    await street.pass_(gateway, 5)
    await street.says("alice", "and now?")
    await street.pass_(gateway, 2)
    assert (street.phone.shown, await street.texts("alice")) == ([], ["Hi"])
