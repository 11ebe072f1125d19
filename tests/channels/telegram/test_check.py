"""What operators are told of the bot, and signing in Telegram's place."""

from __future__ import annotations

import json

import pytest

from channels.contract import SendError, Webhook
from channels.telegram import TelegramChannel
from channels.telegram.api import WebhookInfo
from channels.telegram.inbound import ALLOWED_UPDATES
from sandbox.telegram import BotAccount, TelegramServer, flood_wait

from .conftest import TOKEN, Open

URL = "https://chat.example.com/webhooks/telegram"


async def test_the_token_is_known_by_the_bot_s_name(channel: TelegramChannel, shop: BotAccount) -> None:
    assert await channel.check() == "@hearthside_bot, the token works"


async def test_a_token_that_telegram_does_not_know(server: TelegramServer, open_channel: Open) -> None:
    channel = open_channel(server.url, token="1:of-nobody")
    await channel.start()
    with pytest.raises(SendError, match="TELEGRAM_BOT_TOKEN was refused") as caught:
        await channel.check()
    assert "of-nobody" not in str(caught.value)


async def test_without_a_webhook_nothing_is_known(channel: TelegramChannel, shop: BotAccount) -> None:
    nothing = WebhookInfo(url="", pending=0, error=None, error_at=None, unheard=())
    assert await channel.webhook_info() == nothing


async def test_what_set_webhook_sets_is_what_is_told(channel: TelegramChannel, shop: BotAccount) -> None:
    await channel.set_webhook("https://chat.example.com/")
    assert await channel.webhook_info() == WebhookInfo(url=URL, pending=0, error=None, error_at=None, unheard=())


async def test_set_webhook_fills_the_menu_in_both_languages(channel: TelegramChannel, shop: BotAccount) -> None:
    await channel.set_webhook("https://chat.example.com/")
    names = {language: [one["command"] for one in commands] for language, commands in shop.commands.items()}
    assert names == {"": ["start", "help"], "zh": ["start", "help"]}


async def test_updates_that_are_not_delivered_are_named(
    server: TelegramServer, channel: TelegramChannel, shop: BotAccount
) -> None:
    await server.call(shop, "setWebhook", {"url": URL, "allowed_updates": json.dumps(["message"])})
    info = await channel.webhook_info()
    assert info.unheard == tuple(kind for kind in ALLOWED_UPDATES if kind != "message")


async def test_telegram_s_refusal_is_a_send_error(channel: TelegramChannel, shop: BotAccount) -> None:
    shop.faults.order("getWebhookInfo", flood_wait(3))
    with pytest.raises(SendError) as caught:
        await channel.webhook_info()
    assert caught.value.retry_after == 3


async def test_what_it_signs_it_takes(channel: TelegramChannel) -> None:
    body = b'{"update_id": 1}'
    await channel.verify(Webhook(method="POST", headers=channel.signed(body), body=body))


def test_the_token_is_not_what_it_signs_with(open_channel: Open) -> None:
    assert TOKEN not in "".join(open_channel("http://127.0.0.1:9").signed(b"{}").values())
