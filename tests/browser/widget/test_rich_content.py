"""Formatting, long lists, files, places, and questions that are past."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.protocol_server import ProtocolServer
from tests.browser.widget.test_access import findings
from tests.browser.widget.test_content import EVIL, opened
from tests.browser.widget.test_conversation import open_chat, row

pytestmark = pytest.mark.asyncio(loop_scope="module")

THIRTY = [
    {"title": f"Order {1000 + index}", "index": index, "description": f"{index + 1} things, S${index * 7}"}
    for index in range(30)
]
CARDS = [{"title": f"Kettle {n}", "options": [{"title": f"Take {n}", "index": n}]} for n in range(4)]
PLACE: dict[str, Any] = {
    "latitude": 1.3,
    "longitude": 103.85,
    "name": "Hearthside",
    "address": "1 Tea Lane",
    "map": "https://www.openstreetmap.org/?mlat=1.3&mlon=103.85",
}


async def test_formatting_is_shown_and_is_never_markup(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    runs: list[dict[str, Any]] = [
        {"text": EVIL, "bold": True},
        {"text": " and ", "italic": True, "code": True},
        {"text": "a page", "url": "https://example.com/a", "bold": True},
        {"text": " or a call", "url": "tel:+6560001234"},
        {"text": " or a trap", "url": "javascript:alert(1)"},
        {"text": " or https://example.org"},
    ]
    text = "".join(run["text"] for run in runs)
    await server.say(
        text, runs=runs, cards=[{"title": "Card", "text": "soft", "runs": [{"text": "soft", "italic": True}]}]
    )
    shown = page.locator(".text")
    await expect(shown).to_have_text(text)
    await expect(shown.locator("strong").first).to_have_text(EVIL)
    await expect(shown.locator("em code")).to_have_text(" and ")
    await expect(page.locator(".card-text em")).to_have_text("soft")
    links = shown.locator("a")
    addresses = ["https://example.com/a", "tel:+6560001234", "https://example.org/"]
    assert await links.evaluate_all("all => all.map((one) => one.href)") == addresses
    assert await links.evaluate_all("all => all.every((one) => one.rel === 'noopener' && one.target === '_blank')")
    assert await page.title() == "Shop"
    assert await findings(page) == []


@pytest.mark.parametrize("size", [(1100, 800), (360, 640)])
async def test_thirty_options_can_all_be_reached(visit: Visit, server: ProtocolServer, size: tuple[int, int]) -> None:
    page = await opened(visit, server, size=size)
    await server.say("Which order?", options=THIRTY)
    answers = page.get_by_role("group", name="Suggested answers")
    await expect(answers.get_by_role("button")).to_have_count(30)
    assert await answers.evaluate(
        "node => node.scrollHeight > node.clientHeight && node.clientHeight < innerHeight / 2 + 1"
    )
    assert await answers.evaluate("node => node.scrollWidth <= node.clientWidth")
    heights = await answers.get_by_role("button").evaluate_all("all => all.map((one) => one.offsetHeight)")
    assert min(heights) >= 44
    await page.get_by_role("log").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    assert await findings(page) == []
    await page.get_by_role("button", name="Order 1029").click()
    await server.until(lambda it: it.of_type("choose"))
    assert (server.of_type("choose")[0]["option"], server.of_type("choose")[0]["label"]) == (29, "Order 1029")
    await expect(answers).to_have_count(0)


async def test_cards_can_be_reached_with_the_keyboard(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("Which one?", cards=CARDS)
    last = page.get_by_role("button", name="Take 3")
    await expect(last).not_to_be_in_viewport()
    await page.get_by_role("group", name="Cards").focus()
    for _ in CARDS:
        await page.keyboard.press("Tab")
    await expect(last).to_be_focused()
    await expect(last).to_be_in_viewport()


async def test_the_card_that_was_taken_is_marked_also_after_a_reload(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("Which one?", cards=CARDS)
    await page.get_by_role("button", name="Take 1").click()
    await expect(page.locator(".customer")).to_have_attribute("data-state", "sent")
    for _ in range(2):
        await expect(page.locator(".chosen")).to_have_count(1)
        await expect(page.get_by_role("button", name="Take 1 (chosen)")).to_be_disabled()
        await expect(page.get_by_role("button", name="Take 0", exact=True)).to_be_disabled()
        assert await findings(page) == []
        await page.reload()
        await open_chat(page)


async def test_a_question_that_is_past_cannot_be_answered(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    asked = await server.say("Which one?", cards=CARDS, options=[{"title": "None", "index": 9}])
    await expect(page.get_by_role("button", name="None")).to_be_visible()
    await page.get_by_role("button", name="Take 0").focus()
    await server.push({"type": "closed", "message": asked["id"]})
    await expect(page.get_by_role("button", name="None")).to_have_count(0)
    await expect(page.get_by_role("button", name="Take 0")).to_be_disabled()
    await expect(page.get_by_role("log")).to_be_focused()
    asked["closed"] = True
    await page.reload()
    await open_chat(page)
    await expect(page.get_by_role("button", name="Take 0")).to_be_disabled()
    await expect(page.get_by_role("button", name="None")).to_have_count(0)


async def test_files_and_places_have_their_links(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    file = {"kind": "file", "name": "return label.pdf", "url": "https://example.com/label.pdf"}
    await server.say("Print this, and bring it here", file=file, location=PLACE)
    link = page.get_by_role("link", name="return label.pdf")
    await expect(link).to_have_attribute("href", "https://example.com/label.pdf")
    await expect(page.get_by_text("1 Tea Lane")).to_be_visible()
    await expect(page.get_by_role("link", name="Open the map")).to_have_attribute("href", PLACE["map"])
    trap = {"latitude": 0, "longitude": 0, "map": "javascript:alert(1)"}
    await server.say(file={"kind": "file", "name": "trap", "url": "javascript:alert(1)"}, location=trap)
    await expect(page.get_by_text("trap")).to_be_visible()
    await expect(page.get_by_text("0.00000, 0.00000")).to_be_visible()
    await expect(page.locator(".row").last.get_by_role("link")).to_have_count(0)
    assert await findings(page) == []


async def test_what_was_seen_is_told_once_and_only_when_it_was(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    first = await server.say("One")
    await server.until(lambda it: it.seen == [first["seq"]])
    await page.keyboard.press("Escape")
    second = await server.say("Two")
    await expect(page.get_by_role("button", name="Open chat, 1 unread message")).to_be_visible()
    assert server.seen == [first["seq"]]
    await open_chat_with_unread(page)
    await server.until(lambda it: it.seen == [first["seq"], second["seq"]])
    await page.reload()
    await open_chat(page)
    await expect(row(page, "Two")).to_be_visible()
    third = await server.say("Three")
    await server.until(lambda it: it.seen == [first["seq"], second["seq"], third["seq"]])


async def open_chat_with_unread(page: Any) -> None:
    await page.get_by_role("button", name="Open chat, 1 unread message").click()


async def test_a_session_is_renewed_before_it_ends(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.clock.install()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    await expect(row(page, "Hello")).to_be_visible()
    await page.get_by_role("textbox").fill("half a thought")
    await page.clock.fast_forward(84 * 3600 * 1000 + 1000)
    await server.until(lambda it: len(it.hellos) == 2)
    assert len({hello["token"] for hello in server.hellos}) == 1
    assert server.hellos[1]["cursor"] > 0
    await expect(page.locator(".text")).to_have_text(["Hello"])
    await expect(page.get_by_role("textbox")).to_have_value("half a thought")


async def test_a_session_that_ended_is_told_of_and_what_is_being_written_stays(
    visit: Visit, server: ProtocolServer
) -> None:
    page = await opened(visit, server)
    await server.say("Hello")
    await expect(row(page, "Hello")).to_be_visible()
    await page.get_by_role("textbox").fill("half a thought")
    await server.drop()
    server.expire()
    await server.until(lambda it: len(it.of_type("start")) == 2)
    await expect(page.get_by_text("The earlier conversation has ended. A new one begins here.")).to_be_visible()
    await expect(page.get_by_role("textbox")).to_have_value("half a thought")
    await expect(page.locator(".text")).to_have_count(0)
