"""An agent's words: said once, where the customer is, and refused beforehand where they would come to nothing."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.media.sweep import KEPT_FOR, Sweeper
from bot.gateway.media.vault import Vault
from bot.store.database import reading, transaction
from bot.store.desk_tables import handoffs
from bot.store.merging import join_customers
from bot.store.ownership import QUEUED
from bot.store.tables import customers, events, identities, media, messages
from tests.database import Clock
from tests.gateway.desk.office import WHATSAPP, Office, identity_of, open_office
from tests.gateway.desk.staff import Browser
from tests.gateway.people import customer_of, rows

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


@pytest.fixture
async def office(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> AsyncIterator[Office]:
    async with open_office(engine, clock, tmp_path, **WHATSAPP) as office:
        yield office


async def say(browser: Browser, conversation: str, content: Any, **more: Any) -> tuple[int, Any]:
    body = {"content": content, "id": secrets.token_hex(16), **more}
    return await browser.post(f"/desk/api/conversations/{conversation}/say", body, Origin=browser.url)


async def preview(browser: Browser, conversation: str, content: Any, **more: Any) -> tuple[int, Any]:
    return await browser.post(f"/desk/api/conversations/{conversation}/preview", {"content": content, **more})


async def taken(office: Office, who: str = "alice", channel: str = "webchat") -> tuple[Browser, str]:
    """Maya has the customer's conversation."""
    conversation = await office.asks_for_people(who, channel)
    maya = await office.comes("maya")
    assert (await maya.post(f"/desk/api/conversations/{conversation}/do", {"do": "take"}))[0] == 200
    return maya, conversation


async def joined(office: Office, one: str, channel: str, into: str, into_channel: str) -> None:
    async with transaction(office.engine) as connection:
        who = await customer_of(office.engine, one, channel)
        await join_customers(
            connection, one=who, into=await customer_of(office.engine, into, into_channel), now=office.clock()
        )


async def until_it_waits_again(office: Office, conversation: str) -> None:
    """For somebody at the desk: the gateway looks now and then whether whoever has it is gone."""
    mine = sa.select(handoffs.c.state).where(handoffs.c.conversation_id == conversation)
    async with asyncio.timeout(30):
        while True:
            async with reading(office.engine) as connection:
                if (await connection.execute(mine)).scalar_one() == QUEUED:
                    return
            await asyncio.sleep(0.02)


async def told(office: Office) -> list[Any]:
    return [row for row in await rows(office.engine, messages, direction="out") if row.author == "agent"]


async def test_words_are_said_once_however_often_they_are_sent(office: Office) -> None:
    maya, conversation = await taken(office)
    same = {"id": "3f2b8c1e-0000-4000-8000-000000000001"}
    answers = await asyncio.gather(*(say(maya, conversation, {"text": "Hello"}, **same) for _ in range(3)))
    answers.append(await say(maya, conversation, {"text": "Hello"}, **same))
    assert [status for status, _ in answers] == [200] * 4
    assert len({said["message"] for _, said in answers}) == 1
    [row] = await told(office)
    assert (row.content, row.channel, row.address, row.agent_id) == (
        {"text": "Hello"},
        "webchat",
        "alice@webchat",
        office.agents["maya"],
    )
    _, transcript = await maya.get(f"/desk/api/conversations/{conversation}/transcript")
    assert transcript["lines"][-1]["client_id"] == same["id"]
    assert (await say(maya, conversation, {"text": "x"}, id="short"))[0] == 422


async def test_only_whoever_has_it_speaks(office: Office) -> None:
    _, conversation = await taken(office)
    ben = await office.comes("ben")
    assert await say(ben, conversation, {"text": "Hello"}) == (
        409,
        {"error": "not_yours", "has_it": office.agents["maya"]},
    )
    assert await told(office) == []


