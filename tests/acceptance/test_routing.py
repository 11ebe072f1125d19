"""Two hundred customers on four channels at once: a reply goes to where its question came from, and to nobody else.

Every question holds a number that nobody else uses anywhere, and its answer repeats it. Whoever was told of a number
that they did not ask about there, was told what is not theirs.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import groupby, pairwise, permutations
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.store.tables import events, messages
from sandbox.journeys.ledger import Ledger
from sandbox.journeys.people import Phone
from sandbox.journeys.stack import until
from sandbox.journeys.town import Town, town
from tests.acceptance.transcripts import rows
from tests.database import NewDatabase

pytestmark = pytest.mark.asyncio(loop_scope="session")

CUSTOMERS = 200
AT_ONCE = 25
"""Customers who are under way at the same time; each is on two channels at the same moment."""
SEED = int(os.environ.get("ROUTING_SEED") or secrets.randbelow(10**6))

NUMBER = re.compile(r"(?<!\d)[2-9]\d{3}(?!\d)")
"""The shop's own orders begin with 1."""
QUESTIONS = {"en": "where is my order {}?", "zh": "我的订单{}到哪里了？"}
MOVES = {
    "en": {
        "webchat": "can we continue on the website?",
        "telegram": "can we continue on Telegram?",
        "whatsapp": "can we continue on WhatsApp?",
        "teams": "can we continue on Teams?",
    },
    "zh": {
        "webchat": "去网站上继续聊",
        "telegram": "换到 Telegram 继续",
        "whatsapp": "换到 WhatsApp 继续",
        "teams": "换到 Teams 继续",
    },
}


@dataclass(kw_only=True)
class Customer:
    name: str
    language: str
    channels: tuple[str, str]
    """Where the conversation begins, and where it goes on."""
    numbers: tuple[int, int]
    """What to ask about on each of the channels, at the same moment."""
    phones: list[Phone] = field(default_factory=list)
    asked: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By channel."""

    async def live(self, town: Town, doors: AsyncExitStack) -> None:
        here, there = [
            await doors.enter_async_context(town.phone(channel, self.name, language=self.language))
            for channel in self.channels
        ]
        self.phones = [here, there]
        await here.say(MOVES[self.language][there.channel])
        await there.follow(await here.hears_link())
        await asyncio.gather(*map(self.ask, self.phones, self.numbers))

    async def ask(self, phone: Phone, number: int) -> None:
        self.asked[phone.channel].add(str(number))
        await phone.say(QUESTIONS[self.language].format(number))
        await phone.hears(str(number))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def everybody(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("routing"), {"DATABASE_URL": await new_database()}) as everybody:
        yield everybody


def drawn(count: int, seed: int) -> list[Customer]:
    """Who they are, on which channels, and what they ask."""
    chance = random.Random(seed)
    numbers = iter(chance.sample(range(2000, 10000), 2 * count))
    return [
        Customer(
            name=f"customer {number}",
            language=chance.choice(("en", "zh")),
            channels=chance.choice(list(permutations(MOVES["en"], 2))),
            numbers=(next(numbers), next(numbers)),
        )
        for number in range(count)
    ]


async def test_every_reply_goes_to_where_its_question_came_from(everybody: Town) -> None:
    print(f"ROUTING_SEED={SEED}")
    customers = drawn(CUSTOMERS, SEED)
    room = asyncio.Semaphore(AT_ONCE)

    async def live(customer: Customer) -> None:
        async with room:
            await customer.live(everybody, doors)

    async with AsyncExitStack() as doors:
        await asyncio.gather(*map(live, customers))
        ledger = Ledger(everybody.stack.database_url)
        await everything_is_said(ledger, customers)
        await ledger.close()
        for customer in customers:
            nobody_was_told_what_is_not_theirs(customer)

    said = await rows(everybody.stack, sa.select(messages).order_by(messages.c.conversation_id, messages.c.seq))
    assert len({row.conversation_id for row in said}) == CUSTOMERS
    every_reply_has_the_address_of_its_question(said)
    for _, conversation in groupby(said, key=lambda row: row.conversation_id):
        turns_follow_one_another(list(conversation))
    numbers_belong_to_one_customer(said, customers)
    done = await rows(everybody.stack, sa.select(events).order_by(events.c.conversation_id, events.c.seq))
    for _, history in groupby(done, key=lambda row: row.conversation_id):
        events_do_not_mix(list(history), said)


async def everything_is_said(ledger: Ledger, customers: Sequence[Customer]) -> None:
    """Every message had its turn, every reply is sent and on the screen it was sent to."""
    phones = [phone for customer in customers for phone in customer.phones]

    async def on_the_screen() -> bool:
        return all([await phone.shows_everything(ledger.newest_for_visitor) for phone in phones])

    await until(ledger.is_settled, "every reply to be sent")
    await until(on_the_screen, "what was sent to be on the screens")


def nobody_was_told_what_is_not_theirs(customer: Customer) -> None:
    for phone in customer.phones:
        phone.look()
        heard = {number for part in phone.kept for number in NUMBER.findall(part.text)}
        assert heard == customer.asked[phone.channel], f"{customer.name} on {phone.channel}, seed {SEED}"


def every_reply_has_the_address_of_its_question(said: Sequence[Any]) -> None:
    asked = {row.id: (row.conversation_id, row.channel, row.address) for row in said if row.direction == "in"}
    replies = [row for row in said if row.direction == "out"]
    astray = [row.id for row in replies if (row.conversation_id, row.channel, row.address) != asked.get(row.cause_id)]
    assert astray == []
    assert {row.cause_id for row in replies} == set(asked), "every message is answered"
    assert {row.state for row in said} == {"done", "sent"}


def turns_follow_one_another(conversation: Sequence[Any]) -> None:
    """Numbers are gapless; whatever answers one message stands before whatever answers the next."""
    assert [row.seq for row in conversation] == list(range(1, len(conversation) + 1))
    place = {row.id: row.seq for row in conversation}
    answered = [place[row.cause_id] for row in conversation if row.direction == "out"]
    assert answered == sorted(answered)
    ends = [row.finished_at for row in conversation if row.direction == "in"]
    assert all(before <= after for before, after in pairwise(ends))


def numbers_belong_to_one_customer(said: Sequence[Any], customers: Sequence[Customer]) -> None:
    holders = defaultdict[str, set[str]](set)
    for row in said:
        for number in NUMBER.findall(str(row.content.get("text") or "")):
            holders[number].add(row.conversation_id)
    assert set(holders) == {str(number) for customer in customers for number in customer.numbers}
    assert {number: len(held) for number, held in holders.items() if len(held) > 1} == {}


def events_do_not_mix(history: Sequence[Any], said: Sequence[Any]) -> None:
    """The events of one turn stand together, and turns in the order of their messages."""
    place = {row.id: row.seq for row in said}
    turns = [place[turn] for turn, _ in groupby(row.message_id for row in history)]
    assert turns == sorted(set(turns))
