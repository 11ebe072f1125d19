"""What every open window of the desk hears, and when; also after it was away."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from aiohttp import WSMsgType, WSServerHandshakeError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import transaction
from bot.store.desk_tables import agents, audit
from bot.store.tables import messages
from bot.store.wake import notify
from channels.contract import Content
from tests.database import Clock
from tests.gateway.desk.office import Office, office, open_office, tells
from tests.gateway.people import rows

__all__ = ["office"]


async def test_a_new_message_is_heard_in_the_lists_and_in_the_open_conversation(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    async with office.window(maya) as window:
        hello = await window.hears("hello")
        assert hello["agent"] == office.agents["maya"]
        await window.say("open", conversation=conversation, after=0)
        assert [line["content"]["text"] for line in (await window.hears("lines"))["lines"]] == ["a human, please"]
        sent = await office.writes("alice", "<script>alert(1)</script>")
        item = await window.hears_of(conversation)
        assert (item["last"]["id"], item["last"]["text"], item["unread"]) == (
            sent.message,
            "<script>alert(1)</script>",
            2,
        )
        line = await window.hears_line(conversation, id=sent.message, state="done")
        assert line["content"] == {"type": "text", "text": "<script>alert(1)</script>"}


async def test_what_becomes_of_an_answer_is_heard(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    async with office.window(maya) as window:
        await window.say("open", conversation=conversation, after=0)
        await window.hears("lines")
        async with transaction(office.engine) as connection:
            told = await tells(connection, conversation, Content(text="Hello"), office.clock(), state="uncertain")
        assert (await window.hears_line(conversation, id=told))["state"] == "uncertain"
        async with transaction(office.engine) as connection:
            read = sa.update(messages).where(messages.c.id == told).values(state="sent", read_at=office.clock())
            await connection.execute(read)
            await notify(connection)
        assert (await window.hears_line(conversation, id=told))["read_at"] == "2026-11-21T12:00:01Z"


async def test_who_takes_over_is_heard_by_all_with_the_counts_of_each(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya, ben = await office.comes("maya"), await office.comes("ben")
    async with office.window(maya) as hers, office.window(ben) as his:
        await hers.hears("hello")
        await his.hears("hello")
        assert (await maya.post(f"/desk/api/conversations/{conversation}/do", {"do": "take"}))[0] == 200
        for window, mine in ((hers, 1), (his, 0)):
            while (frame := await window.hears("items"))["items"][0]["state"] != "agent":
                pass
            assert frame["items"][0]["agent"] == office.agents["maya"]
            assert frame["counts"] == {"queue": 0, "mine": mine, "team": 1}


async def test_whoever_was_away_hears_what_they_missed(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    async with office.window(maya) as window:
        version = (await window.hears("hello"))["version"]
    other = await office.asks_for_people("bob")
    missed = await office.writes("alice", "are you there?")
    async with office.window(maya) as window:
        await window.hears("hello")
        await window.say("since", version=version)
        heard = set[str]()
        while not heard >= {conversation, other}:
            frame = await window.hears("items")
            assert frame["version"] >= version
            heard |= {item["id"] for item in frame["items"]}
        await window.say("open", conversation=conversation, after=missed.message - 1)
        lines = (await window.hears("lines"))["lines"]
        assert lines[-1]["content"]["text"] == "are you there?"


async def test_the_version_never_passes_what_has_not_had_its_turn(
    engine: AsyncEngine, clock: Clock, tmp_path: Path
) -> None:
    async with open_office(engine, clock, tmp_path, core=False) as office:
        waiting = await office.writes("alice", "hello")
        await office.writes("bob", "hello")
        maya = await office.comes("maya")
        async with office.window(maya) as window:
            assert (await window.hears("hello"))["version"] == waiting.message - 1


async def test_colleagues_see_who_looks_and_who_types(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya, ben = await office.comes("maya"), await office.comes("ben")
    her, him = office.agents["maya"], office.agents["ben"]
    async with office.window(maya) as hers:
        await hers.say("open", conversation=conversation)
        await hers.hears("people", viewers=[her])
        async with office.window(ben) as his:
            await his.say("open", conversation=conversation)
            await hers.hears("people", viewers=sorted([her, him]), typing=[])
            assert (await maya.get(f"/desk/api/conversations/{conversation}"))[1]["viewers"] == sorted([her, him])
            await his.say("typing", conversation=conversation)
            await hers.hears("people", typing=[him])
        await hers.hears("people", viewers=[her], typing=[])
        await hers.say("close")
        await hers.say("open", conversation=conversation)
        await hers.hears("people", viewers=[her])


async def test_reading_is_each_agents_own(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya, ben = await office.comes("maya"), await office.comes("ben")
    newest = (await office.writes("alice", "hello?")).message
    async with office.window(maya) as hers, office.window(ben) as his:
        await hers.hears("hello")
        await his.hears("hello")
        await hers.say("seen", conversation=conversation, message=newest)
        await hers.hears_of(conversation, unread=0)
        assert (await his.hears_of(conversation))["unread"] == 2
        await office.writes("alice", "anybody?")
        await hers.hears_of(conversation, unread=1)


async def test_a_note_and_a_mention_reach_those_they_are_for(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya, ben, eve = await office.comes("maya"), await office.comes("ben"), await office.comes("eve", "supervisor")
    path = f"/desk/api/conversations/{conversation}/notes"
    async with office.window(maya) as hers, office.window(ben) as his:
        for window in (hers, his):
            await window.say("open", conversation=conversation)
            await window.hears("people")
        assert (await maya.post(path, {"text": "a hard one", "mentions": [office.agents["ben"]]}))[0] == 200
        assert (await his.hears("mention"))["note"]["text"] == "a hard one"
        assert (await hers.hears_line(conversation, kind="note"))["note"]["text"] == "a hard one"
        whisper = {"text": "be kind", "whisper_to": office.agents["maya"]}
        assert (await eve.post(path, whisper))[0] == 200
        assert (await hers.hears_line(conversation, kind="note"))["note"]["text"] == "be kind"
        await office.writes("alice", "hello?")
        heard = list[str]()
        while "hello?" not in heard:
            frame = await his.hears("lines")
            heard += [(line["note"] or line["content"])["text"] for line in frame["lines"]]
        assert "be kind" not in heard


async def test_whoever_is_given_a_conversation_is_told(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya, ben = await office.comes("maya"), await office.comes("ben")
    do = f"/desk/api/conversations/{conversation}/do"
    async with office.window(ben) as his:
        await his.hears("hello")
        assert (await maya.post(do, {"do": "take"}))[0] == 200
        assert (await maya.post(do, {"do": "transfer", "agent": office.agents["ben"], "note": "yours"}))[0] == 200
        assert (await his.hears("assigned"))["conversation"] == conversation


async def test_labels_are_heard_too(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    async with office.window(maya) as window:
        await window.hears("hello")
        assert await maya.post(f"/desk/api/conversations/{conversation}/labels", {"add": ["vip"]}) == (
            200,
            {"labels": ["vip"]},
        )
        await window.hears_of(conversation, labels=["vip"])


async def test_a_window_counts_as_being_there_and_to_look_is_noted(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    async with office.window(maya) as window:
        frame = await window.hears("agents")
        while not frame["agents"][0]["online"]:
            frame = await window.hears("agents")
        for _ in range(2):
            await window.say("open", conversation=conversation)
            await window.hears("lines")
    assert [row.seen_at for row in await rows(office.engine, agents)] == [office.clock()]
    looks = await rows(office.engine, audit, what="looked")
    assert [(row.who, row.conversation_id) for row in looks] == [(office.agents["maya"], conversation)]


async def test_a_session_that_is_over_hears_nothing_more(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    async with office.window(maya) as window:
        await window.hears("hello")
        await maya.post("/desk/api/logout")
        await window.hears("expired")
        assert (await window.socket.receive(timeout=30)).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
    with pytest.raises(WSServerHandshakeError):
        async with office.window(maya):
            pass
    assert conversation


async def test_frames_that_are_none_do_nothing(office: Office) -> None:
    conversation = await office.asks_for_people("alice")
    maya = await office.comes("maya")
    async with office.window(maya) as window:
        await window.hears("hello")
        for frame in ("", "[]", "{}", '{"type": 1}', '{"type": "open"}', '{"type": "open", "conversation": {"a": 1}}'):
            await window.socket.send_str(frame)
        await window.say("open", conversation="nobodys", after="x")
        await window.say("seen", conversation=conversation, message=[1])
        await window.say("since", version=-1)
        await window.say("open", conversation=conversation, after=2**80)
        await window.hears("lines", conversation=conversation)
