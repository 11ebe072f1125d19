"""Where a customer is written to when no message of theirs asks for it: an agent's words, a notification.

A reply goes where its question came from, always; only a message without a cause of its own chooses a channel, and it
does it here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import customers, identities, messages, open_channels


@dataclass(frozen=True, kw_only=True)
class Place:
    """One identity, and how it is written to."""

    identity: int
    channel: str
    address: str


async def where_to_reach(connection: AsyncConnection, customer: str) -> Optional[Place]:
    """The channel that the customer prefers, if it is linked and can be written to; else the one that they used last.
    None where they cannot be reached at all: they blocked us everywhere, or the gateway serves none of their channels.
    """
    last_used = (
        sa.select(sa.func.max(messages.c.id))
        .where(messages.c.identity_id == identities.c.id, messages.c.direction == "in", messages.c.author == "customer")
        .correlate(identities)
        .scalar_subquery()
    )
    preferred = sa.case((identities.c.channel == customers.c.preferred_channel, 1), else_=0)
    found = await connection.execute(
        sa.select(identities.c.id, identities.c.channel, identities.c.address)
        .join(customers, customers.c.id == identities.c.customer_id)
        .join(open_channels, open_channels.c.name == identities.c.channel)
        .where(identities.c.customer_id == customer, identities.c.blocked_at.is_(None))
        .order_by(preferred.desc(), sa.func.coalesce(last_used, 0).desc(), identities.c.id.desc())
        .limit(1)
    )
    row = found.first()
    return row and Place(identity=row.id, channel=row.channel, address=row.address)
