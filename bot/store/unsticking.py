"""What an operator decides of a message that is stuck: that it is tried again, or that it is given up.

A turn is taken by core workers alone, so nothing is answered here: what is decided stands in the message's row, and the
conversation's row is what it is fenced by. Functions take a connection and never commit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.auditing import note
from bot.store.numbering import take_numbers
from bot.store.tables import Utc, conversations, customers, identities, messages, sent_parts
from bot.store.wake import notify

OPERATOR = "operator"
"""Who it was, in the record."""

SORRY = "sorry"
SILENT = "silent"


class NotStuck(Exception):
    """Nothing was done; the text tells an operator why."""


async def retry(connection: AsyncConnection, message: int, now: datetime, *, even_uncertain: bool = False) -> str:
    """Have the message's turn taken after all, or the message sent again; what follows, for people. Raises NotStuck
    where it is not stuck in a way that this would change."""
    row = await _message(connection, message)
    if row.direction == "in":
        return await _turn_again(connection, row, now)
    return await _send_again(connection, row, now, even_uncertain=even_uncertain)


async def park(connection: AsyncConnection, message: int, now: datetime, *, silently: bool = False) -> str:
    """Have the message given up, so that the conversation goes on without its turn; what follows, for people. Raises
    NotStuck where it does not wait for a turn."""
    return await _give_up(connection, await _message(connection, message), now, silently=silently)


async def _message(connection: AsyncConnection, message: int) -> Any:
    row = (await connection.execute(sa.select(messages).where(messages.c.id == message))).one_or_none()
    if row is None:
        raise NotStuck(f"there is no message {message}. `throughline stuck` lists those that are stuck.")
    return row


# --- A turn -----------------------------------------------------------------------------------------------------------


async def _turn_again(connection: AsyncConnection, row: Any, now: datetime) -> str:
    """The same message gets a new number at the conversation's end, since the dialogue has gone on. It keeps its id:
    the answer refers to it, and an action that had done its work for it knows so."""
    if row.state == "waiting":
        raise NotStuck(f"message {row.id} waits for its turn already, and is tried again by itself.")
    if row.state != "failed":
        raise NotStuck(f"message {row.id} had its turn ({row.state}).")
    await _still_theirs(connection, row)
    seq = await take_numbers(connection, row.conversation_id)
    again = await connection.execute(
        sa.update(messages)
        .where(messages.c.id == row.id, messages.c.state == "failed")
        .values(seq=seq, state="waiting", attempts=0, due_at=now, error=None, finished_at=None, parked=None)
    )
    if not again.rowcount:
        raise NotStuck(f"somebody else has just had message {row.id} tried again.")
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == row.conversation_id)
        .values(
            inbound_seq=seq,
            waiting_channel=sa.case(
                (conversations.c.waiting_since.is_(None), row.channel), else_=conversations.c.waiting_channel
            ),
            waiting_since=sa.func.coalesce(conversations.c.waiting_since, sa.literal(now, Utc())),
            unanswered_since=sa.func.coalesce(conversations.c.unanswered_since, sa.literal(now, Utc())),
        )
    )
    await _record(connection, "turn_again", row, now)
    return f"Message {row.id} has its turn after all that its conversation waits for."


async def _still_theirs(connection: AsyncConnection, row: Any) -> None:
    """What was said belongs to the dialogue in which it was said: not where that has become part of another one, and
    not where whoever said it is somebody else by now."""
    if row.identity_id is None:
        return
    found = await connection.execute(
        sa.select(customers.c.id, customers.c.merged_into)
        .join(conversations, conversations.c.customer_id == customers.c.id)
        .where(conversations.c.id == row.conversation_id)
    )
    customer = found.one_or_none()
    owner = await connection.scalar(sa.select(identities.c.customer_id).where(identities.c.id == row.identity_id))
    if customer is None or customer.merged_into is not None or owner != customer.id:
        raise NotStuck(
            f"message {row.id} cannot have its turn any more: its conversation has become one with another since, or "
            "who said it was unlinked."
        )


async def _give_up(connection: AsyncConnection, row: Any, now: datetime, *, silently: bool) -> str:
    if row.direction != "in" or row.state != "waiting":
        raise NotStuck(f"message {row.id} waits for no turn ({row.direction}, {row.state}).")
    # The conversation's row first, as every commit of a turn does: from here on nobody steps past the message.
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == row.conversation_id)
        .values(last_seq=conversations.c.last_seq)
    )
    marked = await connection.execute(
        sa.update(messages)
        .where(messages.c.id == row.id, messages.c.state == "waiting")
        .values(parked=SILENT if silently else SORRY, due_at=now)
    )
    if not marked.rowcount:
        raise NotStuck(f"message {row.id} has just had its turn.")
    if await _is_next(connection, row):
        # Whoever has its turn under way cannot commit it under the epoch of before.
        await connection.execute(
            sa.update(conversations)
            .where(conversations.c.id == row.conversation_id)
            .values(epoch=conversations.c.epoch + 1, claimed_by=None, lease_until=None, waiting_since=now)
        )
    await _record(connection, "parked", row, now)
    how = "without a word" if silently else "with an apology"
    return f"Message {row.id} is given up {how} by the next core worker, and its conversation goes on."


async def _is_next(connection: AsyncConnection, row: Any) -> bool:
    """Whether no other message of the conversation has its turn before this one."""
    done = sa.select(conversations.c.done_seq).where(conversations.c.id == row.conversation_id).scalar_subquery()
    earlier = sa.select(messages.c.id).where(
        messages.c.conversation_id == row.conversation_id,
        messages.c.seq < row.seq,
        messages.c.seq > done,
        messages.c.direction == "in",
        messages.c.state == "waiting",
    )
    return (await connection.execute(earlier.limit(1))).first() is None


# --- A reply ----------------------------------------------------------------------------------------------------------


async def _send_again(connection: AsyncConnection, row: Any, now: datetime, *, even_uncertain: bool) -> str:
    if row.state in ("queued", "sending"):
        raise NotStuck(f"message {row.id} waits to be sent already, and is tried again by itself.")
    if row.state == "sent":
        raise NotStuck(f"message {row.id} was sent.")
    if row.state == "uncertain" and not even_uncertain:
        raise NotStuck(
            f"message {row.id} may have been sent: sent again, the customer may see it twice. If that is better than "
            "not at all, say --even-uncertain."
        )
    # Its parts get new platform ids.
    await connection.execute(sa.delete(sent_parts).where(sent_parts.c.message_id == row.id))
    again = await connection.execute(
        sa.update(messages)
        .where(messages.c.id == row.id, messages.c.state == row.state)
        .values(state="queued", attempts=0, due_at=now, lease_until=None, error=None, finished_at=None)
    )
    if not again.rowcount:
        raise NotStuck(f"somebody else has just had message {row.id} sent again.")
    await _record(connection, "send_again", row, now)
    twice = " The customer may see it twice." if row.state == "uncertain" else ""
    return f"Message {row.id} is sent again, before all that waits for the same address.{twice}"


async def _record(connection: AsyncConnection, what: str, row: Any, now: datetime) -> None:
    await note(connection, OPERATOR, what, conversation=row.conversation_id, now=now, message=row.id)
    await notify(connection)
