"""The whole channel against Telegram on loopback."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from multidict import CIMultiDict

from channels import telegram
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
    News,
    Option,
    Outbound,
    Reach,
    Revised,
    Said,
    SendError,
    Sent,
    Text,
    Unsupported,
    Webhook,
    WebhookRejected,
)
from channels.pacing import Limit
from channels.telegram import TelegramChannel
from channels.telegram.inbound import ALLOWED_UPDATES
from channels.telegram.pace import Rates
from sandbox.ports import free_port
from sandbox.telegram import (
    BotAccount,
    Fault,
    TelegramServer,
    Update,
    User,
    WebhookReceiver,
    chat_migrated,
    close_connection,
    flood_wait,
    hang,
    refuse,
    server_error,
)

from .conftest import LINK, SECRET, TOKEN, Open, answering, link_to_whatsapp

SHOP = Location(latitude=1.2834, longitude=103.8607, name="Hearthside", address="10 Bayfront Avenue")
YES_NO = (Option(title="Yes", payload="/affirm"), Option(title="No", payload="/deny"))


def to(person: User, content: Content) -> Outbound:
    return Outbound(id=345, address=str(person.id), content=content, language="en")


def methods(shop: BotAccount) -> list[str]:
    return [method for method, _ in shop.calls]


def seen(person: User) -> list[str]:
    """Everything the bot said to this person."""
    said = [message for message in person.messages if message["from"]["is_bot"]]
    return [message.get("text") or message.get("caption", "") for message in said]


def error(reason: str, *, permanent: bool = False, uncertain: bool = False, retry_after: float | None = None) -> Any:
    return (reason, permanent, uncertain, retry_after)


async def failure(channel: TelegramChannel, message: Outbound) -> Any:
    with pytest.raises(SendError) as caught:
        await channel.send(message)
    return (caught.value.reason, caught.value.permanent, caught.value.uncertain, caught.value.retry_after)


def closed_port() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_it_is_a_channel() -> None:
    channel: Channel = TelegramChannel(token=TOKEN, secret_token=SECRET, link=link_to_whatsapp)
    assert (channel.name, channel.repeatable) == ("telegram", False)


# --- Sending ----------------------------------------------------------------------------------------------------------


async def test_text_arrives_as_it_is(channel: TelegramChannel, alice: User) -> None:
    sent = await channel.send(to(alice, Content(text="<b>5 * 3</b> is 15")))
    message = await alice.next_message()
    assert message["text"] == "<b>5 * 3</b> is 15"
    assert sent == Sent(platform_ids=(str(message["message_id"]),))


async def test_formatting_arrives_beside_the_text(channel: TelegramChannel, alice: User, photo: str) -> None:
    await channel.send(to(alice, Content(text="🛒 **Sofa** _now_ [here](https://shop.example/1)", image=photo)))
    message = await alice.next_message()
    assert message["caption"] == "🛒 Sofa now here"
    assert message["caption_entities"] == [
        {"type": "bold", "offset": 3, "length": 4},
        {"type": "italic", "offset": 8, "length": 3},
        {"type": "text_link", "offset": 12, "length": 4, "url": "https://shop.example/1"},
    ]


async def test_file_and_place_arrive_after_the_text(channel: TelegramChannel, alice: User, manual: str) -> None:
    content = Content(text="Look", file=File(url=manual, name="Manual"), location=SHOP, options=YES_NO)
    sent = await channel.send(to(alice, content))
    text, file, place = [await alice.next_message() for _ in range(3)]
    assert text["text"] == "Look"
    assert (file["document"]["file_name"], file["caption"]) == ("manual.pdf", "Manual")
    assert place["venue"] == {
        "location": {"latitude": 1.2834, "longitude": 103.8607},
        "title": "Hearthside",
        "address": "10 Bayfront Avenue",
    }
    assert _labels(place) == ["Yes", "No"]
    assert sent.platform_ids == tuple(str(one["message_id"]) for one in (text, file, place))


async def test_file_that_telegram_does_not_fetch_becomes_a_link(channel: TelegramChannel, alice: User) -> None:
    async with answering(200, b"PK", "application/msword") as url:
        await channel.send(to(alice, Content(file=File(url=f"{url}/terms.docx"), options=YES_NO)))
    message = await alice.next_message()
    assert (message["text"], message["entities"][0]["url"]) == ("📎 terms.docx", f"{url}/terms.docx")
    assert _labels(message) == ["Yes", "No"]


async def test_place_that_telegram_does_not_know_is_put_into_words(channel: TelegramChannel, alice: User) -> None:
    await channel.send(to(alice, Content(location=Location(latitude=91, longitude=0))))
    assert seen(alice) == ["📍 91.00000, 0.00000"]


async def test_tap_comes_back_as_a_choice_and_is_acknowledged(
    channel: TelegramChannel, shop: BotAccount, alice: User
) -> None:
    await channel.send(to(alice, Content(text="Sure?", options=YES_NO)))
    tap = await alice.tap(await alice.next_message(), "No")
    [inbound] = channel.read(Webhook(method="POST", body=_json(tap.json)))
    assert isinstance(inbound, Inbound)
    assert inbound.said == Choice(message=345, option=1, label="No")
    await channel.acknowledge(inbound)
    assert await alice.next_event("answer") == {"callback_query_id": inbound.platform_id}


async def test_only_taps_are_acknowledged(channel: TelegramChannel, shop: BotAccount, alice: User) -> None:
    await channel.acknowledge(_from(alice, Text(text="hello")))
    assert methods(shop) == []


async def test_typing_sign_is_shown(channel: TelegramChannel, alice: User) -> None:
    await channel.show_typing(str(alice.id), None)
    assert (await alice.next_event("action"))["action"] == "typing"


async def test_typing_sign_that_is_refused_is_nobodys_trouble(channel: TelegramChannel, shop: BotAccount) -> None:
    await channel.show_typing("404", None)
    assert methods(shop) == ["sendChatAction"]


async def test_tap_that_telegram_has_forgotten_is_only_counted(channel: TelegramChannel, alice: User) -> None:
    await channel.acknowledge(_from(alice, Choice(message=345, option=0)))
    assert channel.lost_acknowledgements == 1


async def test_cards_come_in_order_with_pictures_and_buttons(channel: TelegramChannel, alice: User, photo: str) -> None:
    sofa = Card(title="Sofa", text="Two seats", image=photo, options=(Option(title="Buy sofa", payload="/a"),))
    lamp = Card(title="Lamp", options=(Option(title="Buy lamp", payload="/b"),))
    sent = await channel.send(to(alice, Content(text="Look:", cards=(sofa, lamp))))
    look, first, second = [await alice.next_message() for _ in range(3)]
    assert sent.platform_ids == tuple(str(one["message_id"]) for one in (look, first, second))
    assert (first["caption"], _labels(first), bool(first["photo"])) == ("Sofa\nTwo seats", ["Buy sofa"], True)
    assert (second["text"], _labels(second)) == ("Lamp", ["Buy lamp"])


async def test_picture_that_telegram_cannot_fetch_becomes_text(channel: TelegramChannel, alice: User) -> None:
    nowhere = f"{closed_port()}/sofa.png"
    await channel.send(to(alice, Content(text="Our sofa", image=nowhere, options=YES_NO)))
    message = await alice.next_message()
    assert (message["text"], _labels(message)) == ("Our sofa", ["Yes", "No"])


@pytest.mark.parametrize(
    "reason",
    ["wrong file identifier/HTTP URL specified", "wrong type of the web page content", "PHOTO_INVALID_DIMENSIONS"],
)
async def test_picture_that_telegram_refuses_becomes_text(
    channel: TelegramChannel, shop: BotAccount, alice: User, photo: str, reason: str
) -> None:
    shop.faults.order("sendPhoto", refuse(400, f"Bad Request: {reason}"))
    await channel.send(to(alice, Content(text="Our sofa", image=photo)))
    assert seen(alice) == ["Our sofa"]


async def test_long_text_arrives_though_its_picture_does_not(channel: TelegramChannel, alice: User) -> None:
    await channel.send(to(alice, Content(text="x" * 2000, image=f"{closed_port()}/sofa.png")))
    assert seen(alice) == ["x" * 2000]


async def test_invite_is_a_button_with_a_fresh_link(channel: TelegramChannel, alice: User) -> None:
    await channel.send(to(alice, Content(text="As you like.", invite="whatsapp")))
    message = await alice.next_message()
    assert message["reply_markup"] == {"inline_keyboard": [[{"text": "Continue on WhatsApp", "url": LINK}]]}


async def test_invite_whose_button_is_refused_is_written_out(
    channel: TelegramChannel, shop: BotAccount, alice: User
) -> None:
    shop.faults.order("sendMessage", refuse(400, "Bad Request: inline keyboard button URL is invalid: Wrong HTTP URL"))
    await channel.send(to(alice, Content(text="As you like.", invite="whatsapp")))
    assert seen(alice) == [f"As you like.\n\nContinue on WhatsApp\n{LINK}"]


async def test_nothing_is_sent_without_the_invites_link(
    server: TelegramServer, shop: BotAccount, alice: User, open_channel: Open
) -> None:
    async def link(message: Outbound) -> str:
        raise SendError("WhatsApp is switched off", permanent=True)

    failed = await failure(open_channel(server.url, link=link), to(alice, Content(text="Go on", invite="whatsapp")))
    assert failed == error("WhatsApp is switched off", permanent=True)
    assert methods(shop) == []


async def test_message_that_says_nothing_is_a_permanent_error(channel: TelegramChannel, alice: User) -> None:
    assert await failure(channel, to(alice, Content())) == error("the message holds nothing to show", permanent=True)


# --- One part: what the sender should do ------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[Fault, Any]] = {
    "flood": (flood_wait(7), error("too many messages for Telegram", retry_after=7)),
    "deactivated": (
        refuse(403, "Forbidden: user is deactivated"),
        error("the customer's Telegram account was deleted", permanent=True),
    ),
    "refused": (
        refuse(400, "Bad Request: message is too long"),
        error("Telegram refused the message: Message is too long", permanent=True),
    ),
    "forbidden in words that are new": (
        refuse(403, "Forbidden: the moon is full"),
        error("Telegram does not let the bot write to this chat: Forbidden: the moon is full", permanent=True),
    ),
    "token": (refuse(401, "Unauthorized"), error("TELEGRAM_BOT_TOKEN was refused", retry_after=60)),
    "500": (server_error(500), error("Telegram is in trouble: Internal Server Error")),
    "502 by a proxy": (server_error(502, html=True), error("Telegram is in trouble: Bad Gateway (502)")),
    "503": (server_error(503), error("Telegram is in trouble: Service Unavailable")),
    "413 by a proxy": (
        refuse(413, "Request Entity Too Large"),
        error("Telegram is in trouble: Request Entity Too Large", permanent=True),
    ),
    "409": (
        refuse(409, "Conflict: terminated"),
        error("Telegram is in trouble: Conflict: terminated"),
    ),
    "closed after it was taken": (
        close_connection(done=True),
        error("no answer from Telegram: ServerDisconnectedError", uncertain=True),
    ),
}


@pytest.mark.parametrize(("fault", "expected"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_refusal_says_what_to_do(
    channel: TelegramChannel, shop: BotAccount, alice: User, fault: Fault, expected: Any
) -> None:
    shop.faults.order("sendMessage", fault)
    assert await failure(channel, to(alice, Content(text="hello"))) == expected


async def test_customer_who_blocked_the_bot_is_left_alone(
    channel: TelegramChannel, shop: BotAccount, alice: User
) -> None:
    await alice.block(shop)
    failed = await failure(channel, to(alice, Content(text="hello")))
    assert failed == error("the customer has blocked the bot on Telegram", permanent=True)


async def test_customer_who_never_wrote_cannot_be_written_to(
    channel: TelegramChannel, server: TelegramServer, shop: BotAccount
) -> None:
    failed = await failure(channel, to(server.user("Bob"), Content(text="hello")))
    assert failed == error("the customer has not opened the bot's chat on Telegram yet", permanent=True)


async def test_unknown_chat_is_a_permanent_error(channel: TelegramChannel, shop: BotAccount) -> None:
    nobody = Outbound(id=1, address="17", content=Content(text="hello"))
    assert await failure(channel, nobody) == error(
        "Telegram knows no such chat: it was never opened, or it is gone", permanent=True
    )


@pytest.mark.parametrize("done", [True, False])
async def test_no_answer_in_time_is_uncertain(
    server: TelegramServer, shop: BotAccount, alice: User, open_channel: Open, done: bool
) -> None:
    shop.faults.order("sendMessage", hang(done=done))
    failed = await failure(open_channel(server.url, timeout=1), to(alice, Content(text="hello")))
    assert failed == error("no answer from Telegram: TimeoutError", uncertain=True)
    assert seen(alice) == (["hello"] if done else [])


async def test_unreachable_telegram_is_tried_again(alice: User, open_channel: Open) -> None:
    failed = await failure(open_channel(closed_port()), to(alice, Content(text="hello")))
    assert failed == error("Telegram cannot be reached: ClientConnectorError")


async def test_closed_channel_sends_nothing_and_is_tried_again(channel: TelegramChannel, alice: User) -> None:
    await channel.close()
    assert await failure(channel, to(alice, Content(text="hello"))) == error("Telegram cannot be reached: RuntimeError")


@pytest.mark.parametrize(
    "body", ["<html>", "[]", '{"ok": true}', '{"ok": true, "result": true}', '{"ok": 1, "result": {}}']
)
async def test_success_that_cannot_be_read_is_uncertain(alice: User, open_channel: Open, body: str) -> None:
    async with answering(200, body) as url:
        failed = await failure(open_channel(url), to(alice, Content(text="hello")))
    assert failed == error("Telegram's answer could not be read", uncertain=True)


@pytest.mark.parametrize("body", ["[]", "null", "\xff", "{url}"])
async def test_trouble_that_cannot_be_read_is_tried_again(alice: User, open_channel: Open, body: str) -> None:
    async with answering(502, body) as url:
        failed = await failure(open_channel(url), to(alice, Content(text="hello")))
    assert failed == error("Telegram is in trouble: Bad Gateway (502)")


# --- Several parts: sent ones are never said again --------------------------------------------------------------------


async def test_first_part_that_fails_may_be_tried_again(
    channel: TelegramChannel, shop: BotAccount, alice: User, photo: str
) -> None:
    shop.faults.order("sendPhoto", flood_wait(7))
    failed = await failure(channel, to(alice, photo_then_text(photo)))
    assert failed == error("too many messages for Telegram", retry_after=7)
    assert methods(shop) == ["sendPhoto"]


async def test_later_part_waits_here_until_it_is_taken(
    channel: TelegramChannel, shop: BotAccount, alice: User, photo: str
) -> None:
    shop.faults.order("sendMessage", server_error(502, html=True))
    shop.faults.order("sendMessage", flood_wait(1))
    sent = await channel.send(to(alice, photo_then_text(photo)))
    first, second = await alice.next_message(), await alice.next_message()
    assert sent == Sent(platform_ids=(str(first["message_id"]), str(second["message_id"])))
    assert ("photo" in first, second["text"]) == (True, "x" * 2000)
    assert methods(shop) == ["sendPhoto", "sendMessage", "sendMessage", "sendMessage"]


LATER: dict[str, tuple[Fault, Any]] = {
    "flood": (
        flood_wait(40),
        error("part 2 of 2 was not sent: too many messages for Telegram", permanent=True),
    ),
    "blocked meanwhile": (
        refuse(403, "Forbidden: bot was blocked by the user"),
        error("part 2 of 2 was not sent: the customer has blocked the bot on Telegram", permanent=True),
    ),
    "closed": (
        close_connection(done=False),
        error("part 2 of 2 may not have arrived: no answer from Telegram: ServerDisconnectedError", uncertain=True),
    ),
}


@pytest.mark.parametrize(("fault", "expected"), LATER.values(), ids=LATER.keys())
async def test_later_part_that_fails_for_good_is_never_retryable(
    channel: TelegramChannel, shop: BotAccount, alice: User, photo: str, fault: Fault, expected: Any
) -> None:
    shop.faults.order("sendMessage", fault)
    assert await failure(channel, to(alice, photo_then_text(photo))) == expected
    assert methods(shop) == ["sendPhoto", "sendMessage"]


async def test_patience_is_for_the_whole_message(
    server: TelegramServer, shop: BotAccount, alice: User, photo: str, open_channel: Open
) -> None:
    shop.faults.order("sendMessage", flood_wait(2), times=3)
    failed = await failure(open_channel(server.url, patience=3), to(alice, photo_then_text(photo)))
    assert failed == error("part 2 of 2 was not sent: too many messages for Telegram", permanent=True)
    assert methods(shop) == ["sendPhoto", "sendMessage", "sendMessage"]


def photo_then_text(photo: str) -> Content:
    """Two calls, of two methods."""
    return Content(text="x" * 2000, image=photo)


# --- Settings, secrets, links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("token", "secret", "named"),
    [
        ("", SECRET, "TELEGRAM_BOT_TOKEN"),
        (TOKEN, "", "TELEGRAM_SECRET_TOKEN"),
        (TOKEN, "with space", "TELEGRAM_SECRET_TOKEN"),
        (TOKEN, "x" * 257, "TELEGRAM_SECRET_TOKEN"),
    ],
)
def test_setting_that_cannot_be_right_is_named(token: str, secret: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        TelegramChannel(token=token, secret_token=secret, link=link_to_whatsapp)


async def test_channel_starts_without_telegram(open_channel: Open) -> None:
    await open_channel(closed_port()).start()


async def test_deep_link_brings_the_code_back(channel: TelegramChannel, shop: BotAccount, alice: User) -> None:
    url = await channel.deep_link("f3Kx_9vQ-2LmZr7T")
    assert url == "https://t.me/hearthside_bot?start=f3Kx_9vQ-2LmZr7T"
    update = await alice.start(shop, url.partition("start=")[2])
    [inbound] = channel.read(Webhook(method="POST", body=_json(update.json)))
    assert isinstance(inbound, Inbound)
    assert inbound.said == Link(code="f3Kx_9vQ-2LmZr7T")


async def test_username_is_asked_for_once(channel: TelegramChannel, shop: BotAccount) -> None:
    await channel.deep_link("a" * 16)
    await channel.deep_link("b" * 16)
    assert methods(shop) == ["getMe"]


async def test_deep_link_without_telegram_is_a_send_error(open_channel: Open) -> None:
    with pytest.raises(SendError, match="cannot be reached"):
        await open_channel(closed_port()).deep_link("a" * 16)


async def test_webhook_that_we_set_is_verified_and_read(
    channel: TelegramChannel, server: TelegramServer, shop: BotAccount
) -> None:
    bob = server.user("Bob")
    async with WebhookReceiver() as hook:
        await channel.set_webhook("https://chat.example.com/")
        [asked] = [parameters for method, parameters in shop.calls if method == "setWebhook"]
        shop.delivery.point_at(replace(_webhook(shop), url=hook.url))
        await (await bob.say(shop, "hello")).taken()
    request = Webhook(
        method="POST", headers=CIMultiDict(hook.received[-1].headers), body=_json(hook.received[-1].update)
    )
    await channel.verify(request)
    [inbound] = channel.read(request)
    assert asked["url"] == "https://chat.example.com/webhooks/telegram"
    assert isinstance(inbound, Inbound)
    assert (inbound.external_id, inbound.said, inbound.name) == (str(bob.id), Text(text="hello"), "Bob")
    with pytest.raises(WebhookRejected):
        await channel.verify(replace(request, headers=CIMultiDict()))


async def test_everything_a_person_does_in_the_sandbox_is_read(
    channel: TelegramChannel, shop: BotAccount, alice: User
) -> None:
    hello = await alice.say(shop, "hello")
    edit = await alice.edit(shop, hello.message, "hello!")
    assert heard(channel, hello) == Text(text="hello")
    for kind, update in (
        ("picture", await alice.photo(shop, "look")),
        ("file", await alice.document(shop, "look")),
        ("voice", await alice.voice(shop)),
        ("audio", await alice.audio(shop)),
        ("video", await alice.video(shop)),
        ("video", await alice.video_note(shop)),
        ("video", await alice.animation(shop)),
        ("sticker", await alice.sticker(shop)),
    ):
        said = heard(channel, update)
        assert isinstance(said, Media)
        assert said.kind == kind
    assert heard(channel, await alice.location(shop)) == Location(latitude=1.2834, longitude=103.8607)
    assert heard(channel, await alice.venue(shop, "Hearthside", "10 Bayfront Avenue")) == SHOP
    assert heard(channel, await alice.contact(shop)) == Unsupported(kind="contact")
    edited = Revised(
        external_id=str(alice.id), platform_id=str(hello.message["message_id"]), text="hello!", at=_edited_at(edit.json)
    )
    assert told(channel, edit) == [edited]
    assert told(channel, await alice.block(shop)) == [Reach(external_id=str(alice.id), reachable=False)]
    assert told(channel, await alice.unblock(shop)) == [Reach(external_id=str(alice.id), reachable=True)]


# --- Groups -----------------------------------------------------------------------------------------------------------


async def test_group_is_an_audience_and_hears_the_answer_to_its_question(
    channel: TelegramChannel, server: TelegramServer, shop: BotAccount
) -> None:
    bob = server.user("Bob")
    family = server.group("Family", shop, [bob])
    assert await family.say(bob, "lunch at 2?") is None
    update = await family.say(bob, "where is my order?", mention=True)
    assert update is not None
    [inbound] = channel.read(request(update.json))
    assert isinstance(inbound, Inbound)
    assert (inbound.said, inbound.external_id, inbound.name, inbound.audience) == (
        Text(text="where is my order?"),
        f"group:{family.id}",
        "Family",
        True,
    )
    answer = Outbound(
        id=345,
        address=inbound.address,
        content=Content(text="On its way", options=YES_NO),
        reply_to=inbound.platform_id,
    )
    await channel.send(answer)
    message = await bob.next_message()
    assert message["reply_to_message"]["message_id"] == update.message["message_id"]
    [tap] = channel.read(request((await bob.tap(message, "Yes")).json))
    assert isinstance(tap, Inbound)
    assert (tap.said, tap.external_id, tap.audience) == (
        Choice(message=345, option=0, label="Yes"),
        f"group:{family.id}",
        True,
    )


async def test_answer_goes_into_the_topic_that_was_asked_in(
    channel: TelegramChannel, server: TelegramServer, shop: BotAccount
) -> None:
    bob = server.user("Bob")
    fans = server.group("Fans", shop, [bob], topics=(3,))
    update = await fans.say(bob, "hello", mention=True, topic=3)
    assert update is not None
    [inbound] = channel.read(request(update.json))
    assert isinstance(inbound, Inbound)
    await channel.send(Outbound(id=345, address=inbound.address, content=Content(text="Hi")))
    assert (await bob.next_message())["message_thread_id"] == 3


async def test_group_that_moved_is_written_to_where_it_is_now(
    channel: TelegramChannel, server: TelegramServer, shop: BotAccount
) -> None:
    bob = server.user("Bob")
    family = server.group("Family", shop, [bob])
    old = family.id
    new = await family.migrate()
    assert [news for update in shop.updates for news in told(channel, update)] == [
        Moved(old=f"group:{old}", new=f"group:{new}")
    ]
    await channel.send(Outbound(id=345, address=str(old), content=Content(text="Hi"), reply_to="7"))
    assert (await bob.next_message())["chat"]["id"] == new


async def test_group_that_moves_again_and_again_is_given_up(
    channel: TelegramChannel, shop: BotAccount, alice: User
) -> None:
    shop.faults.order("sendMessage", chat_migrated(-100123), times=2)
    failed = await failure(channel, to(alice, Content(text="hello")))
    assert failed == error("the group on Telegram got a new id twice", permanent=True)


async def test_bot_that_was_removed_is_told_so(
    channel: TelegramChannel, server: TelegramServer, shop: BotAccount
) -> None:
    family = server.group("Family", shop, [server.user("Bob")])
    await family.kick()
    failed = await failure(channel, Outbound(id=1, address=str(family.id), content=Content(text="Hi")))
    assert failed == error("the bot was removed from the group on Telegram", permanent=True)


async def test_bot_asks_for_its_name_before_the_first_mention_is_read(
    channel: TelegramChannel, server: TelegramServer, shop: BotAccount
) -> None:
    bob = server.user("Bob")
    family = server.group("Family", shop, [bob])
    await channel.verify(signed(channel, (await bob.say(shop, "hello")).json))
    assert methods(shop) == []
    update = await family.say(bob, "and @marc_bot?", mention=True)
    assert update is not None
    await channel.verify(signed(channel, update.json))
    await channel.verify(signed(channel, update.json))
    assert methods(shop) == ["getMe"]
    for_marc = update.json["message"] | {
        "text": "@marc_bot",
        "entities": [{"type": "mention", "offset": 0, "length": 9}],
    }
    assert channel.read(request({"update_id": 1, "message": for_marc})) == []


async def test_mention_is_taken_though_telegram_does_not_tell_the_name(
    server: TelegramServer, shop: BotAccount, open_channel: Open
) -> None:
    bob = server.user("Bob")
    update = await server.group("Family", shop, [bob]).say(bob, "hello", mention=True)
    assert update is not None
    channel = open_channel(closed_port())
    await channel.verify(signed(channel, update.json))
    assert heard(channel, update) == Text(text="hello")


# --- Keyboards that are over ------------------------------------------------------------------------------------------


async def test_keyboard_is_taken_away(channel: TelegramChannel, shop: BotAccount, alice: User) -> None:
    message = to(alice, Content(text="Sure?", options=YES_NO, cards=(Card(title="Lamp"),)))
    sent = await channel.send(message)
    await channel.withdraw(message, sent.platform_ids)
    assert [keyboards for keyboards in map(_keyboard, alice.messages) if keyboards] == []
    assert methods(shop).count("editMessageReplyMarkup") == 1


async def test_keyboard_under_what_stood_in_for_a_part_is_found(
    channel: TelegramChannel, shop: BotAccount, alice: User
) -> None:
    picture = f"{closed_port()}/sofa.png"
    message = to(alice, Content(text="x" * 2000, image=picture, options=YES_NO))
    sent = await channel.send(message)
    await channel.withdraw(message, sent.platform_ids)
    assert [keyboards for keyboards in map(_keyboard, alice.messages) if keyboards] == []


async def test_keyboard_that_is_gone_already_is_fine(
    channel: TelegramChannel, shop: BotAccount, alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    message = to(alice, Content(text="Sure?", options=YES_NO))
    sent = await channel.send(message)
    for _ in range(2):
        await channel.withdraw(message, [*sent.platform_ids, "999", "wamid.x"])
    assert [record for record in caplog.records if record.name == "channels.telegram"] == []


async def test_keyboard_in_a_group_that_moved_stayed_behind(
    channel: TelegramChannel, server: TelegramServer, shop: BotAccount, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    family = server.group("Family", shop, [server.user("Bob")])
    message = Outbound(id=345, address=str(family.id), content=Content(text="Sure?", options=YES_NO))
    sent = await channel.send(message)
    await family.migrate()
    await channel.withdraw(message, sent.platform_ids)
    assert [record for record in caplog.records if record.name == "channels.telegram"] == []


@pytest.mark.parametrize("fault", [flood_wait(7), server_error(502, html=True), close_connection()])
async def test_keyboard_that_cannot_be_taken_away_stays(
    channel: TelegramChannel, shop: BotAccount, alice: User, fault: Fault
) -> None:
    message = to(alice, Content(text="Sure?", options=YES_NO))
    sent = await channel.send(message)
    shop.faults.order("editMessageReplyMarkup", fault)
    await channel.withdraw(message, sent.platform_ids)


def test_what_is_shown_needs_no_telegram(open_channel: Open) -> None:
    content = Content(text="**Sure?**", options=YES_NO, invite="whatsapp")
    shown = open_channel(closed_port()).shows(Outbound(id=345, address="7", content=content))
    assert shown == ["sendMessage with formatting, 3 buttons"]


# --- Pace -------------------------------------------------------------------------------------------------------------


async def test_chat_that_was_written_to_enough_is_held_back_and_no_other(
    server: TelegramServer, shop: BotAccount, alice: User, open_channel: Open
) -> None:
    bob = server.user("Bob")
    await bob.start(shop)
    channel = open_channel(server.url, rates=slowly(private=2))
    for _ in range(2):
        await channel.send(to(alice, Content(text="hello")))
    with pytest.raises(SendError, match="held back") as caught:
        await channel.send(to(alice, Content(text="hello")))
    assert caught.value.held_back
    await channel.send(to(bob, Content(text="hello")))
    assert methods(shop) == ["sendMessage"] * 3


async def test_group_has_its_own_pace(server: TelegramServer, shop: BotAccount, open_channel: Open) -> None:
    family = server.group("Family", shop, [server.user("Bob")])
    channel = open_channel(server.url, rates=slowly(private=1, group=2))
    hello = Outbound(id=1, address=str(family.id), content=Content(text="Hi"))
    for _ in range(2):
        await channel.send(hello)
    with pytest.raises(SendError, match="held back"):
        await channel.send(hello)


async def test_bot_has_its_pace_over_all_chats(
    server: TelegramServer, shop: BotAccount, alice: User, open_channel: Open
) -> None:
    bob = server.user("Bob")
    await bob.start(shop)
    channel = open_channel(server.url, rates=slowly(overall=1))
    await channel.send(to(alice, Content(text="hello")))
    with pytest.raises(SendError, match="held back"):
        await channel.send(to(bob, Content(text="hello")))


async def test_chat_that_telegram_asks_to_leave_alone_is_left_alone(
    channel: TelegramChannel, shop: BotAccount, alice: User
) -> None:
    shop.faults.order("sendMessage", flood_wait(70))
    await failure(channel, to(alice, Content(text="hello")))
    with pytest.raises(SendError, match="held back") as caught:
        await channel.send(to(alice, Content(text="hello")))
    assert caught.value.held_back
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60
    assert methods(shop) == ["sendMessage"]


def slowly(*, overall: int = 1000, private: int = 1000, group: int = 1000) -> Rates:
    """So many an hour."""
    return Rates(
        overall=Limit(calls=overall, seconds=3600),
        private=Limit(calls=private, seconds=3600),
        group=Limit(calls=group, seconds=3600),
    )


# --- Secrets ----------------------------------------------------------------------------------------------------------


async def test_token_is_never_logged_nor_told(
    server: TelegramServer, shop: BotAccount, alice: User, open_channel: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel, hello, told = open_channel(server.url, timeout=1), to(alice, Content(text="hello")), []
    await channel.send(hello)
    for fault in (refuse(400, "Bad Request: no"), server_error(500, html=True), hang(), close_connection()):
        shop.faults.order("sendMessage", fault)
        told.append(await traceback_of(channel.send(hello)))
    wrong = open_channel(server.url, token="1:wrong-" + TOKEN)
    told.append(await traceback_of(wrong.send(hello)))
    for status in (200, 404, 500):
        async with answering(status, "<html>{url}</html>", "text/html") as url:
            told.append(await traceback_of(open_channel(url).send(hello)))
            told.append(await traceback_of(open_channel(url).deep_link("a" * 16)))
    await channel.acknowledge(_from(alice, Choice(message=345, option=0)))
    assert [text for text in told if TOKEN in text] == []
    logged = [caplog.handler.format(record) for record in caplog.records]
    assert [text for text in logged if TOKEN in text or "hello" in text] == []


async def traceback_of(call: Awaitable[object]) -> str:
    """The SendError as a logger would print it, with the errors it came from."""
    with pytest.raises(SendError) as caught:
        await call
    return "".join(traceback.format_exception(caught.value))


def test_readme_names_what_we_ask_for() -> None:
    readme = (Path(telegram.__file__).parent / "README.md").read_text()
    [asked] = re.findall(r"allowed_updates='(\[.*?\])'", readme)
    assert asked == "[" + ",".join(f'"{kind}"' for kind in ALLOWED_UPDATES) + "]"


def request(update: Any) -> Webhook:
    return Webhook(method="POST", body=_json(update))


def signed(channel: TelegramChannel, update: Any) -> Webhook:
    body = _json(update)
    return Webhook(method="POST", headers=CIMultiDict(channel.signed(body)), body=body)


def heard(channel: TelegramChannel, update: Update) -> Said:
    [inbound] = channel.read(request(update.json))
    assert isinstance(inbound, Inbound)
    return inbound.said


def told(channel: TelegramChannel, update: Update) -> list[News]:
    return channel.news(request(update.json))


def _edited_at(update: Any) -> datetime:
    return datetime.fromtimestamp(update["edited_message"]["edit_date"], UTC)


def _keyboard(message: Any) -> Any:
    return message.get("reply_markup")


def _webhook(shop: BotAccount) -> Any:
    assert shop.delivery.webhook is not None
    return shop.delivery.webhook


def _labels(message: Any) -> list[str]:
    return [button["text"] for row in message["reply_markup"]["inline_keyboard"] for button in row]


def _json(data: object) -> bytes:
    return json.dumps(data).encode()


def _from(person: User, said: Said) -> Inbound:
    return Inbound(
        channel="telegram",
        external_id=str(person.id),
        address=str(person.id),
        dedupe_key="tap:99",
        said=said,
        platform_id="99",
    )
