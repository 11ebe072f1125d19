"""The socket lost, the session over, the gateway away: nothing is missed, nothing typed is lost."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.desk.conftest import Visit
from tests.browser.desk.played import PlayedDesk
from tests.browser.desk.played_doors import CODE, PASSWORD
from tests.browser.desk.test_work import field, said
from tests.browser.desk.views import MINE, open_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_was_said_while_the_desk_was_away_is_there_afterwards_once(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await desk.until(lambda it: it.told("open"))
    await field(page).fill("half a sen")
    desk.is_down = True
    await desk.drop()
    await expect(page.locator(".trouble")).to_contain_text("Reconnecting")
    await desk.hear(MINE, "Are you there?")
    desk.is_down = False
    await expect(page.locator(".trouble")).to_be_empty()
    await expect(said(page, "Are you there?")).to_have_count(1)
    await expect(field(page)).to_have_value("half a sen")
    await expect(page.locator(f"#row-{MINE} .row-text")).to_contain_text("Are you there?")
    assert desk.told("since")[-1]["version"] >= 1
    assert desk.told("open")[-1]["conversation"] == MINE


async def test_a_short_interruption_is_not_worth_a_word(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await desk.until(lambda it: it.told("open"))
    await page.evaluate(
        """() => new MutationObserver(() => { window.troubled = true; })
          .observe(document.querySelector(".trouble"), {childList: true})"""
    )
    await desk.drop()
    await desk.until(lambda it: it.told("since"))
    await desk.hear(MINE, "Still here")
    await expect(said(page, "Still here")).to_be_visible()
    assert await page.evaluate("window.troubled") is None


async def test_a_draft_outlives_a_reload_and_stays_with_its_conversation(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await field(page).fill("to be continued")
    await open_one(page, "mine/c00009")
    await expect(field(page)).to_have_value("")
    await page.reload()
    await expect(page.locator(f"#row-{MINE}")).to_contain_text("Draft")
    await open_one(page, f"mine/{MINE}")
    await expect(field(page)).to_have_value("to be continued")


async def test_a_session_that_ends_asks_for_the_login_and_keeps_the_draft(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await field(page).fill("not lost")
    desk.logged_in = False
    await desk.push({"type": "expired"})
    await expect(page.get_by_text("You were logged out.")).to_be_visible()
    await page.get_by_label("Login").fill("maya@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(field(page)).to_have_value("not lost")


async def test_logging_out_leaves_nothing_behind(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await field(page).fill("a customer's secret")
    await page.get_by_role("button", name="Maya Chen").click()
    await page.get_by_role("menuitem", name="Log out").click()
    await page.get_by_role("heading", name="Log in to the desk").wait_for()
    assert await page.evaluate("sessionStorage.length") == 0
    assert "secret" not in await page.content()


async def test_the_second_factor_is_asked_for_when_it_is_needed(visit: Visit, desk: PlayedDesk) -> None:
    desk.logged_in, desk.wants_code = False, True
    page = await visit()
    await page.get_by_label("Login").fill("maya@example.com")
    await page.get_by_label("Password").fill("wrong")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("is not right")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Code")).to_be_focused()
    await page.keyboard.type("123 456")
    await page.keyboard.press("Enter")
    await page.get_by_role("navigation", name="Desk").wait_for()
    assert desk.changes("/login")[-1]["code"] == CODE


async def test_a_lock_out_says_how_long(visit: Visit, desk: PlayedDesk) -> None:
    desk.logged_in, desk.locked_for = False, 300
    page = await visit()
    await page.get_by_label("Login").fill("maya@example.com")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("Try again in 5 minutes")
    await expect(page.get_by_role("button", name="Log in")).to_be_disabled()


async def test_the_desk_waits_for_a_gateway_that_is_not_there_yet(visit: Visit, desk: PlayedDesk) -> None:
    desk.is_down = True
    page = await visit()
    await expect(page.get_by_role("status")).to_contain_text("cannot be reached")
    desk.is_down = False
    await page.get_by_role("navigation", name="Desk").wait_for()