async def test_when_the_window_is_closed_the_agent_hears_it_and_where_else_to_write(office: Office) -> None:
    await office.writes("alice", "hello", "webchat")
    maya, conversation = await taken(office, "alice", "whatsapp")
    await joined(office, "alice", "webchat", "alice", "whatsapp")
    webchat: dict[str, Any] = {"identity": await identity_of(office.engine, "alice", "webchat"), "channel": "webchat"}
    whatsapp: dict[str, Any] = {
        "identity": await identity_of(office.engine, "alice", "whatsapp"),
        "channel": "whatsapp",
    }
    status, shown = await preview(maya, conversation, {"text": "Hello"})
    assert (status, shown["channel"], shown["problem"]) == (200, "whatsapp", None)
    assert shown["possible"] == sorted([webchat, whatsapp], key=lambda one: one["identity"])
    office.clock.forward(hours=23, minutes=59)
    await maya.log_in("maya")
    assert (await preview(maya, conversation, {"text": "Hello"}))[1]["problem"] is None
    office.clock.forward(minutes=1)
    assert (await preview(maya, conversation, {"text": "Hello"}))[1]["problem"] == "window_closed"
    refused = {"error": "window_closed", "possible": [webchat]}
    assert await say(maya, conversation, {"text": "Hello"}) == (409, refused)
    # Nobody was at the desk for a day.
    await until_it_waits_again(office, conversation)
    assert (await maya.post(f"/desk/api/conversations/{conversation}/do", {"do": "take"}))[0] == 200
    assert (await say(maya, conversation, {"text": "Hello"}, to=webchat["identity"]))[0] == 200
    _, panel = await maya.get(f"/desk/api/conversations/{conversation}")
    ways = {way["channel"]: way for way in panel["identities"]}
    assert (ways["whatsapp"]["reachable"], ways["webchat"]["reachable"]) == (False, True)
    assert ways["whatsapp"]["window_ends"] == "2026-11-22T12:00:02Z"
    assert ways["webchat"]["window_ends"] is None
    [row] = await told(office)
    assert row.channel == "webchat"
    doings = await rows(office.engine, messages, author="agent", direction="in")
    quiet = {row.content["do"]: row.content.get("quiet", False) for row in doings}
    assert quiet == {"take": True, "say": False}  # of the take, nothing could be said on WhatsApp


async def test_whoever_blocked_us_or_is_on_no_channel_of_ours_is_not_written_to(office: Office) -> None:
    maya, conversation = await taken(office)
    other = await office.asks_for_people("bob", "teams")
    assert (await maya.post(f"/desk/api/conversations/{other}/do", {"do": "take"}))[0] == 200
    async with transaction(office.engine) as connection:
        await connection.execute(sa.update(identities).values(blocked_at=office.clock()).where(identities.c.id == 1))
    assert await say(maya, conversation, {"text": "Hello"}) == (409, {"error": "blocked", "possible": []})
    assert await say(maya, other, {"text": "Hello"}) == (409, {"error": "unreachable", "possible": []})
    somebody_elses = await identity_of(office.engine, "bob", "teams")
    assert (await say(maya, conversation, {"text": "Hello"}, to=somebody_elses))[0] == 422
    assert (await preview(maya, other, {"text": "Hello"}))[1]["problem"] == "unreachable"
    assert await rows(office.engine, messages, author="agent", direction="out") == []


async def test_placeholders_are_filled_with_plain_text(office: Office) -> None:
    maya, conversation = await taken(office)
    async with transaction(office.engine) as connection:
        await connection.execute(sa.update(customers).values(name="Alice *<b>*  [x](https://evil.example)"))
        slot = {"event": "slot", "name": "order_number", "value": "1042", "timestamp": 1}
        row = {"conversation_id": conversation, "seq": 1, "type": "slot", "timestamp": 1.0, "data": slot}
        await connection.execute(sa.insert(events).values(**row))
    text = "**Hi** {customer}, {agent} here, about {order} ({slot.order_number}) \\{brace\\}"
    content = {"text": text, "options": [{"title": "/Order {order}", "payload": "/evil"}]}
    status, shown = await preview(maya, conversation, content)
    assert (status, shown["problem"]) == (200, None)
    assert shown["content"]["text"] == (
        r"**Hi** Alice \*<b>\* \[x\](https://evil.example), Maya here, about 1042 (1042) {brace}"
    )
    assert shown["content"]["options"] == [{"title": "/Order 1042", "payload": "Order 1042"}]
    assert (await say(maya, conversation, content))[0] == 200
    [row] = await told(office)
    assert row.content == shown["content"]


