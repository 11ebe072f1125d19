"""The whole channel against Teams on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from channels import teams
from channels.contract import (
    Answer,
    Card,
    Channel,
    Choice,
    Content,
    FetchError,
    File,
    Inbound,
    Link,
    Media,
    Option,
    Outbound,
    Reach,
    Revised,
    SendError,
    Sent,
    Start,
    Text,
    Webhook,
    WebhookRejected,
)
from channels.pacing import Limit, OwnBook
from channels.teams import PER_THREAD, TeamsChannel
from channels.teams.address import parse
from channels.teams.attachments import Place
from channels.teams.service_urls import PUBLIC_HOSTS
from sandbox.teams import PER_THREAD as THREAD_WINDOWS
from sandbox.teams import (
    BotAccount,
    Delivery,
    Fault,
    Person,
    TeamsServer,
    answer_with,
    buttons,
    close_connection,
    hang,
    refuse,
    throttle,
)

from .conftest import LINK, Endpoint, Open, closed_port, delivered, inbound, link_to_whatsapp

YES_NO = (Option(title="Yes", payload="/affirm"), Option(title="No", payload="/deny"))
PHOTO = "https://shop.example/sofa.jpg"


@pytest.fixture
async def address(channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint) -> str:
    """Where Alice is answered, as the gateway would have kept it."""
    return (await inbound(channel, await alice.say(shop, "hello"), endpoint)).address


def message(address: str, content: Content) -> Outbound:
    return Outbound(id=345, address=address, content=content, language="en")


def seen(person: Person) -> list[str]:
    """Everything the bot wrote to this person."""
    return [one["text"] for one in person.messages if one["from"]["id"].startswith("28:")]


def labels(activity: dict[str, Any]) -> list[str]:
    return [button["title"] for button in buttons(activity)]


def error(reason: str, *, permanent: bool = False, uncertain: bool = False, retry_after: float | None = None) -> Any:
    return (reason, permanent, uncertain, retry_after)


async def failure(channel: TeamsChannel, outbound: Outbound) -> Any:
    with pytest.raises(SendError) as caught:
        await channel.send(outbound)
    return (caught.value.reason, caught.value.permanent, caught.value.uncertain, caught.value.retry_after)


def test_it_is_a_channel() -> None:
    channel: Channel = TeamsChannel(app_id="a", app_password="b", link=link_to_whatsapp)
    assert (channel.name, channel.repeatable) == ("teams", False)


# --- Hearing ----------------------------------------------------------------------------------------------------------


async def test_what_alice_says_is_heard(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint, server: TeamsServer
) -> None:
    heard = await inbound(channel, await alice.say(shop, "Where is my order?"), endpoint)
    assert heard.said == Text(text="Where is my order?")
    assert (heard.external_id, heard.name, heard.language) == (alice.json["aadObjectId"], "Alice", "en-GB")
    assert parse(heard.address).service_url == server.service_url


async def test_app_that_is_added_is_one_start(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    await (await alice.install(shop)).taken()
    said = [one.said for webhook in endpoint.webhooks for one in channel.read(webhook) if isinstance(one, Inbound)]
    assert said == [Start()]


async def test_link_code_comes_with_the_deep_link(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    link = await channel.deep_link("f3Kx_9vQ-2LmZr7TnW0aYh")
    heard = await inbound(channel, await alice.follow(link), endpoint)
    assert heard.said == Link(code="f3Kx_9vQ-2LmZr7TnW0aYh")


async def test_repeated_delivery_has_the_same_key(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    first = await alice.say(shop, "hello")
    assert await inbound(channel, first, endpoint) == await inbound(channel, first.again(), endpoint)


@pytest.mark.parametrize("kind", ["channel", "groupChat"])
async def test_group_is_an_audience(
    channel: TeamsChannel, server: TeamsServer, alice: Person, shop: BotAccount, endpoint: Endpoint, kind: Any
) -> None:
    bob = server.person("Bob")
    team = server.team(shop, [alice, bob], kind=kind)
    asked, also_asked = await team.say(alice, "opening hours?", mention=True), await team.say(bob, "hi", mention=True)
    assert asked
    assert also_asked
    first, second = await inbound(channel, asked, endpoint), await inbound(channel, also_asked, endpoint)
    assert (first.said, first.name, first.audience) == (Text(text="opening hours?"), "Moving house", True)
    assert (first.external_id, first.address) == (second.external_id, second.address)
    assert channel.read(endpoint.webhooks[0]) == []


async def test_group_is_answered_where_it_asked(
    channel: TeamsChannel, server: TeamsServer, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    bob = server.person("Bob")
    team = server.team(shop, [alice, bob])
    thread = team.thread()
    asked = await team.say(alice, "opening hours?", mention=True, thread=thread)
    assert asked
    heard = await inbound(channel, asked, endpoint)
    await channel.acknowledge(heard)
    await channel.send(message(heard.address, Content(text="Sure?", options=YES_NO)))
    shown = await bob.next_message()
    assert shown["conversation"]["id"] == thread.id
    assert "recipient" not in shown
    tapped = await inbound(channel, await bob.submit(shown, "Yes"), endpoint)
    assert (tapped.said, tapped.audience, tapped.external_id) == (
        Choice(message=345, option=0),
        True,
        heard.external_id,
    )


async def test_news_are_edits_deletions_and_whether_the_app_is_there(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    said = await alice.say(shop, "hello")
    heard = await inbound(channel, said, endpoint)
    await (await alice.react(said.json)).taken()
    await (await alice.edit(said.json, "hello there")).taken()
    await (await alice.delete(said.json)).taken()
    await (await alice.uninstall(shop)).taken()
    await (await alice.install(shop)).taken()
    told = [replace(one, at=None) if isinstance(one, Revised) else one for one in news_of(channel, endpoint)]
    assert told == [
        Revised(external_id=heard.external_id, platform_id=str(heard.platform_id), text="hello there"),
        Revised(external_id=heard.external_id, platform_id=str(heard.platform_id), text=None),
        Reach(external_id=heard.external_id, reachable=False),
        Reach(external_id=heard.external_id, reachable=True),
    ]


def news_of(channel: TeamsChannel, endpoint: Endpoint) -> list[Any]:
    return [one for webhook in endpoint.webhooks for one in channel.news(webhook)]


# --- What customers send along ----------------------------------------------------------------------------------------

PHOTOGRAPH = b"\x89PNG" + bytes(range(256)) * 40


async def media(channel: TeamsChannel, delivery: Delivery, endpoint: Endpoint) -> Media:
    heard = await inbound(channel, delivery, endpoint)
    assert isinstance(heard.said, Media)
    return heard.said


async def test_pasted_picture_is_fetched_with_the_token(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    picture = await media(channel, await alice.image(shop, "It came broken", content=PHOTOGRAPH), endpoint)
    assert (picture.kind, picture.text) == ("picture", "It came broken")
    assert await channel.fetch(picture.ref, limit=len(PHOTOGRAPH)) == PHOTOGRAPH


async def test_picture_of_a_group_is_fetched(
    channel: TeamsChannel, server: TeamsServer, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    picture = await media(channel, await server.team(shop, [alice]).image(alice, "look"), endpoint)
    assert (await channel.fetch(picture.ref, limit=1000)).startswith(b"\x89PNG")


async def test_file_is_fetched_without_the_token(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    """The server refuses it with one."""
    file = await media(channel, await alice.file(shop, "invoice.pdf", content=b"%PDF-1.7"), endpoint)
    assert (file.kind, file.name) == ("file", "invoice.pdf")
    assert await channel.fetch(file.ref, limit=100) == b"%PDF-1.7"


async def test_file_that_is_too_large_is_not_read_to_its_end(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    file = await media(channel, await alice.file(shop, content=b"x" * 101), endpoint)
    assert await channel.fetch(file.ref, limit=101) == b"x" * 101
    failed = await no_file(channel, file.ref, limit=100)
    assert (failed.reason, failed.too_large) == ("the file is larger than 100 bytes", True)


async def test_answer_that_never_ends_is_cut_at_the_limit(open_channel: Open) -> None:
    async def pour(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(b"x" * 65_536)
        return response

    async with serving(pour) as url:
        failed = await no_file(await open_channel(), ref(url), limit=10**6)
    assert failed.too_large


ELSEWHERE = [
    "https://evil.example/x",
    "https://contoso.sharepoint.com.evil.example/x",
    "https://contoso.sharepoint.com@evil.example/x",
    "https://evil.example\\@contoso.sharepoint.com/x",
    "https://evil.example#.sharepoint.com/x",
    "http://contoso.sharepoint.com/x",
    "https://contoso.sharepoint.com:8443/x",
    "https://sharepoint.com/x",
    "https://[::1]/x",
    "http://localhost/x",
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "",
]


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize("token", [True, False])
async def test_nothing_is_fetched_from_elsewhere(
    open_channel: Open, server: TeamsServer, url: str, token: bool
) -> None:
    server.faults.order("token", refuse(500))  # which would tell another error, had a token been asked for
    failed = await no_file(await open_channel(), ref(url, token=token))
    assert failed.permanent
    assert failed.reason.startswith("the file")
    assert url not in failed.reason or not url


@pytest.mark.parametrize(
    "url", ["https://contoso.sharepoint.com/x", "https://contoso-my.sharepoint.com/_layouts/15/download.aspx?a=b"]
)
async def test_token_does_not_go_to_sharepoint(open_channel: Open, server: TeamsServer, url: str) -> None:
    server.faults.order("token", refuse(500))
    failed = await no_file(await open_channel(), ref(url, token=True))
    assert failed.reason == "the file is on a host that nothing is fetched from"


async def test_redirect_to_a_file_is_not_followed(open_channel: Open) -> None:
    asked: list[str] = []

    async def away(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=302, headers={"Location": "/elsewhere"})

    async with serving(away) as url:
        failed = await no_file(await open_channel(), ref(url))
    assert (failed.reason, failed.permanent, asked) == ("the file is not given out: 302", True, ["/file"])


FILES: dict[str, tuple[Fault, tuple[bool, float | None]]] = {
    "404": (refuse(404), (True, None)),
    "403": (refuse(403), (True, None)),
    "401": (refuse(401), (True, None)),
    "429": (throttle(7), (False, 7)),
    "503": (refuse(503), (False, None)),
    "closed": (close_connection(), (False, None)),
}


@pytest.mark.parametrize(("fault", "expected"), FILES.values(), ids=FILES.keys())
async def test_file_that_is_not_given_out(
    channel: TeamsChannel,
    server: TeamsServer,
    alice: Person,
    shop: BotAccount,
    endpoint: Endpoint,
    fault: Fault,
    expected: Any,
) -> None:
    file = await media(channel, await alice.file(shop), endpoint)
    server.faults.order("file", fault, times=2)  # a closed connection is tried once more by itself
    failed = await no_file(channel, file.ref)
    assert (failed.permanent, failed.retry_after) == expected
    assert "tempauth" not in failed.reason


async def test_refused_token_is_fetched_anew_for_the_next_fetch(
    channel: TeamsChannel, server: TeamsServer, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    picture = await media(channel, await alice.image(shop), endpoint)
    await channel.fetch(picture.ref, limit=1000)
    server.revoke_tokens()
    assert not (await no_file(channel, picture.ref)).permanent
    await channel.fetch(picture.ref, limit=1000)


async def test_file_cannot_be_fetched_while_the_login_is_away(
    open_channel: Open, channel: TeamsChannel, server: TeamsServer, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    picture = await media(channel, await alice.image(shop), endpoint)
    server.faults.order("token", refuse(503))
    failed = await no_file(await open_channel(), picture.ref)
    assert (failed.reason, failed.permanent) == ("Microsoft's log-in is in trouble: 503", False)


@pytest.mark.parametrize("text", ["", "7", "{}", '{"url":"https://contoso.sharepoint.com/x"}'])
async def test_what_is_no_reference_is_a_permanent_error(channel: TeamsChannel, text: str) -> None:
    assert (await no_file(channel, text)).permanent


def ref(url: str, *, token: bool = False) -> str:
    return str(Place(url=url, token=token))


async def no_file(channel: TeamsChannel, ref: str, limit: int = 1000) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await channel.fetch(ref, limit=limit)
    return caught.value


@asynccontextmanager
async def serving(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """The address of a file that is answered so."""
    app = web.Application()
    app.router.add_get("/{path}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/file"
    await runner.cleanup()


# --- Sending ----------------------------------------------------------------------------------------------------------


async def test_text_arrives_as_markdown_that_reads_as_it_is(channel: TeamsChannel, alice: Person, address: str) -> None:
    sent = await channel.send(message(address, Content(text="5 * 3 <b>is</b> **15**")))
    shown = await alice.next_message()
    assert (shown["text"], shown["textFormat"]) == ("5 \\* 3 &lt;b>is&lt;/b> **15**", "markdown")
    assert sent == Sent(platform_ids=(shown["id"],))


async def test_activity_is_addressed_from_the_stored_reference(
    channel: TeamsChannel, alice: Person, shop: BotAccount, address: str, server: TeamsServer
) -> None:
    await channel.send(message(address, Content(text="hello")))
    [(conversation, activity)] = shop.calls
    assert activity == {
        "type": "message",
        "channelId": "msteams",
        "serviceUrl": server.service_url,
        "from": {"id": shop.id},
        "recipient": {"id": alice.id},
        "conversation": {"id": conversation},
        "text": "hello",
        "textFormat": "markdown",
        "inputHint": "acceptingInput",
    }


async def test_button_comes_back_as_a_choice(
    channel: TeamsChannel, alice: Person, endpoint: Endpoint, address: str
) -> None:
    await channel.send(message(address, Content(text="Sure?", options=YES_NO)))
    heard = await inbound(channel, await alice.submit(await alice.next_message(), "No"), endpoint)
    assert heard.said == Choice(message=345, option=1)
    assert heard.address == address


async def test_cards_are_a_carousel_with_buttons(
    channel: TeamsChannel, alice: Person, endpoint: Endpoint, address: str
) -> None:
    sofa = Card(title="Sofa", text="Two seats", image=PHOTO, options=(Option(title="Buy sofa", payload="/a"),))
    lamp = Card(title="Lamp", options=(Option(title="Buy lamp", payload="/b"),))
    sent = await channel.send(message(address, Content(text="Look:", cards=(sofa, lamp))))
    look, carousel = await alice.next_message(), await alice.next_message()
    assert (look["text"], sent.platform_ids) == ("Look:", (look["id"], carousel["id"]))
    assert (carousel["attachmentLayout"], labels(carousel)) == ("carousel", ["Buy sofa", "Buy lamp"])
    heard = await inbound(channel, await alice.submit(carousel, 1), endpoint)
    assert heard.said == Choice(message=345, option=1)


async def test_invite_is_a_button_with_a_fresh_link(channel: TeamsChannel, alice: Person, address: str) -> None:
    await channel.send(message(address, Content(text="As you like.", invite="whatsapp")))
    [button] = buttons(await alice.next_message())
    assert button == {"type": "Action.OpenUrl", "title": "Continue on WhatsApp", "url": LINK}


async def test_nothing_is_sent_without_the_invites_link(open_channel: Open, shop: BotAccount, address: str) -> None:
    async def link(message: Outbound) -> str:
        raise SendError("WhatsApp is switched off", permanent=True)

    failed = await failure(await open_channel(link=link), message(address, Content(text="Go on", invite="whatsapp")))
    assert (failed, shop.calls) == (error("WhatsApp is switched off", permanent=True), [])


async def test_message_that_says_nothing_is_a_permanent_error(channel: TeamsChannel, address: str) -> None:
    failed = await failure(channel, message(address, Content()))
    assert failed == error("the message holds nothing to show", permanent=True)


async def test_answer_without_an_id_is_fine(
    channel: TeamsChannel, alice: Person, shop: BotAccount, address: str
) -> None:
    for page in ('{"id": ""}', "{}", "", "<html>", "[]", '{"id": 7}'):
        shop.faults.order("message", answer_with(page))
        assert await channel.send(message(address, Content(text="hello"))) == Sent()
    assert seen(alice) == ["hello"] * 6


async def test_typing_sign_is_shown(channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint) -> None:
    await channel.acknowledge(await inbound(channel, await alice.say(shop, "hello"), endpoint))
    assert (await alice.next_event("typing"))["type"] == "typing"


async def test_typing_sign_is_shown_again(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    heard = await inbound(channel, await alice.say(shop, "hello"), endpoint)
    await channel.show_typing(heard.address, heard.platform_id)
    assert (await alice.next_event("typing"))["type"] == "typing"
    await channel.show_typing("nowhere", None)


async def test_typing_sign_that_is_refused_is_only_counted(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    heard = await inbound(channel, await alice.say(shop, "hello"), endpoint)
    await alice.block(shop)
    await channel.acknowledge(heard)
    await channel.acknowledge(replace(heard, address="nowhere"))
    assert channel.lost_acknowledgements == 2


async def test_card_action_is_answered(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    value = {"action": {"type": "Action.Execute", "data": {"o": "345:1"}}}
    webhook = await delivered(await alice.invoke(shop, "adaptiveCard/action", value), endpoint)
    answer = channel.answer(webhook)
    assert isinstance(answer, Answer)
    assert (answer.status, (answer.body or {})["statusCode"]) == (200, 200)


# --- What is shown, and taken back ------------------------------------------------------------------------------------


def test_what_would_be_sent_is_told_without_asking_anybody() -> None:
    channel = TeamsChannel(app_id="a", app_password="b", link=link_to_whatsapp)
    content = Content(text="As you like.", options=YES_NO, invite="whatsapp", cards=(Card(title="Lamp"),))
    assert channel.shows(message("", content)) == [
        "Adaptive Card: TextBlock, 2 Action.Submit, Action.OpenUrl",
        "Adaptive Card: TextBlock",
    ]


async def test_buttons_are_withdrawn_where_they_were(
    channel: TeamsChannel, alice: Person, shop: BotAccount, address: str
) -> None:
    lamp = Card(title="Lamp", image=PHOTO, options=(Option(title="Buy", payload="/b"),))
    content = Content(
        text="Sure?", options=YES_NO, file=File(url="https://shop.example/a.pdf"), cards=(lamp,), invite="whatsapp"
    )
    outbound = message(address, content)
    sent = await channel.send(outbound)
    await channel.withdraw(outbound, sent.platform_ids)
    question, carousel = await alice.next_event("edited"), await alice.next_event("edited")
    assert (question["id"], carousel["id"]) == sent.platform_ids
    assert (labels(question), labels(carousel)) == (["Open"], [])
    assert [element["type"] for element in carousel["attachments"][0]["content"]["body"]] == ["Image", "TextBlock"]
    assert question["attachments"][0]["content"]["body"][0]["text"] == "Sure?"


async def test_only_what_had_buttons_is_put_again(
    channel: TeamsChannel, alice: Person, shop: BotAccount, address: str
) -> None:
    outbound = message(address, replace(LONG, options=YES_NO))
    sent = await channel.send(outbound)
    await channel.withdraw(outbound, sent.platform_ids)
    assert [activity["id"] for _, activity in shop.changes] == [sent.platform_ids[1]]


async def test_nothing_is_withdrawn_where_teams_named_no_parts(
    channel: TeamsChannel, shop: BotAccount, address: str
) -> None:
    outbound = message(address, replace(LONG, options=YES_NO))
    await channel.send(outbound)
    await channel.withdraw(outbound, ("1795000000000",))
    assert shop.changes == []


@pytest.mark.parametrize("number", ["17", "../../conversations", ""])
async def test_what_cannot_be_withdrawn_is_no_error(
    channel: TeamsChannel, alice: Person, shop: BotAccount, address: str, number: str
) -> None:
    outbound = message(address, Content(text="Sure?", options=YES_NO))
    await channel.send(outbound)
    await channel.withdraw(outbound, (number,))
    await channel.withdraw(replace(outbound, address="nowhere"), (number,))
    await alice.block(shop)
    await channel.withdraw(outbound, (number,))
    assert labels(await alice.next_message()) == ["Yes", "No"]


# --- Rates ------------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_chat_that_is_written_to_too_fast_waits_and_others_do_not(
    open_channel: Open, server: TeamsServer, shop: BotAccount, endpoint: Endpoint, alice: Person
) -> None:
    clock = Clock()
    channel = await open_channel(pace=[Limit(calls=2, seconds=60)], book=OwnBook(clock))
    to_alice = message((await inbound(channel, await alice.say(shop, "hello"), endpoint)).address, Content(text="hi"))
    bob = await server.person("Bob").say(shop, "hello")
    to_bob = replace(to_alice, address=(await inbound(channel, bob, endpoint)).address)
    await channel.send(to_alice)
    await channel.send(to_alice)
    with pytest.raises(SendError) as caught:
        await channel.send(to_alice)
    assert (caught.value.held_back, caught.value.retry_after, len(shop.calls)) == (True, 60, 2)
    await channel.send(to_bob)
    clock.now = 60
    await channel.send(to_alice)
    assert seen(alice) == ["hi"] * 3


async def test_chat_that_teams_throttled_is_left_alone_for_as_long(
    open_channel: Open, shop: BotAccount, address: str
) -> None:
    clock = Clock()
    channel = await open_channel(book=OwnBook(clock))
    shop.faults.order("message", throttle(7))
    assert await failure(channel, message(address, Content(text="hi"))) == error(
        "too many messages for Teams", retry_after=7
    )
    with pytest.raises(SendError) as caught:
        await channel.send(message(address, Content(text="hi")))
    assert (caught.value.held_back, caught.value.retry_after) == (True, 7)
    clock.now = 7
    await channel.send(message(address, Content(text="hi")))


async def test_typing_sign_does_not_take_the_answers_turn(
    open_channel: Open, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    channel = await open_channel(pace=[Limit(calls=1, seconds=60)])
    heard = await inbound(channel, await alice.say(shop, "hello"), endpoint)
    await channel.send(message(heard.address, Content(text="hi")))
    await channel.acknowledge(heard)
    assert (channel.lost_acknowledgements, len(shop.calls)) == (1, 1)


def test_chat_is_written_to_no_faster_than_teams_allows() -> None:
    stated = [(window.operations, window.seconds) for window in THREAD_WINDOWS]
    assert [limit.calls for limit in PER_THREAD] == [operations for operations, _ in stated]
    assert all(limit.seconds > seconds for limit, (_, seconds) in zip(PER_THREAD, stated, strict=True))


# --- Where a token may go ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "service_url",
    [
        "https://evil.example/emea/",
        "https://smba.trafficmanager.net.evil.example/",
        "https://smba.trafficmanager.net@evil.example/",
        "https://smba.trafficmanager.net:8443/",
        "http://smba.trafficmanager.net/",
        "https://evil.example/?smba.trafficmanager.net",
        "https://evil.example\\@smba.trafficmanager.net/",
        "//smba.trafficmanager.net/",
        "file:///etc/passwd",
        "http://127.0.0.1/",
    ],
)
async def test_no_token_is_fetched_for_a_host_that_is_not_listed(
    open_channel: Open, server: TeamsServer, address: str, service_url: str
) -> None:
    server.faults.order("token", refuse(500))
    channel = await open_channel(service_hosts=PUBLIC_HOSTS)
    elsewhere = str(replace(parse(address), service_url=service_url))
    reason, permanent, _, _ = await failure(channel, message(elsewhere, Content(text="hello")))
    assert reason.startswith("serviceUrl ")
    assert permanent


async def test_development_sends_no_token(open_channel: Open, shop: BotAccount, address: str) -> None:
    channel = await open_channel(development=True)
    reason, _, _, retry_after = await failure(channel, message(address, Content(text="hello")))
    assert (reason.startswith("Teams refused the bot's token"), retry_after, shop.calls) == (True, 60, [])


async def test_redirect_is_not_followed(channel: TeamsChannel, shop: BotAccount, address: str) -> None:
    shop.faults.order("message", refuse(307))
    failed = await failure(channel, message(address, Content(text="hello")))
    assert failed == error("Teams refused the message: 307", permanent=True)


@pytest.mark.parametrize("address", ["", "17", "{}", "[1]", "x" * 10_000])
async def test_what_is_no_address_is_a_permanent_error(open_channel: Open, address: str) -> None:
    _, permanent, _, _ = await failure(await open_channel(), message(address, Content(text="hello")))
    assert permanent


# --- One part: what the sender should do ------------------------------------------------------------------------------

ANSWERS: dict[str, tuple[Fault, Any]] = {
    "429": (throttle(7), error("too many messages for Teams", retry_after=7)),
    "429 without a wait": (refuse(429), error("too many messages for Teams")),
    "412": (
        refuse(412, "PreconditionFailed"),
        error("Teams is in trouble: 412 PreconditionFailed"),
    ),
    "500": (refuse(500, "ServiceError"), error("Teams is in trouble: 500 ServiceError")),
    "502 by a proxy": (refuse(502, page="<html>"), error("Teams is in trouble: 502")),
    "503": (refuse(503), error("Teams is in trouble: 503")),
    "504": (refuse(504), error("Teams is in trouble: 504")),
    "401": (
        refuse(401),
        error("Teams refused the bot's token: TEAMS_APP_ID, TEAMS_LOGIN_URL", retry_after=60),
    ),
    "403 without a code": (refuse(403), error("Teams refused the message: 403", permanent=True)),
    "403 of an unknown code": (
        refuse(403, "MessageWritesBlocked", "Alice said no"),
        error("Teams refused the message: 403 MessageWritesBlocked", permanent=True),
    ),
    "400": (refuse(400, "BadArgument"), error("Teams refused the message: 400 BadArgument", permanent=True)),
    "404": (
        refuse(404, "ConversationNotFound"),
        error("the chat does not exist any more: 404 ConversationNotFound", permanent=True),
    ),
    "413": (
        refuse(413, "MessageSizeTooBig"),
        error("the message is too large: 413 MessageSizeTooBig", permanent=True),
    ),
    "a code that is none": (
        refuse(400, "<b>Alice said: no</b>"),
        error("Teams refused the message: 400", permanent=True),
    ),
    "closed after it was taken": (
        close_connection(done=True),
        error("no answer from Teams: ServerDisconnectedError", uncertain=True),
    ),
}


@pytest.mark.parametrize(("fault", "expected"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_refusal_says_what_to_do(
    channel: TeamsChannel, shop: BotAccount, address: str, fault: Fault, expected: Any
) -> None:
    shop.faults.order("message", fault)
    assert await failure(channel, message(address, Content(text="hello"))) == expected


GONE = {
    "block": error("the customer blocked the bot: 403 ConversationBlockedByUser", permanent=True),
    "uninstall": error("the customer removed the app: 403 BotNotInConversationRoster", permanent=True),
    "lose_to_admin": error("an administrator switched the app off: 403 BotDisabledByAdmin", permanent=True),
}


@pytest.mark.parametrize(("leave", "expected"), GONE.items())
async def test_customer_who_left_is_left_alone(
    channel: TeamsChannel, alice: Person, shop: BotAccount, address: str, leave: str, expected: Any
) -> None:
    await getattr(alice, leave)(shop)
    assert await failure(channel, message(address, Content(text="hello"))) == expected


@pytest.mark.parametrize("done", [True, False])
async def test_no_answer_in_time_is_uncertain(
    open_channel: Open, alice: Person, shop: BotAccount, address: str, done: bool
) -> None:
    channel = await open_channel(timeout=1)
    shop.faults.order("message", hang(done=done))
    failed = await failure(channel, message(address, Content(text="hello")))
    assert failed == error("no answer from Teams: TimeoutError", uncertain=True)
    assert seen(alice) == (["hello"] if done else [])


async def test_unreachable_teams_is_tried_again(open_channel: Open, address: str) -> None:
    elsewhere = str(replace(parse(address), service_url=f"{closed_port()}/emea/"))
    failed = await failure(await open_channel(), message(elsewhere, Content(text="hello")))
    assert failed == error("Teams cannot be reached: ClientConnectorError")


async def test_closed_channel_sends_nothing_and_is_tried_again(channel: TeamsChannel, address: str) -> None:
    await channel.close()
    failed = await failure(channel, message(address, Content(text="hello")))
    assert failed == error("Microsoft's log-in cannot be reached: the channel is closed")


# --- The bot's own token ----------------------------------------------------------------------------------------------


async def test_token_is_fetched_once(channel: TeamsChannel, server: TeamsServer, address: str) -> None:
    await channel.send(message(address, Content(text="one")))
    server.faults.order("token", refuse(500))
    await asyncio.gather(*(channel.send(message(address, Content(text="more"))) for _ in range(3)))


async def test_refused_token_is_fetched_anew_for_the_next_attempt(
    channel: TeamsChannel, server: TeamsServer, alice: Person, address: str
) -> None:
    await channel.send(message(address, Content(text="one")))
    server.revoke_tokens()
    failed = await failure(channel, message(address, Content(text="two")))
    assert failed == error("Teams refused the bot's token: TEAMS_APP_ID, TEAMS_LOGIN_URL", retry_after=60)
    await channel.send(message(address, Content(text="two")))
    assert seen(alice) == ["one", "two"]


_REFUSED = "Microsoft's log-in refused TEAMS_APP_ID and TEAMS_APP_PASSWORD at TEAMS_LOGIN_URL"
LOGINS: dict[str, tuple[Fault, Any]] = {
    "503": (refuse(503), error("Microsoft's log-in is in trouble: 503")),
    "page": (answer_with("<html>"), error("Microsoft's log-in gave an answer that cannot be read")),
    "empty": (answer_with("{}"), error("Microsoft's log-in gave an answer that cannot be read")),
    "no token": (
        answer_with('{"access_token": "a\\r\\nb", "expires_in": 3599}'),
        error("Microsoft's log-in gave no token"),
    ),
    "closed": (
        close_connection(done=False),
        error("Microsoft's log-in cannot be reached: ServerDisconnectedError"),
    ),
}


@pytest.mark.parametrize(("fault", "expected"), LOGINS.values(), ids=LOGINS.keys())
async def test_login_in_trouble_is_tried_again_and_never_uncertain(
    channel: TeamsChannel, server: TeamsServer, address: str, fault: Fault, expected: Any
) -> None:
    server.faults.order("token", fault)
    assert await failure(channel, message(address, Content(text="hello"))) == expected


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"app_password": "wrong"}, "401 invalid_client"),
        ({"app_id": "3f1c9b52-6a0e-4c55-9b0e-2d6a1c7e8f10"}, "400 unauthorized_client"),
    ],
)
async def test_wrong_credentials_wait_for_somebody_to_mend_them(
    open_channel: Open, address: str, wrong: dict[str, str], code: str
) -> None:
    failed = await failure(await open_channel(**wrong), message(address, Content(text="hello")))
    assert failed == error(f"{_REFUSED}: {code}", retry_after=60)


# --- Several parts ----------------------------------------------------------------------------------------------------

LONG = Content(text=f"{'x' * 5000}\n\n{'y' * 5000}")


async def test_later_part_is_said_once_teams_lets_it(
    channel: TeamsChannel, alice: Person, shop: BotAccount, address: str
) -> None:
    shop.faults.order("message", answer_with("{}"))
    shop.faults.order("message", throttle(1))
    sent = await channel.send(message(address, LONG))
    assert seen(alice) == ["x" * 5000, "y" * 5000]
    assert sent == Sent(platform_ids=(alice.messages[-1]["id"],))  # Teams did not name the first


LATER: dict[str, tuple[Fault, Any]] = {
    "refused": (refuse(400), error("part 2 of 2 was not sent: Teams refused the message: 400", permanent=True)),
    "throttled for too long": (
        throttle(40),
        error("part 2 of 2 was not sent: too many messages for Teams", permanent=True),
    ),
    "lost": (
        close_connection(),
        error("part 2 of 2 may not have arrived: no answer from Teams: ServerDisconnectedError", uncertain=True),
    ),
}


@pytest.mark.parametrize(("fault", "expected"), LATER.values(), ids=LATER.keys())
async def test_failure_after_the_first_part_is_not_tried_again(
    channel: TeamsChannel, shop: BotAccount, address: str, fault: Fault, expected: Any
) -> None:
    shop.faults.order("message", answer_with("{}"))
    shop.faults.order("message", fault)
    assert await failure(channel, message(address, LONG)) == expected


async def test_failure_of_the_first_part_is_tried_again(channel: TeamsChannel, shop: BotAccount, address: str) -> None:
    shop.faults.order("message", throttle(7))
    assert await failure(channel, message(address, LONG)) == error("too many messages for Teams", retry_after=7)
    assert len(shop.calls) == 1


# --- The event loop, logs and settings --------------------------------------------------------------------------------


async def test_slow_answers_hold_nothing_else_up(
    channel: TeamsChannel, server: TeamsServer, shop: BotAccount, address: str
) -> None:
    server.faults.order("token", hang(0.5))
    slow = asyncio.create_task(failure(channel, message(address, Content(text="hello"))))
    meanwhile = 0
    while not slow.done():
        await asyncio.sleep(0.005)
        meanwhile += 1
    assert meanwhile > 5


async def test_neither_secrets_nor_words_are_logged(
    open_channel: Open, alice: Person, shop: BotAccount, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    channel = await open_channel(timeout=1)
    heard = await inbound(channel, await alice.say(shop, "my card is 4711"), endpoint)
    reply = message(heard.address, Content(text="your card 4711"))
    await channel.send(reply)
    shop.faults.order("message", refuse(400, "BadArgument", "your card 4711"))
    with pytest.raises(SendError) as caught:
        await channel.send(reply)
    token = endpoint.webhooks[0].headers["Authorization"].split()[1]
    told = caplog.text + "".join(traceback.format_exception(caught.value))
    for secret in ("4711", shop.password, token, "access_token"):
        assert secret not in told


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"app_id": ""}, "TEAMS_APP_ID"),
        ({"app_id": " "}, "TEAMS_APP_ID"),
        ({"app_password": ""}, "TEAMS_APP_PASSWORD"),
        ({"openid_url": "http://login.example"}, "TEAMS_OPENID_URL"),
        ({"login_url": "login.example"}, "TEAMS_LOGIN_URL"),
        ({"service_hosts": ()}, "TEAMS_SERVICE_HOSTS"),
        ({"service_hosts": ("https://smba.trafficmanager.net",)}, "TEAMS_SERVICE_HOSTS"),
        ({"service_hosts": ("127.0.0.1:8080",)}, "TEAMS_SERVICE_HOSTS"),
    ],
)
def test_setting_that_cannot_be_right_is_named(wrong: dict[str, Any], name: str) -> None:
    settings: dict[str, Any] = {"app_id": "a", "app_password": "b", "link": link_to_whatsapp}
    with pytest.raises(ValueError, match=name):
        TeamsChannel(**settings | wrong)


async def test_empty_app_id_lets_nobody_in_and_links_nowhere(open_channel: Open) -> None:
    channel = await open_channel(app_id="", app_password="", development=True)
    with pytest.raises(WebhookRejected):
        await channel.verify(Webhook(method="POST", body=b'{"serviceUrl": "https://smba.trafficmanager.net/"}'))
    with pytest.raises(SendError):
        await channel.deep_link("f3Kx_9vQ-2LmZr7TnW0aYh")


def test_every_setting_and_limit_is_in_the_readme() -> None:
    readme = (Path(teams.__file__).parent / "README.md").read_text()
    names = ("APP_ID", "APP_PASSWORD", "OPENID_URL", "LOGIN_URL", "SERVICE_HOSTS", "DEVELOPMENT")
    hosts = (*PUBLIC_HOSTS, teams.OPENID_URL, teams.LOGIN_URL)
    for expected in (*(f"TEAMS_{name}" for name in names), *hosts, "80 KB", "/api/messages"):
        assert expected in readme
