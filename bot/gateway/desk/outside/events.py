"""What other desks are still to be told, in the table `outside_events`: a row until the receiver has taken it."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.outside.messages import Json
from bot.gateway.rounds import NOW
from bot.store.desk_tables import outside_events
from bot.store.tables import Utc

QUEUED = "conversation.queued"
ASSIGNED = "conversation.assigned"
RETURNED = "conversation.returned"
CLOSED = "conversation.closed"
CREATED = "message.created"
UPDATED = "message.updated"
REFUSED = "doing.refused"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing to be told to one receiver.

    key:       the same in every attempt
    handoff:   the stretch with people that it is about
    at:        when it was found out
    attempts:  counts the one to be made
    """

    id: int
    key: str
    receiver: str
    stream: str
    handoff: int
    type: str
    data: Json
    at: datetime
    attempts: int


_EARLIER = outside_events.alias()
_HEAD = sa.and_(
    outside_events.c.due_at <= NOW,
    sa.or_(outside_events.c.lease_until.is_(None), outside_events.c.lease_until < NOW),
    ~sa.exists().where(
        _EARLIER.c.receiver == outside_events.c.receiver,
        _EARLIER.c.stream == outside_events.c.stream,
        _EARLIER.c.id < outside_events.c.id,
    ),
)
WAITS = sa.exists().where(_HEAD)
"""Whether anything may be told now: in each stream only what is first."""

_CLAIM = (
    sa.select(outside_events)
    .where(_HEAD, outside_events.c.receiver.in_(sa.bindparam("receivers", expanding=True)))
    .order_by(outside_events.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True, of=outside_events)
)
_TAKE = (
    sa.update(outside_events)
    .where(outside_events.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(attempts=outside_events.c.attempts + 1, lease_until=sa.bindparam("until", type_=Utc()))
)


async def put(
    connection: AsyncConnection,
    receivers: Collection[str],
    type: str,
    data: Json,
    *,
    stream: str,
    handoff: int,
    now: datetime,
) -> None:
    """Have it told to all of these."""
    rows = [
        {
            "key": secrets.token_hex(16),
            "receiver": receiver,
            "stream": stream,
            "handoff_id": handoff,
            "type": type,
            "data": data,
            "attempts": 0,
            "due_at": now,
            "created_at": now,
        }
        for receiver in receivers
    ]
    if rows:
        await connection.execute(sa.insert(outside_events), rows)


async def claim(
    connection: AsyncConnection, receivers: Collection[str], now: datetime, until: datetime, *, limit: int
) -> list[Event]:
    """The first of each stream, where it is due: nobody else tells it before `until`."""
    found = await connection.execute(_CLAIM, {"receivers": list(receivers), "now": now, "most": limit})
    rows = found.all()
    if rows:
        await connection.execute(_TAKE, {"ids": [row.id for row in rows], "until": until})
    return [
        Event(
            id=row.id,
            key=row.key,
            receiver=row.receiver,
            stream=row.stream,
            handoff=row.handoff_id,
            type=row.type,
            data=row.data,
            at=row.created_at,
            attempts=row.attempts + 1,
        )
        for row in rows
    ]


async def settle(connection: AsyncConnection, event: Event) -> None:
    """It was taken, or is given up."""
    await connection.execute(sa.delete(outside_events).where(_mine(event)))


async def put_off(connection: AsyncConnection, event: Event, due_at: datetime) -> None:
    """It is to be told again."""
    await connection.execute(sa.update(outside_events).where(_mine(event)).values(due_at=due_at, lease_until=None))


def _mine(event: Event) -> sa.ColumnElement[bool]:
    """Unless somebody else has claimed it since."""
    return sa.and_(outside_events.c.key == event.key, outside_events.c.attempts == event.attempts)
