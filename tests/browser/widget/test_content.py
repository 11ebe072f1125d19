"""What a message may hold: quick replies, cards, pictures, links, any script, and invitations to other channels."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest
from playwright.async_api import Page, expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.protocol_server import QR, Frame, ProtocolServer
from tests.browser.widget.test_conversation import open_chat, row, say

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASK = [{"title": "Refund", "index": 0}, {"title": "Exchange", "index": 1}]
EVIL = """<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>&amp;"""


async def opened(visit: Visit, server: ProtocolServer, **how: Any) -> Page:
    page = await visit(**how)
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    return page


async def test_a_quick_reply_is_the_customers_answer(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    asked = await server.say("What would you like?", options=ASK)
    await page.get_by_role("button", name="Exchange").click()
    await expect(page.locator(".customer")).to_have_attribute("data-state", "sent")
    await expect(page.locator(".customer .text")).to_have_text(["Exchange"])
    await expect(page.get_by_role("button", name="Refund")).to_have_count(0)
    (chosen,) = server.of_type("choose")
    del chosen["id"]
    assert chosen == {"type": "choose", "message": asked["id"], "option": 1, "label": "Exchange"}


async def test_only_the_newest_question_can_be_answered(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("First?", options=ASK)
    await expect(page.get_by_role("button", name="Refund")).to_be_visible()
    await server.say("Second?", options=[{"title": "Yes", "index": 0}])
    await expect(page.get_by_role("button", name="Yes")).to_be_visible()
    await expect(page.get_by_role("button", name="Refund")).to_have_count(0)
    await say(page, "Neither")
    await expect(page.get_by_role("button", name="Yes")).to_have_count(0)


async def test_an_answered_question_stays_answered_over_a_reload(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("First?", options=ASK)
    await page.get_by_role("button", name="Refund").click()
    await server.until(lambda it: it.customer_said())
    await server.say("Sure?", options=[{"title": "Yes", "index": 0}])
    await page.reload()
    await open_chat(page)
    await expect(page.get_by_role("button", name="Yes")).to_be_visible()
    await expect(page.get_by_role("button", name="Refund")).to_have_count(0)


async def test_cards_scroll_sideways_and_offer_their_options(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    cards = [
        {
            "title": f"Order {number}",
            "text": "Walking boots",
            "image": f"{server.url}/picture.svg",
            "options": [{"title": f"Track {number}", "index": number}],
        }
        for number in range(3)
    ]
    shown = await server.say("Which one?", cards=cards)
    row_of_cards = page.get_by_role("group", name="Cards")
    await expect(row_of_cards.locator("img")).to_have_count(3)
    assert await row_of_cards.evaluate("node => node.scrollWidth > node.clientWidth")
    await page.get_by_role("button", name="Track 2").click()
    await server.until(lambda it: it.of_type("choose"))
    chosen = server.of_type("choose")[0]
    assert (chosen["message"], chosen["option"], chosen["label"]) == (shown["id"], 2, "Track 2")
    await expect(page.get_by_role("button", name="Track 0")).to_be_disabled()


async def test_a_picture_that_cannot_be_loaded_is_not_shown(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("Look", image=f"{server.url}/picture.svg")
    await expect(page.get_by_role("img", name="Picture")).to_be_visible()
    await server.say("Gone", image=f"{server.url}/nothing.png")
    await expect(row(page, "Gone")).to_be_visible()
    await expect(row(page, "Gone").locator("img")).to_be_hidden()


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,hi", "file:///etc/passwd", "//x", "x"])
async def test_only_web_addresses_become_pictures(visit: Visit, server: ProtocolServer, address: str) -> None:
    page = await opened(visit, server)
    await server.say("Look", image=address, cards=[{"title": "Card", "image": address}])
    await expect(page.get_by_text("Card", exact=True)).to_be_visible()
    await expect(page.locator(".row img")).to_have_count(0)


async def test_markup_is_shown_as_it_was_written(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    options = [{"title": EVIL, "index": 0}]
    await server.say(EVIL, options=options, cards=[{"title": EVIL, "text": EVIL, "options": options}])
    await expect(page.locator(".text")).to_have_text(EVIL)
    await expect(page.locator(".reply")).to_have_text(EVIL)
    await expect(page.locator(".card-title")).to_have_text(EVIL)
    await page.locator(".reply").click()
    await expect(page.locator(".customer .text")).to_have_text(EVIL)
    await expect(page.locator(".row script, .row img")).to_have_count(0)
    assert await page.title() == "Shop"


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("See https://example.com/a?b=c#d.", ["https://example.com/a?b=c#d"]),
        ("(https://example.com/a) and http://example.org", ["https://example.com/a", "http://example.org/"]),
        ("请看https://example.com/订单，谢谢", ["https://example.com/"]),
        ("https://en.wikipedia.org/wiki/Chat_(online)", ["https://en.wikipedia.org/wiki/Chat_(online)"]),
        ("javascript:alert(1) data:text/html,x ftp://example.com https://", []),
    ],
)
async def test_web_addresses_in_words_can_be_followed(
    visit: Visit, server: ProtocolServer, text: str, links: list[str]
) -> None:
    page = await opened(visit, server)
    await server.say(text)
    await expect(page.locator(".text")).to_have_text(text)
    anchors = page.locator(".text a")
    assert await anchors.evaluate_all("all => all.map((one) => one.href)") == links
    assert await anchors.evaluate_all("all => all.every((one) => one.rel === 'noopener' && one.target === '_blank')")


async def test_each_message_runs_in_its_own_direction(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("مرحبا، كيف يمكنني مساعدتك؟")
    await server.say("Hello")
    await expect(page.locator(".bubble")).to_have_count(2)
    directions = await page.locator(".bubble").evaluate_all("all => all.map((one) => getComputedStyle(one).direction)")
    assert directions == ["rtl", "ltr"]


async def test_line_breaks_are_kept_and_long_words_wrap(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("One\nTwo\n\nThree")
    text = page.locator(".text")
    assert await text.inner_text() == "One\nTwo\n\nThree"
    await server.say("x" * 500)
    log = page.get_by_role("log")
    await expect(log).to_contain_text("xxx")
    assert await log.evaluate("node => node.scrollWidth <= node.clientWidth")


async def test_a_long_transcript_scrolls_and_the_panel_around_it_does_not(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    for number in range(30):
        await server.say(f"line {number}")
    await say(page, "thank you")
    await expect(page.get_by_text("thank you")).to_be_in_viewport()
    panel = page.locator(".panel")
    await panel.evaluate("panel => Promise.all(panel.getAnimations({subtree: true}).map((one) => one.finished))")
    whole, shown = await panel.evaluate("panel => [panel.scrollHeight, panel.clientHeight]")
    assert whole == shown
    await expect(page.get_by_role("heading", name="Chat with us")).to_be_in_viewport()


async def test_days_and_times_are_told(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("Long ago", at="2024-02-29T12:30:00Z")
    await server.say("Today's")
    await expect(page.locator(".day:visible")).to_have_text(["Thursday, 29 February 2024", "Today"])
    await expect(row(page, "Long ago").locator(".meta time")).to_have_attribute("datetime", "2024-02-29T12:30:00.000Z")


async def test_a_human_agent_is_told_apart_from_the_bot(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("I am a bot")
    await server.say("I am Ann", author="agent")
    await expect(row(page, "I am a bot")).to_contain_text("Virtual assistant: ")
    await expect(row(page, "I am Ann")).to_contain_text("Support agent: ")
    await expect(page.locator(".who")).to_have_text("Support agent")


async def test_a_link_code_is_taken_out_of_the_address_and_sent(visit: Visit, server: ProtocolServer) -> None:
    page = await visit(fragment="#section&continue=Ab3-_%41xyz0123456789")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await server.until(lambda it: it.of_type("link"))
    assert server.of_type("link")[0]["code"] == "Ab3-_Axyz0123456789"
    assert "continue" not in page.url
    assert page.url.endswith("#section")
    await server.say("Welcome back, Alice")
    await expect(row(page, "Welcome back, Alice")).to_be_visible()
    await page.reload()
    await open_chat(page)
    await expect(row(page, "Welcome back, Alice")).to_be_visible()
    await server.drop()
    await server.until(lambda it: len(it.hellos) == 3 and it.visitor.sockets)
    assert [frame["type"] for frame in server.received] == ["link"]


async def test_a_link_code_that_comes_later_is_taken_too(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.evaluate("location.hash = 'continue=0123456789abcdef'")
    await server.until(lambda it: it.of_type("link"))
    await expect(page.get_by_role("dialog")).to_be_visible()
    await expect(page).to_have_url(page.url.split("#")[0])
    assert "continue" not in page.url


async def test_a_link_code_survives_a_reload_before_it_was_sent(visit: Visit, server: ProtocolServer) -> None:
    server.is_down = True
    page = await visit(fragment="#continue=0123456789abcdef")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.reload()
    server.is_down = False
    await server.until(lambda it: it.of_type("link"))
    assert server.of_type("link")[0]["code"] == "0123456789abcdef"


async def test_a_refused_link_code_is_told_and_the_chat_starts(visit: Visit, server: ProtocolServer) -> None:
    server.refuse_with = "too_fast"
    page = await visit(fragment="#continue=0123456789abcdef")
    await expect(page.get_by_role("status")).to_contain_text("could not be used")
    await server.until(lambda it: it.of_type("start"))


async def test_the_menu_invites_to_another_channel(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await page.get_by_role("button", name="More options").click()
    await page.get_by_role("menuitem", name="Continue on Telegram").click()
    card = page.get_by_role("group", name="Continue on Telegram")
    link = card.get_by_role("link", name="Open Telegram")
    await expect(link).to_be_visible()
    assert server.of_type("invite") == [{"type": "invite", "channel": "telegram"}]
    href = await page.evaluate("document.querySelector('throughline-chat').shadowRoot.querySelector('.continue').href")
    assert href.startswith("https://t.me/shop_bot?start=")
    assert await link.get_attribute("rel") == "noopener"
    assert await link.get_attribute("target") == "_blank"
    picture = card.get_by_role("img", name="QR code")
    assert await picture.evaluate("node => node.decode().then(() => node.naturalWidth > 0)")
    source = unquote(await picture.get_attribute("src") or "")
    assert source.startswith("data:image/svg+xml")
    assert source.endswith(QR.removeprefix("<svg"))


async def test_a_code_is_shown_to_be_typed_elsewhere(visit: Visit, server: ProtocolServer) -> None:
    server.invitation = lambda channel: {
        "type": "invitation",
        "channel": channel,
        "code": "K7QM-2XPD",
        "expires_in": 600,
    }
    page = await opened(visit, server)
    await server.say("Type this code elsewhere", invite="code")
    card = page.get_by_role("group", name="Continue on another channel")
    await expect(card.get_by_text("K7QM-2XPD")).to_be_visible()
    await expect(card.get_by_role("timer")).to_contain_text("Valid for")
    await expect(card.get_by_role("link")).to_have_count(0)
    await expect(card.get_by_role("img")).to_have_count(0)
    assert server.of_type("invite") == [{"type": "invite", "channel": "code"}]


async def test_an_invitation_counts_down_and_can_be_renewed(visit: Visit, server: ProtocolServer) -> None:
    page = await visit()
    await page.clock.install()
    await open_chat(page)
    await server.until(lambda it: it.of_type("start"))
    await server.say("Here you are", invite="telegram")
    timer = page.get_by_role("timer")
    await expect(timer).to_have_text("Valid for 10:00")
    await page.clock.run_for(5_000)
    await expect(timer).to_have_text("Valid for 9:55")
    await page.clock.fast_forward(600_000)
    await expect(page.get_by_role("link", name="Open Telegram")).to_have_count(0)
    await page.get_by_role("button", name="Get a new link").click()
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()
    assert len(server.of_type("invite")) == 2


async def test_an_invitation_from_history_waits_to_be_asked(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    await server.say("Here you are", invite="telegram")
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()
    await page.reload()
    await open_chat(page)
    await expect(page.get_by_role("button", name="Get a link")).to_be_visible()
    assert len(server.of_type("invite")) == 1
    await page.get_by_role("button", name="Get a link").click()
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()


async def test_an_invitation_that_cannot_be_had_can_be_tried_again(visit: Visit, server: ProtocolServer) -> None:
    invitation, server.invitation = server.invitation, None
    page = await opened(visit, server)
    await server.say("Here you are", invite="telegram")
    await expect(page.get_by_text("There is no link at the moment.")).to_be_visible()
    server.invitation = invitation
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()


async def test_an_invitation_asked_for_without_a_connection_comes_with_it(visit: Visit, server: ProtocolServer) -> None:
    page = await opened(visit, server)
    server.is_down = True
    await server.drop()
    await page.get_by_role("button", name="More options").click()
    await page.get_by_role("menuitem", name="Continue on Telegram").click()
    await expect(page.get_by_text("Getting a link…")).to_be_visible()
    server.is_down = False
    await expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()


async def test_an_invitation_to_a_script_is_refused(visit: Visit, server: ProtocolServer) -> None:
    def trap(channel: str) -> Frame:
        svg = "<svg xmlns='http://www.w3.org/2000/svg' onload=\"document.title='owned'\"></svg>"
        return {"type": "invitation", "channel": channel, "url": "javascript:alert(1)", "qr": svg, "expires_in": 600}

    server.invitation = trap
    page = await opened(visit, server)
    await server.say("Here you are", invite="telegram")
    await expect(page.get_by_text("There is no link at the moment.")).to_be_visible()
    server.invitation = lambda channel: {**trap(channel), "url": "https://t.me/shop_bot"}
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("link", name="Open Telegram")).to_have_attribute("href", "https://t.me/shop_bot")
    assert await page.title() == "Shop"


async def test_without_other_channels_there_is_no_menu(visit: Visit, server: ProtocolServer) -> None:
    server.channels = []
    page = await opened(visit, server)
    await server.say("Hello")
    await expect(row(page, "Hello")).to_be_visible()
    await expect(page.get_by_role("button", name="More options")).to_have_count(0)


async def test_the_page_sees_nothing_but_the_element_and_what_is_for_it(visit: Visit, server: ProtocolServer) -> None:
    before = await visit()
    names = await before.evaluate(
        """() => {
          const frame = document.createElement('iframe');
          document.body.append(frame);
          return Object.getOwnPropertyNames(window).filter((name) => !(name in frame.contentWindow) && isNaN(name));
        }"""
    )
    assert names == ["Throughline"]
