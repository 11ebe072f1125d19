"""Somebody is there as long as the other desk takes what it is told.

Its own row among the agents is kept as seen, and so are those of its agents who have a conversation. What they have in
hand stays theirs also when it takes nothing for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.outside.staff import ITSELF, agent_id, ensure_agent
from bot.gateway.desk.routing.presence import BEAT_EVERY, beat
from bot.store.database import transaction
from bot.store.desk_tables import agents, handoffs
from bot.store.outage import POSSIBLE

log = structlog.get_logger()


class Attendance:
    """`look` when the gateway starts; `run` goes on with it until `stop`. `takes`: whether a desk takes what it is
    told."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        desks: Collection[str],
        takes: Callable[[str], bool],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._desks = desks
        self._takes = takes
        self._clock = clock
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), BEAT_EVERY.total_seconds())
            except TimeoutError:
                await self.look()

    async def look(self) -> None:
        """Once, for all of them."""
        try:
            for desk in filter(self._takes, self._desks):
                await ensure_agent(self._engine, desk, ITSELF, desk.capitalize(), self._clock())
                async with transaction(self._engine, durable=False) as connection:
                    await attend(connection, desk, self._clock())
        except POSSIBLE as error:
            log.error("outside.unavailable", error=type(error).__name__)

    def stop(self) -> None:
        self._stopping.set()


async def attend(connection: AsyncConnection, desk: str, now: datetime) -> None:
    """Keep the desk, and those of its agents who have something in hand, as seen."""
    busy = sa.select(handoffs.c.agent_id).where(handoffs.c.ended_at.is_(None), handoffs.c.agent_id.is_not(None))
    theirs = sa.select(agents.c.id).where(
        agents.c.login.startswith(f"{desk}:", autoescape=True),
        sa.or_(agents.c.id == agent_id(desk, ITSELF), agents.c.id.in_(busy)),
    )
    for row in (await connection.execute(theirs)).all():
        await beat(connection, row.id, now)
