"""What platforms report of messages that they had taken: delivered, read, or failed after all.

A report may overtake the answer to our own call, when nobody here knows the message's platform id yet. It is kept until
that answer comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import Utc, early_receipts, messages
from channels.contract import Receipt

# Reports of what somebody else sent from the same number are never asked for.
_KEPT_FOR = timedelta(hours=1)


async def record_receipts(
    connection: AsyncConnection, receipts: Sequence[Receipt], channel: str, now: datetime
) -> None:
    """Note each on its message, in whatever order they come."""
    for receipt in receipts:
        at = receipt.at or now
        if not await _note(connection, channel, receipt, at):
            await connection.execute(
                sa.insert(early_receipts).values(
                    channel=channel,
                    platform_id=receipt.platform_id,
                    state=receipt.state,
                    at=at,
                    error=receipt.error,
                )
            )


async def apply_early(connection: AsyncConnection, channel: str, platform_id: str, now: datetime) -> None:
    """Note what was reported before the message was known by this id."""
    mine = sa.and_(early_receipts.c.channel == channel, early_receipts.c.platform_id == platform_id)
    found = (await connection.execute(sa.select(early_receipts).where(mine).order_by(early_receipts.c.id))).all()
    for row in found:
        receipt = Receipt(platform_id=platform_id, state=row.state, at=row.at, error=row.error)
        await _note(connection, channel, receipt, row.at)
    if found:
        out_of_date = early_receipts.c.at < now - _KEPT_FOR
        await connection.execute(sa.delete(early_receipts).where(sa.or_(mine, out_of_date)))


async def _note(connection: AsyncConnection, channel: str, receipt: Receipt, at: datetime) -> bool:
    """False where no message of ours has this id."""
    result = await connection.execute(
        sa.update(messages)
        .where(
            messages.c.channel == channel,
            messages.c.platform_id == receipt.platform_id,
            messages.c.direction == "out",
        )
        .values(**_changes(receipt, at))
    )
    return bool(result.rowcount)


def _changes(receipt: Receipt, at: datetime) -> dict[str, Any]:
    if receipt.state == "failed":
        return {"state": "failed", "error": receipt.error}
    # What was read was delivered, even if nobody said so.
    changes = {"delivered_at": sa.func.coalesce(messages.c.delivered_at, sa.literal(at, Utc()))}
    if receipt.state == "read":
        changes["read_at"] = sa.func.coalesce(messages.c.read_at, sa.literal(at, Utc()))
    return changes
