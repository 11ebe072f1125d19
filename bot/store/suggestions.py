"""Accounts that a telephone number suggests: offered once to whoever writes from the number, and confirmed or declined.

A number is given to somebody else sooner or later, and families share one. So a confirmed suggestion says something of
the one identity that confirmed it, at the level `confirmed`; it joins no customers, and gives nobody the account. With
another number, or none, the answer counts no more. Who has a number like that, the company's data say, so the actions
look it up (`actions/suggestions.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import identities, suggestions

STATES = ("offered", "confirmed", "declined")

# Channels whose platform knows its people by a telephone number that it has checked, and tells it with all its digits.
_BY_NUMBER = ("whatsapp",)
_DIGITS = re.compile(r"[0-9]{7,15}")


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """What became of the account that somebody's number suggested."""

    account: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Number:
    """Somebody's telephone number, and what it has suggested so far."""

    phone: str
    """E.164."""
    suggestion: Optional[Suggestion] = None


def phone_of(channel: str, *ids: Optional[str]) -> Optional[str]:
    """The number in E.164, where one of the platform's ids of a person is one."""
    if channel not in _BY_NUMBER:
        return None
    return next((f"+{one}" for one in ids if one and _DIGITS.fullmatch(one)), None)


async def read_number(connection: AsyncConnection, identity: int) -> Optional[Number]:
    """None where the channel vouches for none."""
    found = await connection.execute(
        sa.select(identities.c.channel, identities.c.external_id, identities.c.known_as, suggestions)
        .select_from(identities.outerjoin(suggestions, suggestions.c.identity_id == identities.c.id))
        .where(identities.c.id == identity)
    )
    row: Any = found.one()
    phone = phone_of(row.channel, row.known_as, row.external_id)
    if phone is None:
        return None
    return Number(
        phone=phone, suggestion=Suggestion(account=row.account, state=row.state) if row.phone == phone else None
    )


async def keep_suggestion(connection: AsyncConnection, identity: int, account: str, state: str, now: datetime) -> bool:
    """Note that the account was offered, or how the offer was answered. False, with nothing kept, where this identity's
    number is not known, or the answer is to an offer that was never made."""
    number = await read_number(connection, identity)
    if number is None or state not in STATES:
        return False
    offered = number.suggestion is not None and number.suggestion.account == account
    if state != "offered" and not offered:
        return False
    await forget_suggestion(connection, identity)
    await connection.execute(
        sa.insert(suggestions).values(identity_id=identity, account=account, phone=number.phone, state=state, at=now)
    )
    return True


async def forget_suggestion(connection: AsyncConnection, identity: int) -> None:
    """Whoever is there now was offered nothing."""
    await connection.execute(sa.delete(suggestions).where(suggestions.c.identity_id == identity))
