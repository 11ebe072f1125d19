"""What holds for every channel, whichever it is."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from channels.contract import (
    Answer,
    Channel,
    Inbound,
    Malformed,
    Moved,
    Outbound,
    Reach,
    Receipt,
    Revised,
    Unread,
    Webhook,
    WebhookRejected,
)
from channels.teams import TeamsChannel
from channels.telegram import TelegramChannel
from channels.webchat import WebchatChannel
from channels.whatsapp import WhatsAppChannel
from sandbox.teams import TeamsServer

TEAMS_APP = "3f1c9b52-6a0e-4c55-9b0e-2d6a1c7e8f10"
ROOT = Path(__file__).resolve().parents[2]


async def no_link(_message: Outbound) -> str:
    raise AssertionError("no test here invites anybody")


async def no_upload(_name: str) -> bytes:
    raise AssertionError("no test here opens an upload")


def telegram() -> Channel:
    return TelegramChannel(token="123456789:AAbbCC", secret_token="secret", link=no_link)


def webchat() -> Channel:
    return WebchatChannel(
        origins=["https://shop.example.com"], push=lambda _: None, typing=lambda _: None, open_upload=no_upload
    )


def whatsapp() -> Channel:
    return WhatsAppChannel(
        access_token="token",
        app_secret="secret",
        verify_token="verify",
        phone_number_id="106540352242922",
        link=no_link,
    )


def teams(**settings: Any) -> Channel:
    return TeamsChannel(app_id=TEAMS_APP, app_password="password", link=no_link, **settings)


Headers = Callable[[bytes], Mapping[str, str]]
"""The headers of a body."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A channel, something genuine that it is told, and what a forger would send instead."""

    make: Callable[[], Channel]
    genuine: Headers = lambda _: {}
    platform: Callable[[], AbstractAsyncContextManager[tuple[Channel, Headers]]] | None = None
    """Where telling what is genuine takes the platform's own server: the channel that asks it, and the headers."""
    forged: Mapping[str, str]
    body: dict[str, Any]
    settings: tuple[str, ...]
    window: timedelta | None = None
    """For how long after a person's last message they can be written to."""


CASES = {
    "telegram": Case(
        make=telegram,
        genuine=lambda _: {"X-Telegram-Bot-Api-Secret-Token": "secret"},
        forged={"X-Telegram-Bot-Api-Secret-Token": "guess"},
        body={
            "update_id": 1,
            "message": {
                "message_id": 5,
                "date": 1_795_000_000,
                "chat": {"id": 7, "type": "private", "first_name": "Alice"},
                "from": {"id": 7, "is_bot": False, "first_name": "Alice"},
                "text": "hello",
            },
        },
        settings=("TELEGRAM_BOT_TOKEN", "TELEGRAM_SECRET_TOKEN", "TELEGRAM_API_URL", "PUBLIC_URL"),
    ),
    "webchat": Case(
        make=webchat,
        genuine=lambda _: {"Origin": "https://shop.example.com", "Visitor": "v1"},
        forged={"Origin": "https://evil.example.com", "Visitor": "v1"},
        body={"type": "say", "id": "12345678", "text": "hello"},
        settings=("WEBCHAT_ORIGINS", "WEBCHAT_JWT_SECRET"),
    ),
    "whatsapp": Case(
        make=whatsapp,
        genuine=lambda body: {"X-Hub-Signature-256": f"sha256={hmac.new(b'secret', body, 'sha256').hexdigest()}"},
        forged={"X-Hub-Signature-256": "sha256=" + "0" * 64},
        body={
            "object": "whatsapp_business_account",
            "entry": [
                {
                    "id": "102290129340398",
                    "changes": [
                        {
                            "field": "messages",
                            "value": {
                                "messaging_product": "whatsapp",
                                "metadata": {
                                    "display_phone_number": "15550783881",
                                    "phone_number_id": "106540352242922",
                                },
                                "contacts": [{"profile": {"name": "Alice"}, "wa_id": "16505551234"}],
                                "messages": [
                                    {
                                        "from": "16505551234",
                                        "id": "wamid.HBgLMTY1MDU1NTEyMzQ",
                                        "timestamp": "1795000000",
                                        "type": "text",
                                        "text": {"body": "hello"},
                                    }
                                ],
                            },
                        }
                    ],
                }
            ],
        },
        settings=(
            "WHATSAPP_ACCESS_TOKEN",
            "WHATSAPP_APP_SECRET",
            "WHATSAPP_VERIFY_TOKEN",
            "WHATSAPP_PHONE_NUMBER_ID",
            "WHATSAPP_API_URL",
        ),
        window=timedelta(hours=24),
    ),
}


