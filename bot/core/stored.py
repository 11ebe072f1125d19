"""Reading what a turn has to know of its conversation. Knows the tables and not Rasa."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.questions import Question
from bot.core.turn import Json, Message
from bot.store.assurance import met_by
from bot.store.content import content_from_json
from bot.store.handoffs import Handoff, name_of, place_of, read_open, where_last_heard
from bot.store.merging import latest_merge
from bot.store.offers import PEOPLE
from bot.store.ownership import BOT
from bot.store.reaching import Place, where_to_reach
from bot.store.suggestions import Number, Suggestion, phone_of
from bot.store.tables import (
    Utc,
    conversations,
    customers,
    events,
    identities,
    merges,
    messages,
    open_channels,
    snapshots,
    suggestions,
)
from bot.store.verifying import MOST_WITHIN, codes_left, codes_sent_to

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

    history: StoredHistory | None
    """None where the dialogue remembers it."""
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
    number: Number | None = None
    """The telephone number that the platform vouches for, and what it suggested; none in a group."""
    preferred: str | None = None
    """The channel that the customer would rather be written to on."""
    codes_left: int = 0
    """How many codes may still be sent within the hour to show whose account it is."""
    other: Other | None = None
    undoable: bool = False
    """Whether there is a merge that the customer may still undo."""
    before: Before | None = None
    handoff: Handoff | None = None
    """With whom the conversation is, while it is with people; or that which becomes one with it."""
    agent_name: str | None = None
    """Of the agent for whom a doing of the desk's is, or who does it."""

    @property
    def standing(self) -> tuple[str | None, tuple[str, ...]]:
        """Whose account the writing identity may speak of, and the levels of assurance that it meets towards it. A
        suggestion that was confirmed counts where the customer has no other account, and nothing better was shown."""
        shown = next((link.assurance for link in self.links if link.here), None)
        suggested = self.number and self.number.suggestion
        if not suggested or suggested.state != "confirmed" or self.account not in (None, suggested.account):
            return self.account, met_by(shown)
        return suggested.account, max(met_by("confirmed"), met_by(shown if self.account else None), key=len)


# Statements that every turn meets are built once: to build one costs more than to run it.

_CONVERSATION = sa.bindparam("conversation")
_SEQ = sa.bindparam("seq")
_SERVED = sa.select(open_channels.c.name).order_by(open_channels.c.name)
_MINE = (
    sa.select(
        identities.c.id,
        identities.c.channel,
        identities.c.external_id,
        identities.c.known_as,
        identities.c.assurance,
        identities.c.linked_how,
        conversations.c.owner,
        customers.c.account,
        customers.c.preferred_channel,
        suggestions.c.account.label("suggested"),
        suggestions.c.phone.label("suggested_by"),
        suggestions.c.state.label("suggestion"),
        codes_sent_to(sa.bindparam("identity"), sa.bindparam("lately", type_=Utc())).label("codes_sent"),
    )
    .select_from(
        conversations.join(customers, customers.c.id == conversations.c.customer_id)
        .join(identities, identities.c.customer_id == customers.c.id)
        .outerjoin(suggestions, suggestions.c.identity_id == identities.c.id)
    )
    .where(conversations.c.id == _CONVERSATION)
    .order_by(identities.c.id)
)
_BEFORE = (
    sa.select(messages.c.channel, messages.c.created_at)
    .where(
        messages.c.conversation_id == _CONVERSATION,
        messages.c.direction == "in",
        messages.c.author == "customer",
        messages.c.seq < _SEQ,
    )
    .order_by(messages.c.seq.desc())
    .limit(1)
)
_QUESTIONS = sa.select(
    messages.c.id, messages.c.content, messages.c.asks, messages.c.created_at, messages.c.cause_id
).where(messages.c.conversation_id == _CONVERSATION, messages.c.direction == "out")
_TAPPED = _QUESTIONS.where(messages.c.id == sa.bindparam("message"))
# What the product says to whoever waits comes between a question and its answer, and is no question itself.
_LAST_ASKED = (
    _QUESTIONS.where(messages.c.seq < _SEQ, messages.c.author != "product")
    .order_by(messages.c.seq.desc())
    .limit(_LATEST)
)
_NEWEST_ASKING = _QUESTIONS.where(messages.c.asks == sa.bindparam("slot")).order_by(messages.c.seq.desc()).limit(1)
_BEHIND = (
    sa.select(messages.c.content)
    .where(
        messages.c.conversation_id == _CONVERSATION,
        messages.c.seq > _SEQ,
        messages.c.direction == "in",
        messages.c.author == "customer",
        messages.c.state == "waiting",
    )
    .order_by(messages.c.seq.desc())
    .limit(_LATEST)
)
# The snapshot stands first, under the number where the tail begins.
_TAIL_BEGINS = sa.select(snapshots.c.seq).where(snapshots.c.conversation_id == _CONVERSATION).scalar_subquery()
_HISTORY = sa.union_all(
    sa.select(sa.literal(0).label("is_event"), snapshots.c.seq, snapshots.c.data, snapshots.c.digest).where(
        snapshots.c.conversation_id == _CONVERSATION
    ),
    sa.select(sa.literal(1), events.c.seq, events.c.data, sa.cast(sa.null(), sa.String(64))).where(
        events.c.conversation_id == _CONVERSATION, events.c.seq >= sa.func.coalesce(_TAIL_BEGINS, 1)
    ),
).order_by("is_event", "seq")


