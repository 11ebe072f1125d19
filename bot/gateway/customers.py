"""Who it is that speaks: identity → customer → conversation."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import conversations, customers, identities


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody as one channel knows them."""

    channel: str
    external_id: str
    address: str
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Known:
    """One identity and whom it belongs to."""

    identity: int
    customer: str
    conversation: str


async def recognise(connection: AsyncConnection, person: Person, now: datetime) -> Known:
    """Their identity; a person never heard of becomes a customer with a conversation of their own."""
    known = await find(connection, person.channel, person.external_id)
    if known is None:
        return await _welcome(connection, person, now)
    await connection.execute(
        sa.update(identities)
        .where(identities.c.id == known.identity, identities.c.address != person.address)
        .values(address=person.address)
    )
    return known


async def find(connection: AsyncConnection, channel: str, external_id: str) -> Known | None:
    """The identity that this channel knows by `external_id`."""
    row = (
        await connection.execute(
            sa.select(identities.c.id, identities.c.customer_id, conversations.c.id.label("conversation"))
            .join(conversations, conversations.c.customer_id == identities.c.customer_id)
            .where(identities.c.channel == channel, identities.c.external_id == external_id)
        )
    ).one_or_none()
    return row and Known(identity=row.id, customer=row.customer_id, conversation=row.conversation)


async def conversation_of(connection: AsyncConnection, customer: str) -> str:
    """The customer's one conversation."""
    result = await connection.execute(sa.select(conversations.c.id).where(conversations.c.customer_id == customer))
    return str(result.scalar_one())


async def _welcome(connection: AsyncConnection, person: Person, now: datetime) -> Known:
    customer, conversation = secrets.token_hex(16), secrets.token_hex(16)
    await connection.execute(sa.insert(customers).values(id=customer, name=person.name, created_at=now))
    await connection.execute(
        sa.insert(conversations).values(
            id=conversation,
            customer_id=customer,
            owner="bot",
            last_seq=0,
            inbound_seq=0,
            done_seq=0,
            epoch=0,
            created_at=now,
        )
    )
    result = await connection.execute(
        sa.insert(identities)
        .values(
            channel=person.channel,
            external_id=person.external_id,
            customer_id=customer,
            address=person.address,
            assurance="none",
            linked_how="first_contact",
            linked_at=now,
        )
        .returning(identities.c.id)
    )
    return Known(identity=result.scalar_one(), customer=customer, conversation=conversation)
