"""What is deleted when it has become old, and what stays, on both databases."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.stored import read_everything, read_history, read_session
from bot.gateway import retention
from bot.gateway.desk.searching import Indexer
from bot.gateway.media.sweep import KEPT_FOR, Sweeper
from bot.gateway.media.vault import Vault
from bot.gateway.retention import Retention
from bot.store.auditing import note
from bot.store.database import reading, transaction
from bot.store.desk_tables import agents, audit, handoffs, notes, search_terms
from bot.store.tables import (
    conversations,
    events,
    media,
    messages,
    metadata,
    sent_parts,
    snapshots,
    unpublished,
    unread_webhooks,
    verifications,
)
from channels.contract import Media
from tests.database import NOON, Clock
from tests.gateway.people import accepted, bot_says, rows, says
from tests.gateway.running import running_gateway

OLD = NOON - timedelta(days=40)
YOUNG = NOON - timedelta(days=20)


class Archive:
    """Conversations of some weeks, and the round that deletes what is older than thirty days."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self.engine = engine
        self.round = Retention(engine=engine, days=30, clock=clock, rest=0).round
        self.index = Indexer(engine=engine, clock=clock).catch_up

    async def talk(self, who: str, when: datetime, text: str = "hello") -> int:
        """Something that was said then, and answered; the id of the answer."""
        heard = await accepted(self.engine, says(who, text), when)
        said = await bot_says(self.engine, heard, f"you said {text}", when)
        await self.put(messages, heard.message, state="done", finished_at=when)
        await self.put(messages, said, state="sent", finished_at=when)
        await self.put(conversations, heard.conversation, waiting_since=None, unanswered_since=None)
        return said

    async def put(self, table: sa.Table, key: object, **values: Any) -> None:
        async with transaction(self.engine) as connection:
            await connection.execute(sa.update(table).where(table.c.id == key).values(**values))

    async def add(self, table: sa.Table, *values: dict[str, Any]) -> None:
        async with transaction(self.engine) as connection:
            await connection.execute(sa.insert(table), list(values))

    async def left(self) -> list[Any]:
        return await rows(self.engine, messages)

    async def conversation(self) -> str:
        [row] = await rows(self.engine, conversations)
        return str(row.id)

    async def write_events(self, conversation: str, *, count: int, when: datetime, tail_from: int | None) -> None:
        """Numbered from 1, the first of them a session's beginning, with a snapshot that stands for all before the
        tail."""
        kinds = ["session_started", *["user"] * (count - 1)]
        await self.add(
            events,
            *[
                {
                    "conversation_id": conversation,
                    "seq": seq,
                    "type": kind,
                    "timestamp": when.timestamp(),
                    "data": {"event": kind},
                }
                for seq, kind in enumerate(kinds, 1)
            ],
        )
        if tail_from is not None:
            data = [{"event": "slot", "name": "item", "value": "lamp"}]
            await self.add(snapshots, {"conversation_id": conversation, "seq": tail_from, "data": data})

    async def event_numbers(self) -> list[int]:
        return [row.seq for row in await rows(self.engine, events)]


@pytest.fixture
async def archive(engine: AsyncEngine, clock: Clock) -> Archive:
    return Archive(engine, clock)


async def test_what_is_old_goes_and_what_is_young_stays(archive: Archive) -> None:
    await archive.talk("alice", OLD)
    kept = [await archive.talk("bob", YOUNG), await archive.talk("alice", YOUNG)]
    await archive.index()
    assert await archive.round() == 2
    assert [row.id for row in await archive.left() if row.direction == "out"] == kept
    assert len(await rows(archive.engine, conversations)) == 2
    assert await archive.round() == 0


