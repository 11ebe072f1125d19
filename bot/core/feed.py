"""Which events Rasa's event broker does not have yet. Knows the tables and not Rasa.

A row of `unpublished` comes into being in the commit that writes the events, and is gone once the broker has them all:
so a crash at any moment skips nothing, and what is published has been committed. There is one row for a conversation
and no order between conversations, so no commit waits for another one. Functions take a connection and never commit.

    commit: events 7, 8, 9     next_seq 7, end_seq 10
    published up to 8          next_seq 9, end_seq 10
    commit: event 10           next_seq 9, end_seq 11
    published up to 10         no row
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.turn import Json
from bot.store.tables import events, unpublished

MOST = 100
"""Events that are published at once."""


@dataclass(frozen=True, kw_only=True)
class Behind:
    """The right to be the only one who publishes a conversation's events, until the lease is over."""

    conversation: str
    feeder: str
    next_seq: int
    """Number of the first event that the broker does not have."""
    end_seq: int
    """Number after the last of them, when it was claimed."""


async def mark(connection: AsyncConnection, conversation: str, first: int, count: int, now: datetime) -> None:
    """`count` events, numbered from `first`, are being committed, and are to be published."""
    theirs = unpublished.c.conversation_id == conversation
    # The update holds the row, so that the feed cannot take it for finished and away while this is not committed.
    found = await connection.execute(sa.update(unpublished).where(theirs).values(end_seq=first + count))
    if not found.rowcount:
        await connection.execute(
            sa.insert(unpublished).values(
                conversation_id=conversation, next_seq=first, end_seq=first + count, due_at=now
            )
        )


async def claim_behind(connection: AsyncConnection, feeder: str, now: datetime, lease: timedelta) -> Behind | None:
    """The conversation whose events have waited longest, or nothing where none waits."""
    found = await connection.execute(
        sa.select(unpublished.c.conversation_id, unpublished.c.next_seq, unpublished.c.end_seq)
        .where(
            unpublished.c.due_at <= now, sa.or_(unpublished.c.lease_until.is_(None), unpublished.c.lease_until <= now)
        )
        .order_by(unpublished.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = found.first()
    if row is None:
        return None
    await connection.execute(
        sa.update(unpublished)
        .where(unpublished.c.conversation_id == row.conversation_id)
        .values(claimed_by=feeder, lease_until=now + lease)
    )
    return Behind(conversation=row.conversation_id, feeder=feeder, next_seq=row.next_seq, end_seq=row.end_seq)


async def anything_behind(connection: AsyncConnection, now: datetime) -> bool:
    """Whether there is something to claim, or will be when a lease is over. Needs no lock."""
    found = await connection.execute(
        sa.select(unpublished.c.conversation_id).where(unpublished.c.due_at <= now).limit(1)
    )
    return found.first() is not None


async def read_unpublished(connection: AsyncConnection, behind: Behind) -> list[tuple[int, Json | None]]:
    """The next events with their numbers, at most `MOST`; None for one that is no JSON object."""
    found = await connection.execute(
        sa.select(events.c.seq, events.c.data)
        .where(events.c.conversation_id == behind.conversation, events.c.seq >= behind.next_seq)
        .order_by(events.c.seq)
        .limit(MOST)
    )
    return [(row.seq, row.data if isinstance(row.data, dict) else None) for row in found]


async def advance(connection: AsyncConnection, behind: Behind, published: Sequence[int], now: datetime) -> None:
    """The broker has these events. Changes nothing where somebody else has claimed the conversation since."""
    next_seq = published[-1] + 1 if published else behind.end_seq  # none is left where a merge was undone
    await connection.execute(
        sa.update(unpublished)
        .where(*_held(behind))
        .values(next_seq=next_seq, claimed_by=None, lease_until=None, due_at=now)
    )
    await connection.execute(
        sa.delete(unpublished).where(
            unpublished.c.conversation_id == behind.conversation, unpublished.c.next_seq >= unpublished.c.end_seq
        )
    )


async def put_off(connection: AsyncConnection, behind: Behind, due: datetime) -> None:
    """Publishing failed and is tried again when it is due, after the others."""
    await connection.execute(
        sa.update(unpublished).where(*_held(behind)).values(claimed_by=None, lease_until=None, due_at=due)
    )


def body_of(conversation: str, seq: int, event: Json) -> Json:
    """What is published of an event: as stock Rasa has it, and its number, by which a consumer knows a repetition."""
    return {"sender_id": conversation, **event, "seq": seq}


def _held(behind: Behind) -> tuple[sa.sql.ColumnElement, ...]:
    return (
        unpublished.c.conversation_id == behind.conversation,
        unpublished.c.claimed_by == behind.feeder,
        unpublished.c.next_seq == behind.next_seq,
    )
