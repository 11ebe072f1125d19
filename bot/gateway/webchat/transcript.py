"""What a visitor is shown, in order after a cursor, and what of it they have seen.

Everything that a socket tells comes from here, so a lost connection loses nothing and a repeated one doubles nothing.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.content import content_from_json
from bot.store.tables import Utc, identities, messages
from channels.webchat.outbound import Line, may_change

PAGE = 200


async def transcript(connection: AsyncConnection, visitor: str, *, after: int) -> list[Line]:
    """What this visitor said and was told in the web chat after the cursor, in order, a page at a time.

    What the same customer said on other channels is not here: a browser is often shared, a phone rarely.
    """
    rows = await connection.execute(
        sa.select(messages).where(_theirs(visitor), messages.c.id > after).order_by(messages.c.id).limit(PAGE)
    )
    return [_line(row) for row in rows]


async def look_again(connection: AsyncConnection, visitor: str, shown: Collection[int]) -> list[Line]:
    """Messages that were shown already, as they are by now."""
    if not shown:
        return []
    rows = await connection.execute(sa.select(messages).where(_theirs(visitor), messages.c.id.in_(shown)))
    return [_line(row) for row in rows]


async def newest(connection: AsyncConnection) -> int:
    """The highest number of a message; 0: there is none."""
    return (await connection.execute(sa.select(sa.func.max(messages.c.id)))).scalar_one() or 0


async def newest_of_each(connection: AsyncConnection, *, after: int) -> dict[str, int]:
    """The highest number of a message of each visitor's who has any beyond this one. Costs what is beyond it."""
    found = await connection.execute(
        sa.select(messages.c.address, sa.func.max(messages.c.id))
        .where(messages.c.id > after, messages.c.channel == "webchat")
        .group_by(messages.c.address)
    )
    return {address: id for address, id in found}


async def changed_among(connection: AsyncConnection, shown: Collection[int]) -> set[int]:
    """Those of the messages, which looked as if they might change, that have changed."""
    if not shown:
        return set()
    rows = await connection.execute(sa.select(messages).where(messages.c.id.in_(shown)))
    return {row.id for row in rows if not may_change(_line(row))}


async def note_delivered(connection: AsyncConnection, visitor: str, *, up_to: int, now: datetime) -> None:
    """The visitor's browser has what it was told up to this cursor."""
    await connection.execute(
        sa.update(messages).where(_told(visitor, up_to), messages.c.delivered_at.is_(None)).values(delivered_at=now)
    )


async def note_read(connection: AsyncConnection, visitor: str, *, up_to: int, now: datetime) -> None:
    """The visitor has had it before their eyes, and so has their browser."""
    await connection.execute(
        sa.update(messages)
        .where(_told(visitor, up_to), messages.c.read_at.is_(None))
        .values(read_at=now, delivered_at=sa.func.coalesce(messages.c.delivered_at, sa.literal(now, Utc())))
    )


def _theirs(visitor: str) -> sa.ColumnElement[bool]:
    """Nothing from before the visitor was unlinked from whom they had been."""
    forgotten = sa.exists().where(
        identities.c.channel == "webchat",
        identities.c.external_id == visitor,
        identities.c.fresh_since > messages.c.created_at,
    )
    # What the product tells the assistant is nobody's words.
    said = sa.or_(messages.c.direction == "out", messages.c.author == "customer")
    return sa.and_(messages.c.channel == "webchat", messages.c.address == visitor, said, ~forgotten)


def _told(visitor: str, up_to: int) -> sa.ColumnElement[bool]:
    return sa.and_(_theirs(visitor), messages.c.id <= up_to, messages.c.direction == "out")


def _line(row: Any) -> Line:
    inbound = row.direction == "in"
    return Line(
        id=row.id,
        author=row.author,
        at=row.created_at,
        client_id=row.platform_id if inbound else None,
        said=row.content if inbound else None,
        content=None if inbound else content_from_json(row.content),
        closed=row.withdrawal is not None,
    )
