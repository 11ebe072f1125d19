"""Everything by the keyboard, the focus never lost, and news for who does not see."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.desk.conftest import Visit
from tests.browser.desk.played import PlayedDesk
from tests.browser.desk.test_work import field
from tests.browser.desk.views import MINE, OTHERS, WAITING, open_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def has_focus(page: Page, what: str) -> None:
    """Soon: an element with this id, or with this in its name."""
    await page.wait_for_function(
        """what => {
          const node = document.activeElement;
          return node.id === what || (node.ariaLabel || node.textContent).includes(what);
        }""",
        arg=what,
    )


async def test_a_conversation_is_taken_answered_and_left_by_keys_alone(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await expect(page.locator(".row").first).to_be_visible()
    await page.keyboard.press("j")
    await has_focus(page, "row-c00003")
    for _ in range(6):
        await page.keyboard.press("j")
    await has_focus(page, f"row-{WAITING}")
    await page.keyboard.press("Enter")
    await expect(page.locator(".line").last).to_be_visible()
    await page.keyboard.press("t")
    await expect(field(page)).to_be_focused()
    await page.keyboard.type("Hello jkt?")
    await page.keyboard.press("Enter")
    await desk.until(lambda it: it.changes("/say"))
    assert desk.changes("/say")[0]["content"] == {"text": "Hello jkt?"}
    await page.keyboard.press("Escape")
    await has_focus(page, "conversation-name")
    await page.keyboard.press("n")
    await expect(field(page)).to_be_focused()
    await page.keyboard.press("Escape")
    await page.keyboard.press("b")
    await page.get_by_role("dialog").wait_for()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await has_focus(page, "conversation-name")
    await page.keyboard.press("u")
    await expect(page.get_by_text("Choose a conversation")).to_be_visible()


async def test_the_palette_finds_actions_and_customers(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await open_one(page, f"mine/{MINE}")
    await field(page).focus()
    await page.keyboard.press("Control+k")
    await page.keyboard.type("snoo")
    await expect(page.get_by_role("option")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog", name="Snooze")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("wolfe")
    await expect(page.get_by_role("option").first).to_contain_text("Wolfeschlegel")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Maria-Magdalena")


_QUICKLY = """async ([press, write, steps]) => {
  // One task, in which nothing is painted; drawings are made in between, as microtasks.
  const drawn = async () => { for (let turn = 0; turn < 20; turn++) await null; };
  if (press) document.querySelector(press).click();
  await drawn();
  const field = document.querySelector("#composer");
  field.value = write;
  field.setSelectionRange(write.length, write.length);
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
  await drawn();
  for (const key of steps) {
    field.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    await drawn();
  }
}"""


async def test_what_is_typed_before_the_next_painting_finds_colleagues(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"all/{OTHERS}")
    await page.evaluate(_QUICKLY, [".tab:nth-child(2)", "Look, @Be", []])
    await expect(page.get_by_role("option", name="Ben Okafor")).to_be_visible()


async def test_a_step_before_the_next_painting_is_kept(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await field(page).fill("/")
    await page.get_by_role("option").nth(1).wait_for()
    await field(page).fill("")
    await expect(page.get_by_role("option")).to_have_count(0)
    await page.evaluate(_QUICKLY, ["", "/", ["ArrowDown"]])
    await expect(page.get_by_role("option").nth(1)).to_have_attribute("aria-selected", "true")


async def test_dialogs_keep_the_focus_inside_and_give_it_back(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await open_one(page, f"mine/{MINE}")
    await page.get_by_role("button", name="Hand back").focus()
    await page.keyboard.press("Enter")
    await page.get_by_role("dialog").wait_for()
    for _ in range(12):
        await page.keyboard.press("Tab")
        # Between the last and the first, the browser itself has it.
        inside = "document.querySelector('dialog').contains(document.activeElement)"
        assert await page.evaluate(f"document.activeElement === document.body || {inside}")
    await page.keyboard.press("Escape")
    await has_focus(page, "Hand back")


async def test_one_key_shortcuts_can_be_switched_off(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("settings/device")
    await page.get_by_role("checkbox", name="Shortcuts of one key").uncheck()
    await page.keyboard.press("?")
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog")).to_have_count(1)
    await expect(page.get_by_role("dialog")).to_have_accessible_name("Search and do")


async def test_all_keys_are_shown(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await expect(page.locator(".row").first).to_be_visible()
    await page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(dialog).to_contain_text("Hand back to the bot")
    await expect(dialog).to_contain_text("Use a suggestion")


async def test_a_menu_is_walked_with_arrows(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await open_one(page, f"mine/{MINE}")
    await page.get_by_role("button", name="Goes to").focus()
    await page.keyboard.press("ArrowDown")
    await expect(page.get_by_role("menuitemradio", name="Web chat")).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(page.get_by_role("menuitemradio", name="Telegram")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".target-button")).to_contain_text("Telegram")
    await expect(page.locator(".target-button")).to_be_focused()


async def test_a_customers_words_are_read_out_and_ones_own_are_not(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await open_one(page, f"mine/{MINE}")
    await desk.until(lambda it: it.told("open"))
    await desk.hear(MINE, "It is the blue one")
    await expect(page.locator(".unseen[role=status]")).to_have_text("Customer: It is the blue one")
    await expect(page.get_by_role("log")).to_have_attribute("aria-live", "off")


async def test_who_else_looks_and_types_is_shown(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await open_one(page, f"mine/{MINE}")
    await desk.until(lambda it: it.told("open"))
    people = {"type": "people", "conversation": MINE, "viewers": ["ben", "maya"]}
    await desk.push({**people, "typing": []})
    await expect(page.locator(".people")).to_contain_text("Ben Okafor looking")
    await desk.push({**people, "typing": ["ben"]})
    await expect(page.locator(".people")).to_contain_text("Ben Okafor typing")
    await field(page).press_sequentially("Hello there")
    await desk.until(lambda it: it.told("typing"))
    assert len(desk.told("typing")) == 1


async def test_notifications_are_asked_for_by_a_click_alone(visit: Visit, desk: PlayedDesk) -> None:
    init = """window.asked = 0; window.shown = [];
      window.Notification = class extends EventTarget {
        static permission = "granted"; static requestPermission = async () => { window.asked += 1; return "granted"; };
        constructor(title, { body }) { super(); window.shown.push(`${title}|${body}`); }
      };
      Object.defineProperty(document, "hidden", { get: () => window.away ?? false });"""
    page = await visit("settings/device", init=init)
    assert await page.evaluate("window.asked") == 0
    await page.get_by_role("checkbox", name="Notifications").check()
    assert await page.evaluate("window.asked") == 1
    await page.evaluate("window.away = true")
    await desk.hear(MINE, "a secret")
    await page.wait_for_function("window.shown.length")
    assert await page.evaluate("window.shown") == ["Farid Tan|New message"]


async def test_being_mentioned_and_being_given_a_conversation_are_told(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit("queue")
    await expect(page.locator(".row").first).to_be_visible()
    await desk.until(lambda it: it.counts())
    note = {
        "id": 5,
        "agent": "ben",
        "text": "@Maya Chen",
        "mentions": ["maya"],
        "whisper_to": None,
        "at": "",
        "after_message": 1,
    }
    await desk.push({"type": "mention", "conversation": MINE, "note": note})
    await desk.push({"type": "assigned", "conversation": MINE})
    await expect(page.locator(".notice").first).to_contain_text("Ben Okafor mentioned you")
    await page.get_by_role("link", name="A conversation was given to you").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Farid Tan")
