"""An agent's work in a conversation: taking, answering, noting, handing back, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.desk import people
from tests.browser.desk.conftest import Visit
from tests.browser.desk.played import PlayedDesk
from tests.browser.desk.views import CLOSED_WINDOW, MINE, OTHERS, WAITING, open_one

pytestmark = pytest.mark.asyncio(loop_scope="module")


def said(page: Page, text: str) -> Locator:
    return page.locator(".line .said-text", has_text=text)


def field(page: Page) -> Locator:
    return page.locator("#composer")


async def test_an_agent_takes_what_waits_and_answers(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"queue/{WAITING}")
    await page.get_by_role("button", name="Take", exact=True).click()
    await expect(field(page)).to_be_focused()
    assert desk.changes("/do") == [{"do": "take"}]
    await field(page).fill("Good evening!\nHow can I help?")
    await page.keyboard.press("Enter")
    await expect(said(page, "Good evening!")).to_have_count(1)
    await desk.until(lambda it: it.changes("/say"))
    sent = desk.changes("/say")[0]
    assert sent["content"] == {"text": "Good evening!\nHow can I help?"}
    assert "to" not in sent  # where the customer is by then, the server knows
    await expect(page.locator(".pending")).to_have_count(0)
    await expect(field(page)).to_have_value("")
    await expect(page.locator(".system").last).to_contain_text("Maya Chen took over")


async def test_sending_takes_what_nobody_has(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"queue/{WAITING}")
    await field(page).fill("I look into it")
    desk.refusals.append((409, {"error": "taken", "has_it": "ben"}))
    await page.get_by_role("button", name="Take and send").click()
    await expect(page.locator(".notice.bad")).to_contain_text("Ben Okafor has this conversation.")
    await expect(field(page)).to_have_value("I look into it")
    await page.get_by_role("button", name="Take and send").click()
    await expect(said(page, "I look into it")).to_have_count(1)
    assert desk.changes("/do") == [{"do": "take"}, {"do": "take"}]
    assert len(desk.changes("/say")) == 1


async def test_what_a_colleague_has_is_not_answered(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"all/{OTHERS}")
    await expect(page.get_by_text("Ben Okafor has this conversation. You can leave a note.")).to_be_visible()
    await expect(field(page)).to_have_count(0)


async def test_a_message_is_shown_before_the_server_answers_and_once_after(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    desk.hold.clear()
    await field(page).fill("Thank you")
    await page.keyboard.press("Enter")
    await expect(page.locator(".pending")).to_contain_text("Thank you")
    desk.hold.set()
    await expect(page.locator(".pending")).to_have_count(0)
    await expect(said(page, "Thank you").last).to_be_visible()
    [line] = [line for line in desk.transcript(MINE) if line.get("client_id")]
    await desk.push({"type": "lines", "conversation": MINE, "lines": [line, line]})
    await desk.hear(MINE, "You are welcome")
    await expect(said(page, "You are welcome")).to_have_count(1)
    await expect(
        page.locator(".by-agent .said-text", has_text="Thank you").filter(has_not_text="moment")
    ).to_have_count(1)


async def test_a_message_that_failed_keeps_its_id_when_it_is_sent_again(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    desk.refusals.append((409, {"error": "unreachable", "possible": []}))
    await field(page).fill("Once only")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert").filter(has_text="cannot be reached there")).to_be_visible()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".pending")).to_have_count(0)
    first, second = desk.changes("/say")
    assert first["id"] == second["id"]


async def test_a_message_that_failed_can_be_changed(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    desk.refusals.append((422, {"error": "placeholder", "placeholder": "order"}))
    await field(page).fill("About {order}")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Edit", exact=True).click()
    await expect(field(page)).to_have_value("About {order}")
    await expect(field(page)).to_be_focused()
    await expect(page.locator(".pending")).to_have_count(0)


async def test_who_comes_second_is_told_who_has_it(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"queue/{WAITING}")
    desk.refusals.append((409, {"error": "taken", "has_it": "ben"}))
    await page.get_by_role("button", name="Take", exact=True).click()
    await expect(page.locator(".notice.bad")).to_contain_text("Ben Okafor has this conversation.")


async def test_handing_back_tells_the_bot_what_was_settled(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await page.get_by_role("button", name="Hand back").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("order number")).to_be_focused()
    await dialog.get_by_label("return reason").fill("damaged")
    await dialog.get_by_label("return items").fill("blue kettle")
    await dialog.get_by_label("return confirmed").select_option("true")
    await dialog.get_by_role("button", name="Hand back").click()
    await desk.until(lambda it: it.changes("/do"))
    settled = {"return_reason": "damaged", "return_items": ["blue kettle"], "return_confirmed": True}
    assert desk.changes("/do") == [{"do": "hand_back", "slots": settled}]
    await expect(page.locator(".head-state")).to_contain_text("With the bot")
    await expect(page.get_by_role("heading", name="Farid Tan").first).to_be_focused()


async def test_a_slot_is_changed_in_the_panel(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await page.get_by_role("button", name="Change order number").click()
    await page.locator(".slot-form input").fill("1017")
    await page.keyboard.press("Enter")
    await desk.until(lambda it: it.changes("/do"))
    assert desk.changes("/do") == [{"do": "set_slot", "name": "order_number", "value": "1017"}]
    await expect(page.locator(".slot").first).to_contain_text("1017")


async def test_transfer_snooze_and_close_say_how(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await page.locator("#conversation-name").focus()
    await page.keyboard.press("x")
    await page.get_by_role("radio", name="A team").check()
    await page.get_by_label("Note for them").fill("please look at the voucher")
    await page.get_by_role("button", name="Transfer", exact=True).last.click()
    await desk.until(lambda it: it.changes("/do"))
    assert desk.changes("/do")[-1] == {"do": "transfer", "team": 1, "note": "please look at the voucher"}

    await open_one(page, "mine/c00009")
    await page.locator("#conversation-name").focus()
    await page.keyboard.press("s")
    await page.get_by_role("button", name="In an hour").click()
    await desk.until(lambda it: len(it.changes("/do")) == 2)
    assert desk.changes("/do")[-1].keys() == {"do", "until"}

    await open_one(page, f"mine/{CLOSED_WINDOW}")
    await page.locator("#conversation-name").focus()
    await page.keyboard.press("e")
    await page.get_by_role("combobox", name="Reason").select_option("no_answer")
    await expect(page.get_by_role("checkbox", name="Ask how it was")).to_be_disabled()
    await page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).last.click()
    await desk.until(lambda it: len(it.changes("/do")) == 3)
    assert desk.changes("/do")[-1] == {"do": "close", "reason": "no_answer", "ask_rating": False}


async def test_a_note_mentions_a_colleague_and_is_no_message(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"all/{OTHERS}")
    await page.get_by_role("button", name="Note", exact=True).click()
    await field(page).press_sequentially("Please look @Be")
    await page.keyboard.press("Enter")
    await expect(field(page)).to_have_value("Please look @Ben Okafor ")
    await page.keyboard.press("Enter")
    await desk.until(lambda it: it.changes("/notes"))
    assert desk.changes("/notes") == [{"text": "Please look @Ben Okafor", "mentions": ["ben"]}]
    await expect(page.locator(".note-line")).to_contain_text("Please look")
    assert desk.changes("/say") == []


async def test_a_supervisor_whispers(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"all/{OTHERS}")
    await page.get_by_role("button", name="Note", exact=True).click()
    await field(page).fill("Offer the voucher")
    await page.get_by_role("checkbox", name="For Ben Okafor alone").check()
    await page.get_by_role("button", name="Add note").click()
    await desk.until(lambda it: it.changes("/notes"))
    assert desk.changes("/notes")[0]["whisper_to"] == "ben"


async def test_a_saved_reply_comes_with_its_placeholders_filled(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await field(page).press_sequentially("/hel")
    await expect(page.get_by_role("option").first).to_contain_text("Greeting")
    await page.keyboard.press("Enter")
    await expect(field(page)).to_have_value("Hello Farid, this is Maya. How can I help?")
    assert desk.changes("/say") == []


async def test_a_suggestion_is_one_key_away(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await expect(page.locator(".suggestions .chip")).to_have_count(3)
    await page.keyboard.press("Alt+2")
    await expect(field(page)).to_have_value("Could you send us a picture of it?")
    await expect(field(page)).to_be_focused()


async def test_quick_replies_a_card_and_a_file_go_with_a_reply(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await field(page).fill("Which one?")
    await page.get_by_role("button", name="Quick replies").click()
    await page.get_by_label("Answer 1").fill("Refund")
    await page.get_by_role("button", name="Attach", exact=True).click()
    await page.get_by_role("button", name="Cards").click()
    await page.get_by_label("Title").fill("Oak shelf")
    await page.get_by_role("button", name="Attach", exact=True).click()
    await page.locator("input[type=file]").set_input_files(
        {"name": "发票.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-"}
    )
    await expect(page.locator(".attached")).to_have_count(3)
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator(".preview-shows")).to_contain_text("interactive button, 1 buttons")
    await page.get_by_role("button", name="Send", exact=True).click()
    await desk.until(lambda it: it.changes("/say"))
    assert desk.changes("/say")[0]["content"] == {
        "text": "Which one?",
        "options": [{"title": "Refund", "payload": "Refund"}],
        "cards": [{"title": "Oak shelf", "options": []}],
        "file": {"url": "vault:f1", "name": "%E5%8F%91%E7%A5%A8.pdf"},
    }


async def test_a_closed_window_is_told_before_anybody_writes(visit: Visit, desk: PlayedDesk) -> None:
    closed = desk.detail(CLOSED_WINDOW)["identities"][0]
    closed |= {"window_ends": people.iso(people.NOW - timedelta(hours=1)), "reachable": False}
    page = await visit()
    await open_one(page, f"mine/{CLOSED_WINDOW}")
    await expect(page.get_by_text("24 hours")).to_be_visible()
    await expect(field(page)).to_have_count(0)
    await page.get_by_role("button", name="Write on Telegram").click()
    await expect(field(page)).to_be_focused()
    await page.keyboard.type("Here instead")
    await page.keyboard.press("Enter")
    await desk.until(lambda it: it.changes("/say"))
    assert desk.changes("/say")[0]["to"] == 2


async def test_a_blocked_customer_leaves_a_note_to_write(visit: Visit, desk: PlayedDesk) -> None:
    for identity in desk.detail(MINE)["identities"]:
        identity |= {"blocked": True, "reachable": False}
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await expect(page.get_by_text("The customer has blocked us")).to_be_visible()
    await page.get_by_role("button", name="Write a note").click()
    await expect(field(page)).to_be_focused()


async def test_script_from_outside_is_text(visit: Visit, desk: PlayedDesk) -> None:
    evil = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
    desk.items[MINE]["customer"]["name"] = evil
    desk.items[MINE]["labels"] = [evil]
    desk.details[MINE] = people.details(desk.items[MINE])
    desk.details[MINE]["slots"][0]["value"] = evil
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await desk.hear(MINE, evil, content={"type": "text", "text": evil})
    link = {
        "text": "[here](javascript:window.hacked=1) **bold**",
        "file": {"url": "javascript:window.hacked=1", "name": evil},
    }
    await desk.hear(MINE, "x", author="bot", direction="out", content=link)
    await expect(said(page, "[here](javascript:window.hacked=1)")).to_be_visible()
    await expect(page.get_by_role("heading", name="<img").first).to_be_visible()
    assert await page.evaluate("window.hacked") is None
    assert await page.locator("a[href^='javascript']").count() == 0


async def test_what_is_marked_within_a_mark_and_meant_as_it_is_shows(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await field(page).fill("请看[**这里**](https://shop.example/terms)，**用 *心* 做\\***，5 \\* 3 \\* 2")
    await page.keyboard.press("Enter")
    line = said(page, "请看").last
    await expect(line).to_have_text("请看这里，用 心 做*，5 * 3 * 2")
    await expect(line.locator("a strong")).to_have_text("这里")
    await expect(line.locator("strong em")).to_have_text("心")


async def test_older_lines_come_when_somebody_scrolls_up_and_nothing_jumps(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    before = await page.locator(".line").count()
    log = page.get_by_role("log")
    await log.evaluate("node => { node.scrollTop = 250 }")
    await page.wait_for_function("before => document.querySelectorAll('.line').length > before", arg=before)
    assert await log.evaluate("node => node.scrollTop") > 500


async def test_the_bots_understanding_is_shown_on_demand(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await page.locator(".line-ask").last.click()
    await expect(page.get_by_role("group", name="What the bot understood")).to_contain_text("return order")


async def test_labels_are_put_on_and_taken_off(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await page.get_by_label("Add a label").fill("voucher")
    await page.keyboard.press("Enter")
    await expect(page.locator(".panel .label", has_text="voucher")).to_be_visible()
    await page.get_by_role("button", name="Remove voucher").click()
    await expect(page.locator(".panel .label", has_text="voucher")).to_have_count(0)
    await desk.until(lambda it: len(it.changes("/labels")) == 2)
    assert desk.changes("/labels") == [{"add": ["voucher"]}, {"remove": ["voucher"]}]


async def test_an_input_method_can_be_finished_without_sending(visit: Visit, desk: PlayedDesk) -> None:
    page = await visit()
    await open_one(page, f"mine/{MINE}")
    await field(page).focus()
    session = await page.context.new_cdp_session(page)
    await session.send("Input.imeSetComposition", {"text": "ni", "selectionStart": 2, "selectionEnd": 2})
    await field(page).dispatch_event("keydown", {"key": "Enter", "keyCode": 229, "isComposing": True})
    await session.send("Input.insertText", {"text": "你好"})
    await expect(field(page)).to_have_value("你好")
    assert desk.changes("/say") == []
