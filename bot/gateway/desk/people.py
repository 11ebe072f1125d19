"""Whose conversation it is: those that were merged into it belong to it, and who was merged is found where they speak
now. A group's conversation is nobody's, and no part of the desk."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import conversations, customers, merges

_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)


@dataclass(frozen=True, kw_only=True)
class Known:
    """A customer's conversation, as it is found now."""

    id: str
    customer: str
    family: tuple[str, ...]
    """Itself first, then all that were merged into it: the ids of their conversations."""


def _walk_to_survivors() -> sa.Select[Any]:
    walk = (
        sa.select(conversations.c.id.label("start"), conversations.c.customer_id.label("customer"))
        .where(conversations.c.id.in_(_IDS), conversations.c.customer_id.is_not(None))
        .cte(recursive=True)
    )
    further = sa.select(walk.c.start, customers.c.merged_into).where(
        customers.c.id == walk.c.customer, customers.c.merged_into.is_not(None)
    )
    walk = walk.union(further)
    return (
        sa.select(walk.c.start, conversations.c.id, customers.c.id.label("customer"))
        .join(customers, customers.c.id == walk.c.customer)
        .join(conversations, conversations.c.customer_id == customers.c.id)
        .where(customers.c.merged_into.is_(None))
    )


def _walk_to_family() -> sa.Select[Any]:
    walk = sa.select(sa.bindparam("id", type_=sa.String).label("id")).cte(recursive=True)
    walk = walk.union(
        sa.select(merges.c.from_conversation).where(
            merges.c.into_conversation == walk.c.id, merges.c.undone_at.is_(None)
        )
    )
    return sa.select(walk.c.id)


_SURVIVORS = _walk_to_survivors()
_FAMILY = _walk_to_family()


async def find(connection: AsyncConnection, conversation: str) -> Known | None:
    """The conversation by its id, or the one that it was merged into; None if it is none of a customer's."""
    found = await connection.execute(_SURVIVORS, {"ids": [conversation]})
    row = found.first()
    if row is None:
        return None
    family = await connection.execute(_FAMILY, {"id": row.id})
    others = sorted(str(one) for one in family.scalars() if one != row.id)
    return Known(id=row.id, customer=row.customer, family=(row.id, *others))


async def where_they_speak(connection: AsyncConnection, ids: Collection[str]) -> dict[str, str]:
    """For each conversation the one where its customer speaks now; groups are left out."""
    if not ids:
        return {}
    found = await connection.execute(_SURVIVORS, {"ids": list(ids)})
    return {row.start: row.id for row in found}
