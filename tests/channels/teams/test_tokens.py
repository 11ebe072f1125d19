"""Who may post to the webhook: real RSA keys, a real key server, and every forgery that the sandbox can make."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from channels.contract import Webhook as Request
from channels.contract import WebhookRejected
from channels.teams import TeamsChannel, keys
from channels.teams.keys import KeySet, NoKeys
from channels.teams.tokens import check_token
from channels.teams.wire import Wire
from sandbox.teams import BotAccount, Fault, Forgery, Person, TeamsServer, answer_with, hang, refuse

from .conftest import Endpoint, Open, closed_port, delivered

REASONS: dict[Forgery, str] = {
    "missing header": "the Authorization header holds no bearer token",
    "empty header": "the Authorization header holds no bearer token",
    "other scheme": "the Authorization header holds no bearer token",
    "garbage": "the token cannot be read: DecodeError",
    "not text": "the token cannot be read: UnicodeEncodeError",
    "nested header": "the token cannot be read: DecodeError",
    "no kid": "the token names no key",
    "number as kid": "the token cannot be read: InvalidTokenError",
    "unknown kid": "the token names a key that is not Microsoft's",
    "stranger's key": "the token is refused: InvalidSignatureError",
    "not endorsed": "the token's key is not endorsed for msteams",
    "without endorsements": "the token's key is not endorsed for msteams",
    "alg none": "the token is refused: InvalidAlgorithmError",
    "alg HS256": "the token is refused: InvalidAlgorithmError",
    "alg RS512": "the token is refused: InvalidAlgorithmError",
    "expired": "the token is refused: ExpiredSignatureError",
    "without exp": "the token is refused: MissingRequiredClaimError",
    "exp is text": "the token is refused: DecodeError",
    "not yet": "the token is refused: ImmatureSignatureError",
    "other audience": "the token is refused: InvalidAudienceError",
    "without audience": "the token is refused: MissingRequiredClaimError",
    "several audiences": "the token is refused: InvalidAudienceError",
    "other issuer": "the token is refused: InvalidIssuerError",
    "without issuer": "the token is refused: MissingRequiredClaimError",
    "other service url": "the token is for another serviceUrl than the activity's",
    "without service url": "the token is for another serviceUrl than the activity's",
    "changed claims": "the token is refused: InvalidSignatureError",
}


def request(server: TeamsServer, shop: BotAccount, forgery: Forgery | None = None, **fields: object) -> Request:
    """A signed webhook without the network in between."""
    headers = server.keys.authorization(shop.app_id, server.service_url, forgery)
    body = {"type": "message", "serviceUrl": server.service_url} | fields
    return Request(method="POST", headers=CIMultiDict(headers), body=json.dumps(body).encode())


async def reason(channel: TeamsChannel, webhook: Request) -> str:
    with pytest.raises(WebhookRejected) as rejected:
        await channel.verify(webhook)
    return str(rejected.value)


def test_every_forgery_has_its_reason() -> None:
    assert REASONS.keys() == set(get_args(Forgery))


async def test_what_teams_delivers_is_taken(
    channel: TeamsChannel, alice: Person, shop: BotAccount, endpoint: Endpoint
) -> None:
    await channel.verify(await delivered(await alice.say(shop, "hello"), endpoint))


@pytest.mark.parametrize(("forgery", "expected"), REASONS.items())
async def test_forgery_is_rejected(
    channel: TeamsChannel, server: TeamsServer, shop: BotAccount, forgery: Forgery, expected: str
) -> None:
    assert await reason(channel, request(server, shop, forgery)) == expected


async def test_scheme_and_header_are_read_whatever_their_case(
    channel: TeamsChannel, server: TeamsServer, shop: BotAccount
) -> None:
    given = request(server, shop)
    token = given.headers["Authorization"].split()[1]
    await channel.verify(
        Request(method="POST", headers=CIMultiDict({"authorization": f"bearer {token}"}), body=given.body)
    )


# Half a minute to each side, which this machine's own time between signing and checking does not use up.
@pytest.mark.parametrize(("seconds", "taken"), [(-3600 - 270, True), (-3600 - 330, False), (270, True), (330, False)])
async def test_clocks_may_differ_by_five_minutes(
    channel: TeamsChannel, server: TeamsServer, shop: BotAccount, seconds: int, taken: bool
) -> None:
    """The token lasts an hour from the other clock's now."""
    now = int((datetime.now(UTC) + timedelta(seconds=seconds)).timestamp())
    claims = server.keys.claims(shop.app_id, server.service_url) | {"nbf": now, "exp": now + 3600}
    signed = Request(
        method="POST",
        headers={"Authorization": f"Bearer {server.keys.sign(claims)}"},
        body=json.dumps({"serviceUrl": server.service_url}).encode(),
    )
    if taken:
        await channel.verify(signed)
    else:
        assert (await reason(channel, signed)).startswith("the token is refused: ")


