"""Reading what a turn has to know of its conversation. Knows the tables and not Rasa."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.questions import Question
from bot.core.turn import Json, Message
from bot.store.content import content_from_json
from bot.store.merging import latest_merge
from bot.store.tables import conversations, customers, events, identities, merges, messages, open_channels, snapshots
from bot.store.verifying import codes_left

UNDO_WITHIN = timedelta(days=1)
"""For so long customers can undo a merge by themselves."""

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
class Before:
    """The customer's message before this one."""

    channel: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Link:
    """One of the customer's channels."""

    channel: str
    assurance: str
    """How sure it is that it is theirs; see the table `identities`."""
    how: str
    here: bool
    """The one that the message came from."""


@dataclass(frozen=True, kw_only=True)
class Other:
    """The dialogue that becomes one with this one in the turn."""

    history: StoredHistory
    under_way: bool
    """Whether it has messages that still wait for their own turns."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """All that a turn is given besides its message."""

    history: StoredHistory
    question: Question | None = None
    """What a tap or a typed answer refers to: the message that was tapped, or the newest one with options."""
    asked_again: Question | None = None
    """The newest message that asks for the same slot as `question`."""
    besides: tuple[Question, ...] = ()
    """What else the bot offered in the same turn, newest first: a typed answer may be meant for that."""
    channels: tuple[str, ...] = ()
    """Names of the channels that the gateway serves."""
    links: tuple[Link, ...] = ()
    """The customer's channels; none in a group."""
    account: str | None = None
    """The company's own number of the customer, once somebody has shown it; none in a group."""
    codes_left: int = 0
    """How many codes may still be sent within the hour to show whose account it is."""
    other: Other | None = None
    undoable: bool = False
    """Whether there is a merge that the customer may still undo."""
    before: Before | None = None


async def read_given(connection: AsyncConnection, message: Message) -> Given:
    """Everything for the message's turn, in one consistent view."""
    history = await read_history(connection, message.conversation)
    question, *besides = await _questions_of(connection, message) or (None,)
    asked_again = None
    if question is not None and question.asks is not None:
        asked_again = await _newest_asking(connection, message.conversation, question.asks)
    served = await connection.execute(sa.select(open_channels.c.name).order_by(open_channels.c.name))
    links = await _links(connection, message)
    return Given(
        history=history,
        question=question,
        asked_again=asked_again,
        besides=tuple(besides),
        channels=tuple(served.scalars()),
        links=links,
        account=await _account(connection, message),
        codes_left=0
        if message.identity is None
        else await codes_left(connection, message.identity, message.created_at),
        other=await _other(connection, message.said.get("merge")),
        undoable=len(links) > 1 and await _is_undoable(connection, message),
        before=await _before(connection, message),
    )


async def _links(connection: AsyncConnection, message: Message) -> tuple[Link, ...]:
    if message.identity is None:
        return ()
    mine = sa.select(conversations.c.customer_id).where(conversations.c.id == message.conversation).scalar_subquery()
    found = await connection.execute(
        sa.select(identities).where(identities.c.customer_id == mine).order_by(identities.c.id)
    )
    return tuple(
        Link(channel=row.channel, assurance=row.assurance, how=row.linked_how, here=row.id == message.identity)
        for row in found
    )


async def _account(connection: AsyncConnection, message: Message) -> str | None:
    if message.identity is None:
        return None
    found = await connection.execute(
        sa.select(customers.c.account)
        .join(conversations, conversations.c.customer_id == customers.c.id)
        .where(conversations.c.id == message.conversation)
    )
    account: str | None = found.scalar_one_or_none()
    return account


async def _other(connection: AsyncConnection, merge: Any) -> Other | None:
    if not isinstance(merge, int):
        return None
    found = await connection.execute(
        sa.select(conversations)
        .join(merges, merges.c.from_conversation == conversations.c.id)
        .where(merges.c.id == merge, merges.c.undone_at.is_(None))
    )
    row = found.first()
    if row is None:
        return None
    return Other(history=await read_session(connection, row.id), under_way=row.inbound_seq > row.done_seq)


async def _is_undoable(connection: AsyncConnection, message: Message) -> bool:
    assert message.identity is not None
    since = message.created_at - UNDO_WITHIN
    return await latest_merge(connection, message.identity, since=since) is not None


async def _before(connection: AsyncConnection, message: Message) -> Before | None:
    found = await connection.execute(
        sa.select(messages.c.channel, messages.c.created_at)
        .where(
            messages.c.conversation_id == message.conversation,
            messages.c.direction == "in",
            messages.c.seq < message.seq,
        )
        .order_by(messages.c.seq.desc())
        .limit(1)
    )
    row = found.first()
    return row and Before(channel=row.channel, at=row.created_at)


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


async def _questions_of(connection: AsyncConnection, message: Message) -> list[Question]:
    kind = message.said.get("type")
    if kind == "choice":
        tapped = await _tapped(connection, message)
        return [] if tapped is None else [tapped]
    if kind == "text" or message.said.get("text"):
        return await _last_asked(connection, message)
    return []


async def _tapped(connection: AsyncConnection, message: Message) -> Question | None:
    # Of this conversation only: ids are guessable, and another customer's options are none of this one's business.
    found = await connection.execute(
        _questions(message.conversation).where(messages.c.id == message.said.get("message"))
    )
    row = found.first()
    return row and _question(row)


async def _last_asked(connection: AsyncConnection, message: Message) -> list[Question]:
    """Of what the bot said last before this message, the parts that offer options, newest first."""
    found = await connection.execute(
        _questions(message.conversation)
        .where(messages.c.seq < message.seq)
        .order_by(messages.c.seq.desc())
        .limit(_LATEST)
    )
    rows = found.all()
    latest = [_question(row) for row in rows if row.cause_id == rows[0].cause_id]
    return [question for question in latest if question.options]


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
