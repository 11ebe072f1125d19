"""The whole channel against WhatsApp on loopback."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from channels import whatsapp
from channels.contract import (
    Card,
    Channel,
    Choice,
    Content,
    File,
    Inbound,
    Link,
    Location,
    Media,
    Moved,
    Option,
    Outbound,
    Receipt,
    Revised,
    Said,
    SendError,
    Sent,
    Text,
    Unread,
    Unsupported,
    Webhook,
    WebhookRejected,
)
from channels.pacing import OwnBook
from channels.whatsapp import DEFAULT_API_URL, WhatsAppChannel
from sandbox.ports import free_port
from sandbox.whatsapp import (
    Delivery,
    Fault,
    Limits,
    Number,
    Person,
    WebhookReceiver,
    WhatsAppServer,
    close_connection,
    hang,
    refuse,
    server_error,
)
from sandbox.whatsapp import options as tappable

from .conftest import (
    APP_SECRET,
    LINK,
    PHONE_NUMBER_ID,
    TOKEN,
    VERIFY_TOKEN,
    Open,
    answering,
    link_to_telegram,
)

YES_NO = (Option(title="Yes", payload="/affirm"), Option(title="No", payload="/deny"))
CODE = "f3Kx_9vQ-2LmZr7TnW0aYh"


def to(person: Person, content: Content) -> Outbound:
    return Outbound(id=345, address=person.user_id or person.number, content=content, language="en")


def as_webhook(delivery: Delivery) -> Webhook:
    return Webhook(method="POST", body=delivery.body)


def read_one(channel: WhatsAppChannel, delivery: Delivery) -> Inbound:
    [one] = channel.read(as_webhook(delivery))
    assert isinstance(one, Inbound)
    return one


def seen(person: Person) -> list[str]:
    """Everything the business said to this person."""
    return [_body(message) for message in person.messages if "business" in message]


def _body(message: Any) -> str:
    if message["type"] == "interactive":
        return str(message["interactive"]["body"]["text"])
    shown = message[message["type"]]
    return str(shown.get("body") or shown.get("caption", ""))


def error(reason: str, *, permanent: bool = False, uncertain: bool = False, retry_after: float | None = None) -> Any:
    return (reason, permanent, uncertain, retry_after)


async def failure(channel: WhatsAppChannel, message: Outbound) -> Any:
    """The error, without Meta's trace."""
    with pytest.raises(SendError) as caught:
        await channel.send(message)
    reason = caught.value.reason.partition(", trace ")[0]
    return (reason, caught.value.permanent, caught.value.uncertain, caught.value.retry_after)


async def held_back(channel: WhatsAppChannel, message: Outbound) -> float | None:
    """When it may be sent, by the channel's own reckoning."""
    with pytest.raises(SendError) as caught:
        await channel.send(message)
    assert caught.value.held_back
    return caught.value.retry_after


