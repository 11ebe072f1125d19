"""A conversation's epoch grows with every claim, and with every change of its events that is made without one.

So a worker may go on from what it remembers of a conversation if nobody has taken an epoch since.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import conversations


async def events_have_changed(connection: AsyncConnection, changed: Collection[str]) -> None:
    """The events of these conversations are not what their workers remember. Whoever holds a claim of one of them is
    left it: it is by that claim that they were changed, or their commit will find that they were."""
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id.in_(changed), conversations.c.claimed_by.is_(None))
        .values(epoch=conversations.c.epoch + 1)
    )
