"""What the product's database says while a journey is played: whether all is said, and which parts are one message.

It is looked at and not waited on: what reaches people is read from their phones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_UNFINISHED = """
    SELECT 1 FROM messages WHERE (direction = 'in' AND state = 'waiting')
                              OR (direction = 'out' AND state IN ('queued', 'sending')) LIMIT 1
"""
_NEWEST_FOR_VISITOR = """
    SELECT coalesce(max(id), 0) FROM messages WHERE channel = 'webchat' AND direction = 'out' AND address =
        (SELECT visitor FROM webchat_sessions WHERE token_hash = :token_hash)
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
        platform_id = :part OR (channel = 'webchat' AND CAST(id AS VARCHAR) = :part) OR id =
            (SELECT message_id FROM sent_parts WHERE channel = :channel AND platform_id = :part)
    ) ORDER BY id DESC LIMIT 1
"""
_TROUBLE = """
    SELECT CASE direction WHEN 'in' THEN 'a message from ' ELSE 'a message to ' END || channel || ': ' || error
    FROM messages WHERE id > :message AND state IN ('failed', 'uncertain') ORDER BY id
"""

_AGREED_ON = {"due_at", "lease_until", "waiting_since", "unanswered_since"}
_WHO_IS_THERE = {"workers", "gateways", "agents"}
"""Columns and tables of what the product's processes agree on with one another, and of who is at the desk: they stay
where they are when time passes."""

_PATIENCE = 30
"""Seconds to wait for a lock of the product's."""

Found = TypeVar("Found")


class Ledger:
    """The database of a product, on SQLite or PostgreSQL. For one event loop."""

    def __init__(self, database_url: str) -> None:
        self._engine = _engine(sa.make_url(database_url))

    async def close(self) -> None:
        if isinstance(self._engine, AsyncEngine):
            await self._engine.dispose()
        else:
            self._engine.dispose()

    async def is_settled(self) -> bool:
        """Whether every message that was taken had its turn, and every message of the bot's is sent or given up."""
        return not await self._ask(_UNFINISHED)

    async def newest_for_visitor(self, token_hash: str) -> int:
        """The number of the last message that a visitor of the website is to be shown; 0 if there is none."""
        [[newest]] = await self._ask(_NEWEST_FOR_VISITOR, token_hash=token_hash)
        return int(newest)

    async def parts(self, channel: str, part: str) -> list[str]:
        """The platform's ids of all parts of the message that this is a part of; empty while that is not known."""
        found = await self._ask(_PARTS, channel=channel, part=part)
        return [str(found[0][0]), *(str(later) for _, later in found if later is not None)] if found else []

    async def conversation(self, channel: str, part: str) -> str | None:
        """The conversation in which this was said."""
        found = await self._ask(_CONVERSATION, channel=channel, part=part)
        return str(found[0][0]) if found else None

    async def newest(self) -> int:
        """The number of the newest message of all."""
        [[newest]] = await self._ask("SELECT coalesce(max(id), 0) FROM messages")
        return int(newest)

    async def trouble_since(self, message: int) -> list[str]:
        """What went wrong after this message, for people."""
        return [str(row[0]) for row in await self._ask(_TROUBLE, message=message)]

    async def let_pass(self, seconds: int) -> None:
        """As if everything so far had happened so many seconds earlier. Only for a product that has nothing to do."""
        await self._do(lambda connection: _let_pass(connection, seconds))

    async def forget_accounts(self) -> None:
        """Nobody so far has shown that an account is theirs, was sent a code or has typed a wrong one: who comes now is
        a stranger, and the company's customers are the same ones."""
        await self._change(
            "UPDATE customers SET account = NULL", "DELETE FROM verifications", "DELETE FROM wrong_codes"
        )

    async def empty_the_desk(self) -> None:
        """Nobody has been at the desk for long, and nobody waits there or is talked to."""
        await self._change(
            "UPDATE agents SET seen_at = NULL",
            "UPDATE handoffs SET state = 'returned', ended_at = queued_at WHERE ended_at IS NULL",
            "UPDATE conversations SET owner = 'bot' WHERE owner <> 'bot'",
        )

    async def forget(self, agent: str) -> None:
        """This agent has not been at the desk for long."""
        await self._change("UPDATE agents SET seen_at = NULL WHERE name = :agent", agent=agent)

    async def _ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        return await self._do(lambda connection: [tuple(row) for row in connection.execute(sa.text(query), values)])

    async def _change(self, *statements: str, **values: Any) -> None:
        def work(connection: sa.Connection) -> None:
            for statement in statements:
                connection.execute(sa.text(statement), values)

        await self._do(work)

    async def _do(self, work: Callable[[sa.Connection], Found]) -> Found:
        """In one transaction."""
        if isinstance(self._engine, AsyncEngine):
            async with self._engine.begin() as connection:
                return await connection.run_sync(work)
        with self._engine.begin() as file:
            return work(file)


