"""Deleting what has become old, where the company wants that: finished messages, with all that refers to them, and what
Rasa's dialogue no longer needs of their events.

Few rows are deleted at a time, each few in a transaction of their own, with rests in between: whoever accepts, claims
or sends does not wait for it. No conversation's row is locked. What a dialogue goes on from, its snapshot and the
events after it, stays, and so do the numbers.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.store.database import reading, transaction
from bot.store.desk_tables import handoffs, notes, outside_messages, search_progress
from bot.store.outage import POSSIBLE
from bot.store.ownership import BOT
from bot.store.tables import (
    Utc,
    conversations,
    early_receipts,
    events,
    media,
    messages,
    sent_parts,
    snapshots,
    unpublished,
    unread_webhooks,
    verifications,
)

log = structlog.get_logger()

AT_ONCE = 200
"""Rows that are looked at, and deleted at most, in one transaction."""
_EVERY = 3600.0
_REST = 0.2

# Any number will do that no other program takes for its advisory locks.
_LOCK = sa.text("SELECT pg_try_advisory_xact_lock(7114212)")


class Retention:
    """`run` goes on until `stop`. Of several gateways one deletes at a time."""

    def __init__(self, *, engine: AsyncEngine, days: int, clock: Callable[[], datetime], rest: float = _REST) -> None:
        self._engine = engine
        self._keep = timedelta(days=days)
        self._clock = clock
        self._rest = rest
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.round()
            except POSSIBLE as error:
                log.error("retention.unavailable", error=type(error).__name__)
            await self._wait(_EVERY)

    def stop(self) -> None:
        """After the few rows that are being deleted."""
        self._stopping.set()

    async def round(self) -> int:
        """Delete all that is old by now; returns how many messages. Ends early where another gateway does the same."""
        before = self._clock() - self._keep
        gone = 0
        async for page in self._pages(messages, messages.c.created_at, before):
            theirs, alone = await self._delete_messages(page, before)
            gone += len(theirs)
            for conversation in sorted({row.conversation_id for row in theirs}):
                alone = alone and await self._trim(conversation, before)
            if not alone:
                return gone
        for table, at in (
            (notes, notes.c.created_at),
            (unread_webhooks, unread_webhooks.c.received_at),
            (early_receipts, early_receipts.c.at),
        ):
            async for page in self._pages(table, at, before):
                await self._delete(sa.delete(table).where(table.c.id.in_(page), at < before, *_MORE.get(table, ())))
        if gone:
            log.info("retention.deleted", messages=gone)
        return gone

    async def _pages(self, table: sa.Table, at: sa.Column[Any], before: datetime) -> AsyncIterator[list[int]]:
        """Ids of a table's rows, in order, as far as they are old. They are numbered in the order of their times, or
        nearly so."""
        after = 0
        while not self._stopping.is_set():
            query = sa.select(table.c.id, at.label("at")).where(table.c.id > after).order_by(table.c.id).limit(AT_ONCE)
            async with reading(self._engine) as connection:
                rows = (await connection.execute(query)).all()
            old = [row.id for row in rows if row.at < before]
            if old:
                yield old
            if len(rows) < AT_ONCE or rows[-1].at >= before:
                return
            after = rows[-1].id
            await self._wait(self._rest)

    async def _delete_messages(self, page: Sequence[int], before: datetime) -> tuple[Sequence[Any], bool]:
        """Those of the page that may go; and whether this gateway was alone in deleting."""
        async with transaction(self._engine) as connection:
            if not await _alone(connection):
                return (), False
            rows = (await connection.execute(_OLD, {"page": page, "before": before})).all()
            ids = [row.id for row in rows]
            if ids:
                for table in (sent_parts, media, verifications, outside_messages):
                    await connection.execute(sa.delete(table).where(table.c.message_id.in_(ids)))
                await connection.execute(sa.delete(messages).where(messages.c.id.in_(ids)))
        return rows, True

    async def _trim(self, conversation: str, before: datetime) -> bool:
        """Delete the conversation's events that are old, that its snapshot stands for and that the broker has."""
        while not self._stopping.is_set():
            async with transaction(self._engine) as connection:
                if not await _alone(connection):
                    return False
                found = await connection.execute(_STANDS_FOR, {"conversation": conversation, "most": AT_ONCE})
                old = itertools.takewhile(lambda row: row.timestamp < before.timestamp(), found)
                gone = [row.seq for row in old]
                if gone:
                    await connection.execute(
                        sa.delete(events).where(events.c.conversation_id == conversation, events.c.seq <= gone[-1])
                    )
            if len(gone) < AT_ONCE:
                return True
            await self._wait(self._rest)
        return True

    async def _delete(self, statement: sa.Delete) -> None:
        async with transaction(self._engine) as connection:
            if await _alone(connection):
                await connection.execute(statement)

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


async def _alone(connection: AsyncConnection) -> bool:
    """To the end of the transaction. SQLite has one gateway."""
    return connection.dialect.name != "postgresql" or bool((await connection.execute(_LOCK)).scalar_one())


_BEFORE = sa.bindparam("before", type_=Utc())
_IS_QUIET = sa.and_(
    conversations.c.owner == BOT,
    conversations.c.waiting_since.is_(None),
    ~sa.exists().where(handoffs.c.conversation_id == conversations.c.id, handoffs.c.ended_at.is_(None)),
)
"""Conversations that nobody has in hand, and in which nothing waits."""

_OLD = (
    sa.select(messages.c.id, messages.c.conversation_id)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(
        messages.c.id.in_(sa.bindparam("page", expanding=True)),
        messages.c.created_at < _BEFORE,
        messages.c.state.not_in(("waiting", "queued", "sending")),
        _IS_QUIET,
        # Whoever puts it into the search index would be left with words of nothing.
        messages.c.id <= sa.select(search_progress.c.message_id).scalar_subquery(),
        # SQLite would give its number once more.
        messages.c.id < sa.select(sa.func.max(messages.alias().c.id)).scalar_subquery(),
    )
    .with_for_update(of=messages, skip_locked=True)
)
# The snapshot's row is held, since events that nothing stands for any more are needed.
_STANDS_FOR = (
    sa.select(events.c.seq, events.c.timestamp)
    .join(snapshots, snapshots.c.conversation_id == events.c.conversation_id)
    .where(
        events.c.conversation_id == sa.bindparam("conversation"),
        events.c.seq < snapshots.c.seq,
        ~sa.exists().where(
            unpublished.c.conversation_id == events.c.conversation_id, unpublished.c.next_seq <= events.c.seq
        ),
    )
    .order_by(events.c.seq)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(of=snapshots, skip_locked=True)
)
_MORE: dict[sa.Table, Sequence[sa.ColumnElement[bool]]] = {
    notes: (sa.exists().where(conversations.c.id == notes.c.conversation_id, _IS_QUIET),)
}
"""What else must be so."""
