"""Customers whom the page's own server vouches for: joined by their account, and never two accounts with each other."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.customers import Person
from bot.gateway.linking import sign_in
from bot.gateway.settings import SettingsError, load_settings
from bot.store.database import transaction
from bot.store.tables import customers, identities, merges, messages, webchat_sessions
from tests.database import NOON, Clock
from tests.gateway.people import accepted, customer_of, rows, says
from tests.gateway.running import SHOP, Gateway, running_gateway
from tests.gateway.test_webchat import connected, new_token

SECRET = "a-secret-that-only-the-shop-and-the-gateway-know"
SOON = int(NOON.timestamp()) + 3600


@pytest.fixture
async def gateway(tmp_path: Path, clock: Clock) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, clock=clock, webchat_jwt_secret=SECRET) as gateway:
        yield gateway


def vouch(account: object = "C-1001", *, key: str = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    return jwt.encode({"sub": account, "exp": SOON, **claims}, key, algorithm=algorithm)


async def session(gateway: Gateway, **body: Any) -> tuple[int, dict[str, Any]]:
    async with gateway.http.post(f"{gateway.url}/webchat/session", json=body, headers={"Origin": SHOP}) as answer:
        return answer.status, await answer.json()


async def token_of(gateway: Gateway, **body: Any) -> str:
    status, answer = await session(gateway, **body)
    assert (status, answer["expires_in"]) == (200, 7 * 24 * 3600)
    return str(answer["token"])


async def said_before(gateway: Gateway, token: str) -> list[str]:
    async with connected(gateway, token) as widget:
        return [frame["text"] for frame in await widget.until_ready()]


async def say(gateway: Gateway, token: str, text: str) -> None:
    async with connected(gateway, token) as widget:
        await widget.until_ready()
        await widget.say(text)
        await widget.next("message")


async def test_a_customer_is_known_by_their_account(gateway: Gateway) -> None:
    await token_of(gateway, identity=vouch(name="Alice", aud="throughline"))
    [customer] = await rows(gateway.engine, customers)
    assert (customer.account, customer.name) == ("C-1001", "Alice")
    [identity] = await rows(gateway.engine, identities)
    assert (identity.assurance, identity.linked_how) == ("signed_in", "jwt")


async def test_the_same_account_in_two_browsers_is_one_customer(gateway: Gateway) -> None:
    phone = await token_of(gateway, identity=vouch())
    desk = await token_of(gateway, identity=vouch())
    assert phone != desk
    assert len({row.customer_id for row in await rows(gateway.engine, identities)}) == 1
    await say(gateway, phone, "from the phone")
    assert await said_before(gateway, desk) == []


async def test_a_visitor_who_signs_in_keeps_what_was_said_and_gets_a_new_token(gateway: Gateway) -> None:
    token = await new_token(gateway)
    await say(gateway, token, "before")
    signed_in = await token_of(gateway, token=token, identity=vouch())
    assert signed_in != token
    assert await said_before(gateway, signed_in) == ["before"]
    async with connected(gateway, token) as widget:
        assert (await widget.socket.receive_json(timeout=30)) == {"type": "expired"}
    # Once more, on the next page: the same session.
    assert await token_of(gateway, token=signed_in, identity=vouch()) == signed_in
    assert await token_of(gateway, token=signed_in) == signed_in


async def test_a_visitor_joins_the_customer_whom_other_channels_know(gateway: Gateway, clock: Clock) -> None:
    await accepted(gateway.engine, says("alice", "hello"), clock())
    alice = await customer_of(gateway.engine, "alice", "telegram")
    async with gateway.engine.begin() as connection:
        await connection.execute(customers.update().where(customers.c.id == alice).values(account="C-1001"))
        await connection.execute(identities.update().values(assurance="code"))
    token = await new_token(gateway)
    await say(gateway, token, "hello")
    await token_of(gateway, token=token, identity=vouch())
    assert {row.customer_id for row in await rows(gateway.engine, identities)} == {alice}
    [merge] = await rows(gateway.engine, merges)
    [told] = await rows(gateway.engine, messages, id=merge.message_id)
    assert (told.channel, told.content) == ("webchat", {"type": "linked", "from": "webchat", "merge": merge.id})
    assert told.state == "waiting"


async def test_a_visitor_who_had_said_nothing_is_told_nothing(gateway: Gateway, clock: Clock) -> None:
    await accepted(gateway.engine, says("alice", "hello"), clock())
    async with gateway.engine.begin() as connection:
        await connection.execute(customers.update().values(account="C-1001"))
        await connection.execute(identities.update().values(assurance="code"))
    await token_of(gateway, token=await new_token(gateway), identity=vouch())
    assert [row.channel for row in await rows(gateway.engine, messages)] == ["telegram"]


async def test_another_account_in_the_same_browser_is_another_visitor(gateway: Gateway) -> None:
    alice = await token_of(gateway, identity=vouch("C-1001"))
    await say(gateway, alice, "Alice's secret")
    bob = await token_of(gateway, token=alice, identity=vouch("C-2002"))
    assert await said_before(gateway, bob) == []
    assert {row.account for row in await rows(gateway.engine, customers)} >= {"C-1001", "C-2002"}
    accounts = {row.id: row.account for row in await rows(gateway.engine, customers)}
    assert sorted(accounts[row.customer_id] for row in await rows(gateway.engine, identities)) == ["C-1001", "C-2002"]
    async with connected(gateway, alice) as widget:
        assert (await widget.socket.receive_json(timeout=30)) == {"type": "expired"}


async def test_signing_out_ends_the_session(gateway: Gateway) -> None:
    alice = await token_of(gateway, identity=vouch())
    await say(gateway, alice, "Alice's secret")
    nobody = await token_of(gateway, token=alice, identity=None)
    assert await said_before(gateway, nobody) == []
    async with connected(gateway, alice) as widget:
        assert (await widget.socket.receive_json(timeout=30)) == {"type": "expired"}
    assert len(await rows(gateway.engine, webchat_sessions)) == 1


async def test_an_open_socket_ends_with_its_session(gateway: Gateway) -> None:
    alice = await token_of(gateway, identity=vouch())
    async with connected(gateway, alice) as widget:
        await widget.until_ready()
        await token_of(gateway, token=alice, identity=None)
        assert (await widget.next("expired")) == {"type": "expired"}


async def test_nobody_who_signs_out_stays_who_they_are(gateway: Gateway) -> None:
    token = await new_token(gateway)
    await say(gateway, token, "hello")
    assert await token_of(gateway, token=token, identity=None) == token


def unsigned() -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part({'sub': 'C-1001', 'exp': SOON})}."


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        (vouch(key="another-key-that-is-quite-as-long-as-the-right-one"), "identity_refused"),
        (vouch(algorithm="HS512", key=SECRET + SECRET), "identity_refused"),
        (unsigned(), "identity_refused"),
        (vouch(exp=int(NOON.timestamp()) - 1), "identity_expired"),
        (vouch(exp=int(NOON.timestamp()) + 2 * 86_400), "identity_refused"),
        (vouch(nbf=int(NOON.timestamp()) + 600), "identity_refused"),
        (vouch(exp="soon"), "identity_refused"),
        (vouch(exp=True), "identity_refused"),
        (vouch(aud="somebody-else"), "identity_refused"),
        (vouch(aud=["throughline"]), "identity_refused"),
        (vouch(""), "identity_refused"),
        (vouch(" C-1001"), "identity_refused"),
        (vouch("C" * 256), "identity_refused"),
        (vouch(name="x" * 5_000), "identity_refused"),
        (jwt.encode({"sub": "C-1001"}, SECRET), "identity_refused"),
        (jwt.encode({"exp": SOON}, SECRET), "identity_refused"),
        ("", "identity_refused"),
        ("a.b.c", "identity_refused"),
        (5, "identity_refused"),
        ({"sub": "C-1001"}, "identity_refused"),
        ([], "identity_refused"),
    ],
)
async def test_what_vouches_for_nobody_is_refused_and_changes_nothing(
    gateway: Gateway, identity: object, code: str
) -> None:
    token = await new_token(gateway)
    assert await session(gateway, token=token, identity=identity) == (401, {"error": code})
    assert await rows(gateway.engine, customers) == []
    assert await token_of(gateway, token=token) == token


async def test_without_the_setting_nobody_is_vouched_for(tmp_path: Path, clock: Clock) -> None:
    async with running_gateway(tmp_path, clock=clock) as gateway:
        for identity in (vouch(), unsigned()):
            assert await session(gateway, identity=identity) == (401, {"error": "identity_off"})


def test_a_secret_that_is_too_short_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WEBCHAT_JWT_SECRET", "x" * 31)
    with pytest.raises(SettingsError) as error:
        load_settings(_env_file=None)
    assert str(error.value) == "WEBCHAT_JWT_SECRET: must have 32 bytes at least"
    monkeypatch.delenv("WEBCHAT_JWT_SECRET")
    (tmp_path / "secret").write_text("x" * 32 + "\n")
    monkeypatch.setenv("WEBCHAT_JWT_SECRET_FILE", str(tmp_path / "secret"))
    secret = load_settings(_env_file=None).webchat_jwt_secret
    assert secret is not None
    assert secret.get_secret_value() == "x" * 32


def test_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    assert [str(network) for network in load_settings(_env_file=None).trusted_proxies] == ["10.0.0.0/8", "::1/128"]
    monkeypatch.setenv("TRUSTED_PROXIES", "my-proxy")
    with pytest.raises(SettingsError) as error:
        load_settings(_env_file=None)
    assert str(error.value).startswith("TRUSTED_PROXIES: ")


async def test_two_accounts_are_never_one_customer(engine: AsyncEngine, clock: Clock) -> None:
    person = Person(channel="webchat", external_id="v1", address="v1")
    async with transaction(engine) as connection:
        assert await sign_in(connection, person, "C-1001", "Alice", clock())
        assert await sign_in(connection, person, "C-1001", "Alice B.", clock())
        assert not await sign_in(connection, person, "C-2002", "Bob", clock())
        other = replace(person, external_id="v2", address="v2")
        assert await sign_in(connection, other, "C-1001", None, clock())
    [customer] = await rows(engine, customers, account="C-1001")
    assert customer.name == "Alice"
    assert {row.customer_id for row in await rows(engine, identities)} == {customer.id}
