"""What is read from the product's database, as the product itself lays it out."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.gateway.migrate import upgrade
from bot.store.database import connect
from sandbox.journeys.ledger import Ledger

NOW = "2026-11-21 12:00:00.000000"


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    engine = connect(f"sqlite:///{tmp_path}/throughline.db")
    await upgrade(engine)
    await engine.dispose()
    path = tmp_path / "throughline.db"
    run(path, "INSERT INTO customers (id, created_at) VALUES ('alice', ?)", NOW)
    run(
        path,
        "INSERT INTO conversations (id, customer_id, owner, last_seq, inbound_seq, done_seq, epoch, created_at) "
        "VALUES ('c', 'alice', 'bot', 0, 0, 0, 0, ?)",
        NOW,
    )
    return path


def run(path: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement, values)


def table(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def add(path: Path, number: int, direction: str, state: str, channel: str = "telegram", **more: object) -> None:
    fields = {
        "id": number,
        "conversation_id": "c",
        "seq": number,
        "direction": direction,
        "author": "bot",
        "channel": channel,
        "address": "1",
        "content": "{}",
        "state": state,
        "attempts": 0,
        "due_at": NOW,
        "created_at": NOW,
        **more,
    }
    run(path, f"INSERT INTO messages ({', '.join(fields)}) VALUES ({', '.join('?' * len(fields))})", *fields.values())


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
async def test_settled_is_when_nothing_can_come_any_more(path: Path, direction: str, state: str, settled: bool) -> None:
    assert Ledger(path).is_settled()
    add(path, 1, direction, state)
    assert Ledger(path).is_settled() is settled


async def test_any_part_leads_to_all_parts_once_the_message_is_sent(path: Path) -> None:
    ledger = Ledger(path)
    add(path, 1, "out", "sending", platform_id="7")
    assert ledger.parts("telegram", "7") == []
    run(path, "UPDATE messages SET state = 'sent'")
    for part in (1, 2):
        run(path, "INSERT INTO sent_parts VALUES (1, ?, 'telegram', ?)", part, str(7 + part))
    add(path, 2, "out", "sent", platform_id="20")
    assert ledger.parts("telegram", "7") == ledger.parts("telegram", "9") == ["7", "8", "9"]
    assert ledger.parts("telegram", "20") == ["20"]
    assert ledger.parts("teams", "7") == []
    assert ledger.conversation("telegram", "8") == "c"


async def test_the_website_knows_messages_by_the_products_own_number(path: Path) -> None:
    add(path, 5, "out", "sent", channel="webchat", address="visitor")
    add(path, 6, "out", "sent", channel="webchat", address="another")
    run(path, "INSERT INTO webchat_sessions VALUES ('hash', 'visitor', ?, ?)", NOW, NOW)
    ledger = Ledger(path)
    assert ledger.newest_for_visitor("hash") == 5
    assert ledger.newest_for_visitor("no such") == 0
    assert ledger.conversation("webchat", "5") == "c"
    assert ledger.conversation("telegram", "5") is None


async def test_time_passes_for_all_that_happened_and_for_nothing_that_is_under_way(path: Path) -> None:
    run(
        path,
        "INSERT INTO link_codes (code_hash, customer_id, from_channel, to_channel, created_at, expires_at) "
        "VALUES ('h', 'alice', 'webchat', 'telegram', ?, '2026-11-21 12:10:00.000500')",
        NOW,
    )
    add(path, 1, "in", "done")
    run(path, "INSERT INTO workers VALUES ('w', 'm', ?, ?)", NOW, NOW)

    Ledger(path).let_pass(3600)

    earlier = "2026-11-21 11:00:00.000000"
    assert table(path, "SELECT created_at, expires_at, used_at FROM link_codes") == [
        (earlier, "2026-11-21 11:10:00.000500", None)
    ]
    assert table(path, "SELECT created_at, due_at, finished_at FROM messages") == [(earlier, NOW, None)]
    assert table(path, "SELECT seen_at FROM workers") == [(NOW,)]


async def test_time_passes_for_what_rasa_remembers_too(path: Path) -> None:
    event = '{"event": "user", "text": "有货吗？", "timestamp": 1000.25}'
    run(path, "INSERT INTO events VALUES ('c', 1, 'user', 1000.25, NULL, ?)", event)
    run(path, "INSERT INTO snapshots (conversation_id, seq, data) VALUES ('c', 1, ?)", f"[{event}]")

    Ledger(path).let_pass(60)

    [(at, data)] = table(path, "SELECT timestamp, data FROM events")
    [(snapshot,)] = table(path, "SELECT data FROM snapshots")
    assert at == 940.25
    assert json.loads(data) == {"event": "user", "text": "有货吗？", "timestamp": 940.25}
    assert json.loads(snapshot) == [json.loads(data)]


async def test_nobody_has_an_account_or_a_code_in_the_next_journey(path: Path) -> None:
    run(path, "UPDATE customers SET account = 'C-1001'")
    run(
        path,
        "INSERT INTO identities (id, channel, external_id, customer_id, address, assurance, linked_how, linked_at) "
        "VALUES (1, 'telegram', '7', 'alice', '7', 'code', 'email_code', ?)",
        NOW,
    )
    add(path, 1, "out", "sent")
    run(
        path,
        "INSERT INTO verifications (identity_id, account, message_id, wrong, created_at, expires_at) "
        "VALUES (1, 'C-1001', 1, 0, ?, ?)",
        NOW,
        NOW,
    )
    run(path, "INSERT INTO wrong_codes (identity_id, at) VALUES (1, ?)", NOW)

    Ledger(path).forget_accounts()

    assert table(path, "SELECT account FROM customers") == [(None,)]
    assert table(path, "SELECT * FROM verifications") == table(path, "SELECT * FROM wrong_codes") == []


async def test_the_next_journey_begins_with_an_empty_desk(path: Path) -> None:
    for id in ("maya", "sam"):
        run(
            path,
            "INSERT INTO agents (id, login, name, role, languages, topics, capacity, availability, seen_at, "
            "created_at) VALUES (?, ?, ?, 'agent', '[]', '[]', 5, 'available', ?, ?)",
            *(id, id, id.title(), NOW, NOW),
        )
    run(path, "UPDATE conversations SET owner = 'queue'")
    run(
        path,
        "INSERT INTO handoffs (conversation_id, state, priority, why, asked_at, queued_at, left_message) "
        "VALUES ('c', 'queued', 0, 'asked', ?, ?, 0)",
        *(NOW, NOW),
    )
    ledger = Ledger(path)

    ledger.let_pass(3600)
    ledger.forget("Sam")
    assert table(path, "SELECT id, seen_at FROM agents ORDER BY id") == [("maya", NOW), ("sam", None)]

    ledger.empty_the_desk()
    assert table(path, "SELECT seen_at FROM agents") == [(None,), (None,)]
    assert table(path, "SELECT state, ended_at IS NULL FROM handoffs") == [("returned", 0)]
    assert table(path, "SELECT owner FROM conversations") == [("bot",)]


async def test_trouble_is_told_from_a_message_on(path: Path) -> None:
    add(path, 1, "out", "failed", error="old")
    add(path, 2, "out", "failed", error="blocked by the person")
    add(path, 3, "in", "failed", error="the turn took too long")
    assert Ledger(path).newest() == 3
    assert Ledger(path).trouble_since(1) == [
        "a message to telegram: blocked by the person",
        "a message from telegram: the turn took too long",
    ]
