"""What the page's own scripts can do with the chat, and whom they can vouch for."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.protocol_server import ProtocolServer
from tests.browser.widget.test_conversation import open_chat, row, say

pytestmark = pytest.mark.asyncio(loop_scope="module")

LISTEN = """() => {
  window.told = [];
  for (const name of ['open', 'close', 'message', 'unread']) {
    Throughline.on(name, (detail) => told.push(detail === undefined ? [name] : [name, detail.text ?? detail]));
  }
}"""


async def told(page: Page) -> Any:
    return await page.evaluate("window.told")


async def test_the_page_opens_and_closes_the_chat_and_is_told(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.evaluate(LISTEN)
    await page.evaluate("Throughline.open()")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    await expect(row(page, "Hello")).to_be_visible()
    await page.evaluate("Throughline.close()")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await server.say("Still there?", author="agent")
    await expect(page.get_by_role("button", name="Open chat, 1 unread message")).to_be_visible()
    await say_nothing_and_open(page)
    assert await told(page) == [
        ["open"],
        ["message", "Hello"],
        ["close"],
        ["unread", 1],
        ["message", "Still there?"],
        ["open"],
        ["unread", 0],
    ]


async def say_nothing_and_open(page: Page) -> None:
    await page.get_by_role("button", name="Open chat").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def test_a_handler_can_be_taken_off_and_its_errors_do_no_harm(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.evaluate(
        """() => {
          window.heard = [];
          window.reportError = (error) => heard.push(error.message);
          Throughline.on('message', () => { throw new Error('the page is broken'); });
          window.off = Throughline.on('message', ({id, author, text, at}) => heard.push({id, author, text, at}));
        }"""
    )
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    first = await server.say("One")
    await expect(row(page, "One")).to_be_visible()
    await page.evaluate("off()")
    await server.say("Two")
    await expect(row(page, "Two")).to_be_visible()
    message = {"id": first["id"], "author": "bot", "text": "One", "at": first["at"]}
    assert await page.evaluate("heard") == ["the page is broken", message, "the page is broken"]


async def test_what_was_asked_before_the_script_was_there_is_done(visit: Visit, server: ProtocolServer) -> None:
    page = await visit(
        init="window.reportError = () => {};"
        "window.Throughline = [['nonsense'], ['open'], ['on', 'message', ({text}) => (window.heard = text)]];"
    )
    await expect(page.get_by_role("dialog")).to_be_visible()
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    await expect(row(page, "Hello")).to_be_visible()
    assert await page.evaluate("window.heard") == "Hello"
    await page.evaluate("Throughline.push(['close'])")
    await expect(page.get_by_role("dialog")).to_be_hidden()


async def test_an_unknown_event_is_refused(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    for call in ("Throughline.on('massage', () => {})", "Throughline.on('message', 'handler')"):
        assert (
            await page.evaluate(f"(() => {{ try {{ {call} }} catch (error) {{ return error.name }} }})()")
            == "TypeError"
        )


async def test_a_signed_in_customer_is_told_of_with_the_first_session(visit: Visit, server: ProtocolServer) -> None:
    server.identities = {"jwt-of-alice": "alice"}
    page = await visit()
    assert await page.evaluate("Throughline.identify('jwt-of-alice')") is True
    assert server.sessions == []
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    assert server.sessions == [{"identity": "jwt-of-alice"}]
    assert server.hellos[0]["token"] == "alice"


async def test_signing_in_and_out_while_the_chat_is_open(visit: Visit, server: ProtocolServer) -> None:
    server.identities = {"jwt-of-alice": "alice"}
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("To nobody in particular")
    await expect(row(page, "To nobody in particular")).to_be_visible()
    other = await visit(context=page.context)
    await open_chat(other)
    await expect(row(other, "To nobody in particular")).to_be_visible()

    assert await page.evaluate("Throughline.identify(async () => 'jwt-of-alice')") is True
    await server.until(lambda it: [hello["token"] for hello in it.hellos[2:]] == ["alice", "alice"])
    await server.say("Alice's order is on its way")
    for tab in (page, other):
        await expect(tab.locator(".text")).to_have_text(["Alice's order is on its way"])

    await page.get_by_role("textbox").fill("half a thought")
    assert await page.evaluate("Throughline.identify(null)") is True
    assert server.sessions[-1] == {"token": "alice", "identity": None} or server.sessions[-2] == {
        "token": "alice",
        "identity": None,
    }
    assert "alice" not in server.visitors
    for tab in (page, other):
        await expect(tab.get_by_text("Alice's order is on its way")).to_have_count(0)
    await server.until(lambda it: len(it.visitor.sockets) == 2)
    kept = await page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")
    assert "alice" not in kept


async def test_nobody_signing_out_changes_nothing(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Hello")
    await expect(row(page, "Hello")).to_be_visible()
    assert await page.evaluate("Throughline.identify(null)") is True
    await say(page, "Me again")
    await expect(row(page, "Me again")).to_have_attribute("data-state", "sent")
    await expect(row(page, "Hello")).to_be_visible()
    assert (len(server.sessions), len(server.hellos)) == (1, 1)


async def test_a_refused_identity_leaves_the_visitor_anonymous(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.evaluate("console.warn = (...words) => (window.warned = words.join(' '))")
    await page.evaluate("Throughline.identify('forged')")
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    assert server.sessions == [{"identity": "forged"}, {}]
    assert await page.evaluate("warned") == "Throughline: the identity was refused: identity_refused"
    assert await page.evaluate("Throughline.identify('forged again')") is False
    await say(page, "Hello")
    await expect(row(page, "Hello")).to_have_attribute("data-state", "sent")
    assert len(server.visitors) == 1


async def test_a_page_that_cannot_say_who_it_is_does_not_keep_anybody_from_chatting(
    visit: Visit, server: ProtocolServer
) -> None:
    page = await visit()
    await page.evaluate("console.warn = () => {}")
    await page.evaluate("Throughline.identify(async () => { throw new Error('the shop is down') })")
    await open_chat(page)
    await say(page, "Hello")
    await expect(row(page, "Hello")).to_have_attribute("data-state", "sent")
    assert server.sessions == [{}]


async def test_who_signs_in_while_the_chat_is_opening_is_told_of_too(visit: Visit, server: ProtocolServer) -> None:
    server.identities = {"jwt-of-alice": "alice"}
    page = await visit()
    await page.evaluate("Throughline.open(); setTimeout(() => Throughline.identify('jwt-of-alice'))")
    await server.until(lambda it: it.hellos and it.hellos[-1]["token"] == "alice")
    await server.until(lambda it: it.visitor.sockets)
    await server.say("Hello, Alice")
    await expect(row(page, "Hello, Alice")).to_be_visible()
