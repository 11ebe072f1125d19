"""Opening the chat, saying something, being answered."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.protocol_server import ProtocolServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def open_chat(page: Page) -> None:
    """Unless it is open since an earlier page, or in another tab."""
    launcher = page.get_by_role("button", name="Open chat")
    if await launcher.is_visible():
        await launcher.click()
    await expect(page.get_by_role("dialog", name="Chat with us")).to_be_visible()


async def say(page: Page, text: str) -> None:
    await page.get_by_role("textbox").fill(text)
    await page.keyboard.press("Enter")


def row(page: Page, text: str) -> Locator:
    return page.locator(".row").filter(has=page.get_by_text(text, exact=True))


async def test_nothing_is_connected_before_the_chat_is_opened(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await expect(page.get_by_role("button", name="Open chat", exact=True)).to_be_visible()
    await page.wait_for_timeout(300)
    assert (server.sessions, server.hellos) == ([], [])


async def test_opening_an_empty_chat_starts_it_once(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await page.keyboard.press("Escape")
    await open_chat(page)
    await server.say("Hello! How can I help?")
    await expect(page.get_by_role("log")).to_contain_text("Hello! How can I help?")
    await page.reload()
    await open_chat(page)
    await expect(page.get_by_role("log")).to_contain_text("Hello! How can I help?")
    assert [frame["type"] for frame in server.received] == ["start"]


async def test_a_reload_before_the_greeting_repeats_the_same_start(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: len(it.of_type("start")) == 1)
    await page.reload()
    await open_chat(page)
    await server.until(lambda it: len(it.of_type("start")) == 2)
    first, second = server.of_type("start")
    assert first == second


async def test_the_hello_says_which_language_the_widget_speaks(visit: Visit, server: ProtocolServer) -> None:
    page = await visit(lang="zh-CN")
    await page.get_by_role("button", name="打开聊天").click()
    await server.until(lambda it: it.hellos)
    assert server.hellos[0]["language"] == "zh"
    assert server.hellos[0]["cursor"] == 0


async def test_words_go_from_sending_over_sent_to_seen(visit: Visit, server: ProtocolServer) -> None:
    server.ack.clear()
    page = await visit()
    await open_chat(page)
    await say(page, "Where is my order?")
    await expect(row(page, "Where is my order?")).to_have_attribute("data-state", "sending")
    await expect(page.get_by_role("textbox")).to_have_value("")
    await server.until(lambda it: it.of_type("say"))
    server.ack.set()
    await expect(row(page, "Where is my order?")).to_have_attribute("data-state", "sent")
    await server.say("It arrives tomorrow.")
    await expect(row(page, "Where is my order?")).to_have_attribute("data-state", "seen")
    await expect(page.get_by_text("Where is my order?", exact=True)).to_have_count(1)


async def test_an_answer_that_overtakes_the_acknowledgement_stands_before_it(
    visit: Visit, server: ProtocolServer
) -> None:
    server.ack.clear()
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Welcome")
    await expect(row(page, "Welcome")).to_be_visible()
    await say(page, "First")
    await say(page, "Second")
    await server.until(lambda it: len(it.of_type("say")) == 2)
    server.ack.set()
    await expect(row(page, "Second")).to_have_attribute("data-state", "sent")
    await expect(page.locator(".text")).to_have_text(["Welcome", "First", "Second"])


async def test_shift_enter_makes_a_line_and_enter_sends_both(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await page.get_by_role("textbox").fill("One")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("Two")
    assert server.of_type("say") == []
    await page.keyboard.press("Enter")
    await server.until(lambda it: it.of_type("say"))
    assert server.of_type("say")[0]["text"] == "One\nTwo"


async def test_the_enter_that_ends_a_composition_does_not_send(visit: Visit, server: ProtocolServer) -> None:
    page = await visit(lang="zh")
    await page.get_by_role("button", name="打开聊天").click()
    field = page.get_by_role("textbox")
    session = await page.context.new_cdp_session(page)
    await session.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    await expect(field).to_have_value("nihao")
    # Chromium and Firefox tell it by isComposing, Safari by the key code, after the composition's end.
    for event in ("{isComposing: true, keyCode: 13}", "{isComposing: false, keyCode: 229}"):
        sent = await field.evaluate(
            f"node => !node.dispatchEvent(new KeyboardEvent('keydown', "
            f"{{key: 'Enter', bubbles: true, cancelable: true, ...{event}}}))"
        )
        assert sent is False
    await session.send("Input.insertText", {"text": "你好"})
    await expect(field).to_have_value("你好")
    assert server.of_type("say") == []
    await page.keyboard.press("Enter")
    await server.until(lambda it: it.of_type("say"))
    assert [frame["text"] for frame in server.of_type("say")] == ["你好"]


async def test_blank_words_are_not_sent(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()
    await say(page, "  \n ")
    await say(page, "Hello")
    await server.until(lambda it: it.of_type("say"))
    assert [frame["text"] for frame in server.of_type("say")] == ["Hello"]


async def test_too_many_characters_are_counted_and_not_sent(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    field = page.get_by_role("textbox")
    await field.fill("x" * 7_300)
    await expect(page.get_by_text("7,300 / 8,000")).to_be_visible()
    await field.fill("😀" * 8_001)
    await expect(page.get_by_text("8,001 / 8,000")).to_be_visible()
    await expect(page.get_by_role("button", name="Send")).to_be_disabled()
    await field.press("Enter")
    await field.fill("😀" * 8_000)
    await field.press("Enter")
    await server.until(lambda it: it.customer_said())
    assert [len(frame["text"]) for frame in server.of_type("say")] == [8_000]


async def test_a_refused_message_says_why_and_can_be_sent_again(visit: Visit, server: ProtocolServer) -> None:
    server.refuse_with = "too_fast"
    page = await visit()
    await open_chat(page)
    await say(page, "Hello?")
    refused = row(page, "Hello?")
    await expect(refused).to_have_attribute("data-state", "failed")
    await expect(refused).to_contain_text("too many messages at once")
    server.refuse_with = None
    await refused.get_by_role("button", name="Try again").click()
    await expect(refused).to_have_attribute("data-state", "sent")
    first, second = server.of_type("say")
    assert first == second
    assert server.customer_said() == ["Hello?"]


async def test_what_a_busy_shop_cannot_take_yet_is_sent_again_in_its_order(
    visit: Visit, server: ProtocolServer
) -> None:
    server.refuse_with = "busy"
    page = await visit()
    await open_chat(page)
    await say(page, "Is anybody there?")
    await server.until(lambda it: len(it.of_type("say")) == 2)  # by itself
    await expect(row(page, "Is anybody there?")).to_have_attribute("data-state", "sending")
    await say(page, "Hello?")
    server.refuse_with = None
    await expect(row(page, "Hello?")).to_have_attribute("data-state", "sent")
    assert server.customer_said() == ["Is anybody there?", "Hello?"]


async def test_a_message_that_can_never_be_sent_is_handed_back_for_editing(
    visit: Visit, server: ProtocolServer
) -> None:
    server.refuse_with = "malformed"
    page = await visit()
    await open_chat(page)
    await say(page, "Curious")
    await row(page, "Curious").get_by_role("button", name="Edit").click()
    await expect(page.get_by_role("textbox")).to_have_value("Curious")
    await expect(row(page, "Curious")).to_have_count(0)


async def test_typing_is_shown_until_the_answer(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.push({"type": "typing"})
    await expect(page.locator(".typing")).to_be_visible()
    await server.say("Here I am")
    await expect(page.locator(".typing")).to_be_hidden()


async def test_typing_ends_by_itself_when_no_answer_comes(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.clock.install()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.push({"type": "typing"})
    await expect(page.locator(".typing")).to_be_visible()
    await page.clock.fast_forward(21_000)
    await expect(page.locator(".typing")).to_be_hidden()


async def test_unread_messages_are_counted_while_closed_also_over_a_reload(
    visit: Visit, server: ProtocolServer
) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    await expect(row(page, "Hello")).to_be_visible()
    await page.keyboard.press("Escape")
    await server.say("Your parcel is here")
    await expect(page.get_by_role("button", name="Open chat, 1 unread message", exact=True)).to_be_visible()
    await server.say("Hi, this is Ann", author="agent")
    await page.reload()
    launcher = page.get_by_role("button", name="Open chat, 2 unread messages")
    await expect(launcher).to_be_visible()
    await expect(page.locator(".badge")).to_have_text("2")
    await launcher.click()
    await expect(row(page, "Hi, this is Ann")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Open chat", exact=True)).to_be_visible()
    await page.reload()
    await server.until(lambda it: len(it.hellos) == 3)
    await expect(page.get_by_role("button", name="Open chat", exact=True)).to_be_visible()
    assert await page.title() == "Shop"


async def test_reading_in_one_tab_clears_the_badge_of_another(visit: Visit, server: ProtocolServer) -> None:
    alice = await visit()
    await open_chat(alice)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    await expect(row(alice, "Hello")).to_be_visible()
    other = await visit(context=alice.context)
    await server.until(lambda it: len(it.visitor.sockets) == 2)
    await alice.keyboard.press("Escape")
    await expect(other.get_by_role("dialog")).to_be_hidden()
    await server.say("Still there?")
    await expect(other.get_by_role("button", name="Open chat, 1 unread message")).to_be_visible()
    await alice.bring_to_front()
    await alice.get_by_role("button", name="Open chat").click()
    await expect(row(alice, "Still there?")).to_be_visible()
    await alice.keyboard.press("Escape")
    await expect(other.get_by_role("button", name="Open chat", exact=True)).to_be_visible()


_SLOW_TO_KNOW = """
  const read = Storage.prototype.getItem;
  const known = new Map();
  Storage.prototype.getItem = function (key) {
    if (!window.isSlow || !known.has(key)) known.set(key, read.call(this, key));
    return known.get(key);
  };