class Clock:
    """Seconds, as a test likes them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def closed_port() -> str:
    return f"http://127.0.0.1:{free_port()}"


SETTINGS: dict[str, Any] = {
    "access_token": TOKEN,
    "app_secret": APP_SECRET,
    "verify_token": VERIFY_TOKEN,
    "phone_number_id": PHONE_NUMBER_ID,
    "link": link_to_telegram,
}


def test_it_is_a_channel() -> None:
    channel: Channel = WhatsAppChannel(**SETTINGS)
    assert (channel.name, channel.repeatable) == ("whatsapp", False)


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("access_token", "", "WHATSAPP_ACCESS_TOKEN"),
        ("access_token", "EAAG\nX-Injected: 1", "WHATSAPP_ACCESS_TOKEN"),
        ("app_secret", "", "WHATSAPP_APP_SECRET"),
        ("verify_token", "", "WHATSAPP_VERIFY_TOKEN"),
        ("phone_number_id", "+1 555 078 3881", "WHATSAPP_PHONE_NUMBER_ID"),
        ("phone_number_id", "../me", "WHATSAPP_PHONE_NUMBER_ID"),
        ("api_url", "https://graph.facebook.com", "WHATSAPP_API_URL"),
        ("api_url", "graph.facebook.com/v26.0", "WHATSAPP_API_URL"),
    ],
)
def test_wrong_setting_is_named_and_not_shown(setting: str, value: str, named: str) -> None:
    with pytest.raises(ValueError, match=named) as wrong:
        WhatsAppChannel(**SETTINGS | {setting: value})
    assert setting == "api_url" or not value or value not in str(wrong.value)


@pytest.mark.parametrize("url", ["https://graph.facebook.com/v26.0", "http://127.0.0.1:8081/whatsapp/v26.0/"])
def test_version_is_part_of_the_address(url: str) -> None:
    WhatsAppChannel(**SETTINGS | {"api_url": url})


# --- Sending ----------------------------------------------------------------------------------------------------------


async def test_text_arrives_as_it_is(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    sent = await channel.send(to(alice, Content(text="<b>5 * 3</b> _is_ **15**")))
    message = await alice.next_message()
    assert message["text"] == {"body": "<b>5 * 3</b> _is_ *15*"}
    assert sent == Sent(platform_ids=(message["id"],))
    assert shop.calls == [
        {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "recipient": alice.user_id,
            "type": "text",
            "text": {"body": "<b>5 * 3</b> _is_ *15*"},
        }
    ]


async def test_person_known_by_number_alone_is_answered_by_number(
    channel: WhatsAppChannel, server: WhatsAppServer, shop: Number
) -> None:
    bob = server.person("Bob", "6591234567", country="SG", user_id=False)
    inbound = read_one(channel, await bob.say(shop, "hello"))
    await channel.send(Outbound(id=1, address=inbound.address, content=Content(text="hi")))
    assert (shop.calls[0]["to"], seen(bob)) == ("6591234567", ["hi"])


async def test_person_whose_number_is_hidden_is_the_same_and_is_answered(
    channel: WhatsAppChannel, shop: Number, alice: Person
) -> None:
    before = read_one(channel, await alice.say(shop, "one"))
    alice.hide_number()
    after = read_one(channel, await alice.say(shop, "two"))
    assert (before.external_id, after.external_id) == (alice.user_id, alice.user_id)
    await channel.send(Outbound(id=1, address=after.address, content=Content(text="hi")))
    assert seen(alice) == ["hi"]


async def test_answer_never_reaches_who_has_the_number_now(
    channel: WhatsAppChannel, server: WhatsAppServer, shop: Number, alice: Person
) -> None:
    address, number = read_one(channel, await alice.say(shop, "my secret")).address, alice.number
    moved = await alice.change_number(shop, "16505559999")
    bob = server.person("Bob", number)
    new = read_one(channel, await bob.say(shop, "hello"))
    failed = await failure(channel, Outbound(id=1, address=address, content=Content(text="as to your secret")))
    assert failed[1] is True
    assert (seen(bob), new.external_id == address) == ([], False)
    assert alice.user_id is not None
    assert channel.news(as_webhook(moved)) == [Moved(old=address, new=alice.user_id)]


@pytest.mark.parametrize(
    ("titles", "kind"),
    [(["Yes", "No"], "button"), (["Refund it all to my card", "Replace it"], "list"), (list("ABCDEFGHIJ"), "list")],
)
async def test_tap_comes_back_as_a_choice(
    channel: WhatsAppChannel, shop: Number, alice: Person, titles: list[str], kind: str
) -> None:
    given = tuple(Option(title=title, payload="/p") for title in titles)
    await channel.send(to(alice, Content(text="Which?", options=given)))
    message = await alice.next_message()
    assert message["interactive"]["type"] == kind
    inbound = read_one(channel, await alice.tap(message, 1))
    assert inbound.said == Choice(message=345, option=1, label=titles[1])
    assert inbound.external_id == alice.user_id


async def test_thirty_options_can_all_be_tapped(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    given = tuple(Option(title=f"Order {number}", payload="/p") for number in range(30))
    await channel.send(to(alice, Content(text="Which?", options=given)))
    messages = [await alice.next_message() for _ in range(3)]
    taps = [
        read_one(channel, await alice.tap(message, place)).said
        for message in messages
        for place in range(len(tappable(message)))
    ]
    assert taps == [Choice(message=345, option=index, label=f"Order {index}") for index in range(30)]


async def test_cards_come_in_order_with_pictures_and_buttons(
    channel: WhatsAppChannel, alice: Person, photo: str
) -> None:
    sofa = Card(title="Sofa", text="Two seats", image=photo, options=(Option(title="Buy sofa", payload="/a"),))
    lamp = Card(title="Lamp", options=(Option(title="Buy lamp", payload="/b"),))
    sent = await channel.send(to(alice, Content(text="Look:", cards=(sofa, lamp))))
    look, first, second = [await alice.next_message() for _ in range(3)]
    assert sent.platform_ids == (look["id"], first["id"], second["id"])
    assert (_body(first), tappable(first)[0]["title"]) == ("*Sofa*\nTwo seats", "Buy sofa")
    assert first["interactive"]["header"]["image"] == {"link": photo}
    assert (_body(second), tappable(second)[0]["title"]) == ("*Lamp*", "Buy lamp")


async def test_file_and_place_arrive(channel: WhatsAppChannel, alice: Person) -> None:
    async with answering(200, b"%PDF-1.7", "application/pdf") as url:
        file = File(url=f"{url}/receipt.pdf", name="Receipt 7.pdf")
        bay = Location(latitude=1.2836, longitude=103.8607, name="Marina Bay")
        sent = await channel.send(to(alice, Content(text="Here", file=file, location=bay)))
    document, place = [await alice.next_message() for _ in range(2)]
    assert document["document"] == {"link": file.url, "filename": "Receipt 7.pdf", "caption": "Here"}
    assert place["location"] == {"latitude": "1.283600", "longitude": "103.860700", "name": "Marina Bay"}
    assert sent.platform_ids == (document["id"], place["id"])


async def test_file_that_meta_cannot_fetch_becomes_a_link(channel: WhatsAppChannel, alice: Person) -> None:
    url = f"{closed_port()}/receipt.pdf"
    await channel.send(to(alice, Content(text="Here", file=File(url=url))))
    assert seen(alice) == [f"Here\n📎 receipt.pdf ({url})"]


async def test_what_is_sent_is_what_was_shown_beforehand(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    message = to(alice, Content(text="Sure?", options=YES_NO, cards=(Card(title="Lamp"),), invite="telegram"))
    assert channel.shows(message) == ["interactive button, 2 buttons", "interactive cta_url", "text"]
    await channel.send(message)
    assert [call["type"] for call in shop.calls] == ["interactive", "interactive", "text"]


async def test_buttons_cannot_be_taken_off_and_nothing_is_asked(
    channel: WhatsAppChannel, shop: Number, alice: Person
) -> None:
    message = to(alice, Content(text="Sure?", options=YES_NO))
    sent = await channel.send(message)
    await channel.withdraw(message, sent.platform_ids)
    assert len(shop.calls) == 1


@pytest.mark.parametrize("given", [(), YES_NO], ids=["caption", "buttons"])
async def test_picture_that_meta_cannot_fetch_becomes_text(
    channel: WhatsAppChannel, alice: Person, given: tuple[Option, ...]
) -> None:
    await channel.send(to(alice, Content(text="Our sofa", image=f"{closed_port()}/sofa.png", options=given)))
    message = await alice.next_message()
    assert (_body(message), [one["title"] for one in tappable(message)]) == (
        "Our sofa",
        [option.title for option in given],
    )


async def test_picture_of_another_kind_becomes_text(channel: WhatsAppChannel, alice: Person) -> None:
    async with answering(200, "<svg/>", "image/svg+xml") as url:
        await channel.send(to(alice, Content(text="Our sofa", image=f"{url}/sofa.svg")))
    assert seen(alice) == ["Our sofa"]


async def test_picture_arrives(channel: WhatsAppChannel, alice: Person, photo: str) -> None:
    await channel.send(to(alice, Content(text="Our sofa", image=photo)))
    assert (await alice.next_message())["image"] == {"link": photo, "caption": "Our sofa"}


async def test_invite_is_a_button_with_a_fresh_link(channel: WhatsAppChannel, alice: Person) -> None:
    await channel.send(to(alice, Content(text="As you like.", invite="telegram")))
    message = await alice.next_message()
    assert message["interactive"]["action"]["parameters"] == {"display_text": "Open Telegram", "url": LINK}


async def test_invite_whose_button_is_refused_is_written_out(
    channel: WhatsAppChannel, shop: Number, alice: Person
) -> None:
    shop.faults.order("interactive", refuse(131009))
    await channel.send(to(alice, Content(text="As you like.", invite="telegram")))
    assert seen(alice) == [f"As you like.\n\nContinue on Telegram\n{LINK}"]


async def test_nothing_is_sent_without_the_invites_link(
    server: WhatsAppServer, shop: Number, alice: Person, open_channel: Open
) -> None:
    async def link(message: Outbound) -> str:
        raise SendError("Telegram is switched off", permanent=True)

    failed = await failure(await open_channel(server.url, link=link), to(alice, Content(text="Go", invite="telegram")))
    assert failed == error("Telegram is switched off", permanent=True)
    assert shop.calls == []


async def test_message_that_says_nothing_is_a_permanent_error(channel: WhatsAppChannel, alice: Person) -> None:
    assert await failure(channel, to(alice, Content())) == error("the message holds nothing to show", permanent=True)


# --- One part: what the sender should do ------------------------------------------------------------------------------

HELLO = Content(text="hello")
ANSWERS: dict[str, tuple[Fault, Any]] = {
    "throughput": (
        refuse(130429, status=429),
        error("too many messages a second for WhatsApp (130429)", retry_after=1),
    ),
    "locked": (refuse(131031), error("the WhatsApp Business account is locked (131031)", permanent=True)),
    "refused": (refuse(131009), error("WhatsApp refused a value in the message (131009)", permanent=True)),
    "500": (server_error(500), error("something went wrong at WhatsApp (131000)")),
    "502 by a proxy": (server_error(502, html=True), error("WhatsApp is in trouble (502)")),
    "closed after it was taken": (
        close_connection(done=True),
        error("no answer from WhatsApp: ServerDisconnectedError", uncertain=True),
    ),
}


@pytest.mark.parametrize(("fault", "expected"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_refusal_says_what_to_do(
    channel: WhatsAppChannel, shop: Number, alice: Person, fault: Fault, expected: Any
) -> None:
    shop.faults.order("text", fault)
    assert await failure(channel, to(alice, HELLO)) == expected


async def test_stranger_cannot_be_written_to(channel: WhatsAppChannel, shop: Number) -> None:
    nobody = Outbound(id=1, address="16505550000", content=HELLO)
    assert await failure(channel, nobody) == error(
        "the customer cannot be reached: not on WhatsApp, or with an app too old for this message (131026)",
        permanent=True,
    )


async def test_one_who_never_wrote_has_a_closed_window(
    channel: WhatsAppChannel, server: WhatsAppServer, shop: Number
) -> None:
    assert await failure(channel, to(server.person("Carol", "16505550001"), HELLO)) == error(
        "the customer last wrote more than 24 hours ago: only a template may be sent now (131047)", permanent=True
    )


async def test_wrong_token_is_named(server: WhatsAppServer, alice: Person, open_channel: Open) -> None:
    channel = await open_channel(server.url, access_token="EAAG-wrong")
    assert await failure(channel, to(alice, HELLO)) == error(
        "WHATSAPP_ACCESS_TOKEN was refused or has expired: generate a new one for the system user, set it, and start "
        "the gateway again (190)",
        permanent=True,
    )


async def test_wrong_number_is_named(server: WhatsAppServer, alice: Person, open_channel: Open) -> None:
    channel = await open_channel(server.url, phone_number_id="999999999")
    assert await failure(channel, to(alice, HELLO)) == error(
        "WHATSAPP_PHONE_NUMBER_ID is unknown, or was deleted (33)", permanent=True
    )


async def test_pair_limit_waits_longer_each_time_and_holds_up_nobody_else(
    server: WhatsAppServer, shop: Number, alice: Person, open_channel: Open
) -> None:
    clock = Clock()
    channel = await open_channel(server.url, book=OwnBook(clock))
    bob = server.person("Bob", "6591234567")
    await bob.say(shop, "hello")
    shop.faults.order("text", refuse(131056), times=3)
    waits = []
    for _ in range(3):
        waits.append((await failure(channel, to(alice, HELLO)))[3])
        clock.seconds += waits[-1]
    await channel.send(to(alice, HELLO))
    shop.faults.order("text", refuse(131056), times=3)
    for _ in range(3):
        clock.seconds += (await failure(channel, to(alice, HELLO)))[3]
    clock.seconds -= 16
    await held_back(channel, to(alice, HELLO))
    await channel.send(to(bob, HELLO))
    assert (waits, seen(alice), seen(bob)) == ([1, 4, 16], ["hello"], ["hello"])


async def test_metas_rates_are_kept_before_it_has_to_say_so(
    server: WhatsAppServer, shop: Number, alice: Person, open_channel: Open
) -> None:
    """45 to one person at once, and then none until as many would have been taken at one every 6 seconds."""
    clock = Clock()
    channel = await open_channel(server.url, book=OwnBook(clock))
    for _ in range(45):
        await channel.send(to(alice, HELLO))
    clock.seconds = 260
    assert await held_back(channel, to(alice, HELLO)) == 10
    clock.seconds = 270
    await channel.send(to(alice, HELLO))
    assert len(shop.calls) == 46


async def test_too_many_in_all_holds_up_everybody(
    server: WhatsAppServer, shop: Number, alice: Person, open_channel: Open
) -> None:
    clock = Clock()
    channel = await open_channel(server.url, book=OwnBook(clock))
    shop.faults.order("text", refuse(80007))
    assert (await failure(channel, to(alice, HELLO)))[3] == 60
    assert await held_back(channel, to(server.person("Bob", "6591234567"), HELLO)) == 60
    clock.seconds = 60
    await channel.send(to(alice, HELLO))
    assert len(shop.calls) == 2


@pytest.mark.parametrize("done", [True, False])
async def test_no_answer_in_time_is_uncertain(
    server: WhatsAppServer, shop: Number, alice: Person, open_channel: Open, done: bool
) -> None:
    shop.faults.order("text", hang(done=done))
    failed = await failure(await open_channel(server.url, timeout=1), to(alice, HELLO))
    assert failed == error("no answer from WhatsApp: TimeoutError", uncertain=True)
    assert seen(alice) == (["hello"] if done else [])


async def test_unreachable_meta_is_tried_again(alice: Person, open_channel: Open) -> None:
    failed = await failure(await open_channel(closed_port()), to(alice, HELLO))
    assert failed == error("WhatsApp cannot be reached: ClientConnectorError")


async def test_closed_channel_sends_nothing_and_is_tried_again(channel: WhatsAppChannel, alice: Person) -> None:
    await channel.close()
    assert await failure(channel, to(alice, HELLO)) == error("WhatsApp cannot be reached: RuntimeError")


async def test_channel_that_was_not_started_is_tried_again(alice: Person) -> None:
    assert await failure(WhatsAppChannel(**SETTINGS), to(alice, HELLO)) == error(
        "WhatsApp cannot be reached: RuntimeError"
    )


@pytest.mark.parametrize(
    "body", ["<html>", "[]", "{}", '{"messages": 1}', '{"messages": [1]}', '{"messages": [{"id": 7}]}', "\xff"]
)
async def test_success_that_cannot_be_read_is_uncertain(alice: Person, open_channel: Open, body: str) -> None:
    async with answering(200, body) as url:
        failed = await failure(await open_channel(url), to(alice, HELLO))
    assert failed == error("WhatsApp's answer could not be read", uncertain=True)


@pytest.mark.parametrize("body", ["[]", "null", "\xff", "<html>"])
async def test_trouble_that_cannot_be_read_is_tried_again(alice: Person, open_channel: Open, body: str) -> None:
    async with answering(503, body) as url:
        assert await failure(await open_channel(url), to(alice, HELLO)) == error("WhatsApp is in trouble (503)")


# --- Several parts ----------------------------------------------------------------------------------------------------

TWO_PARTS = Content(text="x" * 2000, options=YES_NO)


async def test_later_part_waits_and_goes_on(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    shop.faults.order("interactive", refuse(130429, status=429))
    await channel.send(to(alice, TWO_PARTS))
    assert [call["type"] for call in shop.calls] == ["text", "interactive", "interactive"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            refuse(80007),
            error(
                "part 2 of 2 was not sent: the WhatsApp Business account has sent too many messages (80007)",
                permanent=True,
            ),
        ),
        (
            refuse(131031),
            error("part 2 of 2 was not sent: the WhatsApp Business account is locked (131031)", permanent=True),
        ),
        (
            close_connection(),
            error("part 2 of 2 may not have arrived: no answer from WhatsApp: ServerDisconnectedError", uncertain=True),
        ),
    ],
    ids=["patience ends", "never", "no answer"],
)
async def test_message_of_which_a_part_went_out_is_never_sent_again(
    channel: WhatsAppChannel, shop: Number, alice: Person, fault: Fault, expected: Any
) -> None:
    shop.faults.order("interactive", fault)
    assert await failure(channel, to(alice, TWO_PARTS)) == expected


async def test_message_of_which_nothing_went_out_may_be_sent_again(
    channel: WhatsAppChannel, shop: Number, alice: Person
) -> None:
    shop.faults.order("text", server_error())
    assert await failure(channel, to(alice, TWO_PARTS)) == error("something went wrong at WhatsApp (131000)")
    assert len(shop.calls) == 1


# --- Acknowledging ----------------------------------------------------------------------------------------------------


async def test_message_is_marked_as_read_and_the_typing_sign_shows(
    channel: WhatsAppChannel, shop: Number, alice: Person
) -> None:
    inbound = read_one(channel, await alice.say(shop, "where is my order?"))
    await channel.acknowledge(inbound)
    shown = {"business": PHONE_NUMBER_ID, "message_id": inbound.platform_id}
    assert (await alice.next_event("read"), await alice.next_event("typing")) == (shown, shown)


async def test_typing_sign_is_shown_again(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    inbound = read_one(channel, await alice.say(shop, "where is my order?"))
    await channel.show_typing(inbound.address, inbound.platform_id)
    assert (await alice.next_event("typing"))["message_id"] == inbound.platform_id
    await channel.show_typing(inbound.address, None)
    await channel.show_typing(inbound.address, "wamid.nobody's")
    assert len(shop.calls) == 2


async def test_message_that_meta_does_not_know_is_only_counted(channel: WhatsAppChannel, shop: Number) -> None:
    await channel.acknowledge(_from_nobody(Text(text="hello")))
    await channel.acknowledge(replace(_from_nobody(Text(text="hello")), platform_id=None))
    assert (channel.lost_acknowledgements, len(shop.calls)) == (1, 1)


# --- Links ------------------------------------------------------------------------------------------------------------


async def test_deep_link_brings_its_code(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    link = await channel.deep_link(CODE)
    assert link == f"https://wa.me/15550783881?text=Continue%3A%20{CODE}"
    assert read_one(channel, await alice.follow(link)).said == Link(code=CODE)


async def test_deep_link_without_a_code_opens_the_chat(channel: WhatsAppChannel, shop: Number) -> None:
    assert await channel.deep_link(None) == "https://wa.me/15550783881"


async def test_number_is_asked_once(server: WhatsAppServer, shop: Number, channel: WhatsAppChannel) -> None:
    first = await channel.deep_link(CODE)
    await server.close()
    assert await channel.deep_link(CODE) == first


async def test_number_that_is_given_is_not_asked(open_channel: Open) -> None:
    channel = WhatsAppChannel(**SETTINGS | {"phone_number": "+65 8123 4567"})
    assert (await channel.deep_link(CODE)).startswith("https://wa.me/6581234567?")


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, "{}", "WhatsApp did not say the business's phone number"),
        (500, "{}", "WhatsApp is in trouble (500)"),
    ],
)
async def test_link_that_cannot_be_known_is_an_error(open_channel: Open, status: int, body: str, reason: str) -> None:
    async with answering(status, body) as url:
        with pytest.raises(SendError, match=reason.replace("(", r"\(").replace(")", r"\)")):
            await (await open_channel(url)).deep_link(CODE)


# --- What Meta delivers -----------------------------------------------------------------------------------------------


async def test_delivery_is_verified_and_read(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    async with WebhookReceiver(verify_token=VERIFY_TOKEN) as hook:
        await shop.subscribe(hook.url, VERIFY_TOKEN)
        await (await alice.say(shop, "好的 / okay")).taken()
        request = Webhook(method="POST", headers=CIMultiDict(hook.received[-1].headers), body=hook.received[-1].body)
    await channel.verify(request)
    [inbound] = channel.read(request)
    assert isinstance(inbound, Inbound)
    assert (inbound.external_id, inbound.said, inbound.name) == (alice.user_id, Text(text="好的 / okay"), "Alice")
    for forged in (replace(request, headers=CIMultiDict()), replace(request, body=request.body + b" ")):
        with pytest.raises(WebhookRejected):
            await channel.verify(forged)


async def test_handshake_is_answered(channel: WhatsAppChannel) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "1158201444"}
    assert channel.challenge(Webhook(method="GET", query=query)) == "1158201444"
    with pytest.raises(WebhookRejected):
        channel.challenge(Webhook(method="GET", query=query | {"hub.verify_token": "guess"}))


async def test_everything_a_person_does_in_the_sandbox_is_read(
    channel: WhatsAppChannel, shop: Number, alice: Person
) -> None:
    done = [
        await alice.image(shop, "look"),
        await alice.voice(shop),
        await alice.video(shop),
        await alice.document(shop, "invoice.pdf", "mine"),
        await alice.sticker(shop),
        await alice.location(shop, 1.2836, 103.8607, name="Marina Bay"),
        await alice.contact(shop, "Bob", "6591234567"),
    ]
    refs = [str(one.message[one.message["type"]]["id"]) for one in done[:5]]
    assert [read_one(channel, one).said for one in done] == [
        Media(kind="picture", ref=refs[0], text="look", type="image/jpeg"),
        Media(kind="voice", ref=refs[1], type="audio/ogg; codecs=opus"),
        Media(kind="video", ref=refs[2], type="video/mp4"),
        Media(kind="file", ref=refs[3], text="mine", name="invoice.pdf", type="application/pdf"),
        Media(kind="sticker", ref=refs[4], type="image/webp"),
        Location(latitude=1.2836, longitude=103.8607, name="Marina Bay"),
        Unsupported(kind="contacts"),
    ]
    await channel.send(to(alice, HELLO))
    message = await alice.next_message()
    reaction = as_webhook(await alice.react(message, "👍"))
    assert (channel.read(reaction), channel.news(reaction)) == ([], [])
    assert channel.read(as_webhook(await alice.send(shop, "poll", {}))) == [Unread(reason="poll is not handled")]


async def test_what_a_person_changes_and_takes_back_is_told(
    channel: WhatsAppChannel, shop: Number, alice: Person
) -> None:
    said = await alice.say(shop, "order 1047")
    platform_id, name = read_one(channel, said).platform_id, alice.user_id
    assert platform_id is not None
    assert name is not None
    edited = as_webhook(await alice.edit(shop, alice.messages[-1], "order 1048"))
    taken_back = as_webhook(await alice.revoke(shop, alice.messages[-1]))
    told = [*channel.news(edited), *channel.news(taken_back)]
    assert [(one.external_id, one.platform_id, one.text) for one in told if isinstance(one, Revised)] == [
        (name, platform_id, "order 1048"),
        (name, platform_id, None),
    ]
    assert (channel.read(edited), channel.read(taken_back)) == ([], [])


async def test_batch_is_read_whole_and_in_order(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    with shop.webhook.batch() as batch:
        await alice.say(shop, "one")
        await alice.say(shop, "two")
    said = [one.said for one in channel.read(as_webhook(batch)) if isinstance(one, Inbound)]
    assert said == [Text(text="one"), Text(text="two")]


async def test_statuses_are_told_in_whatever_order(channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
    sent = await channel.send(to(alice, HELLO))
    told = [one for delivery in shop.deliveries for one in channel.news(as_webhook(delivery))]
    told += channel.news(as_webhook(await alice.read(await alice.next_message())))
    assert [(one.platform_id, one.state) for one in told if isinstance(one, Receipt)] == [
        (*sent.platform_ids, state) for state in ("delivered", "read")
    ]
    assert channel.read(as_webhook(shop.deliveries[-1])) == []


class TestToldLater:
    """Meta may take a message and say only later that it cannot be delivered."""

    @pytest.fixture
    def limits(self) -> Limits:
        return Limits(pair=None, overall=None)

    async def test_failed_status_says_why(self, channel: WhatsAppChannel, shop: Number, alice: Person) -> None:
        sent = await channel.send(to(alice, Content(text="Our sofa", image=f"{closed_port()}/sofa.png")))
        [failed] = channel.news(as_webhook(shop.deliveries[-1]))
        assert isinstance(failed, Receipt)
        assert failed == Receipt(
            platform_id=sent.platform_ids[0],
            state="unshown",
            at=failed.at,
            error="WhatsApp could not use the picture or the file (131053)",
        )
        assert seen(alice) == []


# --- Secrets ----------------------------------------------------------------------------------------------------------


async def test_nothing_secret_is_ever_logged_nor_told(
    server: WhatsAppServer, shop: Number, alice: Person, open_channel: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel, secretly, told = await open_channel(server.url, timeout=1), to(alice, Content(text="hushhush")), []
    await channel.send(secretly)
    for fault in (refuse(131009, "hushhush"), server_error(500, html=True), hang(), close_connection()):
        shop.faults.order("text", fault)
        told.append(await traceback_of(channel.send(secretly)))
    for status in (200, 404, 500):
        async with answering(status, f"<html>{TOKEN} hushhush</html>", "text/html") as url:
            told.append(await traceback_of((await open_channel(url)).send(secretly)))
            told.append(await traceback_of((await open_channel(url)).deep_link(CODE)))
    await channel.acknowledge(_from_nobody(Text(text="hushhush")))
    logged = [caplog.handler.format(record) for record in caplog.records]
    secrets = (TOKEN, APP_SECRET, VERIFY_TOKEN, "hushhush", alice.number, alice.user_id or "")
    assert [text for text in [*told, *logged] if any(secret in text for secret in secrets)] == []


async def traceback_of(call: Awaitable[object]) -> str:
    """The SendError as a logger would print it, with the errors it came from."""
    with pytest.raises(SendError) as caught:
        await call
    return "".join(traceback.format_exception(caught.value))


def test_readme_names_every_setting() -> None:
    readme = (Path(whatsapp.__file__).parent / "README.md").read_text()
    names = ("ACCESS_TOKEN", "APP_SECRET", "VERIFY_TOKEN", "PHONE_NUMBER_ID", "API_URL")
    assert [name for name in names if f"WHATSAPP_{name}" not in readme] == []
    assert DEFAULT_API_URL in readme


def _from_nobody(said: Said) -> Inbound:
    return Inbound(
        channel="whatsapp",
        external_id="US.1",
        address="US.1",
        dedupe_key="message:wamid.unknown",
        said=said,
        platform_id="wamid.unknown",
    )
