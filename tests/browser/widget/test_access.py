"""Every person on every screen: keyboard, screen reader, small screens, dark rooms, English and Chinese."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.protocol_server import ProtocolServer
from tests.browser.widget.test_conversation import open_chat, row, say

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARD = {"title": "Order 1042", "text": "Boots", "options": [{"title": "Track", "index": 2}]}
ASK = [{"title": "Refund", "index": 0}, {"title": "Exchange", "index": 1}]


async def findings(page: Page) -> list[str]:
    # Injected through the debugger: the page's own policy forbids foreign scripts.
    session = await page.context.new_cdp_session(page)
    await session.send("Runtime.evaluate", {"expression": Axe().axe_script})
    await page.wait_for_timeout(300)  # colours are measured after the animations
    results = await page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{found['id']}: {node['target']} {node['failureSummary']}"
        for found in results["violations"]
        for node in found["nodes"]
    ]


async def focused(page: Page) -> str:
    """Name or label of what has the focus inside the widget."""
    name: str = await page.evaluate(
        """() => {
          const node = document.querySelector('throughline-chat').shadowRoot.activeElement;
          return node ? node.getAttribute('aria-label') ?? node.textContent : document.activeElement.tagName;
        }"""
    )
    return name


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["en", "zh"])
async def test_axe_finds_nothing_in_any_state(
    visit: Visit, server: ProtocolServer, scheme: Literal["light", "dark"], language: str
) -> None:
    page = await visit(scheme=scheme, lang=language)
    assert await findings(page) == []
    await page.locator(".launcher").click()
    await server.until(lambda it: it.of_type("start"))
    assert await findings(page) == []

    await server.say("Hello, see https://example.com", options=ASK, image=f"{server.url}/picture.svg")
    await page.get_by_role("button", name="Refund").hover()
    assert await findings(page) == []
    await page.locator("[aria-haspopup=menu]").click()
    await expect(page.get_by_role("menu")).to_be_visible()
    assert await findings(page) == []

    await page.get_by_role("menuitem").click()
    await expect(page.get_by_role("timer")).to_be_visible()
    assert await findings(page) == []

    await server.say("Which one?", cards=[CARD, CARD, CARD])
    await server.say("This is Ann", author="agent")
    await expect(page.get_by_role("button", name="Track").first).to_be_visible()
    assert await findings(page) == []

    server.ack.clear()
    await say(page, "On its way")
    server.refuse_with = "too_fast"
    await say(page, "Refused")
    await expect(row(page, "Refused")).to_have_attribute("data-state", "failed")
    await page.get_by_role("textbox").fill("x" * 8_001)
    assert await findings(page) == []

    server.is_down = True
    await server.drop()
    await expect(page.get_by_role("status")).not_to_be_empty()
    assert await findings(page) == []
    server.ack.set()


@pytest.mark.parametrize("accent", ["gold", "#ffffff", "#000", "hsl(280 90% 70%)", "nonsense"])
async def test_any_accent_stays_legible(visit: Visit, server: ProtocolServer, accent: str) -> None:
    page = await visit(data_accent=accent)
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello", options=ASK)
    await say(page, "Hello")
    await server.say("Well?", options=ASK, invite="telegram")
    await page.get_by_role("button", name="Refund").hover()
    await expect(page.get_by_role("timer")).to_be_visible()
    assert await findings(page) == []


async def test_an_accent_that_is_no_colour_is_left_aside(visit: Visit) -> None:
    page = await visit(data_accent="nonsense")
    launcher = page.get_by_role("button", name="Open chat")
    assert await launcher.evaluate("node => getComputedStyle(node).backgroundColor") == "rgb(15, 107, 92)"


async def test_everything_can_be_done_with_the_keyboard(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.get_by_role("link", name="Up").focus()
    await page.keyboard.press("Tab")
    assert await focused(page) == "Open chat"
    await page.keyboard.press("Enter")
    assert await focused(page) == "Your message"
    await server.until(lambda it: it.of_type("start"))
    await server.say("What would you like?", options=ASK)
    await expect(page.get_by_role("button", name="Refund")).to_be_visible()

    await page.keyboard.press("Shift+Tab")
    assert await focused(page) == "Attach files"
    await page.keyboard.press("Shift+Tab")
    assert await focused(page) == "Exchange"
    await page.keyboard.press("Enter")
    await server.until(lambda it: it.of_type("choose"))
    assert await focused(page) == "Conversation"

    await page.keyboard.press("Shift+Tab")
    assert await focused(page) == "Close chat"
    await page.keyboard.press("Shift+Tab")
    assert await focused(page) == "More options"
    await page.keyboard.press("ArrowDown")
    assert await focused(page) == "Continue on Telegram"
    await page.keyboard.press("Escape")
    assert await focused(page) == "More options"
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Enter")
    assert await focused(page) == "Continue on Telegram"
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()
    await page.keyboard.press("Tab")
    assert await focused(page) == "Open Telegram"
    await page.keyboard.press("Tab")
    assert await focused(page) == "Attach files"
    await page.keyboard.press("Tab")
    assert await focused(page) == "Your message"
    await page.keyboard.type("Thanks")
    await page.keyboard.press("Tab")
    assert await focused(page) == "Send"
    await page.keyboard.press("Space")
    await server.until(lambda it: it.of_type("say"))
    assert await focused(page) == "Your message"

    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await focused(page) == "Open chat"


async def test_the_menu_is_walked_with_arrows(visit: Visit, server: ProtocolServer) -> None:
    server.channels = ["telegram", "whatsapp", "teams"]
    page = await visit()
    await open_chat(page)
    menu = page.get_by_role("button", name="More options")
    await menu.press("ArrowUp")
    assert await focused(page) == "Continue on Microsoft Teams"
    await page.keyboard.press("ArrowDown")
    assert await focused(page) == "Continue on Telegram"
    await page.keyboard.press("End")
    await page.keyboard.press("ArrowUp")
    assert await focused(page) == "Continue on WhatsApp"
    await page.get_by_role("textbox").click()
    await expect(page.get_by_role("menu")).to_have_count(0)
    await expect(menu).to_have_attribute("aria-expanded", "false")


async def test_history_is_not_read_out_and_news_is(visit: Visit, server: ProtocolServer) -> None:
    server.ready.clear()
    page = await visit()
    await open_chat(page)
    log = page.get_by_role("log", name="Conversation")
    await expect(log).to_have_attribute("aria-busy", "true")
    server.ready.set()
    await expect(log).to_have_attribute("aria-busy", "false")
    await expect(log).to_have_attribute("aria-live", "polite")


@pytest.mark.parametrize("size", [(320, 568), (390, 844), (740, 360), (1280, 800)])
async def test_nothing_sticks_out_on_any_screen(visit: Visit, server: ProtocolServer, size: tuple[int, int]) -> None:
    page = await visit(size=size)
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello " * 30, options=[{"title": "A rather long answer to tap on " * 3, "index": 0}])
    await server.say("x" * 300, cards=[CARD, CARD, CARD], invite="telegram")
    await expect(page.get_by_role("timer")).to_be_attached()
    dialog = page.get_by_role("dialog")
    await dialog.evaluate("node => Promise.all(node.getAnimations().map((one) => one.finished))")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.get_by_role("log").evaluate("node => node.scrollWidth <= node.clientWidth")
    panel = await dialog.bounding_box()
    assert panel
    assert panel["x"] >= 0
    assert panel["y"] >= 0
    assert panel["x"] + panel["width"] <= size[0]
    assert panel["y"] + panel["height"] <= size[1]
    if size[0] <= 480:
        assert panel["width"] == size[0]
        assert panel["height"] >= size[1] - 16
    else:
        assert panel["height"] <= 620
    for control in await page.get_by_role("button").all():
        box = await control.bounding_box()
        assert box
        assert min(box["width"], box["height"]) >= 40, await control.text_content()


async def test_dark_rooms_get_a_dark_chat(visit: Visit, server: ProtocolServer) -> None:
    page = await visit(scheme="dark")
    await open_chat(page)
    dark = await page.get_by_role("dialog").evaluate("node => getComputedStyle(node).backgroundColor")
    await page.emulate_media(color_scheme="light")
    light = await page.get_by_role("dialog").evaluate("node => getComputedStyle(node).backgroundColor")
    assert (dark, light) == ("rgb(23, 28, 27)", "rgb(255, 255, 255)")


async def test_who_asked_for_less_motion_gets_none(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.emulate_media(reduced_motion="reduce")
    await open_chat(page)
    assert await page.get_by_role("dialog").evaluate("node => getComputedStyle(node).animationName") == "none"


async def test_the_language_follows_the_page_and_the_attributes(visit: Visit, server: ProtocolServer) -> None:
    page = await visit(lang="zh-Hant-TW")
    await page.get_by_role("button", name="打开聊天").click()
    await server.until(lambda it: it.of_type("start"))
    await server.say("你好", author="agent")
    heading = page.get_by_role("heading", level=2)
    await expect(heading).to_have_text("在线客服")
    await expect(page.locator(".day:visible")).to_have_text("今天")

    await page.evaluate("document.documentElement.lang = 'en'")
    await expect(heading).to_have_text("Chat with us")
    await expect(page.locator(".day:visible")).to_have_text("Today")
    await expect(page.locator(".name").first).to_have_text("Support agent")
    await page.evaluate("document.querySelector('script').dataset.language = 'zh'")
    await expect(heading).to_have_text("在线客服")
    await page.evaluate("document.querySelector('throughline-chat').setAttribute('language', 'en')")
    await expect(page.get_by_role("textbox")).to_have_attribute("placeholder", "Write a message…")


async def test_the_script_tag_sets_language_title_and_accent(visit: Visit, server: ProtocolServer) -> None:
    page = await visit(lang="en", data_language="zh", data_title="Ask the shop", data_accent="#123456")
    launcher = page.get_by_role("button", name="打开聊天")
    assert await launcher.evaluate("node => getComputedStyle(node).backgroundColor") == "rgb(18, 52, 86)"
    await launcher.click()
    await expect(page.get_by_role("dialog", name="Ask the shop")).to_be_visible()


async def test_the_page_may_place_the_element_itself(visit: Visit, server: ProtocolServer) -> None:
    page = await visit(body='<throughline-chat language="zh"></throughline-chat>')
    await expect(page.get_by_role("button", name="打开聊天")).to_be_visible()
    await expect(page.locator("throughline-chat")).to_have_count(1)


async def test_the_page_places_and_colours_the_chat_by_variables(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.evaluate(
        """() => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(`* { position: static; margin: 9px; font: 40px serif }
            throughline-chat { --throughline-right: 64px; --throughline-bottom: 80px; --throughline-accent: #123456 }`);
          document.adoptedStyleSheets = [sheet];
        }"""
    )
    box = await page.get_by_role("button", name="Open chat").bounding_box()
    assert box
    assert (box["x"] + box["width"], box["y"] + box["height"]) == (1100 - 64, 800 - 80)
    await open_chat(page)
    mark = await page.locator(".mark").evaluate("node => getComputedStyle(node).backgroundColor")
    assert mark == "rgb(18, 52, 86)"