@asynccontextmanager
async def microsoft() -> AsyncIterator[tuple[Channel, Headers]]:
    async with TeamsServer() as server:
        channel = teams(openid_url=server.openid_url, login_url=server.login_url, service_hosts=["127.0.0.1"])
        await channel.start()
        yield channel, lambda body: server.keys.authorization(TEAMS_APP, json.loads(body)["serviceUrl"])
        await channel.close()


CASES["teams"] = Case(
    make=teams,
    platform=microsoft,
    forged={"Authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
    body={
        "type": "message",
        "id": "1795000000000",
        "timestamp": "2026-11-21T12:00:00Z",
        "serviceUrl": "http://127.0.0.1:9/teams",
        "channelId": "msteams",
        "from": {"id": "29:alice", "name": "Alice", "aadObjectId": "5f9c3c0e-0000-4000-8000-000000000001"},
        "conversation": {"id": "a:alice", "conversationType": "personal", "tenantId": "tenant"},
        "recipient": {"id": f"28:{TEAMS_APP}", "name": "Hearthside"},
        "text": "hello",
    },
    settings=(
        "TEAMS_APP_ID",
        "TEAMS_APP_PASSWORD",
        "TEAMS_OPENID_URL",
        "TEAMS_LOGIN_URL",
        "TEAMS_SERVICE_HOSTS",
        "TEAMS_DEVELOPMENT",
    ),
)


OUTBOUND_ONLY = {"email"}
"""Channels on which nobody writes to us: there is nothing to read, and nothing to forge."""


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def webhook(headers: Mapping[str, str], body: bytes) -> Webhook:
    return Webhook(method="POST", headers=CIMultiDict(headers), body=body)


def test_every_channel_of_the_tree_is_tried_here() -> None:
    folders = {path.parent.name for path in (ROOT / "channels").glob("*/__init__.py")}
    assert folders == set(CASES) | OUTBOUND_ONLY


async def test_what_is_genuine_passes_and_what_is_forged_does_not(case: Case) -> None:
    body = json.dumps(case.body).encode()
    async with case.platform() if case.platform else nullcontext((case.make(), case.genuine)) as (channel, genuine):
        await channel.verify(webhook(genuine(body), body))
        with pytest.raises(WebhookRejected):
            await channel.verify(webhook(case.forged, body))
        with pytest.raises(WebhookRejected):
            await channel.verify(webhook({}, body))


def test_reading_twice_gives_the_same(case: Case) -> None:
    body = json.dumps(case.body).encode()
    request = webhook(case.genuine(body), body)
    first, second = case.make().read(request), case.make().read(request)
    assert list(first) == list(second)
    [inbound] = first
    assert isinstance(inbound, Inbound)
    assert inbound.channel == case.make().name
    assert inbound.dedupe_key
    assert inbound.address


@pytest.mark.parametrize("name", sorted(CASES))
@given(
    body=st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
        max_leaves=10,
    ).map(lambda value: json.dumps(value).encode())
)
def test_nothing_but_malformed_is_ever_raised(name: str, body: bytes) -> None:
    case = CASES[name]
    try:
        request = webhook(case.genuine(body), body)
        channel = case.make()
        read, news, answer = channel.read(request), channel.news(request), channel.answer(request)
    except Malformed:
        return
    assert all(isinstance(part, (Inbound, Unread)) for part in read)
    assert all(isinstance(part, (Receipt, Revised, Moved, Reach)) for part in news)
    assert answer is None or isinstance(answer, Answer)


def test_it_is_known_how_long_somebody_can_be_written_to(case: Case) -> None:
    assert case.make().window == case.window


def test_readme_names_every_setting(case: Case) -> None:
    readme = (ROOT / "channels" / case.make().name / "README.md").read_text(encoding="utf-8")
    assert [setting for setting in case.settings if f"`{setting}`" not in readme] == []
