"""What is read from the product's database, as the product itself lays it out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import reading, transaction
from bot.store.desk_tables import agents, handoffs
from bot.store.tables import (
    conversations,
    customers,
    events,
    identities,
    link_codes,
    messages,
    sent_parts,
    snapshots,
    verifications,
    webchat_sessions,
    workers,
    wrong_codes,
)
from sandbox.journeys.ledger import Ledger
from tests.database import NOON, engine

__all__ = ["engine"]


@pytest.fixture
async def ledger(engine: AsyncEngine) -> AsyncIterator[Ledger]:
    await add(engine, customers, id="alice", created_at=NOON)
    numbers = dict.fromkeys(("last_seq", "inbound_seq", "done_seq", "epoch"), 0)
    await add(engine, conversations, id="c", customer_id="alice", owner="bot", created_at=NOON, **numbers)
    ledger = Ledger(engine.url.render_as_string(hide_password=False))
    yield ledger
    await ledger.close()


async def add(engine: AsyncEngine, table: sa.Table, **values: Any) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.insert(table).values(values))


async def change(engine: AsyncEngine, table: sa.Table, **values: Any) -> None:
    """In all rows."""
    async with transaction(engine) as connection:
        await connection.execute(sa.update(table).values(values))


async def found(engine: AsyncEngine, *columns: sa.Column[Any]) -> list[tuple[Any, ...]]:
    async with reading(engine) as connection:
        return [tuple(row) for row in await connection.execute(sa.select(*columns).order_by(columns[0]))]


async def say(
    engine: AsyncEngine, number: int, direction: str, state: str, channel: str = "telegram", **more: object
) -> None:
    fields = {
        "id": number,
        "conversation_id": "c",
        "seq": number,
        "direction": direction,
        "author": "bot",
        "channel": channel,
        "address": "1",
        "content": {},
        "state": state,
        "attempts": 0,
        "due_at": NOON,
        "created_at": NOON,
    }
    await add(engine, messages, **fields | more)


@pytest.mark.parametrize(
    ("direction", "state", "settled"),
    [
        ("in", "waiting", False),
        ("in", "done", True),
        ("in", "failed", True),
        ("out", "queued", False),
        ("out", "sending", False),
        ("out", "sent", True),
        ("out", "uncertain", True),
    ],
)
async def test_settled_is_when_nothing_can_come_any_more(
    engine: AsyncEngine, ledger: Ledger, direction: str, state: str, settled: bool
) -> None:
    assert await ledger.is_settled()
    await say(engine, 1, direction, state)
    assert await ledger.is_settled() is settled


async def test_any_part_leads_to_all_parts_once_the_message_is_sent(engine: AsyncEngine, ledger: Ledger) -> None:
    await say(engine, 1, "out", "sending", platform_id="7")
    assert await ledger.parts("telegram", "7") == []
    await change(engine, messages, state="sent")
    for part in (1, 2):
        await add(engine, sent_parts, message_id=1, part=part, channel="telegram", platform_id=str(7 + part))
    await say(engine, 2, "out", "sent", platform_id="20")
    assert await ledger.parts("telegram", "7") == await ledger.parts("telegram", "9") == ["7", "8", "9"]
    assert await ledger.parts("telegram", "20") == ["20"]
    assert await ledger.parts("teams", "7") == []
    assert await ledger.conversation("telegram", "8") == "c"


async def test_the_website_knows_messages_by_the_products_own_number(engine: AsyncEngine, ledger: Ledger) -> None:
    await say(engine, 5, "out", "sent", channel="webchat", address="visitor")
    await say(engine, 6, "out", "sent", channel="webchat", address="another")
    await add(engine, webchat_sessions, token_hash="hash", visitor="visitor", created_at=NOON, expires_at=NOON)
    assert await ledger.newest_for_visitor("hash") == 5
    assert await ledger.newest_for_visitor("no such") == 0
    assert await ledger.conversation("webchat", "5") == "c"
    assert await ledger.conversation("telegram", "5") is None


async def test_time_passes_for_all_that_happened_and_for_nothing_that_is_under_way(
    engine: AsyncEngine, ledger: Ledger
) -> None:
    code = {"code_hash": "h", "customer_id": "alice", "from_channel": "webchat", "to_channel": "telegram"}
    end = NOON + timedelta(minutes=10, microseconds=500)
    await add(engine, link_codes, **code, created_at=NOON, expires_at=end)
    await say(engine, 1, "in", "done")
    await add(engine, workers, id="w", model="m", started_at=NOON, seen_at=NOON)

    await ledger.let_pass(3600)

    hour = timedelta(hours=1)
    codes = await found(engine, link_codes.c.created_at, link_codes.c.expires_at, link_codes.c.used_at)
    assert codes == [(NOON - hour, end - hour, None)]
    said = await found(engine, messages.c.created_at, messages.c.due_at, messages.c.finished_at)
    assert said == [(NOON - hour, NOON, None)]
    assert await found(engine, workers.c.seen_at) == [(NOON,)]


async def test_time_passes_for_what_rasa_remembers_too(engine: AsyncEngine, ledger: Ledger) -> None:
    event = {"event": "user", "text": "有货吗？", "timestamp": 1000.25}
    for seq in (1, 2):
        await add(engine, events, conversation_id="c", seq=seq, type="user", timestamp=1000.25, data=event)
    await add(engine, snapshots, conversation_id="c", seq=1, data=[event])

    await ledger.let_pass(60)

    earlier = event | {"timestamp": 940.25}
    rows = await found(engine, events.c.seq, events.c.timestamp, events.c.data)
    assert rows == [(1, 940.25, earlier), (2, 940.25, earlier)]
    assert await found(engine, snapshots.c.seq, snapshots.c.data) == [(1, [earlier])]


async def test_nobody_has_an_account_or_a_code_in_the_next_journey(engine: AsyncEngine, ledger: Ledger) -> None:
    await change(engine, customers, account="C-1001")
    alice = {"id": 1, "channel": "telegram", "external_id": "7", "customer_id": "alice", "address": "7"}
    await add(engine, identities, **alice, assurance="code", linked_how="email_code", linked_at=NOON)
    await say(engine, 1, "out", "sent")
    code = {"identity_id": 1, "account": "C-1001", "message_id": 1, "wrong": 0}
    await add(engine, verifications, **code, created_at=NOON, expires_at=NOON)
    await add(engine, wrong_codes, identity_id=1, at=NOON)

    await ledger.forget_accounts()

    assert await found(engine, customers.c.account) == [(None,)]
    assert await found(engine, verifications.c.account) == await found(engine, wrong_codes.c.at) == []


async def test_the_next_journey_begins_with_an_empty_desk(engine: AsyncEngine, ledger: Ledger) -> None:
    for id in ("maya", "sam"):
        who = {"id": id, "login": id, "name": id.title(), "role": "agent", "availability": "available"}
        fields = {"languages": list[str](), "topics": list[str](), "capacity": 5}
        await add(engine, agents, **who, **fields, seen_at=NOON, created_at=NOON)
    await change(engine, conversations, owner="queue")
    case = {"conversation_id": "c", "state": "queued", "priority": 0, "why": "asked", "left_message": False}
    await add(engine, handoffs, **case, asked_at=NOON, queued_at=NOON)

    await ledger.let_pass(3600)
    await ledger.forget("Sam")
    assert await found(engine, agents.c.id, agents.c.seen_at) == [("maya", NOON), ("sam", None)]

    await ledger.empty_the_desk()
    assert await found(engine, agents.c.seen_at) == [(None,), (None,)]
    assert await found(engine, handoffs.c.state, handoffs.c.ended_at) == [("returned", NOON - timedelta(hours=1))]
    assert await found(engine, conversations.c.owner) == [("bot",)]


async def test_trouble_is_told_from_a_message_on(engine: AsyncEngine, ledger: Ledger) -> None:
    await say(engine, 1, "out", "failed", error="old")
    await say(engine, 2, "out", "failed", error="blocked by the person")
    await say(engine, 3, "in", "failed", error="the turn took too long")
    assert await ledger.newest() == 3
    assert await ledger.trouble_since(1) == [
        "a message to telegram: blocked by the person",
        "a message from telegram: the turn took too long",
    ]
