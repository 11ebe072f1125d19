"""Every message's number within its conversation.

The conversation's row is locked from the moment a number is taken until the commit, so numbers become visible in their
own order: who has read up to a number has missed nothing before it.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import conversations


async def take_numbers(connection: AsyncConnection, conversation: str, count: int = 1) -> int:
    """Take `count` numbers; returns the first. Raises LookupError where there is no such conversation."""
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == conversation)
        .values(last_seq=conversations.c.last_seq + count)
    )
    # Not RETURNING: SQLAlchemy 1.4 cannot say it to SQLite. The update holds the row, so nobody comes in between.
    result = await connection.execute(sa.select(conversations.c.last_seq).where(conversations.c.id == conversation))
    last = result.scalar_one_or_none()
    if last is None:
        raise LookupError(f"no conversation {conversation}")
    return int(last) - count + 1
