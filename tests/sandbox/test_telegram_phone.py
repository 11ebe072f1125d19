"""Telegram on the page's phone: what a person sends beside words, and what a bot sends back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
import telegram
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity
from telegram.request import HTTPXRequest

from sandbox.app import make_app
from sandbox.settings import Settings
from sandbox.telegram import WebhookReceiver, media
from tests.browser.chromium import chromium

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "123456:AAE-hearthside"


@dataclass(frozen=True, kw_only=True)
class Chat:
    """The open phone, the bot behind it and what reaches the bot."""

    page: Page
    bot: telegram.Bot
    gateway: WebhookReceiver

    async def told(self, kind: str) -> Any:
        """What of a message the bot was told, once it was."""
        await expect(self.page.locator(".own .ticks").last).to_have_attribute("aria-label", "delivered")
        return self.gateway.updates[-1]["message"][kind]

    @property
    def person(self) -> int:
        person: int = self.gateway.updates[-1]["message"]["from"]["id"]
        return person


@pytest_asyncio.fixture(loop_scope="module")
async def chat() -> AsyncIterator[Chat]:
    async with chromium() as browser, WebhookReceiver(path="/webhooks/telegram") as gateway:
        settings = Settings(
            port=0,
            gateway_url=gateway.url.removesuffix(gateway.path),
            bot_token=TOKEN,
            secret_token="s3cret",
            bot_username="hearthside_bot",
        )
        runner = web.AppRunner(make_app(settings), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        page = await browser.new_page(viewport={"width": 420, "height": 860})
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(f"{url}/#telegram")
        request = HTTPXRequest(httpx_kwargs={"trust_env": False})
        async with telegram.Bot(TOKEN, base_url=f"{url}/bot", base_file_url=f"{url}/file/bot", request=request) as bot:
            chat = Chat(page=page, bot=bot, gateway=gateway)
            await show_phone(page)
            await page.locator("#start").click()
            await chat.told("text")
            yield chat
        await page.close()
        await runner.cleanup()
        assert errors == []


async def show_phone(page: Page) -> None:
    tab = page.get_by_role("button", name="Phone", exact=True)
    if await tab.is_visible():
        await tab.click()
    await expect(page.locator("#start")).to_be_visible()


async def attach(chat: Chat, name: str) -> None:
    await chat.page.locator("#telegram").get_by_role("button", name="Attach").click()
    await chat.page.locator("#telegram").get_by_role("button", name=name, exact=True).click()


async def test_a_photo_is_sent_and_shown(chat: Chat) -> None:
    await attach(chat, "Photo")
    photo = await chat.told("photo")
    file = await chat.bot.get_file(photo[-1]["file_id"])
    assert bytes(await file.download_as_bytearray()) == media.sample("photo.jpg")
    picture = chat.page.locator("#messages .own img")
    await picture.evaluate("image => image.decode()")
    await expect(chat.page.locator("#telegram .attach-menu")).to_be_hidden()


async def test_a_place_a_file_and_a_voice_are_sent_and_shown(chat: Chat) -> None:
    await attach(chat, "Location")
    assert await chat.told("location") == {"latitude": 1.2834, "longitude": 103.8607}
    await expect(chat.page.locator("#messages .own .place a")).to_have_text("1.28340, 103.86070")
    await attach(chat, "File")
    assert (await chat.told("document"))["mime_type"] == "application/pdf"
    await expect(chat.page.locator("#messages .own .file-name")).to_have_text("receipt.pdf")
    await attach(chat, "Voice message")
    assert (await chat.told("voice"))["duration"] == 3
    await expect(chat.page.locator("#messages .own .wave")).to_be_visible()


async def test_the_menu_can_be_left_by_the_keyboard(chat: Chat) -> None:
    clip = chat.page.locator("#telegram").get_by_role("button", name="Attach")
    await clip.press("Enter")
    await expect(chat.page.locator("#telegram").get_by_role("button", name="Photo", exact=True)).to_be_focused()
    await chat.page.keyboard.press("Escape")
    await expect(clip).to_be_focused()
    await expect(chat.page.locator("#telegram .attach-menu")).to_be_hidden()


async def test_what_a_bot_sends_is_shown(chat: Chat) -> None:
    text = "🛒 Bold italic code link"
    places = [
        ("bold", 3, 4, None),
        ("italic", 8, 6, None),
        ("code", 15, 4, None),
        ("text_link", 20, 4, "https://a.example/"),
    ]
    entities = [MessageEntity(type=kind, offset=at, length=length, url=url) for kind, at, length, url in places]
    await chat.bot.send_message(chat.person, text, entities=entities)
    words = chat.page.locator("#messages .words").last
    await expect(words.locator("strong")).to_have_text("Bold")
    await expect(words.locator("em")).to_have_text("italic")
    await expect(words.locator("code")).to_have_text("code")
    await expect(words.get_by_role("link", name="link")).to_have_attribute("href", "https://a.example/")
    await chat.bot.send_document(chat.person, media.sample("receipt.pdf"), filename="Manual.pdf", caption="For you")
    await expect(chat.page.locator("#messages .file-name").last).to_have_text("Manual.pdf")
    await expect(chat.page.locator("#messages .words").last).to_have_text("For you")
    await chat.bot.send_venue(chat.person, 1.2834, 103.8607, "Hearthside", "10 Bayfront Avenue")
    await expect(chat.page.locator("#messages .place").last).to_contain_text("Hearthside10 Bayfront Avenue")
    assert [rule for rule in await violations(chat.page) if rule] == []


async def test_a_keyboard_that_is_taken_away_is_gone(chat: Chat) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Refund", callback_data="o:1:0")]])
    sent = await chat.bot.send_message(chat.person, "Refund?", reply_markup=keyboard)
    await expect(chat.page.locator("#messages .keys button")).to_have_text("Refund")
    await chat.bot.edit_message_reply_markup(chat.person, sent.message_id)
    await expect(chat.page.locator("#messages .keys")).to_have_count(0)
    await expect(chat.page.locator("#messages .row").last).not_to_contain_text("edited")


async def violations(page: Page) -> list[str]:
    found = await Axe().run(page, context="#phone")
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found.response["violations"]]
