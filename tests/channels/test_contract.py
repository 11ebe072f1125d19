"""What holds for every channel, whichever it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from channels.contract import Channel, Inbound, Malformed, Outbound, Unread, Webhook, WebhookRejected
from channels.telegram import TelegramChannel
from channels.webchat import WebchatChannel

ROOT = Path(__file__).resolve().parents[2]


async def no_link(_message: Outbound) -> str:
    raise AssertionError("no test here invites anybody")


def telegram() -> Channel:
    return TelegramChannel(token="123456789:AAbbCC", secret_token="secret", link=no_link)


def webchat() -> Channel:
    return WebchatChannel(origins=["https://shop.example.com"], push=lambda _: None)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A channel, something genuine that it is told, and what a forger would send instead."""

    make: Callable[[], Channel]
    genuine: Mapping[str, str]
    forged: Mapping[str, str]
    body: dict[str, Any]
    settings: tuple[str, ...]


CASES = {
    "telegram": Case(
        make=telegram,
        genuine={"X-Telegram-Bot-Api-Secret-Token": "secret"},
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
        genuine={"Origin": "https://shop.example.com", "Visitor": "v1"},
        forged={"Origin": "https://evil.example.com", "Visitor": "v1"},
        body={"type": "say", "id": "12345678", "text": "hello"},
        settings=("WEBCHAT_ORIGINS",),
    ),
}


@pytest.fixture(params=sorted(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def webhook(headers: Mapping[str, str], body: bytes) -> Webhook:
    return Webhook(method="POST", headers=CIMultiDict(headers), body=body)


def test_every_channel_of_the_tree_is_tried_here() -> None:
    folders = {path.parent.name for path in (ROOT / "channels").glob("*/__init__.py")}
    assert folders == set(CASES)


async def test_what_is_genuine_passes_and_what_is_forged_does_not(case: Case) -> None:
    channel = case.make()
    body = json.dumps(case.body).encode()
    await channel.verify(webhook(case.genuine, body))
    with pytest.raises(WebhookRejected):
        await channel.verify(webhook(case.forged, body))
    with pytest.raises(WebhookRejected):
        await channel.verify(webhook({}, body))


def test_reading_twice_gives_the_same(case: Case) -> None:
    request = webhook(case.genuine, json.dumps(case.body).encode())
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
        read = case.make().read(webhook(case.genuine, body))
    except Malformed:
        return
    assert all(isinstance(part, (Inbound, Unread)) for part in read)


def test_readme_names_every_setting(case: Case) -> None:
    readme = (ROOT / "channels" / case.make().name / "README.md").read_text(encoding="utf-8")
    assert [setting for setting in case.settings if f"`{setting}`" not in readme] == []
