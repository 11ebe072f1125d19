"""WhatsApp on the page's phone: what a person sends beside words, and what a business sends back."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from sandbox.app import make_app
from sandbox.settings import Settings, WhatsAppSettings
from sandbox.whatsapp import WebhookReceiver
from tests.browser.chromium import chromium

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN, NUMBER_ID = "EAAG-hearthside", "106540352242922"


@dataclass(frozen=True, kw_only=True)
class Chat:
    """The open phone, and the business behind it."""

    page: Page
    url: str
    gateway: WebhookReceiver
    http: aiohttp.ClientSession

    async def told(self, kind: str) -> Any:
        """What of a message the business was told, once it was."""
        await expect(self.page.locator("#whatsapp .own .ticks").last).to_have_attribute("aria-label", "delivered")
        return self.heard()[-1][kind]

    def heard(self) -> list[Any]:
        values = [one.json["entry"][0]["changes"][0]["value"] for one in self.gateway.received]
        return [message for value in values for message in value.get("messages", [])]

    async def send(self, kind: str, body: Any) -> None:
        """From the business to whoever wrote last."""
        whom = {"messaging_product": "whatsapp", "to": self.heard()[-1]["from"], "type": kind}
        address = f"{self.url}/whatsapp/v26.0/{NUMBER_ID}/messages"
        async with self.http.post(address, json=whom | {kind: body}) as answer:
            assert answer.status == 200, await answer.text()

    async def attach(self, kind: str) -> None:
        await self.page.locator("#whatsapp .clip").click()
        await self.page.locator(f"#whatsapp .attach-{kind}").click()


@pytest_asyncio.fixture(loop_scope="module")
async def chat() -> AsyncIterator[Chat]:
    errors: list[str] = []
    async with chromium() as browser, WebhookReceiver(path="/webhooks/whatsapp") as gateway:
        settings = Settings(
            port=0,
            gateway_url=gateway.url.removesuffix(gateway.path),
            bot_token="123456:AAE-hearthside",
            secret_token="s3cret",
            bot_username="hearthside_bot",
            whatsapp=WhatsAppSettings(
                access_token=TOKEN,
                app_secret="app-secret",
                verify_token=gateway.verify_token,
                phone_number_id=NUMBER_ID,
            ),
        )
        runner = web.AppRunner(make_app(settings), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        page.on("pageerror", lambda error: errors.append(str(error)))
        await page.goto(url)
        await page.locator("#tab-whatsapp").click()
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
            yield Chat(page=page, url=url, gateway=gateway, http=http)
        await page.close()
        await runner.cleanup()
    assert errors == []


async def test_photo_is_shown_and_can_be_fetched(chat: Chat) -> None:
    await chat.attach("photo")
    image = await chat.told("image")
    width = await chat.page.locator("#whatsapp .own img").evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    assert (width, image["mime_type"]) == (640, "image/jpeg")
    async with chat.http.get(f"{chat.url}/whatsapp/v26.0/{image['id']}") as answer:
        media = await answer.json()
    async with chat.http.get(media["url"]) as answer:
        content = await answer.read()
    assert content.startswith(b"\xff\xd8\xff")
    assert hashlib.sha256(content).hexdigest() == media["sha256"]


async def test_file_place_and_voice_are_sent_and_shown(chat: Chat) -> None:
    await chat.attach("document")
    assert (await chat.told("document"))["filename"] == "receipt.pdf"
    await expect(chat.page.locator("#whatsapp .own .file-name")).to_have_text("receipt.pdf")
    await chat.attach("location")
    await expect(chat.page.locator("#whatsapp .own .place a")).to_have_text("1.28360, 103.86070")
    assert await chat.told("location") == {"latitude": 1.2836, "longitude": 103.8607}
    await chat.attach("voice")
    await expect(chat.page.locator("#whatsapp .own .wave")).to_be_visible()
    assert (await chat.told("audio"))["voice"] is True


async def test_what_was_sent_is_still_there_after_a_reload(chat: Chat) -> None:
    await chat.attach("photo")
    await chat.told("image")
    await chat.page.reload()
    await chat.page.locator("#tab-whatsapp").click()
    width = await chat.page.locator("#whatsapp .own img").evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    assert width == 640


async def test_business_sends_a_file_a_place_and_marks(chat: Chat) -> None:
    await chat.attach("location")
    await chat.told("location")
    file = f"{chat.url}/products/lamp.png"
    await chat.send("image", {"link": file, "caption": "A *lamp*\nand _light_"})
    place = {"latitude": 1.2836, "longitude": 103.8607, "name": "Marina Bay", "address": "10 Bayfront Ave"}
    await chat.send("location", place)
    await chat.send(
        "text", {"body": "\u4f60\u597d\u200a*\u4e16\u754c*\u200a 5*3*2 *not\u200a* snake_case_name `a *b*` ~no~"}
    )
    theirs = chat.page.locator("#whatsapp .row:not(.own)")
    await expect(theirs.locator(".place a")).to_have_text("Marina Bay")
    await expect(theirs.locator(".place .faint")).to_have_text("10 Bayfront Ave")
    await expect(theirs.locator("strong")).to_have_text(["lamp", "\u4e16\u754c"])
    await expect(theirs.locator("em")).to_have_text(["light"])
    await expect(theirs.locator("code")).to_have_text(["a *b*"])
    await expect(theirs.locator("s")).to_have_text(["no"])
    assert (await Axe().run(chat.page, "#phone")).response["violations"] == []
