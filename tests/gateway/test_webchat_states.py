"""What of the transcript a visitor's browser has, what they have seen, and which questions are past."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.gateway.accept import Accepted
from bot.store.content import content_to_json
from bot.store.database import transaction
from bot.store.people import unlink
from bot.store.tables import identities, messages
from channels.contract import Content, Option
from tests.database import NOON, Clock
from tests.gateway.people import bot_says, rows
from tests.gateway.running import SHOP, Gateway, running_gateway
from tests.gateway.test_webchat import Widget, connected, new_token


@pytest.fixture
async def gateway(tmp_path: Path, clock: Clock) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, clock=clock) as gateway:
        yield gateway


async def begun(gateway: Gateway, widget: Widget) -> Accepted:
    await widget.say("hello")
    await widget.next("message")
    row = (await rows(gateway.engine, messages))[-1]
    return Accepted(message=row.id, conversation=row.conversation_id, repeated=False)


async def told(gateway: Gateway) -> list[Any]:
    return [row for row in await rows(gateway.engine, messages) if row.direction == "out"]


async def settled(widget: Widget) -> None:
    """Frames are taken in order, and the transcript is shown in order: once this is shown, what was before is done."""
    client_id = await widget.say("that was it")
    while (await widget.next("message")).get("client_id") != client_id:
        pass


async def test_what_reached_the_browser_is_delivered_and_what_was_seen_is_read(gateway: Gateway, clock: Clock) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as widget:
        cause = await begun(gateway, widget)
        await bot_says(gateway.engine, cause, "One", clock())
        await bot_says(gateway.engine, cause, "Two", clock())
        shown = [await widget.next("message") for _ in range(2)]
        clock.forward(minutes=1)
        await widget.send(type="seen", seq=shown[0]["seq"])
        await settled(widget)
        first, second = await told(gateway)
        assert (first.read_at, second.read_at) == (clock(), None)
        assert {first.delivered_at, second.delivered_at} <= {NOON, clock()}
        clock.forward(minutes=1)
        await widget.send(type="seen", seq=shown[1]["seq"])
        await settled(widget)
    first, second = await told(gateway)
    assert (first.read_at < second.read_at, second.read_at) == (True, clock())


async def test_nobody_has_seen_what_they_were_not_shown(gateway: Gateway, clock: Clock) -> None:
    alice, bob = await new_token(gateway), await new_token(gateway)
    async with connected(gateway, alice) as hers, connected(gateway, bob) as his:
        cause = await begun(gateway, hers)
        await his.until_ready()
        await bot_says(gateway.engine, cause, "For Alice", clock())
        await hers.next("message")
        await his.send(type="seen", seq=2**62)
        await settled(his)
        await settled(hers)
        [row] = await told(gateway)
        assert (row.delivered_at, row.read_at) == (NOON, None)


@pytest.mark.parametrize("seq", [None, "5", -1, 1.5, True, 2**70])
async def test_a_cursor_that_is_none_is_refused(gateway: Gateway, seq: object) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        await widget.until_ready()
        await widget.send(type="seen", seq=seq)
        assert (await widget.socket.receive_json(timeout=30)) == {"type": "error", "code": "malformed"}


async def asks(gateway: Gateway, cause: Accepted, clock: Clock) -> int:
    question = await bot_says(gateway.engine, cause, "Sure?", clock())
    content = Content(text="Sure?", options=(Option(title="Yes", payload="/affirm"),))
    async with transaction(gateway.engine) as connection:
        await connection.execute(
            sa.update(messages).where(messages.c.id == question).values(content=content_to_json(content))
        )
    return question


async def test_who_was_unlinked_is_shown_nothing_from_before(gateway: Gateway, clock: Clock) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as widget:
        await begun(gateway, widget)
    [identity] = await rows(gateway.engine, identities)
    clock.forward(minutes=1)
    async with transaction(gateway.engine) as connection:
        await unlink(connection, identity.id, clock())
    async with connected(gateway, token) as widget:
        await widget.say("who am I?")
        assert (await widget.next("message"))["text"] == "who am I?"


async def test_a_question_that_is_past_is_told_to_every_tab_and_after_a_reload(gateway: Gateway, clock: Clock) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as first, connected(gateway, token) as second:
        cause = await begun(gateway, first)
        await second.until_ready()
        question = await asks(gateway, cause, clock)
        for tab in (first, second):
            while (frame := await tab.next("message"))["id"] != question:
                pass
            assert "closed" not in frame
        async with transaction(gateway.engine) as connection:
            await connection.execute(sa.update(messages).where(messages.c.id == question).values(withdrawal="due"))
        for tab in (first, second):
            assert await tab.next("closed") == {"type": "closed", "message": question}
    async with connected(gateway, token) as again:
        shown = {frame["id"]: frame for frame in await again.until_ready()}
    assert shown[question]["closed"] is True


async def test_the_tabs_of_one_visitor_share_one_pace(gateway: Gateway) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as first, connected(gateway, token) as second:
        # Fewer than one tab alone may send in the second, after more than that in the first.
        for tab, frames in ((first, 60), (second, 15)):
            await tab.until_ready()
            for number in range(frames):
                await tab.say(f"message {number}")
            await tab.send(type="invite", channel="nowhere", id="the end")
            codes = list[Any]()
            while (frame := await tab.socket.receive_json(timeout=30)).get("id") != "the end":
                codes.append(frame.get("code"))
    assert "too_fast" in codes


async def test_sessions_and_sockets_are_given_at_a_humans_pace(gateway: Gateway) -> None:
    # Slower than they are let through again, nobody could be that asks in a loop.
    statuses = []
    for _ in range(1_000):
        async with gateway.http.post(f"{gateway.url}/webchat/session", json={}, headers={"Origin": SHOP}) as answer:
            statuses.append(answer.status)
            if answer.status == 429:
                assert int(answer.headers["Retry-After"]) >= 1
                assert answer.headers["Access-Control-Allow-Origin"] == SHOP
                break
    assert statuses[-1] == 429
    assert len(statuses) > 120


async def test_no_memory_is_spent_on_compressing(gateway: Gateway) -> None:
    """Every browser offers it."""
    url = f"{gateway.url}/webchat/socket"
    async with gateway.http.ws_connect(url, headers={"Origin": SHOP}, compress=15) as socket:
        assert socket.compress == 0
