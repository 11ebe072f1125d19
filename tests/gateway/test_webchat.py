"""The web chat's server side, spoken to as a widget would, and as a widget never would."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from bot.gateway.accept import Accepted
from bot.store.database import transaction
from bot.store.tables import conversations, identities, messages, webchat_sessions
from tests.database import Clock
from tests.gateway.people import bot_says, rows
from tests.gateway.running import SHOP, Gateway, running_gateway


@pytest.fixture
async def gateway(tmp_path: Path, clock: Clock) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, clock=clock) as gateway:
        yield gateway


async def new_token(gateway: Gateway, old: str | None = None) -> str:
    async with gateway.http.post(
        f"{gateway.url}/webchat/session", json={"token": old}, headers={"Origin": SHOP}
    ) as answer:
        assert answer.status == 200
        assert answer.headers["Access-Control-Allow-Origin"] == SHOP
        return str((await answer.json())["token"])


class Widget:
    """One connected socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **frame: Any) -> None:
        await self.socket.send_json(frame)

    async def say(self, text: str, client_id: str | None = None) -> str:
        client_id = client_id or str(uuid.uuid4())
        await self.send(type="say", id=client_id, text=text)
        return client_id

    async def next(self, kind: str) -> dict[str, Any]:
        """The next frame of this kind; others before it are passed over, except errors."""
        while True:
            frame = await self.socket.receive_json(timeout=30)
            if frame["type"] == kind:
                return dict(frame)
            assert frame["type"] != "error", frame

    async def until_ready(self) -> list[dict[str, Any]]:
        shown = []
        while (frame := await self.socket.receive_json(timeout=30))["type"] != "ready":
            shown.append(frame)
        return shown


@asynccontextmanager
async def connected(gateway: Gateway, token: str, cursor: int = 0, origin: str = SHOP) -> AsyncIterator[Widget]:
    async with gateway.http.ws_connect(f"{gateway.url}/webchat/socket", headers={"Origin": origin}) as socket:
        widget = Widget(socket)
        await widget.send(type="hello", token=token, cursor=cursor, language="en")
        yield widget


async def stored(gateway: Gateway) -> list[Any]:
    return [row.content.get("text") for row in await rows(gateway.engine, messages)]


async def test_what_is_said_comes_back_with_its_place_in_the_transcript(gateway: Gateway) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        assert await widget.until_ready() == []
        client_id = await widget.say("hello")
        frame = await widget.next("message")
    [message] = await rows(gateway.engine, messages)
    assert frame == {
        "type": "message",
        "seq": message.id,
        "id": message.id,
        "author": "customer",
        "client_id": client_id,
        "at": "2026-11-21T12:00:00.000Z",
        "text": "hello",
    }


async def test_a_reply_reaches_the_open_socket(gateway: Gateway, clock: Clock) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        await widget.say("hello")
        asked = await widget.next("message")
        [row] = await rows(gateway.engine, messages)
        cause = Accepted(message=row.id, conversation=row.conversation_id, repeated=False)
        await bot_says(gateway.engine, cause, "Good morning!", clock())
        answer = await widget.next("message")
    assert (answer["author"], answer["text"]) == ("bot", "Good morning!")
    assert answer["seq"] > asked["seq"]


@pytest.mark.parametrize("outage", [ConnectionRefusedError, ConnectionResetError, ValueError])
async def test_a_socket_that_cannot_be_told_any_more_is_closed(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, outage: type[Exception]
) -> None:
    """So that the widget comes back, rather than wait in silence at a socket that stays open."""

    async def away(*_: Any, **__: Any) -> None:
        raise outage

    async with connected(gateway, await new_token(gateway)) as widget:
        await widget.until_ready()
        monkeypatch.setattr("bot.gateway.webchat.transcript.transcript", away)
        await widget.say("hello")
        while (frame := await widget.socket.receive(timeout=30)).type is aiohttp.WSMsgType.TEXT:
            assert frame.json()["type"] == "typing"
        assert frame.type is aiohttp.WSMsgType.CLOSE


async def test_reconnecting_with_the_cursor_misses_and_doubles_nothing(gateway: Gateway, clock: Clock) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as widget:
        await widget.say("one")
        first = await widget.next("message")
    [row] = await rows(gateway.engine, messages)
    cause = Accepted(message=row.id, conversation=row.conversation_id, repeated=False)
    for text in ("two", "three"):
        await bot_says(gateway.engine, cause, text, clock())

    async with connected(gateway, token, cursor=first["seq"]) as widget:
        assert [frame["text"] for frame in await widget.until_ready()] == ["two", "three"]
    async with connected(gateway, token) as widget:
        assert [frame["text"] for frame in await widget.until_ready()] == ["one", "two", "three"]


async def test_the_bot_seems_to_write_only_where_it_will(gateway: Gateway) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        await widget.until_ready()
        await widget.say("hello")
        assert (await widget.socket.receive_json(timeout=30))["type"] == "typing"
        await widget.next("message")
        async with transaction(gateway.engine) as connection:
            await connection.execute(sa.update(conversations).values(owner="queue"))
        await widget.say("is anybody there?")
        assert (await widget.socket.receive_json(timeout=30))["type"] == "message"


async def test_the_same_client_id_again_is_the_same_message(gateway: Gateway) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as widget:
        client_id = await widget.say("hello")
        await widget.next("message")
    async with connected(gateway, token) as widget:
        await widget.until_ready()
        await widget.say("hello", client_id)
        await widget.say("and more")
        assert (await widget.next("message"))["text"] == "and more"
    assert await stored(gateway) == ["hello", "and more"]


async def test_two_tabs_of_one_visitor_show_the_same(gateway: Gateway) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as first, connected(gateway, token) as second:
        await first.until_ready()
        await second.until_ready()
        await first.say("hello")
        assert (await first.next("message")) == (await second.next("message"))