@pytest.mark.parametrize("service_url", [None, 7, "", "https://smba.trafficmanager.net/emea/"])
async def test_activity_for_another_service_url_is_rejected(
    channel: TeamsChannel, server: TeamsServer, shop: BotAccount, service_url: object
) -> None:
    given = await reason(channel, request(server, shop, serviceUrl=service_url))
    assert given == "the token is for another serviceUrl than the activity's"


async def test_service_url_has_to_be_on_the_list(open_channel: Open, server: TeamsServer, shop: BotAccount) -> None:
    channel = await open_channel(service_hosts=("smba.trafficmanager.net",))
    given = await reason(channel, request(server, shop))
    assert given == "serviceUrl leads to a host that is not in TEAMS_SERVICE_HOSTS"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
async def test_body_that_is_no_activity_is_left_to_read(
    channel: TeamsChannel, server: TeamsServer, shop: BotAccount, body: bytes
) -> None:
    signed = request(server, shop)
    await channel.verify(Request(method="POST", headers=signed.headers, body=body))
    forged = request(server, shop, "expired")
    assert await reason(channel, Request(method="POST", headers=forged.headers, body=body))


@given(token=st.text(st.characters(exclude_categories=()), max_size=200))
@settings(deadline=None)
async def test_any_header_is_rejected(token: str) -> None:
    wire = Wire(timeout=1, trust_env=False)
    key_set = KeySet(openid_url=f"{closed_port()}/openid", wire=wire)
    for header in (token, f"Bearer {token}"):
        with pytest.raises(WebhookRejected):
            await check_token(header, app_id="x", service_url="y", keys=key_set)


async def test_reason_never_holds_the_token(channel: TeamsChannel, server: TeamsServer, shop: BotAccount) -> None:
    forged = request(server, shop, "expired")
    assert forged.headers["Authorization"].split()[1] not in await reason(channel, forged)


# --- The key server ---------------------------------------------------------------------------------------------------


async def test_keys_are_fetched_once(channel: TeamsChannel, server: TeamsServer, shop: BotAccount) -> None:
    for _ in range(3):
        await channel.verify(request(server, shop))
    assert server.key_fetches == 1


async def test_unknown_keys_do_not_make_us_ask_all_the_time(
    channel: TeamsChannel, server: TeamsServer, shop: BotAccount
) -> None:
    for _ in range(3):
        await reason(channel, request(server, shop, "unknown kid"))
    assert server.key_fetches == 1


TROUBLE = {
    "500": (refuse(500), "Microsoft's keys cannot be fetched: 500"),
    "page": (answer_with("<html>"), "Microsoft's keys cannot be read"),
    "list": (answer_with("[]"), "Microsoft's keys cannot be read"),
    "hang": (hang(), "Microsoft's keys cannot be fetched: TimeoutError"),
}


