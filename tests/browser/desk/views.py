"""Every view of the desk, and how to get there: for what holds in all of them, and for pictures of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from playwright.async_api import Page, expect

from tests.browser.desk import people
from tests.browser.desk.played import PlayedDesk

MINE, WAITING, CLOSED_WINDOW, OTHERS, CHINESE = "c00008", "c00001", "c00010", "c00011", "c00012"
"""Conversations: with Maya; waiting; with Maya, on WhatsApp whose window is closed; with Ben; with Ben, in Chinese."""

View = Callable[[Page, PlayedDesk], Awaitable[None]]


async def log_out(page: Page, desk: PlayedDesk) -> None:
    desk.logged_in, desk.wants_code = False, True
    await page.reload()
    await page.locator("[name=login]").fill("maya@example.com")
    await page.locator("[name=password]").fill("correct horse battery")
    await page.locator("[type=submit]").click()
    await page.locator("[name=code]").wait_for()


async def queue(page: Page, desk: PlayedDesk) -> None:
    await go(page, "queue")
    await expect(page.locator(".row").first).to_be_visible()


async def nobody_waits(page: Page, desk: PlayedDesk) -> None:
    await go(page, "all")
    await page.locator("#search").fill("nobody of this name")
    await page.locator(".list-empty").wait_for()


async def conversation(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, f"mine/{MINE}")
    note = {"id": 1, "agent": "ben", "text": "@Maya Chen the voucher is refused, please look", "mentions": ["maya"]}
    note |= {"whisper_to": None, "at": people.iso(people.NOW), "after_message": desk.transcript(MINE)[-2]["id"]}
    await desk.push({"type": "lines", "conversation": MINE, "lines": [people.note_line(note)]})
    await desk.push({"type": "people", "conversation": MINE, "viewers": ["ben"], "typing": ["ben"]})
    await page.locator(".note-line").wait_for()
    await page.locator(".line-ask").last.click()
    await page.locator("div.understanding").wait_for()


async def waiting(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, "queue/c00007")


async def chinese(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, f"all/{CHINESE}")


async def window_closed(page: Page, desk: PlayedDesk) -> None:
    closed = desk.detail(CLOSED_WINDOW)["identities"][0]
    closed |= {"window_ends": people.iso(people.NOW - timedelta(hours=2)), "reachable": False}
    await open_one(page, f"mine/{CLOSED_WINDOW}")
    await page.locator(".hindrance.bad").wait_for()


async def panel(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, f"mine/{MINE}")
    if not await page.locator(".panel").count():
        await page.locator(".head-actions > [aria-pressed]").click()
    await page.locator(".panel .slot-edit").nth(1).click()
    await page.locator(".panel").evaluate("node => { node.scrollTop = 180 }")


async def saved(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, f"mine/{MINE}")
    await page.locator("#composer").fill("/")
    await page.locator(".picker-item").first.wait_for()


async def preview(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, f"mine/{MINE}")
    await page.locator("#composer").fill("Hello {customer}, **would you like** a refund or an exchange?")
    await page.locator(".tools button").nth(1).click()
    for at, title in enumerate(("Refund", "Exchange")):
        await page.locator(".titles input").nth(at).fill(title)
    await page.locator("dialog [type=submit]").click()
    await page.locator(".tools button").nth(4).click()
    await page.locator(".preview-shows").wait_for()


async def note(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, f"all/{OTHERS}")
    await page.locator(".tab").nth(1).click()
    await page.locator("#composer").fill("Could you look at this, @Be")
    await page.locator(".picker-item").first.wait_for()


def dialog(key: str) -> View:
    async def opened(page: Page, desk: PlayedDesk) -> None:
        await open_one(page, f"mine/{MINE}")
        await page.locator("#conversation-name").focus()
        await page.keyboard.press(key)
        await page.locator("dialog[open]").wait_for()

    return opened


async def palette(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, f"mine/{MINE}")
    await page.keyboard.press("Control+k")
    await page.locator(".palette-item").first.wait_for()


async def cards(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, f"mine/{MINE}")
    await page.locator(".tools button").nth(2).click()
    await page.locator("dialog[open]").wait_for()


async def link_code(page: Page, desk: PlayedDesk) -> None:
    await panel(page, desk)
    await page.locator(".panel .link", has=page.locator(".icon")).last.click()
    await page.locator(".link-code").wait_for()


async def reconnecting(page: Page, desk: PlayedDesk) -> None:
    await open_one(page, f"mine/{MINE}")
    desk.is_down = True
    await desk.drop()
    await page.locator(".trouble span").wait_for()


def page_of(place: str, ready: str) -> View:
    async def shown(page: Page, desk: PlayedDesk) -> None:
        desk.me = "ada" if place.startswith("settings") else desk.me
        await page.reload()
        await go(page, place)
        await page.locator(ready).first.wait_for()

    return shown


async def second_factor(page: Page, desk: PlayedDesk) -> None:
    await page_of("settings/security", ".sessions li")(page, desk)
    await page.locator("section", has=page.locator("h2")).nth(1).locator("button").click()
    await page.locator(".qr").wait_for()


async def team(page: Page, desk: PlayedDesk) -> None:
    await page_of("settings/teams", "tbody tr")(page, desk)
    await page.locator("tbody button").nth(1).click()
    await page.locator("dialog .days").wait_for()


async def agent(page: Page, desk: PlayedDesk) -> None:
    await page_of("settings/agents", "tbody tr")(page, desk)
    await page.locator("tbody button").nth(1).click()
    await page.locator("dialog[open]").wait_for()


async def saved_reply(page: Page, desk: PlayedDesk) -> None:
    await page_of("settings/saved", ".saved-list li")(page, desk)
    await page.locator(".saved-tools button").first.click()
    await page.locator("dialog[open]").wait_for()


VIEWS: dict[str, View] = {
    "login": log_out,
    "queue": queue,
    "nothing-found": nobody_waits,
    "conversation": conversation,
    "waiting": waiting,
    "chinese": chinese,
    "window-closed": window_closed,
    "panel": panel,
    "saved": saved,
    "preview": preview,
    "note": note,
    "cards": cards,
    "link-code": link_code,
    "hand-back": dialog("b"),
    "transfer": dialog("x"),
    "snooze": dialog("s"),
    "close": dialog("e"),
    "help": dialog("?"),
    "palette": palette,
    "reconnecting": reconnecting,
    "live": page_of("live", "tbody tr"),
    "figures": page_of("figures", "tbody tr"),
    "audit": page_of("audit", ".audit li"),
    "settings-myself": page_of("settings", ".segment"),
    "settings-device": page_of("settings/device", ".segment"),
    "settings-security": second_factor,
    "settings-saved": page_of("settings/saved", ".saved-list li"),
    "settings-saved-edit": saved_reply,
    "settings-agents": page_of("settings/agents", "tbody tr"),
    "settings-agent": agent,
    "settings-teams": page_of("settings/teams", "tbody tr"),
    "settings-team": team,
}


async def go(page: Page, place: str) -> None:
    await page.evaluate("place => { location.hash = `#/${place}` }", place)


async def open_one(page: Page, place: str) -> None:
    await go(page, place)
    await page.locator("#conversation-name").wait_for()
    await page.locator(".line").last.wait_for()
    await page.locator(".composer").wait_for()
