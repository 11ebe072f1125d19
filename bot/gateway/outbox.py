"""The queue of messages on their way out: which may be tried now, and what became of each attempt.

One message at a time for one address, in order; addresses side by side. A message that is being retried holds up only
what comes after it at the same address.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.news import apply_early
from bot.gateway.retry import Again, Over
from bot.store.content import content_from_json
from bot.store.tables import messages, sent_parts, unsent
from channels.contract import Outbound, Sent

# Longer than any channel's own time-out, so that an attempt whose lease is over has certainly ended.
LEASE = timedelta(seconds=60)


@dataclass(frozen=True, kw_only=True)
class Due:
    """A message that this process has claimed and must now try to send."""

    channel: str
    message: Outbound
    attempts: int
    """Counts the attempt to be made."""


async def is_due(connection: AsyncConnection, now: datetime) -> bool:
    """Whether any message may be due."""
    due = sa.select(messages.c.id).where(unsent(messages), messages.c.state == "queued", messages.c.due_at <= now)
    return (await connection.execute(due.limit(1))).first() is not None


async def claim_due(connection: AsyncConnection, channels: list[str], now: datetime, *, limit: int) -> list[Due]:
    """Claim the first unsent message of each address, where it is due, oldest first."""
    earlier = messages.alias()
    heads = (
        sa.select(messages)
        .where(
            unsent(messages),
            messages.c.state == "queued",
            messages.c.due_at <= now,
            messages.c.channel.in_(channels),
            ~sa.exists().where(
                unsent(earlier),
                earlier.c.channel == messages.c.channel,
                earlier.c.address == messages.c.address,
                earlier.c.id < messages.c.id,
            ),
        )
        .order_by(messages.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = (await connection.execute(heads)).all()
    if rows:
        await connection.execute(
            sa.update(messages)
            .where(messages.c.id.in_([row.id for row in rows]))
            .values(state="sending", attempts=messages.c.attempts + 1, lease_until=now + LEASE)
        )
    platform_ids = await _platform_ids(connection, [row.cause_id for row in rows if row.cause_id])
    return [_due(row, platform_ids.get(row.cause_id)) for row in rows]


async def record_sent(connection: AsyncConnection, due: Due, sent: Sent, now: datetime) -> None:
    """The platform took it."""
    first, *others = sent.platform_ids or (None,)
    await _finish(connection, due.message.id, now, state="sent", platform_id=first, error=None)
    if others:
        await connection.execute(sa.insert(sent_parts), [_part(due, *numbered) for numbered in enumerate(others, 1)])
    if sent.platform_ids:
        await apply_early(connection, due.channel, sent.platform_ids, now)


async def record_failure(
    connection: AsyncConnection, message: int, decision: Again | Over, reason: str, now: datetime
) -> None:
    """The attempt failed; `decision` says what follows."""
    if isinstance(decision, Over):
        await _finish(connection, message, now, state=decision.state, error=reason)
        return
    await connection.execute(
        sa.update(messages)
        .where(messages.c.id == message, messages.c.state == "sending")
        .values(
            state="queued",
            due_at=now + decision.wait,
            lease_until=None,
            error=reason,
            attempts=messages.c.attempts - (0 if decision.counts else 1),
        )
    )


async def settle_abandoned(connection: AsyncConnection, repeatable: list[str], now: datetime) -> int:
    """Attempts whose process died under way: sent again where doubling does no harm, otherwise marked uncertain.
    Returns how many."""
    abandoned = sa.and_(unsent(messages), messages.c.state == "sending", messages.c.lease_until < now)
    again = await connection.execute(
        sa.update(messages)
        .where(abandoned, messages.c.channel.in_(repeatable))
        .values(state="queued", due_at=now, lease_until=None)
    )
    uncertain = await connection.execute(
        sa.update(messages)
        .where(abandoned)
        .values(
            state="uncertain", finished_at=now, lease_until=None, error="the gateway stopped while this was being sent"
        )
    )
    return again.rowcount + uncertain.rowcount


def _part(due: Due, number: int, platform_id: str | None) -> dict[str, Any]:
    return {"message_id": due.message.id, "part": number, "channel": due.channel, "platform_id": platform_id}


async def _finish(connection: AsyncConnection, message: int, now: datetime, **values: Any) -> None:
    await connection.execute(
        sa.update(messages).where(messages.c.id == message).values(finished_at=now, lease_until=None, **values)
    )


async def _platform_ids(connection: AsyncConnection, causes: list[int]) -> dict[int, str | None]:
    if not causes:
        return {}
    rows = await connection.execute(sa.select(messages.c.id, messages.c.platform_id).where(messages.c.id.in_(causes)))
    return {row.id: row.platform_id for row in rows}


def as_outbound(row: Any, reply_to: str | None = None) -> Outbound:
    """A row of `messages` as its channel is given it."""
    return Outbound(
        id=row.id,
        address=row.address,
        content=content_from_json(row.content),
        language=row.language,
        reply_to=reply_to,
    )


def _due(row: Any, reply_to: str | None) -> Due:
    return Due(channel=row.channel, message=as_outbound(row, reply_to), attempts=row.attempts + 1)