@pytest.mark.parametrize(("fault", "expected"), TROUBLE.values(), ids=TROUBLE.keys())
@pytest.mark.parametrize("operation", ["openid", "keys"])
async def test_key_server_in_trouble_is_a_rejection(
    open_channel: Open,
    server: TeamsServer,
    shop: BotAccount,
    operation: Literal["openid", "keys"],
    fault: Fault,
    expected: str,
) -> None:
    server.faults.order(operation, fault)
    channel = await open_channel(timeout=1)
    assert await reason(channel, request(server, shop)) == expected
    assert await reason(channel, request(server, shop)) == expected, "it is not asked again at once"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{}", "the OpenID metadata names no https address of keys"),
        ('{"jwks_uri": 7}', "the OpenID metadata names no https address of keys"),
        ('{"jwks_uri": "http://keys.example/"}', "the OpenID metadata names no https address of keys"),
    ],
)
async def test_metadata_that_lead_nowhere_are_a_rejection(
    channel: TeamsChannel, server: TeamsServer, shop: BotAccount, document: str, expected: str
) -> None:
    server.faults.order("openid", answer_with(document))
    assert await reason(channel, request(server, shop)) == expected


@pytest.mark.parametrize(
    "document", ['{"keys": 7}', '{"keys": [7, {}, {"kty": "EC", "kid": "x"}, {"kty": "RSA", "kid": "x", "n": "?"}]}']
)
async def test_key_document_without_keys_is_a_rejection(
    channel: TeamsChannel, server: TeamsServer, shop: BotAccount, document: str
) -> None:
    server.faults.order("keys", answer_with(document))
    assert await reason(channel, request(server, shop)) == "the key document holds no RSA keys"


async def test_unreachable_key_server_is_a_rejection(open_channel: Open, server: TeamsServer, shop: BotAccount) -> None:
    channel = await open_channel(openid_url=f"{closed_port()}/openid")
    given = await reason(channel, request(server, shop))
    assert given == "Microsoft's keys cannot be fetched: ClientConnectorError"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def key_set(server: TeamsServer, clock: Clock) -> AsyncIterator[KeySet]:
    wire = Wire(timeout=1, trust_env=False)
    await wire.open()
    yield KeySet(openid_url=server.openid_url, wire=wire, clock=clock)
    await wire.close()


async def test_new_key_is_fetched_after_a_while(key_set: KeySet, clock: Clock, server: TeamsServer) -> None:
    old = server.keys.current.kid
    assert await key_set.find(old)
    server.keys.rotate()
    assert await key_set.find(server.keys.current.kid) is None
    clock.now += keys.PATIENCE + 1
    assert await key_set.find(server.keys.current.kid)
    assert await key_set.find(old), "tokens signed before still come"


async def test_keys_are_fetched_anew_every_day(key_set: KeySet, clock: Clock, server: TeamsServer) -> None:
    old = server.keys.current.kid
    await key_set.find(old)
    server.keys.rotate(keep_old=False)
    clock.now += keys.FRESH + 1
    assert await key_set.find(old) is None


async def test_old_keys_serve_another_day_while_microsoft_is_away(
    key_set: KeySet, clock: Clock, server: TeamsServer
) -> None:
    kid = server.keys.current.kid
    await key_set.find(kid)
    server.faults.order("openid", refuse(503), times=9)
    clock.now += keys.FRESH + 1
    assert await key_set.find(kid)
    clock.now += keys.FRESH
    with pytest.raises(NoKeys, match="503"):
        await key_set.find(kid)


# --- Development ------------------------------------------------------------------------------------------------------


async def test_development_takes_loopback_without_a_token(open_channel: Open, server: TeamsServer) -> None:
    channel = await open_channel(app_id="", app_password="", development=True)
    body = json.dumps({"serviceUrl": "http://localhost:56150/_connector"}).encode()
    await channel.verify(Request(method="POST", body=body))


@pytest.mark.parametrize(
    "service_url",
    [
        "https://smba.trafficmanager.net/emea/",
        "http://127.0.0.1.example.com/",
        "http://localhost@example.com/",
        "http://10.0.0.1/",
        "",
    ],
)
async def test_development_takes_nothing_else(open_channel: Open, service_url: str) -> None:
    channel = await open_channel(
        app_id="", app_password="", development=True, service_hosts=("smba.trafficmanager.net",)
    )
    assert await reason(channel, Request(method="POST", body=json.dumps({"serviceUrl": service_url}).encode()))