def _engine(url: sa.URL) -> sa.Engine | AsyncEngine:
    """Whoever is in the same process sees to it that nothing here takes long: a file is looked into at once."""
    if url.get_backend_name() == "sqlite":
        return sa.create_engine(url.set(drivername="sqlite"), connect_args={"timeout": _PATIENCE})
    return create_async_engine(url.set(drivername="postgresql+asyncpg"))


def _let_pass(connection: sa.Connection, seconds: int) -> None:
    by = timedelta(seconds=seconds)
    for table, keys in _tables(connection):
        times = [column.name for column in table.columns if _passes(table.name, column)]
        _rewrite(connection, table, keys, {time: lambda at: at and at - by for time in times})
        if table.name in ("events", "snapshots"):
            _rewrite(connection, table, keys, {"data": lambda events: _aged(events, seconds)})
    connection.execute(sa.text("UPDATE events SET timestamp = timestamp - :seconds"), {"seconds": seconds})
    # What a worker remembers of a conversation has not aged.
    connection.execute(sa.text("UPDATE conversations SET epoch = epoch + 1 WHERE claimed_by IS NULL"))


def _tables(connection: sa.Connection) -> Iterator[tuple[sa.TableClause, list[str]]]:
    """Each with the columns of its key, as the database itself describes them."""
    inspector = sa.inspect(connection)
    keys = inspector.get_multi_pk_constraint()
    for where, columns in inspector.get_multi_columns().items():
        table = sa.table(where[1], *(sa.column(column["name"], column["type"]) for column in columns))
        yield table, list(keys[where]["constrained_columns"])


def _passes(table: str, column: sa.ColumnClause[Any]) -> bool:
    """Whether this says when something happened, or ends."""
    return isinstance(column.type, sa.DateTime) and table not in _WHO_IS_THERE and column.name not in _AGREED_ON


def _rewrite(
    connection: sa.Connection, table: sa.TableClause, keys: list[str], how: dict[str, Callable[[Any], Any]]
) -> None:
    """Give columns of every row the values that are made of theirs."""
    if not how:
        return
    found = connection.execute(sa.select(*(table.c[name] for name in {*keys, *how}))).mappings()
    rows = [
        {f"key_{key}": row[key] for key in keys} | {f"new_{name}": new(row[name]) for name, new in how.items()}
        for row in found
    ]
    if rows:
        this = (table.c[key] == sa.bindparam(f"key_{key}", type_=table.c[key].type) for key in keys)
        new = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in how}
        connection.execute(sa.update(table).where(*this).values(new), rows)


def _aged(events: Any, seconds: int) -> Any:
    """One of Rasa's events, or a list of them; each has the time when it happened."""
    if isinstance(events, list):
        return [_aged(event, seconds) for event in events]
    return {**events, "timestamp": events["timestamp"] - seconds}
