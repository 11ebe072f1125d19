"""What operators are told of the number, and signing in Meta's place."""

from __future__ import annotations

import pytest

from channels.contract import SendError, Webhook, WebhookRejected
from channels.whatsapp import WhatsAppChannel
from sandbox.whatsapp import Number, WhatsAppServer

from .conftest import Open


async def test_the_token_is_known_by_the_number_it_is_for(channel: WhatsAppChannel, shop: Number) -> None:
    assert await channel.check() == "+1 555-078-3881, the token works"


async def test_a_token_that_meta_does_not_know(server: WhatsAppServer, shop: Number, open_channel: Open) -> None:
    channel = await open_channel(server.url, access_token="EAAG-expired")
    with pytest.raises(SendError, match="WHATSAPP_ACCESS_TOKEN was refused") as caught:
        await channel.check()
    assert "EAAG-expired" not in str(caught.value)


async def test_a_number_that_is_not_ours(server: WhatsAppServer, shop: Number, open_channel: Open) -> None:
    channel = await open_channel(server.url, phone_number_id="99999999")
    with pytest.raises(SendError, match="WHATSAPP_PHONE_NUMBER_ID is unknown"):
        await channel.check()


async def test_what_it_signs_it_takes_byte_for_byte(channel: WhatsAppChannel) -> None:
    body = b'{"object":  "whatsapp_business_account"}\r\n'
    await channel.verify(Webhook(method="POST", headers=channel.signed(body), body=body))
    with pytest.raises(WebhookRejected):
        await channel.verify(Webhook(method="POST", headers=channel.signed(body), body=body.strip()))
