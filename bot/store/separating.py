"""Undoing a merge at an operator's or an agent's word: asked for here, done in the conversation's own queue, in turn.

Whoever has the claim of the conversation is its only writer, so nobody else separates it. Both sides are told in one
line each, where they are reached best.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.content import separate_to_json, separated_to_json
from bot.store.merging import separate, shared_conversation
from bot.store.queueing import put_in_queue
from bot.store.reaching import where_to_reach
from bot.store.tables import conversations, merges


async def ask_to_separate(connection: AsyncConnection, merge: int, *, by: str, now: datetime) -> bool:
    """Queue the undoing of a merge behind all that waits in its conversation. `by`: who wants it, for the record.
    False, with nothing done, where there is no such merge or it was undone already."""
    shared = await shared_conversation(connection, merge)
    if shared is None:
        return False
    await put_in_queue(connection, shared, separate_to_json(merge, by), answered_at=None, author="agent", now=now)
    return True


async def separate_in_turn(
    connection: AsyncConnection, conversation: str, said: Mapping[str, Any], now: datetime
) -> None:
    """The turn of what `ask_to_separate` queued; the caller has the claim of `conversation`. Undone meanwhile, it is
    left at that; merged further meanwhile, it is done where both speak now."""
    merge, by = int(said["merge"]), str(said["by"])
    shared = await shared_conversation(connection, merge)
    if shared is None:
        return
    if shared != conversation:
        await ask_to_separate(connection, merge, by=by, now=now)
        return
    await separate(connection, merge, by=by, now=now)
    left = await connection.execute(sa.select(merges.c.from_conversation).where(merges.c.id == merge))
    for one in (conversation, left.scalar_one()):
        await _tell(connection, one, now)


async def _tell(connection: AsyncConnection, conversation: str, now: datetime) -> None:
    found = await connection.execute(sa.select(conversations.c.customer_id).where(conversations.c.id == conversation))
    place = await where_to_reach(connection, found.scalar_one())
    if place is not None:
        await put_in_queue(connection, conversation, separated_to_json(), answered_at=place, author="product", now=now)
