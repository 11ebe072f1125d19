"""The queue of messages on their way out: which may be tried now, and what became of each attempt.

One message at a time for one address, in order; addresses side by side. A message that is being retried holds up only
what comes after it at the same address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.news import apply_early
from bot.gateway.retry import Again, Over
from bot.gateway.rounds import NOW
from bot.store.content import content_from_json
from bot.store.tables import Utc, messages, sent_parts, unsent
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


WAITS = sa.exists().where(
    unsent(messages),
    sa.or_(
        sa.and_(messages.c.state == "queued", messages.c.due_at <= NOW),
        sa.and_(messages.c.state == "sending", messages.c.lease_until < NOW),
    ),
)
"""Whether any message may be due, or was abandoned under way."""


# Statements that every message meets are built once: to build one costs more than to run it.

_EARLIER = messages.alias()
_HEADS = (
    sa.select(messages)
    .where(
        unsent(messages),
        messages.c.state == "queued",
        messages.c.due_at <= NOW,
        messages.c.channel.in_(sa.bindparam("channels", expanding=True)),
        ~sa.exists().where(
            unsent(_EARLIER),
            _EARLIER.c.channel == messages.c.channel,
            _EARLIER.c.address == messages.c.address,
            _EARLIER.c.id < messages.c.id,
        ),
    )
    .order_by(messages.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
_NEXT = (
    sa.select(messages)
    .where(
        unsent(messages),
        messages.c.channel == sa.bindparam("channel"),
        messages.c.address == sa.bindparam("address"),
    )
    .order_by(messages.c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    sa.update(messages)
    .where(messages.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(state="sending", attempts=messages.c.attempts + 1, lease_until=sa.bindparam("until", type_=Utc()))
)
_PLATFORM_IDS = sa.select(messages.c.id, messages.c.platform_id).where(
    messages.c.id.in_(sa.bindparam("ids", expanding=True))
)
_SENT = (
    sa.update(messages)
    .where(messages.c.id == sa.bindparam("message"))
    .values(state="sent", platform_id=sa.bindparam("first"), error=None, finished_at=NOW, lease_until=None)
)


async def claim_due(connection: AsyncConnection, channels: list[str], now: datetime, *, limit: int) -> list[Due]:
    """Claim the first unsent message of each address, where it is due, oldest first."""
    found = await connection.execute(_HEADS, {"channels": channels, "now": now, "most": limit})
    return await _take(connection, found.all(), now)


async def claim_next(connection: AsyncConnection, before: Due, now: datetime) -> Due | None:
    """Claim what waits behind `before` at its address, where it is due."""
    found = await connection.execute(_NEXT, {"channel": before.channel, "address": before.message.address})
    row = found.first()
    if row is None or row.state != "queued" or row.due_at > now:
        return None
    return (await _take(connection, [row], now))[0]


async def record_sent(connection: AsyncConnection, due: Due, sent: Sent, now: datetime) -> None:
    """The platform took it."""
    first, *others = sent.platform_ids or (None,)
    await connection.execute(_SENT, {"message": due.message.id, "first": first, "now": now})
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


async def _take(connection: AsyncConnection, rows: Sequence[Any], now: datetime) -> list[Due]:
    if not rows:
        return []
    await connection.execute(_TAKE, {"ids": [row.id for row in rows], "until": now + LEASE})
    platform_ids = await _platform_ids(connection, [row.cause_id for row in rows if row.cause_id])
    return [_due(row, platform_ids.get(row.cause_id)) for row in rows]


def _part(due: Due, number: int, platform_id: str | None) -> dict[str, Any]:
    return {"message_id": due.message.id, "part": number, "channel": due.channel, "platform_id": platform_id}


async def _finish(connection: AsyncConnection, message: int, now: datetime, **values: Any) -> None:
    await connection.execute(
        sa.update(messages).where(messages.c.id == message).values(finished_at=now, lease_until=None, **values)
    )


async def _platform_ids(connection: AsyncConnection, causes: list[int]) -> dict[int, str | None]:
    if not causes:
        return {}
    rows = await connection.execute(_PLATFORM_IDS, {"ids": causes})
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
