"""What the database says: in the end all of it, and meanwhile what still waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.chaos.counting import LINKED, Heard, Row
from benchmarks.chaos.phones import mark_of
from bot.store.database import reading
from bot.store.tables import events, messages, sent_parts, unread_webhooks, unsent

_WAITING = {
    "turns": sa.and_(messages.c.direction == "in", messages.c.state == "waiting"),
    "sends": unsent(messages),
}


async def waiting(engine: AsyncEngine) -> dict[str, int]:
    """How much waits, by what it waits for."""
    async with reading(engine) as connection:
        return {
            what: int((await connection.execute(sa.select(sa.func.count()).where(condition))).scalar_one())
            for what, condition in _WAITING.items()
        }


async def uncertain(engine: AsyncEngine) -> dict[int, datetime]:
    """The replies that are marked as maybe sent, and since when."""
    async with reading(engine) as connection:
        marked = sa.select(messages.c.id, messages.c.finished_at).where(messages.c.state == "uncertain")
        return {row.id: row.finished_at for row in await connection.execute(marked)}


async def unread(engine: AsyncEngine) -> int:
    """Webhooks that nobody could read, of which there should be none."""
    async with reading(engine) as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(unread_webhooks))).scalar_one())


async def all_messages(engine: AsyncEngine, uncertain_since: Mapping[int, datetime]) -> list[Row]:
    """`uncertain_since`: what was seen meanwhile, since a mark may be gone in the end."""
    async with reading(engine) as connection:
        parts: dict[int, list[str]] = defaultdict(list)
        for part in await connection.execute(sa.select(sent_parts.c.message_id, sent_parts.c.platform_id)):
            parts[part.message_id].append(part.platform_id)
        rows = (await connection.execute(sa.select(messages).order_by(messages.c.id))).all()
    return [_row(row, parts[row.id], uncertain_since.get(row.id)) for row in rows]


async def all_heard(engine: AsyncEngine) -> list[Heard]:
    async with reading(engine) as connection:
        rows = await connection.execute(sa.select(events).where(events.c.type == "user"))
        return [
            Heard(
                conversation=row.conversation_id,
                seq=row.seq,
                message=row.message_id,
                mark=mark_of(row.data.get("text") or ""),
            )
            for row in rows
        ]


def _row(row: Any, parts: list[str], uncertain_since: datetime | None) -> Row:
    marked = row.finished_at if row.state == "uncertain" else None
    return Row(
        id=row.id,
        conversation=row.conversation_id,
        seq=row.seq,
        direction=row.direction,
        author=row.author,
        channel=row.channel,
        address=row.address,
        state=row.state,
        cause=row.cause_id,
        ids=_ids(row, parts),
        text=row.content.get("text") or "",
        mark=_mark(row.content),
        uncertain_since=uncertain_since or marked,
    )


def _ids(row: Any, parts: list[str]) -> tuple[str, ...]:
    """The web chat's own number of a message is the row's."""
    if row.channel == "webchat":
        return (str(row.id),)
    return (row.platform_id, *parts) if row.platform_id else ()


def _mark(content: Mapping[str, Any]) -> str | None:
    return LINKED if content.get("type") == LINKED else mark_of(content.get("text") or "")
