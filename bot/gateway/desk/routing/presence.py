"""Which agents are there: a desk of theirs is connected. Whoever keeps its socket calls `beat` when it opens, and every
`BEAT_EVERY` while it is open."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.desk_tables import agents
from bot.store.handoffs import HERE_WITHIN
from bot.store.wake import notify

BEAT_EVERY = timedelta(seconds=10)
HERE_FOR = HERE_WITHIN
"""Seen within this time, an agent is here: two beats may be lost."""
GONE_AFTER = timedelta(seconds=60)
"""Not seen for so long, an agent is gone, and what they have in hand waits for others. A desk that reconnects after a
restart is back long before."""


async def beat(connection: AsyncConnection, agent: str, now: datetime) -> None:
    """A desk of this agent's is connected. It may be lost in a power cut: `transaction(engine, durable=False)`."""
    found = await connection.execute(sa.select(agents.c.seen_at).where(agents.c.id == agent))
    before = found.scalar_one_or_none()
    await connection.execute(
        sa.update(agents)
        .where(agents.c.id == agent, sa.or_(agents.c.seen_at.is_(None), agents.c.seen_at < now))
        .values(seen_at=now)
    )
    if before is None or before <= now - HERE_FOR:
        await notify(connection)  # there is somebody now to whom what waits can be given


def is_online(seen_at: datetime | None, now: datetime) -> bool:
    """Whether a desk of theirs is connected."""
    return seen_at is not None and seen_at > now - HERE_FOR


def here(now: datetime) -> sa.ColumnElement[bool]:
    """Agents to whom something can be given: connected, and available as they say themselves."""
    return sa.and_(
        agents.c.disabled_at.is_(None), agents.c.availability == "available", agents.c.seen_at > now - HERE_FOR
    )
