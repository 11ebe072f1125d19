"""WhatsApp through the running gateway, against Meta's server as the sandbox plays it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot.gateway.accept import Accepted
from bot.store.tables import messages, unread_webhooks
from sandbox.whatsapp import Limits, Number, Person, WhatsAppServer
from tests.database import NOON
from tests.gateway.people import bot_says, rows
from tests.gateway.running import Gateway, running_gateway

NUMBER_ID, ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN = "106540352242922", "EAAG-of-the-tests", "app-secret", "verify-me"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A gateway with a WhatsApp number, and Alice."""

    gateway: Gateway
    meta: WhatsAppServer
    shop: Number
    alice: Person

    @property
    def webhook(self) -> str:
        return f"{self.gateway.url}/webhooks/whatsapp"

    async def asked(self, text: str) -> Accepted:
        """What Alice says, as the gateway has stored it."""
        await (await self.alice.say(self.shop, text)).taken()
        row = (await rows(self.gateway.engine, messages, direction="in"))[-1]
        return Accepted(message=row.id, conversation=row.conversation_id, repeated=False)

    async def becomes(self, message: int, column: str) -> Any:
        """The message's row once this column is filled."""
        async with asyncio.timeout(30):
            while getattr((row := (await rows(self.gateway.engine, messages, id=message))[0]), column) is None:
                await asyncio.sleep(0.02)
        return row


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with WhatsAppServer(limits=Limits(retry_base=0.05)) as meta:
        shop = meta.number(NUMBER_ID, access_token=ACCESS_TOKEN, app_secret=APP_SECRET)
        settings: dict[str, Any] = {
            "whatsapp_access_token": ACCESS_TOKEN,
            "whatsapp_app_secret": APP_SECRET,
            "whatsapp_verify_token": VERIFY_TOKEN,
            "whatsapp_phone_number_id": NUMBER_ID,
            "whatsapp_api_url": f"{meta.url}/v26.0",
        }
        async with running_gateway(tmp_path, **settings) as gateway:
            line = Line(gateway=gateway, meta=meta, shop=shop, alice=meta.person("Alice", "16505551234"))
            await shop.subscribe(line.webhook, VERIFY_TOKEN)  # Meta's handshake
            yield line


async def test_the_handshake_is_for_who_knows_the_token(line: Line) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY_TOKEN}
    async with line.gateway.http.get(line.webhook, params=query) as answer:
        assert (answer.status, await answer.text()) == (200, "1158201444")
    async with line.gateway.http.get(line.webhook, params={**query, "hub.verify_token": "guess"}) as answer:
        assert answer.status == 403


async def test_a_question_is_stored_once_and_its_answer_arrives_and_is_read(line: Line) -> None:
    asked = await line.asked("where is my order?")
    message = await bot_says(line.gateway.engine, asked, "On its way.", NOON)
    heard = await line.alice.next_message()
    assert heard["text"]["body"] == "On its way."
    await line.becomes(message, "delivered_at")
    await line.alice.read(heard)
    row = await line.becomes(message, "read_at")
    assert (row.state, row.platform_id) == ("sent", heard["id"])
    [stored] = await rows(line.gateway.engine, messages, direction="in")
    assert stored.content == {"type": "text", "text": "where is my order?"}


async def test_receipts_may_come_in_any_order(line: Line) -> None:
    line.shop.tell_statuses = False
    message = await bot_says(line.gateway.engine, await line.asked("hello"), "Good morning!", NOON)
    heard = await line.alice.next_message()
    await line.becomes(message, "platform_id")
    line.shop.tell(line.alice, heard["id"], "read", "delivered", "sent")
    row = await line.becomes(message, "read_at")
    assert row.delivered_at is not None
    assert row.state == "sent"


async def test_a_forged_signature_is_403_and_nothing_is_stored(line: Line) -> None:
    headers = {"X-Hub-Signature-256": "sha256=" + "0" * 64}
    async with line.gateway.http.post(line.webhook, data=b"{}", headers=headers) as answer:
        assert answer.status == 403
    assert await rows(line.gateway.engine, messages) == []
    assert await rows(line.gateway.engine, unread_webhooks) == []


async def test_over_three_megabytes_is_413(line: Line) -> None:
    async with line.gateway.http.post(line.webhook, data=b" " * (3 * 1024 * 1024 + 1)) as answer:
        assert answer.status == 413


async def test_the_same_body_again_is_the_same_message(line: Line) -> None:
    delivery = await line.alice.say(line.shop, "hello")
    await delivery.taken()
    await line.shop.webhook.repeat(delivery)
    await line.asked("and more")
    stored = await rows(line.gateway.engine, messages, direction="in")
    assert [row.content["text"] for row in stored] == ["hello", "and more"]
