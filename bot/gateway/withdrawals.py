"""Taking the buttons off messages whose question is not open any more, on channels that can.

Once and without a second try: a tap on a button that stayed is answered politely, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.outbox import as_outbound
from bot.gateway.rounds import Rounds
from bot.store.database import transaction
from bot.store.outage import POSSIBLE
from bot.store.tables import messages, sent_parts
from channels.contract import Channel, Outbound

log = structlog.get_logger()

_CONCURRENCY = 8


@dataclass(frozen=True, kw_only=True)
class Stale:
    """A message that was sent, and whose buttons are to go."""

    channel: str
    message: Outbound
    platform_ids: Sequence[str]


class Withdrawals:
    """Its `rounds` go on until they are stopped."""

    def __init__(self, *, engine: AsyncEngine, channels: Mapping[str, Channel], clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._channels = channels
        self._clock = clock
        self.rounds = Rounds(waits=_due().exists(), look=self._look, at_once=_CONCURRENCY)

    async def _look(self) -> None:
        try:
            async with transaction(self._engine) as connection:
                found = await take_due(connection, list(self._channels), limit=self.rounds.free)
        except POSSIBLE as error:
            log.error("withdrawals.unavailable", error=type(error).__name__)
            return
        for stale in found:
            self.rounds.start(self._channels[stale.channel].withdraw(stale.message, stale.platform_ids))


async def take_due(connection: AsyncConnection, channels: Sequence[str], *, limit: int) -> list[Stale]:
    """What is due, marked as done. A message that is still on its way waits until it was sent."""
    due = _due().where(messages.c.channel.in_(channels)).order_by(messages.c.id).limit(limit)
    rows = (await connection.execute(due.with_for_update(skip_locked=True))).all()
    if not rows:
        return []
    ids = [row.id for row in rows]
    await connection.execute(sa.update(messages).where(messages.c.id.in_(ids)).values(withdrawal="done"))
    later = await _later_parts(connection, ids)
    return [
        Stale(
            channel=row.channel,
            message=as_outbound(row),
            platform_ids=[*([row.platform_id] if row.platform_id else ()), *later.get(row.id, ())],
        )
        for row in rows
    ]


def _due() -> sa.Select[Any]:
    return sa.select(messages).where(
        messages.c.withdrawal == sa.literal_column("'due'"), messages.c.state.not_in(("queued", "sending"))
    )


async def _later_parts(connection: AsyncConnection, ids: Sequence[int]) -> Mapping[int, list[str]]:
    rows = await connection.execute(
        sa.select(sent_parts)
        .where(sent_parts.c.message_id.in_(ids))
        .order_by(sent_parts.c.message_id, sent_parts.c.part)
    )
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(row.message_id, []).append(row.platform_id)
    return found
