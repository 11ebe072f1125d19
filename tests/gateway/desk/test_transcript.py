"""One transcript across channels, with what was done and what colleagues noted, in order and page by page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.transcript import Line, read_before
from bot.store.content import linked_to_json
from bot.store.database import reading, transaction
from bot.store.desk_tables import notes
from bot.store.handoffs import ask_desk
from bot.store.merging import join_customers, separate
from bot.store.tables import media, messages
from channels.contract import Choice, Content, Media, Option, Start
from tests.database import NOON, Clock
from tests.gateway.desk.office import known, open_office, tells
from tests.gateway.desk.staff import hire
from tests.gateway.desk.test_items import Town
from tests.gateway.people import customer_of


async def lines_of(engine: AsyncEngine, conversation: str, agent: str = "", limit: int = 50) -> list[Line]:
    """All of them, read page by page."""
    found, before, more = list[Line](), None, True
    whose = await known(engine, conversation)
    async with reading(engine) as connection:
        while more:
            page, more = await read_before(connection, whose, agent, before=before, limit=limit)
            found = page + found
            before = min((line.json["id"] for line in page if line.json["kind"] != "note"), default=before)
    return found


def words(lines: list[Line]) -> list[str]:
    return [
        line.json["content"].get("text")
        or line.json["content"].get("label")
        or (line.json["note"] or {}).get("text")
        or (line.json["system"] or {}).get("do")
        or line.json["content"].get("type")
        for line in lines
    ]


@pytest.fixture
def town(engine: AsyncEngine, clock: Clock) -> Town:
    return Town(engine, clock)


async def join(town: Town, who: str, channel: str, to: str, to_channel: str) -> int:
    town.clock.forward(seconds=1)
    async with transaction(town.engine) as connection:
        one, into = await customer_of(town.engine, who, channel), await customer_of(town.engine, to, to_channel)
        merge = await join_customers(connection, one=one, into=into, now=town.clock())
    assert merge is not None
    return merge


async def test_it_holds_what_was_said_on_every_channel_and_by_everybody_who_was_merged(town: Town) -> None:
    alice = await town.writes("alice", "one")
    al = await town.writes("al", "two", channel="webchat")
    ali = await town.writes("ali", "three", channel="whatsapp")
    await join(town, "ali", "whatsapp", "al", "webchat")
    merge = await join(town, "al", "webchat", "alice", "telegram")
    await town.writes("al", "four", channel="webchat")
    await town.writes("alice", "five")
    for limit in (1, 2, 50):
        lines = await lines_of(town.engine, alice, limit=limit)
        assert words(lines) == ["one", "two", "three", "four", "five"]
        assert [line.json["channel"] for line in lines] == ["telegram", "webchat", "whatsapp", "webchat", "telegram"]
    assert words(await lines_of(town.engine, ali)) == words(await lines_of(town.engine, alice))
    async with transaction(town.engine) as connection:
        await separate(connection, merge, by="operator", now=town.clock())
    assert words(await lines_of(town.engine, alice)) == ["one", "five"]
    assert words(await lines_of(town.engine, al)) == ["two", "three", "four"]


async def test_what_was_done_stands_between_what_was_said(town: Town) -> None:
    maya = await hire(town.engine, "maya")
    alice = await town.writes("alice", Start())
    async with transaction(town.engine) as connection:
        said = (await connection.execute(sa.select(messages).where(messages.c.conversation_id == alice))).one()
        for do, state in (("take", "done"), ("close", "refused"), ("say", "done"), ("snooze", "waiting")):
            doing = {"do": do, "by": maya, "agent": maya, "content": {"text": "hidden"}}
            message = await ask_desk(connection, alice, doing, agent=maya, now=NOON, key=f"desk:{maya}:{do}-client")
            await connection.execute(sa.update(messages).where(messages.c.id == message).values(state=state))
            if do == "say":
                said_by = {"author": "agent", "agent_id": maya, "cause_id": message}
                await tells(connection, alice, Content(text="Hello, I am Maya"), NOON, **said_by)
        for content, author in (
            (linked_to_json("webchat"), "customer"),
            ({"type": "handoff", "news": "queued"}, "product"),
            ({"type": "ways", "linked": True}, "product"),
            ({"type": "taken_back"}, "customer"),
        ):
            copied = {"direction": "in", "author": author, "channel": "telegram", "identity_id": said.identity_id}
            told = await tells(connection, alice, Content(text="x"), NOON, **copied)
            await connection.execute(sa.update(messages).where(messages.c.id == told).values(content=content))
    lines = [line.json for line in await lines_of(town.engine, alice, limit=2)]
    assert [(line["kind"], line["system"] and line["system"]["do"]) for line in lines] == [
        ("message", None),
        ("system", "take"),
        ("message", None),
        ("system", "linked"),
        ("system", "ask"),
        ("message", None),
    ]
    assert lines[1]["system"] == {"do": "take", "by": maya, "agent": maya}
    assert (lines[1]["channel"], lines[1]["content"]) == (None, {})
    assert (lines[2]["author"], lines[2]["agent"], lines[2]["client_id"]) == ("agent", maya, "say-client")
    assert lines[5]["content"]["taken_back"] is True


async def test_notes_stand_where_they_were_written_and_whispers_are_for_two(town: Town) -> None:
    maya, ben, eve = [await hire(town.engine, login) for login in ("maya", "ben", "eve")]
    alice = await town.writes("alice", "one")
    await town.writes("alice", "two")
    async with transaction(town.engine) as connection:
        for after, text, whisper_to in ((0, "first", None), (1, "between", None), (2, "psst", ben), (2, "last", None)):
            row = {"after_message": after, "text": text, "whisper_to": whisper_to, "mentions": [ben]}
            row |= {"conversation_id": alice, "agent_id": eve, "created_at": NOON}
            await connection.execute(sa.insert(notes).values(**row))
    everybody = ["first", "one", "between", "two", "last"]
    for limit in (1, 50):
        assert words(await lines_of(town.engine, alice, maya, limit)) == everybody
    for agent in (ben, eve):
        assert words(await lines_of(town.engine, alice, agent)) == [*everybody[:4], "psst", "last"]


async def test_a_tap_shows_its_label_and_a_message_its_fate(town: Town) -> None:
    alice = await town.writes("alice", Choice(message=1, option=0, label="Damaged <b>"))
    async with transaction(town.engine) as connection:
        content = Content(text="**Why?**", options=(Option(title="Damaged", payload="/reason"),))
        fate = {"state": "failed", "error": "blocked", "delivered_at": NOON, "attempts": 3}
        await tells(connection, alice, content, NOON, **fate)
    tap, question = [line.json for line in await lines_of(town.engine, alice)]
    assert tap["content"]["label"] == "Damaged <b>"
    assert question["content"]["text"] == "**Why?**"
    assert (question["state"], question["error"], question["attempts"]) == ("failed", "blocked", 3)
    assert question["delivered_at"] == "2026-11-21T12:00:00Z"


async def test_a_customers_file_has_a_link_that_works_and_nothing_else_of_it_is_told(
    engine: AsyncEngine, clock: Clock, tmp_path: Path
) -> None:
    async with open_office(engine, clock, tmp_path) as office:
        town = Town(engine, clock)
        alice = await town.writes("alice", Media(kind="file", ref="a-secret-of-the-channel", name="<img src=x>.txt"))
        sha256 = "ab" * 32
        (tmp_path / "media" / "ab").mkdir(parents=True)
        (tmp_path / "media" / "ab" / sha256).write_bytes(b"hello")
        async with transaction(engine) as connection:
            stored: Any = {"state": "stored", "sha256": sha256, "type": "text/plain", "size": 5}
            await connection.execute(sa.update(media).values(**stored))
            row = (await connection.execute(sa.select(messages.c.content))).scalar_one()
            content = {**row, "outcome": "stored", "mime": "text/plain", "size": 5}
            await connection.execute(sa.update(messages).values(content=content))
        maya = await office.comes("maya")
        status, told = await maya.get(f"/desk/api/conversations/{alice}/transcript")
        assert status == 200
        assert "a-secret-of-the-channel" not in str(told)
        file = told["lines"][0]["content"]["media"]
        assert (file["name"], file["kind"], file["type"], file["size"]) == ("<img src=x>.txt", "file", "text/plain", 5)
        assert await maya.get(file["url"]) == (200, "hello")
        assert (await maya.get("/desk/api/conversations/nobodys/transcript")) == (404, {"error": "unknown"})
        for wrong in ("before=x", "limit=-1", "before=" + "9" * 30):
            assert (await maya.get(f"/desk/api/conversations/{alice}/transcript?{wrong}"))[0] == 422
