"""Reading what a turn has to know of its conversation. Knows the tables and not Rasa."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.questions import Question
from bot.core.turn import Json, Message
from bot.store.content import content_from_json
from bot.store.tables import events, messages, open_channels, snapshots

# A turn rarely says more than this; a question further up is not "the last one" to a customer anyway.
_LATEST = 5


@dataclass(frozen=True, kw_only=True)
class StoredHistory:
    """A conversation's events as the database has them."""

    conversation: str
    snapshot: tuple[Json, ...]
    """Events that stand for all before the tail; empty where nothing was cut."""
    first_seq: int
    """Number of the tail's first event."""
    events: tuple[Json, ...]
    """The tail."""

    @property
    def next_seq(self) -> int:
        return self.first_seq + len(self.events)


@dataclass(frozen=True, kw_only=True)
class Given:
    """All that a turn is given besides its message."""

    history: StoredHistory
    question: Question | None = None
    """What a tap or a typed answer refers to: the message that was tapped, or the newest one with options."""
    asked_again: Question | None = None
    """The newest message that asks for the same slot as `question`."""
    channels: tuple[str, ...] = ()
    """Names of the channels that the gateway serves."""


async def read_given(connection: AsyncConnection, message: Message) -> Given:
    """Everything for the message's turn, in one consistent view."""
    history = await read_history(connection, message.conversation)
    question = await _question_of(connection, message)
    asked_again = None
    if question is not None and question.asks is not None:
        asked_again = await _newest_asking(connection, message.conversation, question.asks)
    served = await connection.execute(sa.select(open_channels.c.name).order_by(open_channels.c.name))
    return Given(history=history, question=question, asked_again=asked_again, channels=tuple(served.scalars()))


async def read_history(connection: AsyncConnection, conversation: str) -> StoredHistory:
    """The snapshot, if there is one, and the tail."""
    found = await connection.execute(sa.select(snapshots).where(snapshots.c.conversation_id == conversation))
    snapshot = found.first()
    first_seq = 1 if snapshot is None else snapshot.seq
    return await _read_from(connection, conversation, first_seq, () if snapshot is None else tuple(snapshot.data))


async def read_session(connection: AsyncConnection, conversation: str) -> StoredHistory:
    """Every event since the latest session began, whatever was cut. What came before it, Rasa has forgotten itself."""
    found = await connection.execute(
        sa.select(sa.func.max(events.c.seq)).where(
            events.c.conversation_id == conversation, events.c.type == "session_started"
        )
    )
    return await _read_from(connection, conversation, found.scalar_one_or_none() or 1, ())


async def read_everything(connection: AsyncConnection, conversation: str) -> StoredHistory:
    """Every event there ever was."""
    return await _read_from(connection, conversation, 1, ())


async def _read_from(
    connection: AsyncConnection, conversation: str, first_seq: int, snapshot: tuple[Json, ...]
) -> StoredHistory:
    found = await connection.execute(
        sa.select(events.c.data)
        .where(events.c.conversation_id == conversation, events.c.seq >= first_seq)
        .order_by(events.c.seq)
    )
    return StoredHistory(
        conversation=conversation,
        snapshot=snapshot,
        first_seq=first_seq,
        events=tuple(found.scalars()),
    )


async def _question_of(connection: AsyncConnection, message: Message) -> Question | None:
    kind = message.said.get("type")
    if kind == "choice":
        return await _tapped(connection, message)
    if kind == "text":
        return await _last_asked(connection, message)
    return None


async def _tapped(connection: AsyncConnection, message: Message) -> Question | None:
    # Of this conversation only: ids are guessable, and another customer's options are none of this one's business.
    found = await connection.execute(
        _questions(message.conversation).where(messages.c.id == message.said.get("message"))
    )
    row = found.first()
    return row and _question(row)


async def _last_asked(connection: AsyncConnection, message: Message) -> Question | None:
    """Of what the bot said last before this message, the part that offers options."""
    found = await connection.execute(
        _questions(message.conversation)
        .where(messages.c.seq < message.seq)
        .order_by(messages.c.seq.desc())
        .limit(_LATEST)
    )
    rows = found.all()
    latest = [_question(row) for row in rows if row.cause_id == rows[0].cause_id]
    return next((question for question in latest if question.options), None)


async def _newest_asking(connection: AsyncConnection, conversation: str, slot: str) -> Question | None:
    found = await connection.execute(
        _questions(conversation).where(messages.c.asks == slot).order_by(messages.c.seq.desc()).limit(1)
    )
    row = found.first()
    return row and _question(row)


def _questions(conversation: str) -> Any:
    return sa.select(
        messages.c.id, messages.c.content, messages.c.asks, messages.c.created_at, messages.c.cause_id
    ).where(messages.c.conversation_id == conversation, messages.c.direction == "out")


def _question(row: Any) -> Question:
    return Question(
        id=row.id,
        options=content_from_json(row.content).all_options(),
        asks=row.asks,
        asked_at=row.created_at,
    )
