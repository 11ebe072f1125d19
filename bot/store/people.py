"""Customers and conversations as both processes begin them."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.suggestions import forget_suggestion
from bot.store.tables import conversations, customers, identities


async def begin_customer(connection: AsyncConnection, name: Optional[str], now: datetime) -> tuple[str, str]:
    """Somebody new, with a conversation of their own: the ids of both."""
    customer = secrets.token_hex(16)
    await connection.execute(sa.insert(customers).values(id=customer, name=name, created_at=now))
    return customer, await begin_conversation(connection, customer, now)


async def begin_conversation(connection: AsyncConnection, customer: Optional[str], now: datetime) -> str:
    """An empty conversation, a customer's or a group's; its id."""
    conversation = secrets.token_hex(16)
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
    return conversation


def known_name() -> Any:
    """In a statement over `customers`: the customer's name, or that of somebody who turned out to be the same. It is
    kept where it was told, so that it goes again with them."""
    same = customers.alias()
    theirs = sa.select(sa.func.max(same.c.name)).where(same.c.merged_into == customers.c.id).correlate(customers)
    return sa.func.coalesce(customers.c.name, theirs.scalar_subquery())


async def unlink(connection: AsyncConnection, identity: int, now: datetime) -> str:
    """Make a new customer of an identity, who knows nothing of what was before. Returns their conversation. What was
    said stays with the customer to whom it was said."""
    customer, conversation = await begin_customer(connection, None, now)
    await connection.execute(
        sa.update(identities)
        .where(identities.c.id == identity)
        .values(customer_id=customer, assurance="none", linked_how="unlinked", linked_at=now, fresh_since=now)
    )
    await forget_suggestion(connection, identity)
    return conversation
