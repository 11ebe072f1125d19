"""`throughline restored`: what must be done once to a database that was brought back from a backup, before it is used.

The world knows more than a backup does. What was still to be sent may have been sent since, and numbers that were given
since are known outside: browsers ask for what comes after theirs, and the company's own systems know an order by the
number of the message that asked for it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.opening import nobody_works_on, opened
from bot.gateway.settings import Settings
from bot.store.auditing import note
from bot.store.clock import DatabaseClock
from bot.store.database import transaction
from bot.store.queueing import NOWHERE
from bot.store.tables import conversations, messages, unsent
from bot.store.unsticking import OPERATOR

GAP = 1_000_000
"""More numbers than were given since any backup."""

# The web chat is read from the transcript: said once more, a message stands there once.
_REPEATABLE = "webchat"


@dataclass(frozen=True)
class Restored:
    """uncertain: messages that may have been sent since; next_id: the number of the next message, at least"""

    uncertain: int
    next_id: int


async def restored(settings: Settings) -> Restored:
    """Mark what may have been sent since the backup, and skip the numbers that may have been given. Raises CannotRun
    while somebody uses the database."""
    async with opened(settings) as engine:
        await nobody_works_on(engine, "the database")
        clock = DatabaseClock(engine)
        await clock.tune()
        async with transaction(engine) as connection:
            return await _go_on(connection, clock())


async def _go_on(connection: AsyncConnection, now: datetime) -> Restored:
    marked = await connection.execute(
        sa.update(messages)
        .where(unsent(messages), messages.c.channel != _REPEATABLE)
        .values(
            state="uncertain",
            finished_at=now,
            lease_until=None,
            error="it may have been sent after the backup was made",
        )
    )
    newest = (await connection.execute(sa.select(sa.func.coalesce(sa.func.max(messages.c.id), 0)))).scalar_one()
    next_id = int(newest) + GAP
    await _skip_to(connection, next_id, now)
    await note(connection, OPERATOR, "restored", now=now, next_id=next_id, uncertain=marked.rowcount)
    return Restored(uncertain=marked.rowcount, next_id=next_id)


async def _skip_to(connection: AsyncConnection, next_id: int, now: datetime) -> None:
    if connection.dialect.name == "postgresql":
        sequence = sa.func.pg_get_serial_sequence(messages.name, messages.c.id.name)
        await connection.execute(sa.select(sa.func.setval(sequence, next_id, False)))
        return
    # SQLite numbers on from the highest number that stands there, so a message of nobody's has it.
    conversation = f"restored-{secrets.token_hex(8)}"
    await connection.execute(
        sa.insert(conversations).values(
            id=conversation, owner="bot", last_seq=1, inbound_seq=1, done_seq=1, epoch=0, created_at=now
        )
    )
    await connection.execute(
        sa.insert(messages).values(
            id=next_id - 1,
            conversation_id=conversation,
            seq=1,
            direction="in",
            author="product",
            channel=NOWHERE,
            address="",
            content={"type": "restored"},
            state="done",
            attempts=0,
            due_at=now,
            created_at=now,
            finished_at=now,
        )
    )
