"""Taking what came from a channel onto disk. After this, the webhook may be answered and nothing can be lost."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.customers import Known, Person, conversation_of, recognise
from bot.gateway.linking import Linked, redeem
from bot.gateway.receipts import record_receipts
from bot.store.content import link_refused_to_json, linked_to_json, said_to_json
from bot.store.database import transaction
from bot.store.tables import Utc, conversations, messages, unread_webhooks
from bot.store.wake import notify
from channels.contract import Inbound, Link, Receipt, Unread

_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A message that is on disk."""

    message: int
    conversation: str
    repeated: bool
    """It had been there before: the platform delivered it again."""


async def accept_all(
    engine: AsyncEngine,
    read: Sequence[Inbound | Unread],
    *,
    channel: str,
    body: bytes,
    now: datetime,
    receipts: Sequence[Receipt] = (),
) -> list[Accepted]:
    """Store everything that one request brought, in one transaction, in order."""
    for attempt in range(_TRIES):
        try:
            async with transaction(engine) as connection:
                await record_receipts(connection, receipts, channel, now)
                return await _accept_each(connection, read, channel, body, now)
        except IntegrityError:
            # Somebody else has just stored the same person or the same message: look again and find it there.
            if attempt == _TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def accept(connection: AsyncConnection, inbound: Inbound, now: datetime) -> Accepted:
    """Store one message at the end of its conversation, unless it is there already."""
    key = f"{inbound.channel}:{inbound.dedupe_key}"
    before = await _find(connection, key)
    if before is not None:
        return before
    known = await recognise(connection, _person(inbound), now)
    conversation, content = await _place(connection, inbound, known, now)
    message = await _append(connection, conversation, content, inbound, key, now)
    return Accepted(message=message, conversation=conversation, repeated=False)


async def keep_unread(connection: AsyncConnection, unread: Unread, channel: str, body: bytes, now: datetime) -> None:
    """Keep a request that could not be read, once however often it comes."""
    body_hash = hashlib.sha256(channel.encode() + b"\0" + body).hexdigest()
    kept = await connection.execute(sa.select(unread_webhooks.c.id).where(unread_webhooks.c.body_hash == body_hash))
    if kept.first() is None:
        await connection.execute(
            sa.insert(unread_webhooks).values(
                channel=channel, reason=unread.reason, body_hash=body_hash, body=body, received_at=now
            )
        )


async def _accept_each(
    connection: AsyncConnection, read: Sequence[Inbound | Unread], channel: str, body: bytes, now: datetime
) -> list[Accepted]:
    accepted = []
    for part in read:
        if isinstance(part, Unread):
            await keep_unread(connection, part, channel, body, now)
        else:
            accepted.append(await accept(connection, part, now))
    if accepted:
        await notify(connection)
    return accepted


async def _find(connection: AsyncConnection, key: str) -> Accepted | None:
    row = (
        await connection.execute(
            sa.select(messages.c.id, messages.c.conversation_id).where(messages.c.dedupe_key == key)
        )
    ).one_or_none()
    return row and Accepted(message=row.id, conversation=row.conversation_id, repeated=True)


def _person(inbound: Inbound) -> Person:
    return Person(channel=inbound.channel, external_id=inbound.external_id, address=inbound.address, name=inbound.name)


async def _place(
    connection: AsyncConnection, inbound: Inbound, known: Known, now: datetime
) -> tuple[str, dict[str, Any]]:
    """The conversation that the message belongs to, and what is kept of it. A link code is used here: who the customer
    is, is decided at accept."""
    if not isinstance(inbound.said, Link):
        return known.conversation, said_to_json(inbound.said)
    outcome = await redeem(connection, inbound.said.code, known=known, channel=inbound.channel, now=now)
    if isinstance(outcome, Linked):
        return await conversation_of(connection, outcome.customer), linked_to_json(outcome.from_channel)
    return known.conversation, link_refused_to_json(outcome.problem)


async def _append(
    connection: AsyncConnection, conversation: str, content: dict[str, Any], inbound: Inbound, key: str, now: datetime
) -> int:
    # The update locks the conversation's row, so that the order of numbers is the order of commits.
    number = await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == conversation)
        .values(
            last_seq=conversations.c.last_seq + 1,
            inbound_seq=conversations.c.last_seq + 1,
            waiting_since=sa.func.coalesce(conversations.c.waiting_since, sa.literal(now, Utc())),
        )
        .returning(conversations.c.last_seq)
    )
    result = await connection.execute(
        sa.insert(messages)
        .values(
            conversation_id=conversation,
            seq=number.scalar_one(),
            direction="in",
            author="customer",
            channel=inbound.channel,
            address=inbound.address,
            content=content,
            language=inbound.language,
            dedupe_key=key,
            platform_id=inbound.platform_id,
            state="waiting",
            attempts=0,
            due_at=now,
            created_at=now,
        )
        .returning(messages.c.id)
    )
    return int(result.scalar_one())
