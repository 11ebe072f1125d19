"""Who types wrong codes, and how many of them: guessing is refused long before it could succeed.

A wrong code is counted and forgotten; what was typed is kept nowhere. With 40 bits a code and a hundred looked at in a
minute, one of a hundred codes that are open at a time would be hit once in some two hundred years.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import identities, verifications, wrong_codes

OF_ONE = 5
OF_ONE_WITHIN = timedelta(minutes=10)
OF_ALL = 100
OF_ALL_WITHIN = timedelta(minutes=1)
_KEPT_FOR = timedelta(hours=1)


async def guesses_too_much(connection: AsyncConnection, identity: int, now: datetime) -> bool:
    """Whether codes of this identity's are not looked at for now."""
    # One at a time, so that many at once have no more tries than one after the other.
    await connection.execute(sa.select(identities.c.id).where(identities.c.id == identity).with_for_update())
    return await _count(connection, now - OF_ONE_WITHIN, wrong_codes.c.identity_id == identity) >= OF_ONE


async def all_guess_too_much(connection: AsyncConnection, now: datetime) -> bool:
    """Whether so many wrong codes come from everywhere that those which anybody may use are not looked at for now."""
    return await _count(connection, now - OF_ALL_WITHIN) >= OF_ALL


async def note_wrong(connection: AsyncConnection, identity: int, now: datetime) -> None:
    """It was none; and it was one try at whatever this identity was sent a code for."""
    await connection.execute(sa.delete(wrong_codes).where(wrong_codes.c.at < now - _KEPT_FOR))
    await connection.execute(sa.insert(wrong_codes).values(identity_id=identity, at=now))
    await connection.execute(
        sa.update(verifications)
        .where(
            verifications.c.identity_id == identity,
            verifications.c.used_at.is_(None),
            verifications.c.expires_at > now,
        )
        .values(wrong=verifications.c.wrong + 1)
    )


async def _count(connection: AsyncConnection, since: datetime, *whose: sa.ColumnElement[bool]) -> int:
    found = await connection.execute(
        sa.select(sa.func.count()).select_from(wrong_codes).where(wrong_codes.c.at > since, *whose)
    )
    return int(found.scalar_one())
