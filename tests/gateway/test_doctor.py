"""What the doctor finds: offline what lies here, online what the platforms say, and never a secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.gateway.doctor import Finding, examine, healthy, report
from bot.gateway.migrate import upgrade
from bot.gateway.settings import Settings, load_settings
from bot.store.database import connect
from sandbox.teams import TeamsServer
from sandbox.telegram import BotAccount, TelegramServer, WebhookReceiver
from sandbox.whatsapp import WhatsAppServer
from tests.database import fresh_sqlite
from tests.gateway.running import SECRET, TOKEN

PUBLIC = "https://chat.example.com"
HERE = f"{PUBLIC}/webhooks/telegram"
NUMBER_ID, ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN = "106540352242922", "EAAG-of-the-tests", "app-secret", "verify-me"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as running:
        yield running


@pytest.fixture
def shop(telegram: TelegramServer) -> BotAccount:
    return telegram.bot(TOKEN)


def on_telegram(server: TelegramServer, **others: Any) -> dict[str, Any]:
    settings = {"telegram_bot_token": TOKEN, "telegram_secret_token": SECRET, "telegram_api_url": server.url}
    return settings | {"public_url": PUBLIC} | others


def on_whatsapp(server: WhatsAppServer, **others: Any) -> dict[str, Any]:
    settings = {
        "whatsapp_access_token": ACCESS_TOKEN,
        "whatsapp_app_secret": APP_SECRET,
        "whatsapp_verify_token": VERIFY_TOKEN,
        "whatsapp_phone_number_id": NUMBER_ID,
        "whatsapp_api_url": f"{server.url}/v26.0",
        "public_url": PUBLIC,
    }
    return settings | others


async def asked(channel: str, **settings: Any) -> list[Finding]:
    """What going online adds about that channel."""
    in_force = load_settings(_env_file=None, **settings)
    offline, online = await examine(in_force), await examine(in_force, online=True)
    assert online[: len(offline)] == offline
    assert not any(secret in report(online) for secret in (TOKEN, SECRET, ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN))
    added = online[len(offline) :]
    assert {found.subject for found in added} <= {channel}
    return added


def good(channel: str, text: str) -> Finding:
    return Finding(subject=channel, good=True, text=text)


def bad(channel: str, text: str) -> Finding:
    return Finding(subject=channel, good=False, text=text)


def by_hand(channel: str, text: str) -> Finding:
    return Finding(subject=channel, good=False, text=text, chosen=True)


# --- Offline ----------------------------------------------------------------------------------------------------------


async def test_offline_no_platform_is_asked(telegram: TelegramServer, shop: BotAccount) -> None:
    await examine(load_settings(_env_file=None, **on_telegram(telegram)))
    assert shop.calls == []


async def test_a_database_that_is_behind_is_a_fault_until_it_is_migrated(tmp_path: Path) -> None:
    url = fresh_sqlite(tmp_path)
    settings = load_settings(_env_file=None, database_url=url)
    [behind, *_] = await examine(settings)
    engine = connect(url)
    await upgrade(engine)
    await engine.dispose()
    [current, *_] = await examine(settings)
    assert (healthy([behind]), "run `throughline migrate`" in behind.text) == (False, True)
    assert (healthy([current]), current.good) == (True, True)


async def test_a_channel_that_is_off_is_no_fault() -> None:
    channels = (await examine(load_settings(_env_file=None)))[3:-1]
    assert report(channels).splitlines() == [
        "--  telegram   off: TELEGRAM_BOT_TOKEN is not set",
        "--  whatsapp   off: WHATSAPP_ACCESS_TOKEN is not set",
        "--  teams      off: TEAMS_APP_ID is not set",
        "--  webchat    off: WEBCHAT_ORIGINS is not set",
        "--  email      off: SMTP_URL is not set",
    ]
    assert healthy(channels)


def test_a_fault_is_marked_and_makes_the_whole_unhealthy() -> None:
    findings = [good("core", "there"), bad("model", "none in models/")]
    assert report(findings).splitlines() == ["ok  core       there", "!!  model      none in models/"]
    assert not healthy(findings)


async def test_the_development_mode_of_teams_is_said() -> None:
    found = await examine(load_settings(_env_file=None, teams_development=True))
    assert found[5].good
    assert "TEAMS_DEVELOPMENT" in found[5].text


# --- Telegram ---------------------------------------------------------------------------------------------------------


async def test_telegram_that_delivers_here(telegram: TelegramServer, shop: BotAccount) -> None:
    await telegram.call(shop, "setWebhook", {"url": HERE})
    assert await asked("telegram", **on_telegram(telegram)) == [
        good("telegram", "token: @hearthside_bot, the token works"),
        good("telegram", f"webhook: {HERE}, 0 waiting"),
    ]


async def test_telegram_without_a_webhook(telegram: TelegramServer, shop: BotAccount) -> None:
    [_, webhook] = await asked("telegram", **on_telegram(telegram))
    assert webhook == bad("telegram", "webhook: none is set: run `throughline telegram set-webhook`")


async def test_telegram_that_delivers_elsewhere_shows_no_path(telegram: TelegramServer, shop: BotAccount) -> None:
    await telegram.call(shop, "setWebhook", {"url": f"https://other.example/{TOKEN}"})
    [_, webhook] = await asked("telegram", **on_telegram(telegram))
    expected = f"webhook: leads to https://other.example/… and not to {HERE}: run `throughline telegram set-webhook`"
    assert webhook == bad("telegram", expected)


async def test_telegram_that_keeps_taps_to_itself(telegram: TelegramServer, shop: BotAccount) -> None:
    await telegram.call(
        shop, "setWebhook", {"url": HERE, "allowed_updates": '["message", "edited_message", "my_chat_member"]'}
    )
    [_, webhook] = await asked("telegram", **on_telegram(telegram))
    assert not webhook.good
    assert "callback_query would not be delivered: run `throughline telegram set-webhook`" in webhook.text


async def test_telegram_that_is_refused_here(telegram: TelegramServer, shop: BotAccount) -> None:
    async with WebhookReceiver(path="/webhooks/telegram") as gateway:
        gateway.statuses.extend([403] * 100)
        await telegram.call(shop, "setWebhook", {"url": gateway.url})
        await telegram.user("Alice").start(shop)
        async with asyncio.timeout(30):
            while shop.delivery.last_error is None:
                await asyncio.sleep(0.02)
        public = gateway.url.removesuffix("/webhooks/telegram")
        [_, webhook] = await asked("telegram", **on_telegram(telegram, public_url=public))
    assert not webhook.good
    assert webhook.text.startswith("webhook: 1 waiting; last error at 20")
    assert "403" in webhook.text
    assert "the secrets differ: run `throughline telegram set-webhook`" in webhook.text


async def test_a_token_that_telegram_does_not_know(telegram: TelegramServer) -> None:
    expected = "token: TELEGRAM_BOT_TOKEN was refused. See channels/telegram/README.md"
    assert await asked("telegram", **on_telegram(telegram)) == [bad("telegram", expected)]


async def test_telegram_that_is_away() -> None:
    async with TelegramServer() as server:
        settings = on_telegram(server)
    [token] = await asked("telegram", **settings)
    assert not token.good
    assert "Telegram cannot be reached" in token.text


async def test_without_a_public_url_nothing_can_be_delivered(telegram: TelegramServer, shop: BotAccount) -> None:
    [_, webhook] = await asked("telegram", **on_telegram(telegram, public_url=None))
    assert not webhook.good
    assert webhook.text.startswith("webhook: PUBLIC_URL is not set")


# --- WhatsApp and Teams -----------------------------------------------------------------------------------------------


async def test_whatsapp_says_whose_number_it_is_and_where_its_webhook_is_set() -> None:
    async with WhatsAppServer() as meta:
        meta.number(NUMBER_ID, access_token=ACCESS_TOKEN, app_secret=APP_SECRET)
        found = await asked("whatsapp", **on_whatsapp(meta))
    where = "developers.facebook.com/apps → your app → WhatsApp → Configuration → Webhook, with WHATSAPP_VERIFY_TOKEN"
    assert found == [
        good("whatsapp", "token: +1 555-078-3881, the token works"),
        by_hand("whatsapp", f"webhook: see for yourself that it is {PUBLIC}/webhooks/whatsapp, at {where}"),
    ]
    assert healthy(found)


async def test_a_token_or_a_number_that_whatsapp_does_not_know_is_named() -> None:
    async with WhatsAppServer() as meta:
        meta.number(NUMBER_ID, access_token=ACCESS_TOKEN, app_secret=APP_SECRET)
        [wrong_token, _] = await asked("whatsapp", **on_whatsapp(meta, whatsapp_access_token="EAAG-expired"))
        [wrong_number, _] = await asked("whatsapp", **on_whatsapp(meta, whatsapp_phone_number_id="99999999"))
    assert not healthy([wrong_token])
    assert "WHATSAPP_ACCESS_TOKEN was refused" in wrong_token.text
    assert "WHATSAPP_PHONE_NUMBER_ID is unknown" in wrong_number.text


async def test_teams_logs_in() -> None:
    async with TeamsServer() as server:
        bot = server.bot()
        settings = {"teams_app_id": bot.app_id, "teams_login_url": server.login_url, "public_url": PUBLIC}
        found = await asked("teams", **settings, teams_app_password=bot.password)
        [refused, _] = await asked("teams", **settings, teams_app_password="of-last-year")
    where = "portal.azure.com → your Azure Bot → Configuration → Messaging endpoint"
    assert found == [
        good("teams", "token: the log-in gives a token"),
        by_hand("teams", f"webhook: see for yourself that it is {PUBLIC}/api/messages, at {where}"),
    ]
    assert not refused.good
    assert "refused TEAMS_APP_ID and TEAMS_APP_PASSWORD at TEAMS_LOGIN_URL: 401 invalid_client" in refused.text
    assert "of-last-year" not in refused.text


async def test_one_platform_that_is_away_does_not_hide_the_others(telegram: TelegramServer, shop: BotAccount) -> None:
    async with WhatsAppServer() as meta:
        settings = on_whatsapp(meta)
    found = await examine(load_settings(_env_file=None, **on_telegram(telegram, **settings)), online=True)
    assert [(one.subject, one.good) for one in found if one.text.startswith("token:")] == [
        ("telegram", True),
        ("whatsapp", False),
    ]
