"""What a bad network, a reload or a run-out session may do: nothing is missed, nothing is doubled, nothing is lost."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.protocol_server import ProtocolServer
from tests.browser.widget.test_conversation import open_chat, row, say

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_lost_connection_misses_nothing_and_doubles_nothing(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    for number in range(3):
        await server.say(f"Before {number}")
    await expect(row(page, "Before 2")).to_be_visible()
    await server.drop()
    for number in range(3):
        await server.say(f"Meanwhile {number}")
    await server.until(lambda it: len(it.hellos) == 2)
    await server.say("After")
    await expect(row(page, "After")).to_be_visible()
    said = [f"Before {n}" for n in range(3)] + [f"Meanwhile {n}" for n in range(3)] + ["After"]
    await expect(page.locator(".text")).to_have_text(said)
    assert [hello["cursor"] for hello in server.hellos] == [0, 3]
    await expect(page.get_by_text("Reconnecting")).to_have_count(0)


async def test_a_connection_lost_within_the_history_goes_on_where_it_stopped(
    visit: Visit, server: ProtocolServer
) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("One")
    await expect(row(page, "One")).to_be_visible()
    server.ready.clear()
    await page.reload()
    await server.until(lambda it: len(it.hellos) == 2 and it.visitor.sockets)
    await server.say("Two")
    await server.drop()
    server.ready.set()
    await open_chat(page)
    await server.until(lambda it: len(it.hellos) == 3)
    await expect(page.locator(".text")).to_have_text(["One", "Two"])


async def test_a_repeated_frame_is_shown_once(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    first = await server.say("First")
    second = await server.say("Second")
    for frame in (first, second, first):
        await server.push(frame)
    await server.say("Third")
    await expect(page.locator(".text")).to_have_text(["First", "Second", "Third"])
    await server.drop()
    await server.until(lambda it: len(it.hellos) == 2)
    assert server.hellos[-1]["cursor"] == 3


async def test_words_lost_with_the_connection_are_sent_again_and_stored_once(
    visit: Visit, server: ProtocolServer
) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    server.swallow = True
    await say(page, "Lost on the way")
    await server.until(lambda it: it.of_type("say"))
    server.swallow = False
    server.ack.clear()
    await server.drop()
    await server.until(lambda it: len(it.of_type("say")) == 2)
    # Stored, but the acknowledgement is lost: the history after the cursor acknowledges it.
    await server.drop()
    server.ack.set()
    await expect(row(page, "Lost on the way")).to_have_attribute("data-state", "sent")
    await server.until(lambda it: len(it.hellos) == 3 and it.visitor.sockets)
    assert len({frame["id"] for frame in server.of_type("say")}) == 1
    assert len(server.of_type("say")) == 2
    assert server.customer_said() == ["Lost on the way"]


async def test_words_written_without_a_connection_are_sent_when_it_is_back(
    visit: Visit, server: ProtocolServer
) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    server.is_down = True
    await server.drop()
    await say(page, "One")
    await say(page, "Two")
    await expect(page.get_by_text("Reconnecting…")).to_be_visible()
    await expect(row(page, "Two")).to_have_attribute("data-state", "sending")
    server.is_down = False
    await expect(row(page, "Two")).to_have_attribute("data-state", "sent")
    await expect(page.get_by_text("Reconnecting…")).to_have_count(0)
    assert server.customer_said() == ["One", "Two"]


async def test_a_reload_keeps_the_transcript_and_the_visitor(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await say(page, "Hello")
    await expect(row(page, "Hello")).to_have_attribute("data-state", "sent")
    await server.say("Hi!")
    await expect(row(page, "Hi!")).to_be_visible()
    await page.reload()
    await open_chat(page)
    await expect(page.locator(".text")).to_have_text(["Hello", "Hi!"])
    await expect(row(page, "Hello")).to_have_attribute("data-state", "seen")
    assert len(server.visitors) == 1


async def test_unsent_words_survive_a_reload(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    await expect(row(page, "Hello")).to_be_visible()
    server.is_down = True
    await server.drop()
    await say(page, "Do not lose me")
    await expect(row(page, "Do not lose me")).to_have_attribute("data-state", "sending")
    await page.reload()
    await open_chat(page)
    await expect(row(page, "Do not lose me")).to_have_attribute("data-state", "sending")
    server.is_down = False
    await expect(row(page, "Do not lose me")).to_have_attribute("data-state", "sent")
    await expect(page.locator(".text")).to_have_text(["Hello", "Do not lose me"])
    assert server.customer_said() == ["Do not lose me"]


async def test_a_silent_connection_is_replaced(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.clock.install()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    server.swallow = True
    await say(page, "Anybody?")
    await server.until(lambda it: it.of_type("say"))
    server.swallow = False
    await page.clock.fast_forward(21_000)
    await expect(row(page, "Anybody?")).to_have_attribute("data-state", "sent")
    assert server.customer_said() == ["Anybody?"]


async def test_a_connection_that_answers_is_kept(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.clock.install()
    await open_chat(page)
    await say(page, "Hello")
    await expect(row(page, "Hello")).to_have_attribute("data-state", "sent")
    await page.clock.fast_forward(60_000)
    await server.say("Hi!")
    await expect(row(page, "Hi!")).to_be_visible()
    assert len(server.hellos) == 1


@pytest.mark.parametrize("event", ["window, 'online'", "document, 'visibilitychange'"])
async def test_coming_back_reconnects_at_once(visit: Visit, server: ProtocolServer, event: str) -> None:
    page = await visit()
    await page.clock.install()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    server.is_down = True
    await server.drop()
    # The clock stands still: nothing but the event can bring the connection back.
    await page.clock.pause_at(await page.evaluate("Date.now()") + 60_000)
    await asyncio.sleep(0.5)
    server.is_down = False
    await page.evaluate(f"((target, name) => target.dispatchEvent(new Event(name)))({event})")
    await server.until(lambda it: len(it.hellos) == 2)


async def test_a_session_that_ran_out_starts_anew_without_the_old_transcript(
    visit: Visit, server: ProtocolServer
) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("What Alice was told")
    await expect(row(page, "What Alice was told")).to_be_visible()
    old = server.visitor.token
    await server.drop()
    server.expire()
    await server.until(lambda it: len(it.of_type("start")) == 2)
    await server.say("A new hello")
    await expect(page.locator(".text")).to_have_text(["A new hello"])
    tokens = [(hello["token"] == old, hello["cursor"]) for hello in server.hellos]
    assert tokens[0] == (True, 0)
    assert tokens[-1] == (False, 0)
    first, second = server.of_type("start")
    assert first["id"] != second["id"]


async def test_words_not_sent_yet_go_to_the_new_session(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Old", options=[{"title": "Yes", "index": 0}])
    await expect(row(page, "Old")).to_be_visible()
    server.is_down = True
    await server.drop()
    server.expire()
    await page.get_by_role("button", name="Yes").click()
    await say(page, "I have a question")
    server.is_down = False
    await expect(row(page, "I have a question")).to_have_attribute("data-state", "sent")
    await expect(page.locator(".text")).to_have_text(["I have a question"])
    assert server.of_type("choose") == []


async def test_a_returning_visitor_whose_session_ran_out_is_asked_nothing(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    await expect(row(page, "Hello")).to_be_visible()
    await page.keyboard.press("Escape")
    server.expire()
    await page.goto("about:blank")
    await page.go_back()
    await server.until(lambda it: len(it.hellos) == 2)
    await page.wait_for_timeout(300)
    assert (len(server.sessions), len(server.hellos)) == (1, 2)
    await open_chat(page)
    await server.until(lambda it: len(it.of_type("start")) == 2)


async def test_a_gateway_that_is_down_is_tried_until_it_is_there(visit: Visit, server: ProtocolServer) -> None:
    server.is_down = True
    page = await visit()
    await open_chat(page)
    await expect(page.get_by_role("status")).to_have_text("Connecting…")
    server.is_down = False
    await server.until(lambda it: it.of_type("start"))
    await expect(page.get_by_role("status")).to_have_text("")


async def test_a_browser_that_denies_storage_can_chat(visit: Visit, server: ProtocolServer) -> None:
    denied = "{ get() { throw new DOMException('denied', 'SecurityError'); } }"
    page = await visit(
        init=f"for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, {denied});"
    )
    await open_chat(page)
    await say(page, "Hello")
    await expect(row(page, "Hello")).to_have_attribute("data-state", "sent")
    await server.drop()
    await say(page, "Again")
    await expect(row(page, "Again")).to_have_attribute("data-state", "sent")
    assert server.customer_said() == ["Hello", "Again"]


async def test_nonsense_from_the_server_does_no_harm(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    for nonsense in ({"type": "from the future"}, {}, {"type": "error", "code": "what", "id": "who"}):
        await server.push(nonsense)
    for socket in server.visitor.sockets:
        await socket.send_str("{not json")
    await server.say("Still here")
    await expect(row(page, "Still here")).to_be_visible()