async def test_the_bot_greets_once_however_many_tabs_open_the_chat(gateway: Gateway) -> None:
    token = await new_token(gateway)
    for _ in range(2):
        async with connected(gateway, token) as widget:
            await widget.until_ready()
            await widget.send(type="start", id=str(uuid.uuid4()))
            await widget.say("hello")
            await widget.next("message")
    assert [row.content["type"] for row in await rows(gateway.engine, messages)] == ["start", "text", "text"]


async def test_one_visitor_never_sees_another(gateway: Gateway) -> None:
    async with connected(gateway, await new_token(gateway)) as alice:
        await alice.say("Alice's secret")
        await alice.next("message")
        async with connected(gateway, await new_token(gateway)) as bob:
            assert await bob.until_ready() == []
            await bob.say("hello")
            assert (await bob.next("message"))["text"] == "hello"
    assert len(await rows(gateway.engine, identities)) == 2


async def test_a_valid_token_is_kept_and_another_is_replaced(gateway: Gateway) -> None:
    token = await new_token(gateway)
    assert await new_token(gateway, token) == token
    assert await new_token(gateway, "invented") not in (token, "invented")


async def test_tokens_are_stored_hashed(gateway: Gateway) -> None:
    token = await new_token(gateway)
    assert token not in repr(await rows(gateway.engine, webchat_sessions))


async def test_a_token_ends_a_week_after_its_last_use(gateway: Gateway, clock: Clock) -> None:
    token = await new_token(gateway)
    clock.forward(days=6)
    async with connected(gateway, token) as widget:
        await widget.until_ready()
    clock.forward(days=6)
    async with connected(gateway, token) as widget:
        await widget.until_ready()
    clock.forward(days=8)
    async with connected(gateway, token) as widget:
        assert (await widget.socket.receive_json(timeout=30)) == {"type": "expired"}


@pytest.mark.parametrize("origin", ["https://evil.example.com", "https://shop.example.com.evil.com", "null", ""])
async def test_other_pages_are_refused(gateway: Gateway, origin: str) -> None:
    async with gateway.http.post(f"{gateway.url}/webchat/session", json={}, headers={"Origin": origin}) as answer:
        assert answer.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with connected(gateway, "any", origin=origin):
            pass
    assert refused.value.status == 403


@pytest.mark.parametrize(
    "first", ["{}", "nonsense", '{"type":"say","id":"12345678","text":"hi"}', '{"type":"hello","token":5}', "[]"]
)
async def test_a_socket_begins_with_a_hello_or_ends(gateway: Gateway, first: str) -> None:
    async with gateway.http.ws_connect(f"{gateway.url}/webchat/socket", headers={"Origin": SHOP}) as socket:
        await socket.send_str(first)
        message = await socket.receive(timeout=30)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)
    assert await rows(gateway.engine, messages) == []


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "say", "id": "12345678", "text": "x" * 8_001}, "too_long"),
        ({"type": "say", "id": "12345678", "text": "   "}, "malformed"),
        ({"type": "say", "id": "12345678", "text": 5}, "malformed"),
        ({"type": "say", "text": "without an id"}, "malformed"),
        ({"type": "say", "id": "../../etc", "text": "odd id"}, "malformed"),
        ({"type": "choose", "id": "12345678", "message": "1", "option": 0}, "malformed"),
        ({"type": "choose", "id": "12345678", "message": 2**70, "option": 0}, "malformed"),
        ({"type": "link", "id": "12345678"}, "malformed"),
        ({"type": "invite", "channel": "smoke signals"}, "malformed"),
        ({"type": "invite", "channel": "webchat"}, "malformed"),
        ({"type": "hello", "token": "again"}, "malformed"),
        ({"type": "unheard-of"}, "malformed"),
        ({"type": ["say"]}, "malformed"),
    ],
)
async def test_a_frame_that_makes_no_sense_is_refused_and_the_socket_goes_on(
    gateway: Gateway, frame: dict[str, Any], code: str
) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        await widget.until_ready()
        await widget.send(**frame)
        error = await widget.socket.receive_json(timeout=30)
        assert (error["type"], error["code"]) == ("error", code)
        await widget.say("hello")
        assert (await widget.next("message"))["text"] == "hello"
    assert await stored(gateway) == ["hello"]


async def test_frames_that_are_too_large_close_the_socket(gateway: Gateway) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        await widget.until_ready()
        await widget.socket.send_str(json.dumps({"type": "say", "id": "12345678", "text": "x" * 70_000}))
        message = await widget.socket.receive(timeout=30)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1009)


async def test_a_flood_of_frames_is_slowed_down(gateway: Gateway) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        await widget.until_ready()
        for number in range(40):
            await widget.say(f"message {number}")
        codes = set()
        for _ in range(100):
            frame = await widget.socket.receive_json(timeout=30)
            codes.add(frame.get("code"))
            if "too_fast" in codes:
                break
    assert "too_fast" in codes
    assert len(await stored(gateway)) < 40


async def test_odd_text_is_shown_as_it_is(gateway: Gateway) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        for text in ("<b>bold</b>", "مرحبا", "🫖 tea", "line\nbreak"):
            await widget.say(text)
            assert (await widget.next("message"))["text"] == text
        await widget.socket.send_str('{"type":"say","id":"12345678","text":"half \\ud83e and nul \\u0000"}')
        assert (await widget.next("message"))["text"] == "half ? and nul"


async def test_a_page_may_not_read_the_answer_without_its_origin(gateway: Gateway) -> None:
    async with gateway.http.options(f"{gateway.url}/webchat/session", headers={"Origin": SHOP}) as answer:
        assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, SHOP)
        assert answer.headers["Vary"] == "Origin"
