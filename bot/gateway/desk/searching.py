"""Searching all that was ever said, and the customers' names: finding, and keeping the index up to date behind it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.following import Follower
from bot.gateway.desk.people import where_they_speak
from bot.gateway.rounds import Rounds
from bot.store.database import transaction
from bot.store.desk_tables import search_progress, search_terms
from bot.store.outage import POSSIBLE
from bot.store.queueing import NOWHERE
from bot.store.searching import terms_of, terms_of_message, wanted_terms, words_of
from bot.store.tables import conversations, customers, messages

log = structlog.get_logger()

LONGEST_QUERY = 200
_MOST_TERMS = 12
_AT_ONCE = 100
"""Messages that are looked up, or put into the index, in one go."""
_PAUSE = 0.3
"""Seconds between one go and the next: what is searched for is seldom a moment old."""


# --- Finding ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Found:
    """Conversations, the one with the newest hit first."""

    ids: tuple[str, ...]
    after: int | None
    """The message behind which there may be more."""


async def find(connection: AsyncConnection, query: str, *, after: int | None, limit: int) -> Found:
    """Conversations with a message that has all the words, or whose customer's name or number has them."""
    terms = wanted_terms(query)[:_MOST_TERMS]
    if not terms:
        return Found(ids=(), after=None)
    ids = dict[str, None]()
    if after is None:
        ids |= dict.fromkeys(await _by_name(connection, query, terms, limit))
    while len(ids) < limit:
        rows = await _hits(connection, terms, after)
        after = rows[-1].id if len(rows) == _AT_ONCE else None
        right = [row for row in rows if _still_says(row, terms)]
        now_at = await where_they_speak(connection, {row.conversation_id for row in right})
        ids |= {now_at[row.conversation_id]: None for row in right if row.conversation_id in now_at}
        if after is None:
            break
    return Found(ids=tuple(ids), after=after)


async def _hits(connection: AsyncConnection, terms: Sequence[str], after: int | None) -> Sequence[Any]:
    """Back through the messages that have the longest term, the newest first."""
    first, *others = terms
    hit = sa.select(messages.c.id, messages.c.conversation_id, messages.c.content).join(
        search_terms, search_terms.c.message_id == messages.c.id
    )
    hit = hit.where(search_terms.c.term == first)
    for term in others:
        besides = search_terms.alias()
        hit = hit.where(sa.exists().where(besides.c.term == term, besides.c.message_id == search_terms.c.message_id))
    if after is not None:
        hit = hit.where(search_terms.c.message_id < after)
    return (await connection.execute(hit.order_by(search_terms.c.message_id.desc()).limit(_AT_ONCE))).all()


def _still_says(row: Any, terms: Sequence[str]) -> bool:
    """Whoever took a message back is not found by it, whatever the index remembers."""
    return set(terms) <= set(terms_of(words_of(row.content)))


async def _by_name(connection: AsyncConnection, query: str, terms: Sequence[str], limit: int) -> list[str]:
    """Names are few and short, and are looked through as they are."""
    words = query.split()
    by_name = sa.and_(*(customers.c.name.icontains(word, autoescape=True) for word in words[:_MOST_TERMS]))
    found = await connection.execute(
        sa.select(conversations.c.id)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .where(sa.or_(by_name, customers.c.account == query.strip()), conversations.c.last_seq > 0)
        .order_by(conversations.c.created_at.desc())
        .limit(limit)
    )
    speaks = await where_they_speak(connection, [str(id) for id in found.scalars()])
    return list(speaks.values())


# --- The index --------------------------------------------------------------------------------------------------------

_SO_FAR = sa.select(search_progress.c.message_id).where(search_progress.c.id == 1)
# Not "exists one with a greater id", for which a planner reads the whole table from its old end.
_NEWEST = sa.select(sa.func.max(messages.c.id)).scalar_subquery()
WAITS = sa.func.coalesce(_SO_FAR.scalar_subquery(), 0) < _NEWEST


class Indexer:
    """Its `rounds` go on until they are stopped. Several gateways may do the same: a row is there once."""

    def __init__(self, *, engine: AsyncEngine, clock: Callable[[], datetime], pause: float = _PAUSE) -> None:
        self._engine = engine
        self._clock = clock
        self._pause = pause
        self._follower: Follower | None = None
        self._stopping = asyncio.Event()
        self.rounds = Rounds(waits=WAITS, look=self._look, at_once=1)

    def stop(self) -> None:
        """Finish the piece under way; the rounds are stopped by whoever runs them."""
        self._stopping.set()

    async def catch_up(self) -> None:
        """Put everything that is there into the index."""
        while await self._index_some():
            pass

    async def _look(self) -> None:
        try:
            await self.catch_up()
        except POSSIBLE as error:
            log.error("search.unavailable", error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), self._pause)

    async def _index_some(self) -> bool:
        """Whether there may be more."""
        if self._stopping.is_set():
            return False
        async with transaction(self._engine, durable=False) as connection:
            progress = await self._progress(connection)
            follower, self._follower = self._follower, None
            if follower is None or follower.newest < progress:
                follower = Follower(progress)
            rows = (await connection.execute(_next(follower))).all()
            await _insert(connection, [(term, row.id) for row in rows for term in _terms(row)])
            follower.took([row.id for row in rows], self._clock())
            if follower.complete_up_to > progress:
                await connection.execute(sa.update(search_progress).values(message_id=follower.complete_up_to))
        self._follower = follower  # only now is it true
        return len(rows) == _AT_ONCE

    async def _progress(self, connection: AsyncConnection) -> int:
        """Up to where the index is complete. The row is held, so that gateways take turns."""
        found = await connection.execute(_SO_FAR.with_for_update())
        progress: int | None = found.scalar_one_or_none()
        if progress is None:
            await connection.execute(sa.insert(search_progress).values(id=1, message_id=0))
        return progress or 0


def _next(follower: Follower) -> sa.Select[Any]:
    columns = (messages.c.id, messages.c.content, messages.c.channel, messages.c.author)
    return sa.select(*columns).where(follower.ahead(messages.c.id)).order_by(messages.c.id).limit(_AT_ONCE)


def _terms(row: Any) -> list[str]:
    """What the product tells itself is nobody's words."""
    return [] if row.channel == NOWHERE else terms_of_message(row.content)


# A message has some thirty terms: as parameters of their own they would cost more than all else that it meets.
_INSERT = {
    "sqlite": sa.text(
        "INSERT INTO search_terms (term, message_id)"
        " SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:rows)"
        " WHERE true ON CONFLICT DO NOTHING"
    ),
    "postgresql": sa.text(
        "INSERT INTO search_terms (term, message_id)"
        " SELECT value->>0, (value->>1)::bigint FROM json_array_elements(CAST(:rows AS json))"
        " ON CONFLICT DO NOTHING"
    ),
}


async def _insert(connection: AsyncConnection, rows: Sequence[tuple[str, int]]) -> None:
    if rows:
        await connection.execute(_INSERT[connection.dialect.name], {"rows": json.dumps(rows)})
