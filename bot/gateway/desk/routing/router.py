"""Gives what waits to who is there, and puts back what nobody answers; in every gateway, as long as it runs.

Nothing is decided here for good: a doing is asked for, and the conversation's own turn refuses what has come too late.
So several gateways may do it side by side. They do it one at a time where the database can tell them to, so that
together they give nobody more than there is room for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.routing.assignment import assignments
from bot.gateway.desk.routing.overdue import overdue
from bot.gateway.desk.routing.queue import free, pending, waiting
from bot.gateway.rounds import Rounds
from bot.store.database import reading, transaction
from bot.store.desk_tables import handoffs
from bot.store.handoffs import ask_desk
from bot.store.outage import POSSIBLE
from bot.store.ownership import ASSIGN

log = structlog.get_logger()

_BREATH = 0.25
"""Seconds between two looks, however much is committed."""
_AT_A_TIME = 50
_NOT_AGAIN_FOR = timedelta(seconds=10)
"""What was refused is not asked for again and again."""
_LOCK = 7_114_208
"""Any number; all gateways have the same. See migrate.py."""

Asking = list[tuple[str, dict[str, Any]]]
"""Conversations, each with a doing."""


class Router:
    """Its `rounds` go on until they are stopped."""

    def __init__(self, *, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._since = clock()
        self._looked_at = 0.0
        self._asked: dict[tuple[Any, ...], datetime] = {}
        with_people = sa.exists().where(handoffs.c.ended_at.is_(None))
        self.rounds = Rounds(waits=with_people, look=self._look, at_once=1)

    async def route(self) -> int:
        """One look: ask for what is to be done. Returns how much was asked for."""
        now = self._clock()
        async with reading(self._engine) as connection:
            if not await self._wanted(connection, now):
                return 0
        async with transaction(self._engine) as connection:
            if not await _is_our_turn(connection):
                return 0
            wanted = await self._wanted(connection, now)
            for conversation, doing in wanted:
                await ask_desk(connection, conversation, doing, agent=None, now=now)
        self._remember(wanted, now)
        return len(wanted)

    async def _look(self) -> None:
        await asyncio.sleep(max(0.0, self._looked_at + _BREATH - time.monotonic()))
        self._looked_at = time.monotonic()
        try:
            await self.route()
        except POSSIBLE as error:
            log.error("routing.unavailable", error=type(error).__name__)

    async def _wanted(self, connection: AsyncConnection, now: datetime) -> Asking:
        asked = await pending(connection)
        late = await overdue(connection, now=now, watching_since=self._since)
        there = await free(connection, asked, now)
        given = assignments(await waiting(connection, there, but={*asked, *late}), there) if there else []
        wanted = {
            **{conversation: {"do": ASSIGN, "by": "product", "agent": agent} for conversation, agent in given},
            **{conversation: doing for conversation, doing in late.items() if conversation not in asked},
        }
        new = [
            (conversation, doing) for conversation, doing in wanted.items() if self._is_new(conversation, doing, now)
        ]
        # In one order, so that two who hold the rows of several conversations do not wait for each other.
        return sorted(new[:_AT_A_TIME], key=lambda one: one[0])

    def _is_new(self, conversation: str, doing: dict[str, Any], now: datetime) -> bool:
        asked_at = self._asked.get(_key(conversation, doing))
        return asked_at is None or asked_at <= now - _NOT_AGAIN_FOR

    def _remember(self, wanted: Asking, now: datetime) -> None:
        lately = now - _NOT_AGAIN_FOR
        self._asked = {key: at for key, at in self._asked.items() if at > lately}
        self._asked |= {_key(conversation, doing): now for conversation, doing in wanted}


def _key(conversation: str, doing: dict[str, Any]) -> tuple[Any, ...]:
    return (conversation, doing["do"], doing.get("agent"))


async def _is_our_turn(connection: AsyncConnection) -> bool:
    """Whether no other gateway does this now. SQLite has one writer anyway."""
    if connection.dialect.name != "postgresql":
        return True
    found = await connection.execute(sa.text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    return bool(found.scalar_one())
