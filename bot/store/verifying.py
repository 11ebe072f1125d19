"""Asking a person to show that an account of the company's is theirs, by a code that is sent to where only its holder
reads: what is written of it, for both processes.

The code itself is made when its message is sent, and kept only as a hash (`bot.gateway.verification`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.assurance import SHOWN
from bot.store.content import content_to_json
from bot.store.numbering import take_numbers
from bot.store.tables import conversations, customers, identities, messages, verifications
from channels.contract import Content

EMAIL = "email"
"""The channel."""
BRINGS_A_CODE = "verification"
"""`Content.invite` of a message into which a code is put when it is sent."""

LIFETIME = timedelta(minutes=15)
MOST = 3
MOST_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whose account the asking person says is theirs."""

    account: str
    """The company's number."""
    address: Optional[str]
    """The e-mail address that the company has of them."""
    about: Optional[str]
    """Number of the order that it is about."""
    by_linked_channel: bool
    """Whether a channel that is surely theirs may be used instead of e-mail."""


@dataclass(frozen=True, kw_only=True)
class Asking:
    """Where it was asked for."""

    message: int
    identity: int
    conversation: str
    language: Optional[str]
    trace: Optional[str] = None


def codes_sent_to(identity: Any, since: Any) -> Any:
    """How many codes were sent since then because this identity asked, as a subquery."""
    return (
        sa.select(sa.func.count())
        .select_from(verifications)
        .where(verifications.c.identity_id == identity, verifications.c.created_at > since)
        .scalar_subquery()
    )


def codes_left(sent: int) -> int:
    """How many codes may still be sent because an identity asks, when `sent` were within `MOST_WITHIN`."""
    return max(0, MOST - sent)


async def ask_for_code(connection: AsyncConnection, asking: Asking, asked: Asked, now: datetime) -> bool:
    """Queue a message that will bring a code. False, with nothing done, where there is nowhere to send it to, or too
    many were sent already, to this address or because of this person."""
    where = await _where(connection, asking, asked)
    if where is None or not codes_left(await _sent(connection, now, verifications.c.identity_id == asking.identity)):
        return False
    here = sa.and_(messages.c.channel == where["channel"], messages.c.address == where["address"])
    if await _sent(connection, now, here) >= MOST:
        return False
    message = await _queue(connection, {**where, "language": asking.language, "trace": asking.trace}, now)
    await connection.execute(
        sa.insert(verifications).values(
            identity_id=asking.identity,
            account=asked.account,
            about=asked.about,
            message_id=message,
            wrong=0,
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    return True


async def may_go_to_linked(connection: AsyncConnection, identity: int, account: str) -> bool:
    """Whether a channel that is surely the account holder's could take a code that this identity asks for."""
    return await _linked(connection, identity, account) is not None


async def _sent(connection: AsyncConnection, now: datetime, *which: Any) -> int:
    found = await connection.execute(
        sa.select(sa.func.count())
        .select_from(verifications)
        .join(messages, messages.c.id == verifications.c.message_id)
        .where(verifications.c.created_at > now - MOST_WITHIN, *which)
    )
    return int(found.scalar_one())


async def _where(connection: AsyncConnection, asking: Asking, asked: Asked) -> Optional[dict[str, Any]]:
    """Columns of the message: where it goes, and in whose conversation it stands."""
    linked = await _linked(connection, asking.identity, asked.account) if asked.by_linked_channel else None
    if linked is not None:
        return linked
    if not asked.address:
        return None
    mail = {"conversation_id": asking.conversation, "channel": EMAIL, "address": asked.address}
    return {**mail, "identity_id": asking.identity, "cause_id": asking.message}


async def _linked(connection: AsyncConnection, asking: int, account: str) -> Optional[dict[str, Any]]:
    """The newest channel that is surely the account holder's. Not the website: what it shows is read from what is
    stored, where the code is not, and browsers are shared."""
    found = await connection.execute(
        sa.select(identities.c.id, identities.c.channel, identities.c.address, conversations.c.id.label("conversation"))
        .join(customers, customers.c.id == identities.c.customer_id)
        .join(conversations, conversations.c.customer_id == customers.c.id)
        .where(
            customers.c.account == account,
            identities.c.assurance.in_(SHOWN),
            identities.c.channel != "webchat",
            identities.c.blocked_at.is_(None),
            identities.c.id != asking,
        )
        .order_by(identities.c.linked_at.desc(), identities.c.id.desc())
        .limit(1)
    )
    row = found.first()
    if row is None:
        return None
    theirs = {"conversation_id": row.conversation, "channel": row.channel, "address": row.address}
    return {**theirs, "identity_id": row.id}


async def _queue(connection: AsyncConnection, where: dict[str, Any], now: datetime) -> int:
    result = await connection.execute(
        sa.insert(messages).values(
            **where,
            seq=await take_numbers(connection, where["conversation_id"]),
            direction="out",
            author="bot",
            content=content_to_json(Content(invite=BRINGS_A_CODE)),
            state="queued",
            attempts=0,
            due_at=now,
            created_at=now,
        )
    )
    key: Any = result.inserted_primary_key
    return int(key[0])
