"""Supervisors' pages and the settings."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.desk.conftest import PHONE, Visit
from tests.browser.desk.played import PlayedDesk
from tests.browser.desk.played_doors import CODE, PASSWORD
from tests.browser.desk.views import MINE, open_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_supervisors_see_what_runs_late_and_go_there(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("live")
    await expect(page.get_by_text("Returns: a customer has waited 10 min")).to_be_visible()
    await page.get_by_role("link", name="Open", exact=True).click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("王小明")


async def test_agents_are_not_shown_what_is_supervisors(visit: Visit, desk: PlayedDesk) -> None:
    desk.me = "ben"
    page = await visit("live")
    await expect(page.get_by_text("This page is for supervisors.")).to_be_visible()
    await expect(page.get_by_role("link", name="Figures")).to_have_count(0)


async def test_figures_of_a_day_are_a_table_and_a_file(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("figures")
    await page.get_by_role("radio", name="Channel").check()
    await expect(page.get_by_role("row").nth(1)).to_contain_text("Telegram")
    link = page.get_by_role("link", name="Download CSV")
    async with page.expect_download() as download:
        await link.click()
    assert (await download.value).suggested_filename.endswith("-channel.csv")


async def test_a_password_is_changed_and_a_wrong_one_told(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("settings/security")
    await page.get_by_label("Present password").fill("not this one")
    await page.get_by_label("New password").fill("a much longer one")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_text("The present password is not right.")).to_be_visible()
    await page.get_by_label("Present password").fill(PASSWORD)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.locator(".notice")).to_contain_text("Saved")


async def test_the_second_factor_is_set_up(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("settings/security")
    await page.get_by_role("button", name="Set up").click()
    picture = page.get_by_role("img", name="QR code")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("node => node.decode().then(() => node.naturalWidth)") > 0
    await page.get_by_label("Code").fill(CODE)
    await page.get_by_role("button", name="Switch on").click()
    await expect(page.get_by_role("button", name="Switch off")).to_be_visible()


async def test_a_session_elsewhere_is_ended(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("settings/security")
    await expect(page.get_by_text("this one")).to_be_visible()
    await page.get_by_role("listitem").filter(has_text="iPhone").get_by_role("button").click()
    await desk.until(lambda it: ("DELETE", "/desk/api/me/sessions/fedcba9876543210", {}) in it.asked)


async def test_a_saved_reply_is_written_and_deleted(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("settings/saved")
    await page.get_by_role("button", name="New saved reply").click()
    await page.get_by_label("Shortcut").fill("退货")
    await page.get_by_label("Title").fill("How to return")
    await page.get_by_label("Text").fill("Dear {customer}, …")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("/退货")).to_be_visible()
    assert desk.changes("/saved-replies")[0]["own"] is True
    await page.get_by_role("button", name="Delete How to return").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("/退货")).to_have_count(0)


async def test_an_admin_adds_an_agent_and_changes_a_teams_hours(visit: Visit, desk: PlayedDesk) -> None:
    desk.me = "ada"
    page = await visit("settings/agents")
    await page.get_by_role("button", name="New agent").click()
    await page.get_by_label("Name").fill("Noor")
    await page.get_by_label("Login").fill("noor@example.com")
    await page.get_by_label("New password").fill(PASSWORD)
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("rowheader", name="Noor")).to_be_visible()
    await page.get_by_role("link", name="Teams").click()
    await page.get_by_role("button", name="Edit Delivery").click()
    await page.get_by_label("Saturday").fill("10:00-13:00, 14:00-16:00")
    await page.get_by_role("button", name="Save", exact=True).click()
    await desk.until(lambda it: it.changes("/teams/2"))
    assert desk.changes("/teams/2")[0]["hours"]["weekly"]["sat"] == [["10:00", "13:00"], ["14:00", "16:00"]]


async def test_being_away_is_one_click(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await page.get_by_role("button", name="Maya Chen").click()
    await page.get_by_role("menuitemradio", name="Away").click()
    await desk.until(lambda it: {"availability": "away"} in it.changes("/me"))
    await expect(page.get_by_role("button", name="Maya Chen")).to_contain_text("Away")


async def test_a_phone_shows_one_pane_at_a_time(visit: Visit, desk: PlayedDesk) -> None:
    no_panel = "localStorage.setItem('throughline.desk', JSON.stringify({panel: false}))"
    page = await visit("mine", size=PHONE, init=no_panel)
    await page.locator(f"#row-{MINE}").tap()
    await expect(page.get_by_role("heading", name="Farid Tan")).to_be_visible()
    await expect(page.locator(".list-pane")).to_be_hidden()
    await page.get_by_role("button", name="Customer", exact=True).tap()
    await expect(page.get_by_role("complementary")).to_be_visible()
    await page.get_by_role("button", name="Close the customer's panel").tap()
    await page.get_by_role("button", name="Back to the list").tap()
    await expect(page.locator(f"#row-{MINE}")).to_be_focused()


async def test_a_link_code_is_shown_with_its_time(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await open_one(page, f"mine/{MINE}")
    await page.get_by_role("button", name="Link another channel").click()
    await expect(page.get_by_role("dialog")).to_contain_text("K7M2-9QXD")
    await expect(page.get_by_role("timer")).to_contain_text("Good for")
