"""Joining an identity to a customer by a code that only the customer was shown.

A code is random (192 bits), kept only as a hash, good once, for ten minutes, and only on the channel that it was made
for. Nothing is ever joined by claiming to be somebody.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.customers import Known
from bot.store.tables import identities, link_codes

CODE_LIFETIME = timedelta(minutes=10)
# Long enough for "that link was used" to be said truthfully next day, short enough to forget.
_KEPT_FOR = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Linked:
    """The identity now belongs to `customer`, who had been on `from_channel`."""

    customer: str
    from_channel: str


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The code joins nothing: it is `expired`, `used` or `unknown`."""

    problem: str


async def mint(connection: AsyncConnection, customer: str, *, from_channel: str, to_channel: str, now: datetime) -> str:
    """A new code with which whoever opens it on `to_channel` is joined to `customer`."""
    await connection.execute(sa.delete(link_codes).where(link_codes.c.expires_at < now - _KEPT_FOR))
    code = secrets.token_urlsafe(24)
    await connection.execute(
        sa.insert(link_codes).values(
            code_hash=_hash(code),
            customer_id=customer,
            from_channel=from_channel,
            to_channel=to_channel,
            created_at=now,
            expires_at=now + CODE_LIFETIME,
        )
    )
    return code


async def redeem(
    connection: AsyncConnection, code: str, *, known: Known, channel: str, now: datetime
) -> Linked | Refused:
    """Join the identity `known`, which brought `code` on `channel`, to the code's customer."""
    row = (await connection.execute(sa.select(link_codes).where(link_codes.c.code_hash == _hash(code)))).one_or_none()
    if row is None or row.to_channel != channel:
        return Refused(problem="unknown")
    linked = Linked(customer=row.customer_id, from_channel=row.from_channel)
    if known.customer == row.customer_id:
        return linked  # the same link opened again by the one it was for: nothing to join and nothing to refuse
    if row.used_at is None and row.expires_at <= now:
        return Refused(problem="expired")
    if row.used_at is not None or not await _use(connection, row.code_hash, now):
        return Refused(problem="used")
    await _join(connection, known.identity, row.customer_id, now)
    return linked


async def _use(connection: AsyncConnection, code_hash: str, now: datetime) -> bool:
    # Two who open the link at once: one row changes once.
    result = await connection.execute(
        sa.update(link_codes)
        .where(link_codes.c.code_hash == code_hash, link_codes.c.used_at.is_(None))
        .values(used_at=now)
    )
    return result.rowcount == 1


async def _join(connection: AsyncConnection, identity: int, customer: str, now: datetime) -> None:
    await connection.execute(
        sa.update(identities)
        .where(identities.c.id == identity)
        .values(customer_id=customer, assurance="code", linked_how="deep_link", linked_at=now)
    )


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()