async def test_all_that_refers_to_a_message_goes_with_it(archive: Archive, tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    name = await vault.put(b"a lamp")
    picture = Media(kind="picture", ref="secret", text="my lamp")
    heard = await accepted(archive.engine, says("alice", picture), OLD)
    said = await bot_says(archive.engine, heard, "a lamp", OLD)
    await archive.put(messages, heard.message, state="done")
    await archive.put(messages, said, state="sent")
    await archive.put(conversations, heard.conversation, waiting_since=None)
    [file] = await rows(archive.engine, media)
    await archive.put(media, file.id, state="stored", sha256=name, ref=None)
    await archive.index()
    [alice] = {row.identity_id for row in await archive.left() if row.identity_id}
    await archive.add(sent_parts, {"message_id": said, "part": 1, "channel": "telegram", "platform_id": "p9"})
    await archive.add(
        verifications,
        {
            "identity_id": alice,
            "account": "7",
            "message_id": said,
            "wrong": 0,
            "created_at": OLD,
            "expires_at": OLD,
        },
    )
    await archive.talk("bob", YOUNG)
    await archive.index()
    assert await rows(archive.engine, search_terms, message_id=said)

    assert await archive.round() == 2
    referring = [
        table for table in metadata.sorted_tables for key in table.foreign_keys if key.column.table is messages
    ]
    assert {table.name for table in referring} == {"media", "search_terms", "sent_parts", "verifications"}
    for table in referring:
        assert [row for row in await rows(archive.engine, table) if row.message_id in (heard.message, said)] == []
    sweeper = Sweeper(engine=archive.engine, vault=vault)
    assert await sweeper.sweep(vault.path(name).stat().st_mtime + KEPT_FOR + 1) == 1


async def test_what_agents_wrote_and_what_could_not_be_read_goes_too_and_the_record_stays(archive: Archive) -> None:
    await archive.talk("alice", OLD)
    await archive.talk("alice", YOUNG)
    await archive.index()
    conversation = await archive.conversation()
    agent = {"login": "carol", "name": "Carol", "role": "agent", "languages": [], "topics": [], "capacity": 3}
    await archive.add(agents, {**agent, "id": "carol", "availability": "away", "created_at": OLD})
    remark = {"conversation_id": conversation, "agent_id": "carol", "text": "hm", "mentions": []}
    await archive.add(notes, *[{**remark, "after_message": 1, "created_at": when} for when in (OLD, YOUNG)])
    odd = {"channel": "telegram", "reason": "odd", "body": b"{}"}
    await archive.add(unread_webhooks, *[{**odd, "body_hash": str(at), "received_at": at} for at in (OLD, YOUNG)])
    async with transaction(archive.engine) as connection:
        await note(connection, "carol", "looked", conversation=conversation, now=OLD)
    await archive.round()
    assert [row.created_at for row in await rows(archive.engine, notes)] == [YOUNG]
    assert [row.received_at for row in await rows(archive.engine, unread_webhooks)] == [YOUNG]
    assert len(await rows(archive.engine, audit)) == 1


@pytest.mark.parametrize("why", ["an agent has it", "in a queue", "a message waits", "not sent yet", "not indexed"])
async def test_what_somebody_still_has_in_hand_stays(archive: Archive, why: str) -> None:
    said = await archive.talk("alice", OLD)
    if why != "not indexed":
        await archive.index()
    conversation = await archive.conversation()
    if why == "an agent has it":
        await archive.put(conversations, conversation, owner="carol")
    if why == "in a queue":
        stretch = {"conversation_id": conversation, "state": "queued", "priority": 0, "why": "asked"}
        await archive.add(handoffs, {**stretch, "asked_at": OLD, "queued_at": OLD, "left_message": False})
    if why == "a message waits":
        await archive.put(conversations, conversation, waiting_since=NOON)
    if why == "not sent yet":
        await archive.put(messages, said, state="queued")
    await accepted(archive.engine, says("bob", "hello"), NOON)
    assert await archive.round() == (1 if why == "not sent yet" else 0)


async def test_the_newest_message_stays_so_that_its_number_is_not_given_again(archive: Archive) -> None:
    await archive.talk("alice", OLD)
    newest = await archive.talk("alice", OLD)
    await archive.index()
    await archive.round()
    assert [row.id for row in await archive.left()] == [newest]
    assert await archive.talk("alice", NOON) > newest


async def test_a_dialogue_goes_on_from_its_snapshot(archive: Archive) -> None:
    await archive.talk("alice", OLD)
    await archive.talk("alice", YOUNG)
    await archive.index()
    conversation = await archive.conversation()
    await archive.write_events(conversation, count=500, when=OLD, tail_from=450)
    async with reading(archive.engine) as connection:
        before = await read_history(connection, conversation)
    await archive.round()
    assert await archive.event_numbers() == list(range(450, 501))
    async with reading(archive.engine) as connection:
        assert await read_history(connection, conversation) == before
        # The session's beginning is gone: what stands for it is read in its place.
        assert await read_session(connection, conversation) == before
        everything = await read_everything(connection, conversation)
    assert (everything.first_seq, everything.next_seq, None in everything.events) == (450, 501, False)


async def test_events_stay_that_nothing_stands_for_or_that_are_young_or_not_published(archive: Archive) -> None:
    for who, count, when, tail in (("alice", 30, OLD, None), ("bob", 30, YOUNG, 20), ("carol", 30, OLD, 20)):
        await archive.talk(who, OLD)
        newest = (await rows(archive.engine, messages))[-1].conversation_id
        await archive.write_events(newest, count=count, when=when, tail_from=tail)
        if who == "carol":
            due = {"next_seq": 11, "end_seq": 31, "due_at": NOON}
            await archive.add(unpublished, {"conversation_id": newest, **due})
    await archive.talk("alice", YOUNG)
    await archive.index()
    await archive.round()
    assert len(await archive.event_numbers()) == 30 + 30 + 20


async def test_a_history_without_a_snapshot_begins_where_its_events_do(archive: Archive) -> None:
    """An undone link takes a snapshot away."""
    await archive.talk("alice", OLD)
    await archive.talk("alice", YOUNG)
    await archive.index()
    conversation = await archive.conversation()
    await archive.write_events(conversation, count=100, when=OLD, tail_from=50)
    await archive.round()
    async with transaction(archive.engine) as connection:
        await connection.execute(sa.delete(snapshots))
    async with reading(archive.engine) as connection:
        history = await read_history(connection, conversation)
    assert (history.first_seq, history.next_seq, len(history.events)) == (50, 101, 51)


async def test_it_is_done_a_few_rows_at_a_time(archive: Archive, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each commit by itself, none of more rows than a page has; and what is accepted in between is taken at once."""
    monkeypatch.setattr(retention, "AT_ONCE", 4)
    for _ in range(8):
        await archive.talk("alice", OLD)
    await archive.talk("alice", YOUNG)
    await archive.index()
    left: list[int] = []

    class Between(Retention):
        async def _wait(self, seconds: float) -> None:
            left.append(len(await rows(archive.engine, messages)))
            await accepted(archive.engine, says("bob", "hello"), NOON)

    assert await Between(engine=archive.engine, days=30, clock=clock).round() == 16
    assert left[:4] == [14, 11, 8, 5]
    assert len(await rows(archive.engine, messages, state="waiting")) == len(left)


async def test_nobody_waits_for_it(engine: AsyncEngine, archive: Archive) -> None:
    """While rows are being deleted, and that is not committed, the same customer is heard and answered."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time; the deleting one has its turn for a few rows only")
    said = await archive.talk("alice", OLD)
    await archive.talk("alice", YOUNG)
    await archive.index()
    await archive.add(sent_parts, {"message_id": said, "part": 1, "channel": "telegram", "platform_id": "p9"})
    async with engine.connect() as holding:
        await holding.execute(sa.select(sent_parts).with_for_update())
        deleting = asyncio.create_task(archive.round())
        while not (await holding.execute(_WAITING)).scalar_one():
            await asyncio.sleep(0.01)
        await archive.talk("alice", NOON)
        assert not deleting.done()
        await holding.rollback()
    assert await deleting == 2
    assert len(await archive.left()) == 4


_WAITING = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")


async def test_one_gateway_deletes_at_a_time(engine: AsyncEngine, archive: Archive, clock: Clock) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one gateway")
    await archive.talk("alice", OLD)
    await archive.talk("alice", YOUNG)
    await archive.index()
    async with engine.connect() as other:
        await other.execute(retention._LOCK)
        assert await archive.round() == 0
        await other.rollback()
    assert await archive.round() == 2


async def test_a_gateway_does_it_where_it_is_told_to(engine: AsyncEngine, archive: Archive, tmp_path: Path) -> None:
    await archive.talk("alice", OLD)
    kept = await archive.talk("alice", YOUNG)
    await archive.index()
    url = engine.url.render_as_string(hide_password=False)
    async with running_gateway(tmp_path, database_url=url, clock=Clock()):  # everything is kept
        assert len(await archive.left()) == 4
    async with running_gateway(tmp_path, database_url=url, clock=Clock(), keep_messages_days=30):
        async with asyncio.timeout(20):
            while len(await archive.left()) > 2:
                await asyncio.sleep(0.02)
    assert (await archive.left())[-1].id == kept
