"""How much waits for its turn, so that platforms keep what is more than can be answered soon.

Looked at beside the requests, never for one of them, and never for more than a small part of the time: counting what
waits takes the longer the more waits.
"""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import reading
from bot.store.outage import POSSIBLE
from bot.store.tables import Utc, conversations, messages

log = structlog.get_logger()

COME_AGAIN = 15
"""Seconds after which a platform, or a browser, is to bring it again."""

_EVERY = 1.0
_PART_OF_TIME = 20.0
_AT_ONCE = 500
"""Conversations in one statement: SQLite runs on the event loop, where webhooks wait to be answered."""
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

_OF_ONE = (
    sa.select(sa.func.count())
    .where(
        messages.c.conversation_id == conversations.c.id,
        messages.c.seq > conversations.c.done_seq,
        messages.c.direction == "in",
        messages.c.state == "waiting",
    )
    .correlate(conversations)
    .scalar_subquery()
)
# Where nothing was said since the last turn there is one, which needs no look.
_OF_EACH = sa.case((conversations.c.inbound_seq == conversations.c.done_seq + 1, 1), else_=_OF_ONE)
_PAGE = (
    sa.select(conversations.c.waiting_since, _OF_EACH.label("messages"))
    .where(conversations.c.waiting_since > sa.bindparam("after", type_=Utc()))
    .order_by(conversations.c.waiting_since)
    .limit(_AT_ONCE)
)


class Backlog:
    """`run` looks until `stop`. Beyond `most` messages the backlog is full.

    Without a look, as in a gateway that has just started or whose database is away, it is not: what cannot be stored
    is refused anyway.
    """

    def __init__(self, *, engine: AsyncEngine, most: int) -> None:
        self._engine = engine
        self._most = most
        self._stopping = asyncio.Event()
        self.is_full = False

    async def run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            await self.look()
            pause = max(_EVERY, _PART_OF_TIME * (time.monotonic() - began))
            try:
                await asyncio.wait_for(self._stopping.wait(), pause)
            except TimeoutError:
                continue

    def stop(self) -> None:
        self._stopping.set()

    async def look(self) -> None:
        """Find out whether it is full now."""
        try:
            waiting = await self._count()
        except POSSIBLE as error:
            log.error("backlog.unavailable", error=type(error).__name__)
            return
        if (waiting > self._most) != self.is_full:
            self.is_full = waiting > self._most
            log.warning("backlog.full" if self.is_full else "backlog.drained", most=self._most)

    async def _count(self) -> int:
        """How many wait, or enough to know that it is full. Of conversations that wait since the very same moment, a
        few may be missed: it is an estimate."""
        waiting, after = 0, _LONG_AGO
        while waiting <= self._most:
            async with reading(self._engine) as connection:
                page = (await connection.execute(_PAGE, {"after": after})).all()
            waiting += sum(row.messages for row in page)
            if len(page) < _AT_ONCE:
                break
            after = page[-1].waiting_since
            await asyncio.sleep(0)
        return waiting
