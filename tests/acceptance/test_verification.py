"""An order's address is told to whoever placed it, and to nobody else, on the running product: by a code in their
mailbox. And a short code that one chat shows joins another."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sandbox.journeys.stack import Stack, running_stack
from sandbox.journeys.visitor import Visitor, visitor
from sandbox.mail import MailServer
from sandbox.ports import free_port
from tests.database import NewDatabase

pytestmark = pytest.mark.asyncio(loop_scope="session")

CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}")
ADDRESS = "12 Tiong Bahru Road"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def post(new_database: NewDatabase) -> AsyncIterator[MailServer]:
    """One for each database: nobody is to find a code there that another shop has sent."""
    server = MailServer(user="shop", password="s3cret")
    await server.start()
    yield server
    await server.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(
    post: MailServer, tmp_path_factory: pytest.TempPathFactory, new_database: NewDatabase
) -> AsyncIterator[Stack]:
    nowhere = free_port()
    settings = {
        "DATABASE_URL": await new_database(),
        "SMTP_URL": f"smtp://shop:s3cret@127.0.0.1:{post.port}",
        "MAIL_FROM": "Hearthside <chat@hearthside.example.com>",
    }
    folder = tmp_path_factory.mktemp("verification")
    async with running_stack(folder, telegram_url=f"http://127.0.0.1:{nowhere}", settings=settings) as stack:
        yield stack


def on_the_website(shop: Stack, language: str = "en") -> Any:
    return visitor(shop.gateway_url, shop.origin, language=language)


async def hears(customer: Visitor, words: str) -> str:
    while True:
        message = await customer.answer()
        assert ADDRESS not in message.get("text", "") or words == ADDRESS
        if words in message.get("text", ""):
            return str(message["text"])


async def code_sent_to(post: MailServer, address: str) -> str:
    async with asyncio.timeout(60):
        while not (letters := [letter for letter in post.letters if letter.to == address]):
            await asyncio.sleep(0.05)
    found = CODE.search(letters[-1].text)
    assert found
    return found[0]


async def test_an_address_is_told_once_the_code_in_the_mail_is_typed(shop: Stack, post: MailServer) -> None:
    async with on_the_website(shop) as mei, on_the_website(shop) as mallory:
        await mei.say("where is order 1042 being delivered to?")
        await hears(mei, "I've sent a code to m•••@example.com")
        code = await code_sent_to(post, "mei.tan@example.com")

        await mallory.say(code)
        await hears(mallory, "I don't know that code")
        await mallory.say("what is in order 1042")
        await hears(mallory, "I've sent a code")

        await mei.say(code.lower().replace("-", " "))
        await hears(mei, "Thank you, that's you.")
        assert "Blue enamel kettle" in await hears(mei, ADDRESS)
        await mei.say("what is in order 1043")
        assert ADDRESS not in await hears(mei, "I've sent a code to")


async def test_the_return_that_was_open_goes_on_afterwards(shop: Stack, post: MailServer) -> None:
    async with on_the_website(shop, "zh") as bob:
        await bob.say("我要退订单1047里的商品")
        await bob.answer()
        await bob.say("订单1047的收货地址是什么")
        await hears(bob, "验证码已发到")
        await bob.say(await code_sent_to(post, "bob.chen@example.com"))
        await hears(bob, "已核实是您本人")
        await hears(bob, "收货信息")
        assert "原因" in (await bob.answer_with_options())["text"]


async def test_a_short_code_joins_two_chats(shop: Stack) -> None:
    async with on_the_website(shop) as alice, on_the_website(shop) as again:
        await alice.say("I want to return the blue kettle from order 1042")
        await hears(alice, "reason")
        await alice.send(type="invite", channel="code")
        shown = await alice.next("invitation")
        await again.say(shown["code"])
        await hears(again, "You were returning the blue kettle from order 1042")
