"""A return begun on the website and finished in WhatsApp, on the trained model."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store.tables import messages
from sandbox.telegram import TelegramServer
from sandbox.whatsapp import Number, Person, WhatsAppServer, options
from tests.acceptance.stack import Stack, running_stack
from tests.acceptance.transcripts import rows
from tests.acceptance.widget import visitor

NUMBER_ID, ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN = "106540352242922", "EAAG-of-the-tests", "app-secret", "verify-me"


@dataclass(frozen=True, kw_only=True)
class Shop:
    stack: Stack
    number: Number
    alice: Person


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with WhatsAppServer() as meta, TelegramServer() as telegram:
        number = meta.number(NUMBER_ID, access_token=ACCESS_TOKEN, app_secret=APP_SECRET)
        settings = {
            "WHATSAPP_ACCESS_TOKEN": ACCESS_TOKEN,
            "WHATSAPP_APP_SECRET": APP_SECRET,
            "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
            "WHATSAPP_PHONE_NUMBER_ID": NUMBER_ID,
            "WHATSAPP_API_URL": f"{meta.url}/v26.0",
        }
        async with running_stack(tmp_path, telegram_url=telegram.url, settings=settings) as stack:
            await number.subscribe(f"{stack.gateway_url}/webhooks/whatsapp", VERIFY_TOKEN)
            yield Shop(stack=stack, number=number, alice=meta.person("Alice", "16505551234"))


def words(message: dict[str, Any]) -> str:
    """What a message of ours says, whatever its kind."""
    kind = message[message["type"]]
    return str(kind.get("body", {}).get("text", "") if message["type"] == "interactive" else kind.get("body", ""))


async def hears(person: Person, text: str) -> dict[str, Any]:
    while True:
        message = await person.next_message(timeout=60)
        if text in words(message):
            return message


async def test_a_return_begun_on_the_website_is_finished_in_whatsapp(shop: Shop) -> None:
    alice = shop.alice
    async with visitor(shop.stack.gateway_url, shop.stack.origin) as web:
        await web.say("I want to return the blue kettle from order 1042")
        await web.answer_with_options()
        await web.send(type="invite", channel="whatsapp")
        invitation = await web.next("invitation")
        assert invitation["url"].startswith("https://wa.me/")
        await alice.follow(invitation["url"])

    await hears(alice, "You were returning the blue kettle from order 1042")
    question = await hears(alice, "reason")
    assert "Damaged or faulty" in [option["title"] for option in options(question)]
    await alice.tap(question, "Damaged or faulty")
    await alice.tap(await hears(alice, "refund or an exchange"), "Exchange")
    await hears(alice, "How will you return it")
    await alice.say(shop.number, "1")
    await alice.tap(await hears(alice, "Shall I register"), "Yes, register it")
    await hears(alice, "the return is registered")

    said = await rows(shop.stack, sa.select(messages.c.conversation_id, messages.c.channel))
    assert len({row.conversation_id for row in said}) == 1
    assert {row.channel for row in said} == {"webchat", "whatsapp"}