async def placed(connection: AsyncConnection, message: Message) -> Message:
    """A doing of the desk's, as if it came from where the customer is written to, since that is where its replies go.
    It stays nowhere where they cannot be reached, or are not to be written to."""
    if message.said.get("type") != "desk" or message.said.get("quiet") is True:
        return message
    to = message.said.get("to")
    place = await (
        place_of(connection, message.conversation, to)
        if isinstance(to, int)
        else _where_to_write(connection, message.conversation)
    )
    if place is None:
        return message
    return replace(message, channel=place.channel, address=place.address, identity=place.identity)


async def _where_to_write(connection: AsyncConnection, conversation: str) -> Place | None:
    place = await where_last_heard(connection, conversation)
    if place is not None:
        return place
    found = await connection.execute(sa.select(conversations.c.customer_id).where(conversations.c.id == conversation))
    customer = found.scalar_one_or_none()
    return customer and await where_to_reach(connection, customer)


async def read_given(connection: AsyncConnection, message: Message, history: StoredHistory | None) -> Given:
    """Everything for the message's turn, in one consistent view with its history."""
    question, *besides = await _questions_of(connection, message) or (None,)
    asked_again = None
    if question is not None and question.asks is not None:
        asked_again = await _newest_asking(connection, message.conversation, question.asks)
    served = await connection.execute(_SERVED)
    mine = await _mine(connection, message)
    here = next((row for row in mine if row.id == message.identity), None)
    other = await _other(connection, message.said.get("merge"))
    return Given(
        history=history,
        question=question,
        asked_again=asked_again,
        besides=tuple(besides),
        channels=tuple(served.scalars()),
        links=tuple(_link(row, message) for row in mine),
        account=mine[0].account if mine else None,
        preferred=mine[0].preferred_channel if mine else None,
        number=None if here is None else _number(here),
        codes_left=0 if here is None else codes_left(here.codes_sent),
        other=other,
        undoable=len(mine) > 1 and await _is_undoable(connection, message),
        before=await _before(connection, message),
        handoff=await _handoff(connection, message, mine[0].owner if mine else None, other),
        agent_name=await _agent_name(connection, message.said),
    )


async def _handoff(
    connection: AsyncConnection, message: Message, owner: str | None, other: Other | None
) -> Handoff | None:
    """With whom the conversation is. Most are the bot's, which is known without asking."""
    is_about_it = message.said.get("type") in ("desk", "handoff")
    mine = await read_open(connection, message.conversation) if is_about_it or owner not in (None, BOT) else None
    return mine or (await read_open(connection, other.history.conversation) if other is not None else None)


async def _agent_name(connection: AsyncConnection, said: Mapping[str, Any]) -> str | None:
    if said.get("type") != "desk":
        return None
    return await name_of(connection, str(said.get("agent") or said.get("by")))


async def _mine(connection: AsyncConnection, message: Message) -> Sequence[Any]:
    """The customer's identities, with what is known of the customer; nobody's in a group."""
    if message.identity is None:
        return ()
    known = {
        "conversation": message.conversation,
        "identity": message.identity,
        "lately": message.created_at - MOST_WITHIN,
    }
    rows: Sequence[Any] = (await connection.execute(_MINE, known)).all()
    return rows


def _link(row: Any, message: Message) -> Link:
    return Link(channel=row.channel, assurance=row.assurance, how=row.linked_how, here=row.id == message.identity)


def _number(row: Any) -> Number | None:
    phone = phone_of(row.channel, row.known_as, row.external_id)
    if phone is None:
        return None
    return Number(
        phone=phone,
        suggestion=Suggestion(account=row.suggested, state=row.suggestion) if row.suggested_by == phone else None,
    )


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
    found = await connection.execute(_BEFORE, {"conversation": message.conversation, "seq": message.seq})
    row = found.first()
    return row and Before(channel=row.channel, at=row.created_at)


