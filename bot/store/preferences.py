"""Which channel a customer would rather be written to on. It is the customer's and not the channel's, so it is kept
with the customer; where two become one, the newer one counts, and where they are separated, each has theirs again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import customers, identities

Preference = Mapping[str, Any]
"""The columns `preferred_channel`, `preferred_at` and `preferred_by` of a customer; all empty where there is none."""

_NONE: Preference = {"preferred_channel": None, "preferred_at": None, "preferred_by": None}


async def prefer(connection: AsyncConnection, identity: int, channel: str, now: datetime) -> None:
    """The customer of this identity would rather be written to on `channel`, whether it is linked yet or not."""
    theirs = sa.select(identities.c.customer_id).where(identities.c.id == identity).scalar_subquery()
    await connection.execute(
        sa.update(customers)
        .where(customers.c.id == theirs)
        .values(preferred_channel=channel, preferred_at=now, preferred_by=identity)
    )


async def join_preferences(connection: AsyncConnection, one: str, into: str) -> Optional[dict[str, Any]]:
    """Customer `one` becomes the same person as `into`: the newer preference is that of both. Returns what `into` had,
    as the merge keeps it."""
    ours, theirs = await _of(connection, into), await _of(connection, one)
    if _is_newer(theirs, ours):
        await _keep(connection, into, theirs)
    return _as_json(ours)


async def separate_preferences(
    connection: AsyncConnection, *, joint: str, leaving: str, identities_leaving: Collection[int], before: Any
) -> None:
    """What was said by those who leave is theirs alone again; `joint` has what was there before, in its place."""
    joints = await _of(connection, joint)
    if joints["preferred_by"] in identities_leaving:
        await _keep(connection, leaving, joints)
        await _keep(connection, joint, _from_json(before))


async def _of(connection: AsyncConnection, customer: str) -> Preference:
    found = await connection.execute(
        sa.select(customers.c.preferred_channel, customers.c.preferred_at, customers.c.preferred_by).where(
            customers.c.id == customer
        )
    )
    return dict(found.mappings().one())


async def _keep(connection: AsyncConnection, customer: str, preference: Preference) -> None:
    await connection.execute(sa.update(customers).where(customers.c.id == customer).values(**preference))


def _is_newer(one: Preference, other: Preference) -> bool:
    if one["preferred_at"] is None:
        return False
    return other["preferred_at"] is None or one["preferred_at"] > other["preferred_at"]


def _as_json(preference: Preference) -> Optional[dict[str, Any]]:
    if preference["preferred_at"] is None:
        return None
    return {**preference, "preferred_at": preference["preferred_at"].timestamp()}


def _from_json(kept: Any) -> Preference:
    if not kept:
        return _NONE
    return {**kept, "preferred_at": datetime.fromtimestamp(kept["preferred_at"], timezone.utc)}
