"""The lists: in order, live, found again, and smooth however long they are."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.desk import people
from tests.browser.desk.conftest import Visit
from tests.browser.desk.played import PlayedDesk
from tests.browser.desk.views import MINE, WAITING, go, open_one

pytestmark = pytest.mark.asyncio(loop_scope="module")

_BOX = "document.querySelector('.virtual')"


def row(page: Page, id: str) -> Locator:
    return page.locator(f"#row-{id}")


async def ids(page: Page) -> list[str]:
    """Of the rows, from top to bottom."""
    rows: list[str] = await page.evaluate(
        """() => [...document.querySelectorAll(".virtual-row")]
          .map((node) => [Number(node.ariaPosInSet), node.firstElementChild.id])
          .sort((one, other) => one[0] - other[0]).map(([, id]) => id.replace("row-", ""))"""
    )
    return rows


async def test_who_waits_longest_comes_first_and_who_is_urgent_before_them(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await expect(row(page, WAITING)).to_be_visible()
    assert await ids(page) == ["c00003", "c00007", "c00006", "c00005", "c00004", "c00002", "c00001", "c00000"]


async def test_the_lists_follow_what_happens(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("mine")
    await expect(row(page, MINE)).to_be_visible()
    await desk.hear("c00010", "One more thing")
    await expect(row(page, "c00010")).to_contain_text("One more thing")
    assert (await ids(page))[0] == "c00010"
    await expect(row(page, "c00010").locator(".unread")).to_contain_text("1")
    await desk.change_item(MINE, state="closed", agent=None)
    await expect(row(page, MINE)).to_have_count(0)
    await desk.change_item(WAITING, state="agent", agent="maya")
    await expect(row(page, WAITING)).to_be_visible()
    counts = desk.counts()
    await expect(page.get_by_role("link", name=f"Queue {counts['queue']}")).to_be_visible()


async def test_what_is_opened_is_read(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("mine")
    await expect(row(page, "c00009").locator(".unread")).to_contain_text("2")
    await row(page, "c00009").click()
    await desk.until(lambda it: any(frame["conversation"] == "c00009" for frame in it.told("seen")))
    await expect(row(page, "c00009").locator(".unread")).to_have_count(0)


async def test_a_conversation_is_found_by_its_words(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("all")
    await page.get_by_role("searchbox").fill("wolfeschlegel")
    await expect(page.locator(".row")).to_have_count(1)
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Wolfeschlegelsteinhausen")
    await page.get_by_role("searchbox").fill("no such thing")
    await expect(page.get_by_text("Nothing found.")).to_be_visible()


async def test_a_label_and_a_channel_narrow_the_list(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("all")
    await page.get_by_role("button", name="Filter").click()
    await page.get_by_role("menuitemradio", name="WhatsApp").click()
    await expect(page.get_by_role("button", name="Without the filter WhatsApp")).to_be_visible()
    assert all("whatsapp" in desk.items[id]["channels"] for id in await ids(page) if id)
    await page.get_by_role("button", name="Without the filter WhatsApp").click()
    await open_one(page, "all/c00001")
    await page.get_by_role("button", name="Conversations with refund").click()
    await expect(page.get_by_role("button", name="Without the filter #refund")).to_be_visible()


async def test_ten_thousand_conversations_keep_the_page_small(visit: Visit, desk: PlayedDesk) -> None:
    desk.items = people.items(10_000)
    page = await visit("all")
    await expect(page.get_by_text("10,000 conversations")).to_be_visible()
    nodes = "document.querySelectorAll('.list-pane *').length"
    at_first = await page.evaluate(nodes)
    await page.evaluate(f"{_BOX}.scrollTop = {_BOX}.scrollHeight")
    await expect(row(page, "c09999")).to_be_visible()
    assert await page.evaluate(nodes) < 1_200
    assert at_first < 1_200
    assert len(await ids(page)) < 60


async def test_the_focus_stays_on_a_row_that_is_scrolled_away(visit: Visit, desk: PlayedDesk) -> None:
    desk.items = people.items(2_000)
    page = await visit("all")
    await row(page, "c00002").click()
    await row(page, "c00002").focus()
    await page.evaluate(f"{_BOX}.scrollTop = 40000")
    await expect(row(page, "c00530")).to_be_visible()
    await expect(page.locator("#row-c00002")).to_be_focused()
    await page.keyboard.press("j")
    await expect(row(page, "c00003")).to_be_in_viewport()


async def test_a_row_that_moves_keeps_the_focus(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("mine")
    await row(page, "c00010").focus()
    await desk.hear("c00010", "Up it goes")
    await expect(row(page, "c00010")).to_contain_text("Up it goes")
    await expect(page.locator("#row-c00010")).to_be_focused()


async def test_a_list_that_cannot_be_loaded_can_be_asked_for_again(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await expect(row(page, WAITING)).to_be_visible()
    desk.is_down = True
    await go(page, "closed")
    await expect(page.get_by_text("The list could not be loaded.")).to_be_visible()
    desk.is_down = False
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".row").first).to_be_visible()