"""
"""Browsers tell one tab what another one has stored when they come to it."""


async def test_a_tab_that_does_not_know_yet_does_not_open_what_was_closed(visit: Visit, server: ProtocolServer) -> None:
    alice = await visit()
    await open_chat(alice)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    other = await visit(context=alice.context, init=_SLOW_TO_KNOW)
    await expect(row(other, "Hello")).to_be_visible()
    await server.until(lambda it: len(it.visitor.sockets) == 2)
    await other.evaluate("window.isSlow = true")
    await alice.keyboard.press("Escape")
    await expect(other.get_by_role("dialog")).to_be_visible()
    read = len(server.seen)
    await server.say("Still there?")
    await server.until(lambda it: len(it.seen) > read)
    await alice.reload()
    await expect(alice.get_by_role("button", name="Open chat")).to_be_visible()


async def test_the_chat_is_open_in_every_tab_or_in_none(visit: Visit, server: ProtocolServer) -> None:
    alice = await visit()
    other = await visit(context=alice.context)
    await other.get_by_role("link", name="Up").focus()
    await alice.bring_to_front()
    await open_chat(alice)
    await expect(other.get_by_role("dialog")).to_be_visible()
    await expect(other.get_by_role("link", name="Up")).to_be_focused()
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    for tab in (alice, other):
        await expect(row(tab, "Hello")).to_be_visible()
    await alice.keyboard.press("Escape")
    await expect(other.get_by_role("dialog")).to_be_hidden()
    await expect(other.get_by_role("link", name="Up")).to_be_focused()


async def test_the_chat_stays_open_on_the_next_page_but_not_over_a_small_one(
    visit: Visit, server: ProtocolServer
) -> None:
    for size, is_open in (((1100, 800), True), ((390, 844), False)):
        page = await visit(size=size)
        await open_chat(page)
        await page.get_by_role("textbox").focus()
        await page.reload()
        await expect(page.get_by_role("dialog")).to_have_count(int(is_open))
        assert await page.evaluate("document.activeElement.tagName") == "BODY"


async def test_what_is_said_in_one_tab_appears_in_the_other(visit: Visit, server: ProtocolServer) -> None:
    alice = await visit()
    await open_chat(alice)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    await expect(row(alice, "Hello")).to_be_visible()
    other = await visit(context=alice.context)
    await open_chat(other)
    await say(other, "From here")
    await expect(row(alice, "From here")).to_have_attribute("data-state", "sent")
    assert len(server.visitors) == 1


async def test_a_reader_who_scrolled_up_is_left_there_and_told(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    for number in range(30):
        await server.say(f"Line {number}")
    await expect(row(page, "Line 29")).to_be_in_viewport()
    await page.get_by_role("log").hover()
    await page.mouse.wheel(0, -600)
    await expect(row(page, "Line 29")).not_to_be_in_viewport()
    await server.say("The newest")
    news = page.get_by_role("button", name="New messages")
    await expect(news).to_be_visible()
    await expect(row(page, "The newest")).not_to_be_in_viewport()
    await news.click()
    await expect(row(page, "The newest")).to_be_in_viewport()
    await expect(news).to_be_hidden()
    await server.say("And one more")
    await expect(row(page, "And one more")).to_be_in_viewport()
