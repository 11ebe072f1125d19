"""Customers and conversations as both processes begin them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.suggestions import forget_suggestion
from bot.store.tables import conversations, customers, identities


async def begin_customer(connection: AsyncConnection, name: Optional[str], now: datetime) -> tuple[str, str]:
    """A new customer with an empty conversation; their ids."""
    [ids] = await begin_customers(connection, [name], now)
    return ids


async def begin_customers(
    connection: AsyncConnection, names: Sequence[Optional[str]], now: datetime
) -> list[tuple[str, str]]:
    """New customers, each with an empty conversation; their ids, in order."""
    ids = [(secrets.token_hex(16), secrets.token_hex(16)) for _ in names]
    await connection.execute(
        sa.insert(customers),
        [{"id": customer, "name": name, "created_at": now} for (customer, _), name in zip(ids, names, strict=True)],
    )
    await connection.execute(
        sa.insert(conversations), [_conversation(conversation, customer, now) for customer, conversation in ids]
    )
    return ids


async def begin_conversation(connection: AsyncConnection, customer: Optional[str], now: datetime) -> str:
    """An empty conversation, a customer's or a group's; its id."""
    conversation = secrets.token_hex(16)
    await connection.execute(sa.insert(conversations), [_conversation(conversation, customer, now)])
    return conversation


def _conversation(id: str, customer: Optional[str], now: datetime) -> dict[str, Any]:
    return {
        "id": id,
        "customer_id": customer,
        "owner": "bot",
        "last_seq": 0,
        "inbound_seq": 0,
        "done_seq": 0,
        "epoch": 0,
        "created_at": now,
    }


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
