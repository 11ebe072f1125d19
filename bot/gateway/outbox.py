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
from bot.store.lists import padded
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
    trace: str | None = None
    """See bot/store/traces.py."""


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
_EARLIER_AT_ITS_ADDRESS = sa.exists().where(
    unsent(_EARLIER),
    _EARLIER.c.channel == messages.c.channel,
    _EARLIER.c.address == messages.c.address,
    _EARLIER.c.id < messages.c.id,
)
_HEADS = (
    sa.select(messages)
    .where(
        unsent(messages),
        messages.c.state == "queued",
        messages.c.due_at <= NOW,
        messages.c.channel.in_(sa.bindparam("channels", expanding=True)),
        ~_EARLIER_AT_ITS_ADDRESS,
    )
    .order_by(messages.c.due_at, messages.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
_BEHIND = (
    sa.select(messages)
    .where(
        unsent(messages),
        messages.c.state == "queued",
        messages.c.due_at <= NOW,
        messages.c.channel.in_(sa.bindparam("channels", expanding=True)),
        messages.c.address.in_(sa.bindparam("addresses", expanding=True)),
        ~_EARLIER_AT_ITS_ADDRESS,
    )
    .with_for_update(skip_locked=True)
)
_TAKE = (
    sa.update(messages)
    .where(messages.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(
        state="sending",
        attempts=messages.c.attempts + 1,
        lease_until=sa.bindparam("until", type_=Utc()),
        sent_by=sa.bindparam("gateway"),
    )
)
_PLATFORM_IDS = sa.select(messages.c.id, messages.c.platform_id).where(
    messages.c.id.in_(sa.bindparam("ids", expanding=True))
)
_SENT = (
    sa.update(messages)
    .where(messages.c.id == sa.bindparam("message"))
    .values(state="sent", platform_id=sa.bindparam("first"), error=None, finished_at=NOW, lease_until=None)
)


async def claim_due(
    connection: AsyncConnection, channels: Sequence[str], now: datetime, *, limit: int, gateway: str | None = None
) -> list[Due]:
    """Claim the first unsent message of each address, where it is due, oldest first.

    gateway:  who claims; where it is not said, only the lease tells when they are gone
    """
    found = await connection.execute(_HEADS, {"channels": padded(channels), "now": now, "most": limit})
    return await _take(connection, found.all(), gateway, now)


async def claim_behind(
    connection: AsyncConnection, before: Sequence[Due], now: datetime, *, gateway: str | None = None
) -> dict[tuple[str, str], Due]:
    """Claim what waits behind these at their addresses, where it is due. By channel and address."""
    places = {_place(one) for one in before}
    asked = {
        "channels": padded({channel for channel, _ in places}),
        "addresses": padded({address for _, address in places}),
    }
    found = await connection.execute(_BEHIND, {**asked, "now": now})
    rows = [row for row in found if (row.channel, row.address) in places]
    return {_place(due): due for due in await _take(connection, rows, gateway, now)}


async def record_sent(connection: AsyncConnection, due: Due, sent: Sent, now: datetime) -> None:
    """The platform took it. Harmless to repeat."""
    await record_all_sent(connection, [(due, sent)], now)


async def record_all_sent(connection: AsyncConnection, sent: Sequence[tuple[Due, Sent]], now: datetime) -> None:
    """The platforms took them. Harmless to repeat."""
    await connection.execute(
        _SENT,
        [{"message": due.message.id, "first": next(iter(one.platform_ids), None), "now": now} for due, one in sent],
    )
    parts = [_part(due, *numbered) for due, one in sent for numbered in enumerate(one.platform_ids[1:], 1)]
    if parts:
        of_these = [due.message.id for due, one in sent if len(one.platform_ids) > 1]
        await connection.execute(sa.delete(sent_parts).where(sent_parts.c.message_id.in_(of_these)))
        await connection.execute(sa.insert(sent_parts), parts)
    for channel in sorted({due.channel for due, _ in sent}):
        ids = [id for due, one in sent if due.channel == channel for id in one.platform_ids]
        if ids:
            await apply_early(connection, channel, ids, now)


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


@dataclass(frozen=True, kw_only=True)
class UnderWay:
    """An attempt that has begun."""

    message: int
    gateway: str | None
    attempts: int
    """Counts this one."""
    lease_over: bool


async def under_way(connection: AsyncConnection, now: datetime) -> list[UnderWay]:
    """All attempts of all gateways."""
    rows = await connection.execute(_UNDER_WAY)
    return [
        UnderWay(message=row.id, gateway=row.sent_by, attempts=row.attempts, lease_over=row.lease_until < now)
        for row in rows
    ]


async def settle_abandoned(
    connection: AsyncConnection, abandoned: Sequence[UnderWay], repeatable: Sequence[str], now: datetime
) -> None:
    """Attempts whose process died under way: sent again where doubling does no harm, otherwise marked uncertain."""
    still = sa.or_(*(_is_still(one) for one in abandoned))
    await connection.execute(
        sa.update(messages)
        .where(still, messages.c.channel.in_(repeatable))
        .values(state="queued", due_at=now, lease_until=None)
    )
    await connection.execute(
        sa.update(messages)
        .where(still)
        .values(
            state="uncertain", finished_at=now, lease_until=None, error="the gateway stopped while this was being sent"
        )
    )


async def give_back(connection: AsyncConnection, untried: Sequence[UnderWay]) -> None:
    """What was claimed by a gateway that does not know of it: no attempt was made, and none is counted."""
    for one in untried:
        await connection.execute(
            sa.update(messages)
            .where(_is_still(one))
            .values(state="queued", attempts=messages.c.attempts - 1, lease_until=None, sent_by=None)
        )


_UNDER_WAY = sa.select(messages.c.id, messages.c.sent_by, messages.c.attempts, messages.c.lease_until).where(
    unsent(messages), messages.c.state == "sending"
)


def _is_still(attempt: UnderWay) -> sa.ColumnElement[bool]:
    """It is this very attempt that is under way, and not a later one."""
    return sa.and_(
        messages.c.id == attempt.message,
        messages.c.state == "sending",
        messages.c.attempts == attempt.attempts,
        messages.c.sent_by.is_not_distinct_from(attempt.gateway),
    )


async def _take(connection: AsyncConnection, rows: Sequence[Any], gateway: str | None, now: datetime) -> list[Due]:
    if not rows:
        return []
    await connection.execute(_TAKE, {"ids": padded([row.id for row in rows]), "until": now + LEASE, "gateway": gateway})
    platform_ids = await _platform_ids(connection, [row.cause_id for row in rows if row.cause_id])
    return [_due(row, platform_ids.get(row.cause_id)) for row in rows]


def _place(due: Due) -> tuple[str, str]:
    return due.channel, due.message.address


def _part(due: Due, number: int, platform_id: str | None) -> dict[str, Any]:
    return {"message_id": due.message.id, "part": number, "channel": due.channel, "platform_id": platform_id}


async def _finish(connection: AsyncConnection, message: int, now: datetime, **values: Any) -> None:
    await connection.execute(
        sa.update(messages).where(messages.c.id == message).values(finished_at=now, lease_until=None, **values)
    )


async def _platform_ids(connection: AsyncConnection, causes: list[int]) -> dict[int, str | None]:
    if not causes:
        return {}
    rows = await connection.execute(_PLATFORM_IDS, {"ids": padded(causes)})
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
    message = as_outbound(row, reply_to)
    return Due(channel=row.channel, message=message, attempts=row.attempts + 1, trace=row.trace)
