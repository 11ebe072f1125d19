"""Where a customer can be written to now, and why not elsewhere.

It is looked at before anything is queued, so that an agent hears at once what would come to nothing, and what is
possible instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.items import Json, iso
from bot.gateway.desk.people import Known
from bot.store.handoffs import where_last_heard
from bot.store.reaching import where_to_reach
from bot.store.suggestions import phone_of
from bot.store.tables import Utc, identities, messages
from channels.contract import Channel

BLOCKED, UNREACHABLE, WINDOW_CLOSED = "blocked", "unreachable", "window_closed"


@dataclass(frozen=True, kw_only=True)
class Way:
    """One of the customer's identities, as a way to reach them."""

    row: Any
    """Of `identities`, with `heard_at`: when the customer last said something there."""
    window_ends: datetime | None
    """Where the platform lets nothing be written for longer after that."""
    problem: str | None
    """`blocked` by the customer, `unreachable` since nobody serves the channel, `window_closed`; None: open."""

    @property
    def short(self) -> Json:
        return {"identity": self.row.id, "channel": self.row.channel}

    @property
    def json(self) -> Json:
        row = self.row
        return {
            "id": row.id,
            "channel": row.channel,
            "external_id": row.external_id,
            "address_hint": phone_of(row.channel, row.known_as, row.external_id),
            "assurance": row.assurance,
            "linked_how": row.linked_how,
            "linked_at": iso(row.linked_at),
            "blocked": row.blocked_at is not None,
            "reachable": self.problem is None,
            "window_ends": iso(self.window_ends),
            "last_heard_at": iso(row.heard_at),
        }


_HEARD_AT = (
    sa.select(sa.func.max(messages.c.created_at, type_=Utc()))
    .where(
        messages.c.conversation_id.in_(sa.bindparam("family", expanding=True)),
        messages.c.identity_id == identities.c.id,
        messages.c.direction == "in",
        messages.c.author == "customer",
    )
    .correlate(identities)
    .scalar_subquery()
)
_WAYS = (
    sa.select(identities, _HEARD_AT.label("heard_at"))
    .where(identities.c.customer_id == sa.bindparam("customer"))
    .order_by(identities.c.id)
)


async def ways_to(
    connection: AsyncConnection, known: Known, channels: Mapping[str, Channel], now: datetime
) -> list[Way]:
    """All of the customer's identities."""
    found = await connection.execute(_WAYS, {"family": list(known.family), "customer": known.customer})
    return [_way(row, channels.get(row.channel), now) for row in found]


async def usual_way(connection: AsyncConnection, known: Known, ways: list[Way]) -> Way | None:
    """Where an agent's words go if nobody says otherwise: where the customer spoke last, as the core decides it."""
    place = await where_last_heard(connection, known.id) or await where_to_reach(connection, known.customer)
    return next((way for way in ways if place is not None and way.row.id == place.identity), None)


def possible(ways: list[Way]) -> list[Json]:
    """Those that are open now."""
    return [way.short for way in ways if way.problem is None]


def problem_of(way: Way | None, ways: list[Way]) -> str | None:
    """Why nothing can be written there; of no way at all, why there is none."""
    if way is not None:
        return way.problem
    return BLOCKED if ways and all(one.problem == BLOCKED for one in ways) else UNREACHABLE


def _way(row: Any, channel: Channel | None, now: datetime) -> Way:
    window = channel.window if channel is not None else None
    ends = row.heard_at + window if window and row.heard_at else None
    problem = None
    if row.blocked_at is not None:
        problem = BLOCKED
    elif channel is None:
        problem = UNREACHABLE
    elif window and (ends is None or ends <= now):
        problem = WINDOW_CLOSED
    return Way(row=row, window_ends=ends, problem=problem)
