"""What is read from the product's database, as the product itself lays it out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

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


async def test_links_expire_when_they_are_told_to(path: Path) -> None:
    run(
        path,
        "INSERT INTO link_codes (code_hash, customer_id, from_channel, to_channel, created_at, expires_at) "
        "VALUES ('h', 'alice', 'webchat', 'telegram', ?, '2030-01-01 00:00:00.000000')",
        NOW,
    )
    Ledger(path).expire_links()
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT expires_at FROM link_codes").fetchall() == [(NOW,)]


async def test_trouble_is_told_from_a_message_on(path: Path) -> None:
    add(path, 1, "out", "failed", error="old")
    add(path, 2, "out", "failed", error="blocked by the person")
    add(path, 3, "in", "failed", error="the turn took too long")
    assert Ledger(path).newest() == 3
    assert Ledger(path).trouble_since(1) == [
        "a message to telegram: blocked by the person",
        "a message from telegram: the turn took too long",
    ]
