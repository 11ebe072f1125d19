"""A number on file is a suggestion, and an operator separates who was put together: on the running product."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio

from bot.gateway.merges import known, unmerge
from bot.gateway.settings import Settings
from sandbox.journeys.people import Phone, WhatsAppPhone
from sandbox.journeys.town import Town, town
from tests.database import NewDatabase

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEI, SHARED = "6581230101", "6581230156"
"""Of Mei Tan, who placed order 1042, in the shop's data; and the one that two of its customers share."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def everybody(tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase) -> AsyncIterator[Town]:
    async with town(tmp_path_factory.mktemp("suggestions"), {"DATABASE_URL": await new_database()}) as everybody:
        yield everybody


@contextmanager
def on_whatsapp(town: Town, name: str, number: str) -> Iterator[Phone]:
    with WhatsAppPhone(town.number, town.meta.person(name, number, country="SG")) as phone:
        yield phone


async def taps(phone: Phone, label: str) -> None:
    await phone.tap(phone.with_button(label), label)


async def hears(phone: Phone, words: str) -> str:
    """The next with these words; it can be tapped afterwards."""
    part = await phone.hears(words)
    phone.kept.append(part)
    return part.text


async def test_a_number_on_file_is_asked_about_once_and_good_for_the_state_alone(everybody: Town) -> None:
    with on_whatsapp(everybody, "Mei", MEI) as mei:
        await mei.say("where is my order 1042?")
        assert "SingPost" not in await hears(mei, "Order 1042 was delivered.")
        question = await hears(mei, "Is that account yours?")
        assert "ending in 01" in question
        assert "Mei" not in question
        await taps(mei, "Yes, it's mine")
        await hears(mei, "I've noted that")
        told = await hears(mei, "Order 1042 was delivered on")
        assert "SingPost" in told
        assert "kettle" not in told

        await mei.say("what is in order 1042?")
        await hears(mei, "I've sent a code to m•••@example.com")
        await mei.say("where is my order 1042?")
        assert "kettle" not in await hears(mei, "SingPost")


async def test_in_chinese_a_no_is_kept(everybody: Town) -> None:
    with on_whatsapp(everybody, "小李", "6581230103") as stranger:
        await stranger.say("我的订单1051到哪里了？")
        await hears(stranger, "订单 1051 已取消")
        await hears(stranger, "这是您的账号吗")
        await taps(stranger, "不是")
        await hears(stranger, "我不会再问了")
        await stranger.say("我的订单1044到哪里了？")
        assert "SingPost" not in await hears(stranger, "订单 1044 已送达。")
        await stranger.say("谢谢")
        await hears(stranger, "客气")
        assert not [part for part in stranger.kept[3:] if "账号" in part.text]


async def test_a_number_that_two_share_suggests_nothing(everybody: Town) -> None:
    with on_whatsapp(everybody, "Farah", SHARED) as farah:
        await farah.say("where is my order 1052?")
        await hears(farah, "Order 1052 was delivered.")
        await farah.say("thank you")
        await farah.hears("welcome")
        farah.look()
        assert not [part for part in farah.kept if "account" in part.text]


async def test_an_operator_separates_two_at_any_time_and_both_are_told(everybody: Town) -> None:
    settings = Settings(database_url=everybody.stack.environment["DATABASE_URL"])
    async with everybody.phone("telegram", "Alice") as alice, everybody.phone("webchat", "Bob") as bob:
        await alice.say("where is my order?")
        await alice.hears("What is your order number?")
        await bob.say("I want to return the blue kettle from order 1042")
        await bob.hears("What is the reason")
        await bob.say("can we continue on Telegram?")
        await alice.follow(await bob.hears_link())
        await alice.hears("put together now")
        await alice.hears("What is the reason")

        [merge] = await known(settings)
        await unmerge(settings, merge.id)
        await alice.hears("A colleague has separated chats")
        await bob.hears("A colleague has separated chats")
        await alice.say("1043")
        await alice.hears("Order 1043 is on its way")
    [merge] = await known(settings)
    assert merge.undone_by == "operator"