async def are_people_wanted(connection: AsyncConnection, message: Message) -> bool:
    """Whether the customer has chosen people by now, among what waits behind the message."""
    behind = {"conversation": message.conversation, "seq": message.seq}
    said = (await connection.execute(_BEHIND, behind)).scalars().all()
    for choice in (one for one in said if one.get("type") == "choice"):
        tapped = {"conversation": message.conversation, "message": choice.get("message")}
        row = (await connection.execute(_TAPPED, tapped)).first()
        options = _question(row).options if row else ()
        index = choice.get("option")
        if isinstance(index, int) and 0 <= index < len(options) and options[index].payload == PEOPLE:
            return True
    return False


async def read_history(connection: AsyncConnection, conversation: str) -> StoredHistory:
    """The snapshot, if there is one, and the tail."""
    rows = (await connection.execute(_HISTORY, {"conversation": conversation})).all()
    snapshot: tuple[Any, ...] = ()
    first_seq = 1
    if rows and not rows[0].is_event:
        first, *rows = rows
        first_seq = first.seq
        # What is not as it was written is one thing that cannot be read.
        snapshot = tuple(first.data) if isinstance(first.data, list) and _is_as_written(first) else (None,)
    else:
        first_seq = _begins(rows, first_seq)
    return StoredHistory(
        conversation=conversation, snapshot=snapshot, first_seq=first_seq, events=_in_their_places(rows, first_seq)
    )


def _in_their_places(rows: Sequence[Any], first_seq: int) -> tuple[Any, ...]:
    """An event's number is its place. Where a row is missing stands nothing, which is one thing that cannot be read."""
    by_number = {row.seq: row.data for row in rows}
    last_seq = max(by_number, default=first_seq - 1)
    return tuple(by_number.get(seq) for seq in range(first_seq, last_seq + 1))


def digest_of(seq: int, data: Sequence[Json]) -> str:
    """Of a snapshot: SHA-256 in hex."""
    return hashlib.sha256(json.dumps([seq, data], sort_keys=True).encode()).hexdigest()


def _is_as_written(row: Any) -> bool:
    return row.digest is None or row.digest == digest_of(row.seq, row.data)


async def read_session(connection: AsyncConnection, conversation: str) -> StoredHistory:
    """Every event since the latest session began, whatever was cut. What came before it, Rasa has forgotten itself.
    Where its beginning was deleted for its age, the snapshot stands for it."""
    found = await connection.execute(
        sa.select(sa.func.max(events.c.seq)).where(
            events.c.conversation_id == conversation, events.c.type == "session_started"
        )
    )
    began = found.scalar_one_or_none() or 1
    session = await _read_from(connection, conversation, began)
    return session if session.first_seq == began else await read_history(connection, conversation)


async def read_everything(connection: AsyncConnection, conversation: str) -> StoredHistory:
    """Every event that there is."""
    return await _read_from(connection, conversation, 1)


async def _read_from(connection: AsyncConnection, conversation: str, first_seq: int) -> StoredHistory:
    found = await connection.execute(
        sa.select(events.c.seq, events.c.data)
        .where(events.c.conversation_id == conversation, events.c.seq >= first_seq)
        .order_by(events.c.seq)
    )
    rows = found.all()
    begins = _begins(rows, first_seq)
    return StoredHistory(
        conversation=conversation, snapshot=(), first_seq=begins, events=_in_their_places(rows, begins)
    )


def _begins(rows: Sequence[Any], first_seq: int) -> int:
    """The number of the first event that is there: old ones are deleted from the beginning on (KEEP_MESSAGES_DAYS)."""
    return rows[0].seq if rows else first_seq


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
    tapped = {"conversation": message.conversation, "message": message.said.get("message")}
    row = (await connection.execute(_TAPPED, tapped)).first()
    return row and _question(row)


async def _last_asked(connection: AsyncConnection, message: Message) -> list[Question]:
    """Of what the bot said last before this message, the parts that offer options, newest first."""
    found = await connection.execute(_LAST_ASKED, {"conversation": message.conversation, "seq": message.seq})
    rows = found.all()
    latest = [_question(row) for row in rows if row.cause_id == rows[0].cause_id]
    return [question for question in latest if question.options]


async def _newest_asking(connection: AsyncConnection, conversation: str, slot: str) -> Question | None:
    row = (await connection.execute(_NEWEST_ASKING, {"conversation": conversation, "slot": slot})).first()
    return row and _question(row)


def _question(row: Any) -> Question:
    return Question(
        id=row.id,
        options=content_from_json(row.content).all_options(),
        asks=row.asks,
        asked_at=row.created_at,
    )
