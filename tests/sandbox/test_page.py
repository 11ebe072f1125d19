"""The page in a real browser: the shop, the phone, and the links between the two."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
import telegram
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.request import HTTPXRequest

from sandbox.app import make_app
from sandbox.settings import DeskSettings, Settings
from sandbox.telegram import WebhookReceiver
from tests.browser.chromium import chromium

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "123456:AAE-hearthside"
PASSWORD = 'long-enough-and-<b>"quoted"</b>-for-a-page'  # of nobody
WIDGET = """
customElements.define("throughline-chat", class extends HTMLElement {
  connectedCallback() {
    const link = document.createElement("a");
    link.href = "https://t.me/hearthside_bot?start=code-1";
    link.textContent = "Continue on Telegram";
    this.attachShadow({mode: "open"}).append(link);
    this.setAttribute("role", "complementary");
  }
});
document.body.append(document.createElement("throughline-chat"));
"""
QUESTION = InlineKeyboardMarkup([[InlineKeyboardButton("Refund", callback_data="refund")]])


@dataclass(kw_only=True)
class World:
    """The sandbox, a gateway that only listens, the bot to answer with, and the browser."""

    url: str
    gateway: WebhookReceiver
    bot: telegram.Bot
    browser: Browser
    errors: list[str] = field(default_factory=list)

    async def open(self, *, width: int = 1440, height: int = 900, dark: bool = False, query: str = "") -> Page:
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        await page.route("**/widget.js", lambda route: route.fulfill(body=WIDGET, content_type="text/javascript"))
        await page.goto(f"{self.url}/{query}")
        await expect(page.locator("#owner")).not_to_be_empty()
        await page.locator("throughline-chat").wait_for(state="attached")
        return page

    def said(self) -> list[str]:
        return [update["message"]["text"] for update in self.gateway.updates if "message" in update]

    def customer(self) -> int:
        customer: int = self.gateway.updates[-1]["message"]["from"]["id"]
        return customer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def world(browser: Browser) -> AsyncIterator[World]:
    async with WebhookReceiver(path="/webhooks/telegram") as gateway:
        settings = Settings(
            port=0,
            gateway_url=gateway.url.removesuffix(gateway.path),
            bot_token=TOKEN,
            secret_token="s3cret",
            bot_username="hearthside_bot",
            desk=DeskSettings(url=f"{gateway.url}/desk", login="maya", password=PASSWORD),
        )
        runner = web.AppRunner(make_app(settings), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        request = HTTPXRequest(httpx_kwargs={"trust_env": False})
        async with telegram.Bot(TOKEN, base_url=f"{url}/bot", request=request) as bot:
            world = World(url=url, gateway=gateway, bot=bot, browser=browser)
            yield world
        for context in browser.contexts:
            await context.close()
        await runner.cleanup()
        assert world.errors == []


@pytest.mark.parametrize(
    ("query", "first", "hint"),
    [
        ("", "Blue enamel kettle", "Start a return of order 1042"),
        ("?lang=zh", "蓝色珐琅水壶", "为订单 1042 发起退货"),
    ],
)
async def test_the_shop_shows_its_twelve_products(world: World, query: str, first: str, hint: str) -> None:
    page = await world.open(query=query)
    await expect(page.locator("#products li")).to_have_count(12)
    await expect(page.locator("#products li").first).to_contain_text(first)
    await expect(page.locator(".hint")).to_contain_text(hint)
    pictures = "[...document.querySelectorAll('#shop img')].map((image) => (image.loading = 'eager', image.decode()))"
    await page.evaluate(f"Promise.all({pictures})")


@pytest.mark.parametrize(
    ("query", "link"), [("", "Open the agents’ desk (new tab)"), ("?lang=zh", "打开客服工作台（新标签页）")]
)
async def test_the_desk_is_one_click_away_with_a_login_to_try_it(world: World, query: str, link: str) -> None:
    page = await world.open(query=query)
    await expect(page.get_by_role("link", name=link)).to_have_attribute("href", f"{world.gateway.url}/desk")
    await expect(page.get_by_role("link", name=link)).to_have_attribute("target", "_blank")
    await expect(page.locator("#agents .login")).to_contain_text("maya")
    await expect(page.locator("#agents .login")).to_contain_text(PASSWORD)


async def test_a_link_in_the_chat_opens_the_phone_and_start_brings_the_code_along(world: World) -> None:
    page = await world.open(query="?lang=zh")
    await page.get_by_text("Continue on Telegram").click()
    await expect(page.locator("#start")).to_be_focused()
    assert page.url.startswith(world.url)
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "已送达")
    assert world.said() == ["/start code-1"]
    assert world.gateway.updates[0]["message"]["from"]["language_code"] == "zh-hans"
    assert world.gateway.received[0].headers["X-Telegram-Bot-Api-Secret-Token"] == "s3cret"
    await expect(page.locator(".own .words")).to_have_text("/start")


async def test_scanning_takes_the_link_that_the_chat_shows(world: World) -> None:
    page = await world.open()
    await page.get_by_role("button", name="Scan the QR code on the website").click()
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")
    assert world.said() == ["/start code-1"]


async def test_without_a_code_on_the_website_scanning_says_so(world: World) -> None:
    page = await world.open()
    await page.evaluate("document.querySelector('throughline-chat').remove()")
    await page.get_by_role("button", name="Scan the QR code on the website").click()
    await expect(page.locator("#toast")).to_contain_text("There is no QR code on the website now")


async def test_the_second_tick_waits_for_the_gateway(world: World) -> None:
    world.gateway.gate.clear()
    page = await world.open()
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "sent")
    world.gateway.gate.set()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")


async def test_a_tap_spins_until_the_bot_answers_it(world: World) -> None:
    page = await world.open()
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")
    asked = await world.bot.send_message(world.customer(), "Refund or replacement?", reply_markup=QUESTION)
    key = page.get_by_role("button", name="Refund")
    await key.click()
    await expect(key).to_have_attribute("aria-busy", "true")
    await world.gateway.has_received(2)
    query = world.gateway.updates[-1]["callback_query"]
    assert (query["data"], query["message"]["message_id"]) == ("refund", asked.message_id)
    await world.bot.answer_callback_query(query["id"], text="Noted")
    await expect(page.locator("#toast")).to_have_text("Noted")
    await expect(key).not_to_have_attribute("aria-busy", "true")
    await world.bot.edit_message_text("You chose a refund.", asked.chat.id, asked.message_id)
    await expect(page.locator(".row:not(.own) .words")).to_have_text("You chose a refund.")
    await expect(key).to_have_count(0)


async def test_a_link_back_to_the_shop_sets_the_hash_of_the_page(world: World) -> None:
    page = await world.open(width=390, height=844)
    await page.locator("#views [data-view=phone]").click()
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")
    await world.bot.send_message(world.customer(), f"Go on here: {world.url}/#continue=code-2")
    await page.get_by_role("link", name="#continue=code-2").click()
    await expect(page.locator("#shop")).to_be_visible()
    assert page.url == f"{world.url}/#continue=code-2"


async def test_nothing_that_a_bot_writes_becomes_html(world: World) -> None:
    page = await world.open()
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")
    text = "<img src=x onerror=document.title='broken'> & <b>so on</b>"
    await world.bot.send_message(world.customer(), text)
    await expect(page.locator(".row:not(.own) .words")).to_have_text(text)
    assert await page.title() != "broken"


async def test_typing_and_photos_show(world: World) -> None:
    page = await world.open()
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")
    await world.bot.send_chat_action(world.customer(), "typing")
    await expect(page.locator("#bot-state")).to_have_text("typing…")
    await world.bot.send_photo(world.customer(), f"{world.url}/products/kettle-blue.png", caption="Blue enamel kettle")
    await expect(page.locator("#bot-state")).to_have_text("bot")
    await expect(page.locator(".with-photo")).to_contain_text("Blue enamel kettle")
    assert (
        await page.locator(".with-photo img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 480
    )


async def test_what_is_not_seen_is_counted(world: World) -> None:
    page = await world.open(width=390, height=844)
    await page.locator("#views [data-view=phone]").click()
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")
    await page.locator("#views [data-view=shop]").click()
    await world.bot.send_message(world.customer(), "Are you still there?")
    await expect(page.locator("#unread")).to_have_text("1")
    await page.locator("#views [data-view=phone]").click()
    await expect(page.locator("#unread")).to_be_hidden()


async def test_a_reload_keeps_the_phone_and_a_new_customer_has_an_empty_one(world: World) -> None:
    page = await world.open()
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")
    await page.reload()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")
    await page.get_by_role("button", name="New customer").click()
    await expect(page.locator("#owner")).to_have_text("This phone is Bob’s.")
    await expect(page.locator("#messages .row")).to_have_count(0)

    await page.evaluate("localStorage.setItem('throughline', 'a visitor')")
    await page.get_by_role("link", name="forget that one too").click()
    await expect(page.locator("#owner")).to_have_text("This phone is Carol’s.")
    assert await page.evaluate("localStorage.getItem('throughline')") is None


async def test_two_tabs_are_two_people(world: World) -> None:
    alice, bob = await world.open(), await world.open()
    await expect(alice.locator("#owner")).to_have_text("This phone is Alice’s.")
    await expect(bob.locator("#owner")).to_have_text("This phone is Bob’s.")


async def test_another_site_cannot_use_the_phone(world: World) -> None:
    page = await world.open()
    await page.goto(f"{world.gateway.url}")
    outcome = await page.evaluate(
        "address => new Promise((done) => { const socket = new WebSocket(address);"
        " socket.onopen = () => done('open'); socket.onerror = () => done('refused'); })",
        world.url.replace("http", "ws") + "/phone/socket",
    )
    assert outcome == "refused"


@pytest.mark.parametrize("view", ["shop", "phone"])
async def test_nothing_is_wider_than_a_small_screen(world: World, view: str) -> None:
    page = await world.open(width=320, height=640)
    await page.locator("#views [data-view=phone]").click()
    await page.locator("#start").click()
    await expect(page.locator(".own .ticks")).to_have_attribute("aria-label", "delivered")
    await world.bot.send_message(world.customer(), "https://hearthside.example/" + "a" * 200, reply_markup=QUESTION)
    await expect(page.locator(".keys")).to_be_visible()
    await page.locator(f"#views [data-view={view}]").click()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate(
        "document.querySelector('#log').scrollWidth <= document.querySelector('#log').clientWidth"
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
async def test_the_page_is_accessible(world: World, width: int, dark: bool) -> None:
    page = await world.open(width=width, height=900, dark=dark, query="?lang=zh" if dark else "")
    problems = [await violations(page)]
    if width < 1100:
        await page.locator("#views [data-view=phone]").click()
    await page.locator("#start").click()
    await expect(page.locator(".own .drawing.taken")).to_have_count(1)
    await world.bot.send_message(world.customer(), "See http://hearthside.example", reply_markup=QUESTION)
    await expect(page.locator(".keys")).to_be_visible()
    problems.append(await violations(page))
    assert problems == [[], []]


async def violations(page: Page) -> list[str]:
    found = await Axe().run(page, options={"resultTypes": ["violations"]})
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary']}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("app", ["whatsapp", "teams"])
async def test_a_channel_without_settings_is_shown_as_off(world: World, app: str) -> None:
    page = await world.open()
    await page.locator(f"#tab-{app}").click()
    await expect(page.locator(f"#{app} .introduction")).to_contain_text("This channel is off.")
    await expect(page.locator(f"#{app} .composer")).to_be_hidden()
    assert await violations(page) == []