async def test_an_unknown_placeholder_is_named_and_nothing_is_sent(office: Office) -> None:
    maya, conversation = await taken(office)
    for text in ("{order}", "{nobody}", "{slot.none}", "Hello {customer}"):
        name = text[text.index("{") + 1 : -1]
        status, shown = await preview(maya, conversation, {"text": text})
        assert (status, shown["problem"], shown["placeholder"]) == (200, "placeholder", name)
        assert await say(maya, conversation, {"text": text}) == (422, {"error": "placeholder", "placeholder": name})
    assert await told(office) == []


async def test_a_preview_shows_what_the_channel_would_be_asked_for(office: Office) -> None:
    maya, conversation = await taken(office)
    content = {"text": "Which?", "options": [{"title": "One"}, {"title": "Two"}]}
    _, shown = await preview(maya, conversation, content)
    assert (shown["channel"], shown["shows"]) == ("webchat", ["message: text, 2 options"])


async def upload(browser: Browser, conversation: str, body: bytes, name: str) -> tuple[int, Any]:
    headers = {"Origin": browser.url, "X-CSRF": browser.csrf, "X-File-Name": name}
    path = f"{browser.url}/desk/api/conversations/{conversation}/files"
    async with browser.http.post(path, data=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_file_is_checked_by_its_bytes_sent_by_a_link_and_kept(office: Office, tmp_path: Path) -> None:
    maya, conversation = await taken(office)
    assert await upload(maya, conversation, b"<html><script>", "a.png") == (422, {"error": "type"})
    assert await upload(maya, conversation, b"", "a.png") == (422, {"error": "empty"})
    status, taken_up = await upload(maya, conversation, PNG, "..%2Fetc%2Fkettle.png")
    assert (status, taken_up["file"]["name"], taken_up["file"]["type"]) == (200, "kettle.png", "image/png")
    url = taken_up["file"]["url"]
    assert (await preview(maya, conversation, {"image": url}))[0] == 200
    assert (await say(maya, conversation, {"text": "Like this", "image": url}))[0] == 200
    [row] = await told(office)
    [kept] = await rows(office.engine, media)
    assert row.content["image"] == f"vault:{kept.id}"
    _, transcript = await maya.get(f"/desk/api/conversations/{conversation}/transcript")
    shown = transcript["lines"][-1]["content"]["image"]
    async with maya.http.get(maya.url + shown) as answer:
        assert (answer.status, await answer.read()) == (200, PNG)
    sweeper = Sweeper(engine=office.engine, vault=Vault(tmp_path / "media"))
    assert await sweeper.sweep(office.clock().timestamp() + 10 * KEPT_FOR) == 0


async def test_a_file_is_its_uploaders_and_none_can_be_made_up(office: Office) -> None:
    maya, conversation = await taken(office)
    ben = await office.comes("ben")
    _, uploaded = await upload(ben, conversation, PNG, "kettle.png")
    for url in (uploaded["file"]["url"], "vault:" + "ab" * 32, "vault:", "vault:a.b.c"):
        assert await say(maya, conversation, {"image": url}) == (422, {"error": "no_file"})
        assert await preview(maya, conversation, {"file": {"url": url}}) == (422, {"error": "no_file"})


async def test_what_is_no_message_is_refused(office: Office) -> None:
    maya, conversation = await taken(office)
    contents: list[Any] = [
        None,
        [],
        {"text": 1},
        {"text": "x" * 4_001},
        {"image": "http://plain.example/a.png"},
        {"image": "javascript:alert(1)"},
        {"file": {"url": "file:///etc/passwd"}},
        {"file": "x"},
        {"options": [{"title": ""}]},
        {"options": [{"title": "x"}] * 11},
        {"cards": [{}]},
        {"cards": [{"title": "x", "image": "vault:x"}]},
        {"location": {"latitude": 91, "longitude": 0}},
        {"location": {"latitude": True, "longitude": 0}},
    ]
    for content in contents:
        assert (await say(maya, conversation, content))[1]["error"] == "invalid", content
    for nothing in ({}, {"text": "  "}, {"invite": "code"}):
        assert await say(maya, conversation, nothing) == (422, {"error": "empty"})
    assert len(await rows(office.engine, messages, author="agent")) == 1  # what took it
