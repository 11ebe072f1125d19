"""`throughline merges` and `throughline unmerge`: which customers turned out to be one, and taking that back.

An operator's undoing waits in the conversation's queue like everything that changes a dialogue: a worker does it when
all before it has had its turn, and both sides are told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.opening import opened
from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.store.database import reading, transaction
from bot.store.separating import ask_to_separate
from bot.store.tables import conversations, identities, merges

NEWEST = 100
"""So many are listed."""
OPERATOR = "operator"
"""Who it was, in the record."""


@dataclass(frozen=True, kw_only=True)
class Merge:
    """Two conversations that became one."""

    id: int
    merged_at: datetime
    into_conversation: str
    from_conversation: str
    channels: tuple[str, ...]
    """Of the identities that came along."""
    undone_at: datetime | None
    undone_by: str | None


async def known(settings: Settings, *, conversation: str | None = None, identity: str | None = None) -> list[Merge]:
    """The newest merges, in the order in which they came about: all, those of a conversation, or those that an identity
    (`channel:id`, the id as the platform has it) is part of. Raises CannotRun."""
    async with opened(settings) as engine, reading(engine) as connection:
        which = await _which(connection, conversation, identity)
        found = (
            await connection.execute(sa.select(merges).where(which).order_by(merges.c.id.desc()).limit(NEWEST))
        ).all()
        came = {id for row in found for id in row.identities}
        channels = await connection.execute(
            sa.select(identities.c.id, identities.c.channel).where(identities.c.id.in_(came))
        )
        channel_of = {row.id: row.channel for row in channels}
    return [
        Merge(
            id=row.id,
            merged_at=row.merged_at,
            into_conversation=row.into_conversation,
            from_conversation=row.from_conversation,
            channels=tuple(channel_of[id] for id in row.identities if id in channel_of),
            undone_at=row.undone_at,
            undone_by=row.undone_by,
        )
        for row in reversed(found)
    ]


async def unmerge(settings: Settings, merge: int) -> None:
    """Have a merge undone. Raises CannotRun where there is none to undo."""
    async with opened(settings) as engine, transaction(engine) as connection:
        if await ask_to_separate(connection, merge, by=OPERATOR, now=datetime.now(UTC)):
            return
        found = await connection.execute(sa.select(merges).where(merges.c.id == merge))
        row = found.one_or_none()
    if row is None:
        raise CannotRun(f"there is no merge {merge}. `throughline merges` lists those that there are.")
    raise CannotRun(f"merge {merge} was undone already, on {row.undone_at:%Y-%m-%d %H:%M} UTC by: {row.undone_by}.")


def listed(found: Sequence[Merge]) -> str:
    """For a terminal."""
    if not found:
        return "No customers have turned out to be one here."
    lines = [f"{'id':>6}  {'merged (UTC)':<16}  {'conversation':<32}  {'brought along':<32}  state"]
    for one in found:
        undone = f"undone {one.undone_at:%Y-%m-%d %H:%M} by {one.undone_by}" if one.undone_at else ""
        state = undone or f"joined; {', '.join(dict.fromkeys(one.channels)) or 'nobody'} came along"
        lines.append(
            f"{one.id:>6}  {one.merged_at:%Y-%m-%d %H:%M}  {one.into_conversation:<32}  {one.from_conversation:<32}  "
            f"{state}"
        )
    if len(found) == NEWEST:
        lines.append(f"These are the newest {NEWEST}.")
    return "\n".join(lines)


async def _which(connection: AsyncConnection, conversation: str | None, identity: str | None) -> sa.ColumnElement[bool]:
    if conversation is not None:
        if (await connection.execute(sa.select(conversations.c.id).where(conversations.c.id == conversation))).first():
            return sa.or_(merges.c.into_conversation == conversation, merges.c.from_conversation == conversation)
        raise CannotRun(f"there is no conversation {conversation}.")
    if identity is not None:
        return await _of_identity(connection, identity)
    return sa.true()


async def _of_identity(connection: AsyncConnection, identity: str) -> sa.ColumnElement[bool]:
    """Those in which the identity's customer is on either side."""
    channel, colon, external_id = identity.partition(":")
    if not colon:
        raise CannotRun("an identity is written as channel:id, such as telegram:1234567.")
    found = await connection.execute(
        sa.select(identities.c.customer_id).where(
            identities.c.channel == channel, identities.c.external_id == external_id
        )
    )
    customer = found.scalar_one_or_none()
    if customer is None:
        raise CannotRun(f"nobody on {channel} is known by this id.")
    return sa.or_(merges.c.into_customer == customer, merges.c.from_customer == customer)
