"""Putting something of the product's own into a conversation's queue, to be taken in its turn like all that changes a
dialogue: what came of a question to the database, what an agent or an operator wants done."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.numbering import take_numbers
from bot.store.reaching import Place
from bot.store.tables import Utc, conversations, messages
from bot.store.traces import new_trace
from bot.store.wake import About, notify

NOWHERE = "product"
"""The channel of what is answered to nobody."""


async def put_in_queue(
    connection: AsyncConnection,
    conversation: str,
    content: dict[str, Any],
    *,
    answered_at: Optional[Place],
    author: str,
    now: datetime,
    language: Optional[str] = None,
    agent: Optional[str] = None,
    key: Optional[str] = None,
    trace: Optional[str] = None,
) -> int:
    """Queue an inbound message; returns its id. Raises LookupError where there is no such conversation.

    answered_at:  where the bot answers it, if it does
    agent:        who of them, where the author is an agent
    key:          the same for the same message, told twice: the second raises IntegrityError
    trace:        of the message in whose turn this came about; a new one without
    """
    seq = await take_numbers(connection, conversation)
    channel = answered_at.channel if answered_at else NOWHERE
    nothing_waits = conversations.c.waiting_since.is_(None)
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == conversation)
        .values(
            inbound_seq=seq,
            waiting_since=sa.func.coalesce(conversations.c.waiting_since, sa.literal(now, Utc())),
            waiting_channel=sa.case((nothing_waits, sa.literal(channel)), else_=conversations.c.waiting_channel),
        )
    )
    result = await connection.execute(
        sa.insert(messages).values(
            conversation_id=conversation,
            seq=seq,
            direction="in",
            author=author,
            agent_id=agent,
            dedupe_key=key,
            channel=channel,
            address=answered_at.address if answered_at else "",
            identity_id=answered_at.identity if answered_at else None,
            content=content,
            language=language,
            trace=trace or new_trace(),
            state="waiting",
            attempts=0,
            due_at=now,
            created_at=now,
        )
    )
    await notify(connection, About.TURNS)
    inserted: Any = result.inserted_primary_key
    return int(inserted[0])
