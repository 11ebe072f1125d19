"""WhatsApp and Teams on the page's phone: what a person types and taps arrives, and what a business sends is shown."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from sandbox.app import make_app
from sandbox.ports import free_port
from sandbox.settings import Settings, TeamsSettings, WhatsAppSettings
from tests.browser.chromium import chromium

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]

NUMBER_ID, ACCESS_TOKEN, VERIFY_TOKEN = "106540352242922", "EAAG-of-the-tests", "verify-me"
APP_ID, APP_PASSWORD = "f2f1e0d9-0000-4000-8000-000000000001", "password-of-the-tests"
TO_WHATSAPP = f"https://wa.me/15550783881?text={quote('Continue: code-1 & more', safe='')}"
TO_TEAMS = f"https://teams.microsoft.com/l/chat/0/0?users=28:{APP_ID}&message={quote('Continue: code-2', safe='')}"
WIDGET = """
customElements.define("throughline-chat", class extends HTMLElement {
  connectedCallback() {
    const root = this.attachShadow({mode: "open"});
    for (const [name, href] of Object.entries(LINKS)) {
      const link = document.createElement("a");
      link.href = href;
      link.textContent = "Continue on " + name;
      root.append(link, " ");
    }
    this.setAttribute("role", "complementary");
  }
});
document.body.append(document.createElement("throughline-chat"));
"""
CHOICE = {
    "type": "button",
    "body": {"text": "Refund or replacement?"},
    "action": {
        "buttons": [
            {"type": "reply", "reply": {"id": "1", "title": "Refund"}},
            {"type": "reply", "reply": {"id": "2", "title": "Replacement"}},
        ]
    },
}
ITEMS = {
    "type": "list",
    "body": {"text": "Which one is it?"},
    "action": {
        "button": "Choose",
        "sections": [
            {
                "rows": [
                    {"id": "1", "title": "Blue kettle", "description": "Order 1042"},
                    {"id": "2", "title": "Reading lamp"},
                ]
            }
        ],
    },
}


@dataclass(kw_only=True)
class Gateway:
    """The gateway's place: keeps every webhook's body, and answers 200 unless told otherwise."""

    url: str = ""
    whatsapp: list[Json] = field(default_factory=list)
    teams: list[Json] = field(default_factory=list)
    status: int = 200
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/webhooks/telegram", self._ignore)
        app.router.add_get("/webhooks/whatsapp", self._handshake)
        app.router.add_post("/webhooks/whatsapp", self._take_whatsapp)
        app.router.add_post("/api/messages", self._take_teams)
        return app

    async def _ignore(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _handshake(self, request: web.Request) -> web.Response:
        known = request.query.get("hub.verify_token") == VERIFY_TOKEN
        return web.Response(text=request.query["hub.challenge"]) if known else web.Response(status=403)

    async def _take_whatsapp(self, request: web.Request) -> web.Response:
        await self.gate.wait()
        self.whatsapp.append((await request.json())["entry"][0]["changes"][0]["value"])
        return web.Response()

    async def _take_teams(self, request: web.Request) -> web.Response:
        await self.gate.wait()
        self.teams.append(await request.json())
        return web.Response(status=self.status)

    def whatsapp_messages(self) -> list[Json]:
        return [message for value in self.whatsapp for message in value.get("messages", [])]

    def read(self) -> list[str]:
        statuses = [status for value in self.whatsapp for status in value.get("statuses", [])]
        return [status["id"] for status in statuses if status["status"] == "read"]


@dataclass(kw_only=True)
class World:
    url: str
    gateway: Gateway
    browser: Browser
    http: aiohttp.ClientSession
    errors: list[str] = field(default_factory=list)

    async def open(
        self, app: str = "", *, width: int = 1440, height: int = 900, dark: bool = False, query: str = ""
    ) -> Page:
        """The page, with that app open on the phone."""
        context = await self.browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        page = await context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        links = f"const LINKS = {{WhatsApp: '{TO_WHATSAPP}', Teams: '{TO_TEAMS}'}};"
        await page.route(
            "**/widget.js", lambda route: route.fulfill(body=links + WIDGET, content_type="text/javascript")
        )
        await page.goto(f"{self.url}/{query}")
        await expect(page.locator("#owner")).not_to_be_empty()
        await page.locator("throughline-chat").wait_for(state="attached")
        if app and width < 1100:
            await page.locator("#views [data-view=phone]").click()
        if app:
            await page.locator(f"#tab-{app}").click()
        return page

    async def whatsapp(self, body: Json) -> None:
        """Let the business send that to whoever wrote last."""
        to = self.gateway.whatsapp_messages()[-1]["from"]
        await self.graph({"to": to} | body)

    async def graph(self, body: Json) -> None:
        address = f"{self.url}/whatsapp/v26.0/{NUMBER_ID}/messages"
        headers = {"Authorization": f"Bearer {ACCESS_TOKEN}"}
        async with self.http.post(address, json={"messaging_product": "whatsapp"} | body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()

    async def teams(self, body: Json) -> None:
        """Let the bot send that to whoever wrote last."""
        form = {
            "grant_type": "client_credentials",
            "client_id": APP_ID,
            "client_secret": APP_PASSWORD,
            "scope": "https://api.botframework.com/.default",
        }
        async with self.http.post(f"{self.url}/teams/botframework.com/oauth2/v2.0/token", data=form) as answer:
            headers = {"Authorization": f"Bearer {(await answer.json())['access_token']}"}
        heard = self.gateway.teams[-1]
        address = f"{heard['serviceUrl']}v3/conversations/{heard['conversation']['id']}/activities"
        body = {"type": "message", "from": heard["recipient"]} | body
        async with self.http.post(address, json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()

    async def card(self, *elements: Json) -> None:
        await self.teams({"attachments": [card(*elements)]})


def card(*elements: Json) -> Json:
    content = {"type": "AdaptiveCard", "version": "1.5", "body": list(elements)}
    return {"contentType": "application/vnd.microsoft.card.adaptive", "content": content}


def submit(title: str) -> Json:
    return {"type": "Action.Submit", "title": title, "data": {"chosen": title}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def world(browser: Browser) -> AsyncIterator[World]:
    gateway = Gateway()
    gateway.gate.set()
    runners = [gateway_runner := await listening(gateway.app())]
    gateway.url = f"http://127.0.0.1:{gateway_runner.addresses[0][1]}"
    settings = Settings(
        port=free_port(),
        gateway_url=gateway.url,
        bot_token="123456:AAE-hearthside",
        secret_token="s3cret",
        bot_username="hearthside_bot",
        whatsapp=WhatsAppSettings(
            access_token=ACCESS_TOKEN, app_secret="app-secret", verify_token=VERIFY_TOKEN, phone_number_id=NUMBER_ID
        ),
        teams=TeamsSettings(app_id=APP_ID, app_password=APP_PASSWORD),
    )
    runners.insert(0, await listening(make_app(settings), settings.port))
    async with aiohttp.ClientSession() as http:
        world = World(url=settings.url, gateway=gateway, browser=browser, http=http)
        yield world
    for context in browser.contexts:
        await context.close()
    for runner in runners:
        await runner.cleanup()
    assert world.errors == []


async def listening(app: web.Application, port: int = 0) -> web.AppRunner:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner


async def say(page: Page, app: str, text: str) -> None:
    await page.locator(f"#{app}-words").fill(text)
    await page.locator(f"#{app}-words").press("Enter")
    await expect(page.locator(f"#{app} .own .ticks").last).to_have_attribute("aria-label", "delivered")


# --- WhatsApp ---------------------------------------------------------------------------------------------------------


async def test_alice_writes_on_whatsapp_and_taps_a_reply_button(world: World) -> None:
    page = await world.open("whatsapp")
    await say(page, "whatsapp", "I want to return the kettle")
    assert world.gateway.whatsapp_messages()[0]["text"] == {"body": "I want to return the kettle"}
    asked = world.gateway.whatsapp_messages()[0]["id"]
    await world.graph({"status": "read", "message_id": asked, "typing_indicator": {"type": "text"}})
    await expect(page.locator("#whatsapp .own .ticks")).to_have_attribute("aria-label", "read")
    await expect(page.locator("#whatsapp .state")).to_have_text("typing…")
    await world.whatsapp({"type": "interactive", "interactive": CHOICE})
    await expect(page.locator("#whatsapp .state")).to_have_text("Business account")
    await page.locator("#whatsapp .replies").get_by_role("button", name="Refund").click()
    await expect(page.locator("#whatsapp .own .words").last).to_have_text("Refund")
    await expect(page.locator("#whatsapp .own .ticks").last).to_have_attribute("aria-label", "delivered")
    reply = world.gateway.whatsapp_messages()[-1]["interactive"]
    assert reply == {"type": "button_reply", "button_reply": {"id": "1", "title": "Refund"}}
    assert len(world.gateway.read()) == 1


async def test_a_list_opens_a_sheet_with_rows(world: World) -> None:
    page = await world.open("whatsapp")
    await say(page, "whatsapp", "hello")
    await world.whatsapp({"type": "interactive", "interactive": ITEMS})
    await page.get_by_role("button", name="Choose").click()
    sheet = page.get_by_role("dialog", name="Choose")
    await expect(sheet.get_by_role("button", name="Blue kettle Order 1042")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Choose")).to_be_focused()
    await page.get_by_role("button", name="Choose").click()
    await sheet.get_by_role("button", name="Reading lamp").click()
    await expect(sheet).to_be_hidden()
    await expect(page.locator("#whatsapp .own .words").last).to_have_text("Reading lamp")
    await expect(page.locator("#whatsapp .own .ticks").last).to_have_attribute("aria-label", "delivered")
    assert world.gateway.whatsapp_messages()[-1]["interactive"]["list_reply"]["id"] == "2"


async def test_a_link_in_a_whatsapp_message_leads_back_to_the_shop(world: World) -> None:
    page = await world.open("whatsapp", width=390, height=844)
    await say(page, "whatsapp", "hello")
    parameters = {"display_text": "Go on on the website", "url": f"{world.url}/#continue=code-3"}
    link = {
        "type": "cta_url",
        "body": {"text": "Go on there:"},
        "action": {"name": "cta_url", "parameters": parameters},
    }
    await world.whatsapp({"type": "interactive", "interactive": link})
    await page.locator("#whatsapp .replies a").click()
    await expect(page.locator("#shop")).to_be_visible()
    assert page.url == f"{world.url}/#continue=code-3"


async def test_pictures_and_marks_show_on_whatsapp_and_nothing_becomes_html(world: World) -> None:
    page = await world.open("whatsapp")
    await say(page, "whatsapp", "hello")
    await world.whatsapp({"type": "image", "image": {"link": f"{world.url}/products/lamp.png", "caption": "A *lamp*"}})
    await expect(page.locator("#whatsapp .row:not(.own) strong")).to_have_text("lamp")
    width = await page.locator("#whatsapp .bubble img").evaluate(
        "image => image.decode().then(() => image.naturalWidth)"
    )
    assert width == 480
    await world.whatsapp({"type": "text", "text": {"body": "<img src=x onerror=document.title='broken'>"}})
    await expect(page.locator("#whatsapp .row:not(.own) .words").last).to_contain_text("<img src=x")
    assert await page.title() != "broken"


async def test_what_comes_while_another_app_is_open_is_counted_and_read_later(world: World) -> None:
    page = await world.open("whatsapp")
    await say(page, "whatsapp", "hello")
    await page.locator("#tab-telegram").click()
    await world.whatsapp({"type": "text", "text": {"body": "Are you still there?"}})
    await expect(page.get_by_role("tab", name="WhatsApp 1 unread")).to_be_visible()
    assert world.gateway.read() == []
    await page.locator("#tab-whatsapp").click()
    await expect(page.locator("#tab-whatsapp .dot")).to_be_hidden()
    async with asyncio.timeout(30):
        while not world.gateway.read():
            await asyncio.sleep(0.02)


# --- Teams ------------------------------------------------------------------------------------------------------------


async def test_alice_writes_in_teams_and_presses_a_cards_button(world: World) -> None:
    page = await world.open("teams")
    await say(page, "teams", "I want to return the kettle")
    assert [activity["text"] for activity in world.gateway.teams] == ["I want to return the kettle"]
    await world.teams({"type": "typing"})
    await expect(page.locator("#teams .state")).to_have_text("typing…")
    await world.card(
        {"type": "Image", "url": f"{world.url}/products/kettle-blue.png", "altText": "A kettle"},
        {"type": "TextBlock", "text": r"Refund \*or\* replacement?", "wrap": True},
        {"type": "ActionSet", "actions": [submit("Refund"), submit("Replacement")]},
    )
    await expect(page.locator("#teams .card .words")).to_have_text("Refund *or* replacement?")
    world.gateway.gate.clear()
    await page.locator("#teams .actions").get_by_role("button", name="Replacement").click()
    await expect(page.locator("#teams .response")).to_have_text("Sending your response…")
    world.gateway.gate.set()
    await expect(page.locator("#teams .response")).to_have_text("Your response was sent to the app")
    assert world.gateway.teams[-1]["value"] == {"chosen": "Replacement"}


async def test_teams_says_when_the_bot_cannot_be_reached(world: World) -> None:
    world.gateway.status = 500
    page = await world.open("teams")
    await page.locator("#teams-words").fill("hello")
    await page.locator("#teams .send").click()
    await expect(page.locator("#teams .own .ticks")).to_have_attribute(
        "aria-label", "Hearthside could not be reached: not delivered"
    )


async def test_cards_beside_each_other_have_buttons_of_their_own(world: World) -> None:
    page = await world.open("teams")
    await say(page, "teams", "hello")
    cards = [
        card({"type": "TextBlock", "text": name}, {"type": "ActionSet", "actions": [submit(f"Take {name}")]})
        for name in ("kettle", "lamp")
    ]
    await world.teams({"attachmentLayout": "carousel", "attachments": cards})
    await page.get_by_role("button", name="Take lamp").click()
    await expect(page.locator("#teams .response")).to_have_text("Your response was sent to the app")
    assert world.gateway.teams[-1]["value"] == {"chosen": "Take lamp"}


async def test_a_link_on_a_card_leads_to_another_app_on_the_phone(world: World) -> None:
    page = await world.open("teams")
    await say(page, "teams", "hello")
    link = {"type": "Action.OpenUrl", "title": "Continue on WhatsApp", "url": TO_WHATSAPP}
    await world.card({"type": "TextBlock", "text": "Go on there:"}, {"type": "ActionSet", "actions": [link]})
    await page.locator("#teams .actions a").click()
    await expect(page.locator("#whatsapp-words")).to_have_value("Continue: code-1 & more")


async def test_markdown_shows_in_teams_and_nothing_becomes_html(world: World) -> None:
    page = await world.open("teams")
    await say(page, "teams", "hello")
    await world.teams({"text": "**Bold** and 3\\. &lt;b&gt;\n\n<img src=x onerror=document.title='broken'>"})
    words = page.locator("#teams .row:not(.own) .words")
    await expect(words.locator("strong")).to_have_text("Bold")
    await expect(words.locator("p").first).to_have_text("Bold and 3. <b>")
    await expect(words.locator("p").last).to_contain_text("<img src=x")
    assert await page.title() != "broken"


# --- Both -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "app", "text"),
    [("WhatsApp", "whatsapp", "Continue: code-1 & more"), ("Teams", "teams", "Continue: code-2")],
)
async def test_a_link_in_the_chat_opens_its_app_with_the_text_waiting(
    world: World, name: str, app: str, text: str
) -> None:
    page = await world.open(width=390, height=844)
    await page.get_by_role("link", name=f"Continue on {name}").click()
    await expect(page.locator(f"#tab-{app}")).to_have_attribute("aria-selected", "true")
    await expect(page.locator(f"#{app}-words")).to_be_focused()
    await expect(page.locator(f"#{app}-words")).to_have_value(text)
    assert page.url.startswith(world.url)
    await page.keyboard.press("Enter")
    await expect(page.locator(f"#{app} .own .words")).to_have_text(text)
    await expect(page.locator(f"#{app} .own .ticks")).to_have_attribute("aria-label", "delivered")


async def test_scanning_takes_the_newest_link_that_the_chat_shows(world: World) -> None:
    page = await world.open()
    await page.get_by_role("button", name="Scan the QR code on the website").click()
    await expect(page.locator("#teams-words")).to_have_value("Continue: code-2")


async def test_the_apps_are_tabs_for_the_keyboard_too(world: World) -> None:
    page = await world.open()
    await page.locator("#tab-telegram").focus()
    await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("tabpanel", name="WhatsApp")).to_be_visible()
    await page.keyboard.press("End")
    await expect(page.locator("#tab-teams")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator("#tab-telegram")).to_be_focused()


async def test_a_reload_keeps_the_open_app_and_what_was_said(world: World) -> None:
    page = await world.open("whatsapp")
    await say(page, "whatsapp", "hello")
    await page.reload()
    await expect(page.locator("#whatsapp .own .words")).to_have_text("hello")
    await expect(page.locator("#whatsapp .own .ticks")).to_have_attribute("aria-label", "delivered")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("app", ["whatsapp", "teams"])
async def test_a_small_screen_is_wide_enough_and_everything_is_accessible(world: World, app: str, dark: bool) -> None:
    page = await world.open(app, width=320, height=640, dark=dark)
    problems = [await violations(page)]
    await say(page, app, "https://hearthside.example/" + "a" * 200)
    await fill(world, app)
    await expect(page.locator(f"#{app} .row:not(.own)").last).to_be_visible()
    problems.append(await violations(page))
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    log = page.locator(f"#{app} .log")
    assert await log.evaluate("log => log.scrollWidth <= log.clientWidth")
    if app == "whatsapp":
        await page.get_by_role("button", name="Choose").click()
        problems.append(await violations(page, within="#whatsapp .sheet"))
    assert not any(problems)


async def fill(world: World, app: str) -> None:
    if app == "whatsapp":
        await world.whatsapp({"type": "interactive", "interactive": CHOICE})
        await world.whatsapp({"type": "interactive", "interactive": ITEMS})
    else:
        await world.teams({"text": "See https://hearthside.example/" + "b" * 200})
        await world.card(
            {"type": "TextBlock", "text": "Refund or replacement?", "weight": "Bolder", "size": "Medium"},
            {"type": "ActionSet", "actions": [submit("Refund"), submit("A replacement that is rather long")]},
        )


async def violations(page: Page, *, within: str | None = None) -> list[str]:
    found = await Axe().run(page, context=within, options={"resultTypes": ["violations"]})
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary']}"
        for one in found.response["violations"]
        for node in one["nodes"]
    ]
