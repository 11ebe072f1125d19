"""What the product's database says while a journey is played: whether all is said, and which parts are one message.

It is looked at and not waited on: what reaches people is read from their phones.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_UNFINISHED = """
    SELECT 1 FROM messages WHERE (direction = 'in' AND state = 'waiting')
                              OR (direction = 'out' AND state IN ('queued', 'sending')) LIMIT 1
"""
_NEWEST_FOR_VISITOR = """
    SELECT coalesce(max(id), 0) FROM messages WHERE channel = 'webchat' AND direction = 'out' AND address =
        (SELECT visitor FROM webchat_sessions WHERE token_hash = ?)
"""
_PARTS = """
    SELECT first.platform_id, later.platform_id FROM messages AS first
    LEFT JOIN sent_parts AS later ON later.message_id = first.id
    WHERE first.direction = 'out' AND first.channel = :channel AND first.state = 'sent' AND (
        first.platform_id = :part OR first.id =
            (SELECT message_id FROM sent_parts WHERE channel = :channel AND platform_id = :part)
    ) ORDER BY later.part
"""
_CONVERSATION = """
    SELECT conversation_id FROM messages WHERE channel = :channel AND (
        platform_id = :part OR (:channel = 'webchat' AND id = :part) OR id =
            (SELECT message_id FROM sent_parts WHERE channel = :channel AND platform_id = :part)
    ) ORDER BY id DESC LIMIT 1
"""
_TROUBLE = """
    SELECT CASE direction WHEN 'in' THEN 'a message from ' ELSE 'a message to ' END || channel || ': ' || error
    FROM messages WHERE id > ? AND state IN ('failed', 'uncertain') ORDER BY id
"""

_TIMES = """
    SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
    WHERE tables.type = 'table' AND columns.type = 'DATETIME' AND tables.name NOT IN ('workers', 'agents')
      AND columns.name NOT IN ('due_at', 'lease_until', 'waiting_since')
"""
"""When something happened, or ends; but nothing of what the product's processes agree on with one another, and not who
is at the desk: they stay there."""


class Ledger:
    """The database of a product that runs on SQLite."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_settled(self) -> bool:
        """Whether every message that was taken had its turn, and every message of the bot's is sent or given up."""
        return not self._ask(_UNFINISHED)

    def newest_for_visitor(self, token_hash: str) -> int:
        """The number of the last message that a visitor of the website is to be shown; 0 if there is none."""
        [[newest]] = self._ask(_NEWEST_FOR_VISITOR, token_hash)
        return int(newest)

    def parts(self, channel: str, part: str) -> list[str]:
        """The platform's ids of all parts of the message that this is a part of; empty while that is not known."""
        found = self._ask(_PARTS, channel=channel, part=part)
        return [str(found[0][0]), *(str(later) for _, later in found if later is not None)] if found else []

    def conversation(self, channel: str, part: str) -> str | None:
        """The conversation in which this was said."""
        found = self._ask(_CONVERSATION, channel=channel, part=part)
        return str(found[0][0]) if found else None

    def newest(self) -> int:
        """The number of the newest message of all."""
        [[newest]] = self._ask("SELECT coalesce(max(id), 0) FROM messages")
        return int(newest)

    def trouble_since(self, message: int) -> list[str]:
        """What went wrong after this message, for people."""
        return [str(row[0]) for row in self._ask(_TROUBLE, message)]

    def let_pass(self, seconds: int) -> None:
        """As if everything so far had happened so many seconds earlier. Only for a product that has nothing to do."""
        with self._open() as database, database:
            database.create_function("earlier", 1, lambda text: _earlier(text, seconds))
            database.create_function("aged", 1, lambda events: _aged(events, seconds))
            for table, column in database.execute(_TIMES).fetchall():
                database.execute(f'UPDATE "{table}" SET "{column}" = earlier("{column}")')  # noqa: S608  # our own names
            database.execute("UPDATE events SET timestamp = timestamp - ?, data = aged(data)", (seconds,))
            database.execute("UPDATE snapshots SET data = aged(data)")
            # What a worker remembers of a conversation has not aged.
            database.execute("UPDATE conversations SET epoch = epoch + 1 WHERE claimed_by IS NULL")

    def forget_accounts(self) -> None:
        """Nobody so far has shown that an account is theirs, was sent a code or has typed a wrong one: who comes now is
        a stranger, and the company's customers are the same ones."""
        with self._open() as database, database:
            database.execute("UPDATE customers SET account = NULL")
            database.execute("DELETE FROM verifications")
            database.execute("DELETE FROM wrong_codes")

    def empty_the_desk(self) -> None:
        """Nobody has been at the desk for long, and nobody waits there or is talked to."""
        with self._open() as database, database:
            database.execute("UPDATE agents SET seen_at = NULL")
            database.execute("UPDATE handoffs SET state = 'returned', ended_at = queued_at WHERE ended_at IS NULL")
            database.execute("UPDATE conversations SET owner = 'bot' WHERE owner <> 'bot'")

    def forget(self, agent: str) -> None:
        """This agent has not been at the desk for long."""
        with self._open() as database, database:
            database.execute("UPDATE agents SET seen_at = NULL WHERE name = ?", (agent,))

    def _ask(self, query: str, *values: object, **named: object) -> list[tuple[Any, ...]]:
        with self._open() as database:
            return database.execute(query, named or values).fetchall()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=30)) as database:
            yield database


def _earlier(text: str | None, seconds: int) -> str | None:
    """A time as SQLAlchemy keeps it on SQLite: in UTC, to the microsecond."""
    return text and (datetime.fromisoformat(text) - timedelta(seconds=seconds)).isoformat(" ", "microseconds")


def _aged(text: str, seconds: int) -> str:
    """One of Rasa's events, or a list of them, as JSON; each has the time when it happened."""
    found = json.loads(text)
    for event in found if isinstance(found, list) else [found]:
        event["timestamp"] -= seconds
    return json.dumps(found)
