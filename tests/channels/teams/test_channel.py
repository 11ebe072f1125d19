"""The whole channel against Teams on loopback."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from channels import teams
from channels.contract import (
    Answer,
    Card,
    Channel,
    Choice,
    Content,
    Inbound,
    Link,
    Option,
    Outbound,
    SendError,
    Sent,
    Start,
    Text,
    Webhook,
    WebhookRejected,
)
from channels.teams import TeamsChannel
from channels.teams.address import parse
from channels.teams.service_urls import PUBLIC_HOSTS
from sandbox.teams import (
    BotAccount,
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
    team = server.team(shop, [alice, server.person("Bob")], kind=kind)
    told = await team.say(alice, "my secret", mention=True)
    assert told
    await channel.verify(await delivered(told, endpoint))
    assert [channel.read(webhook) for webhook in endpoint.webhooks] == [[], []]


async def test_reaction_is_nothing_and_an_edit_is_kept(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    said = await alice.say(shop, "hello")
    await (await alice.react(said.json)).taken()
    await (await alice.edit(said.json, "hello there")).taken()
    await (await alice.delete(said.json)).taken()
    assert [len(channel.read(webhook)) for webhook in endpoint.webhooks] == [1, 0, 1, 1]


# --- Sending ----------------------------------------------------------------------------------------------------------


async def test_text_arrives_as_markdown_that_reads_as_it_is(channel: TeamsChannel, alice: Person, address: str) -> None:
    sent = await channel.send(message(address, Content(text="5 * 3 <b>is</b> 15")))
    shown = await alice.next_message()
    assert (shown["text"], shown["textFormat"]) == ("5 \\* 3 &lt;b>is&lt;/b> 15", "markdown")
    assert sent == Sent(platform_id=shown["id"])


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
    assert (look["text"], sent.platform_id) == ("Look:", look["id"])
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
    channel = await open_channel(timeout=0.3)
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


async def test_later_part_waits_as_long_as_teams_asks(
    channel: TeamsChannel, alice: Person, shop: BotAccount, address: str
) -> None:
    shop.faults.order("message", answer_with("{}"))
    shop.faults.order("message", throttle(1))
    started = time.monotonic()
    assert await channel.send(message(address, LONG)) == Sent()
    assert time.monotonic() - started >= 1
    assert seen(alice) == ["x" * 5000, "y" * 5000]


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
    longest, last = 0.0, time.monotonic()
    while not slow.done():
        await asyncio.sleep(0.005)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert longest < 0.3


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
