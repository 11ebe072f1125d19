"""The core's half of the queue: claiming a conversation, committing its turns, giving it back.

A claim is on the conversation, not on a message, so that its messages are taken in order and one at a time. Its epoch
is the fence: whoever claims later makes every earlier claim worthless, and a worker that slept too long cannot write.
Functions take a connection and never commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.commands import obey
from bot.core.feed import mark
from bot.core.stored import digest_of
from bot.core.turn import Json, Message, Reply, Snapshot, Turn
from bot.store.content import content_to_json
from bot.store.handoffs import Change, move, news_to_json, settle
from bot.store.ownership import QUEUED
from bot.store.queueing import put_in_queue
from bot.store.reaching import Place
from bot.store.separating import separate_in_turn
from bot.store.tables import Utc, conversations, events, merges, messages, snapshots
from bot.store.wake import notify

# Messages further up than this have left the screen, and keep their buttons.
_IN_SIGHT = 200


# More than any lease and any wait before a turn is tried again.
_LONGEST_WAIT = timedelta(minutes=10)

PREFERENCE = timedelta(milliseconds=40)
"""For so long a conversation waits for the worker that had it last."""


class ClaimLost(Exception):
    """Another worker has claimed the conversation since; nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to be the only writer of a conversation until its lease is over."""

    conversation: str
    worker: str
    epoch: int
    done_seq: int
    inbound_seq: int


# Statements that every turn meets are built once: to build one costs more than to run it.

_NOW = sa.bindparam("now", type_=Utc())
_FAR_AHEAD = sa.bindparam("far_ahead", type_=Utc())
_FREE = (
    sa.or_(conversations.c.waiting_since <= _NOW, conversations.c.waiting_since > _FAR_AHEAD),
    sa.or_(
        conversations.c.lease_until.is_(None),
        conversations.c.lease_until <= _NOW,
        conversations.c.lease_until > _FAR_AHEAD,
    ),
)
_ANY = sa.select(conversations.c.id).where(*_FREE).order_by(conversations.c.waiting_since).limit(1)
_MINE = (
    sa.select(conversations.c.id, conversations.c.epoch, conversations.c.done_seq, conversations.c.inbound_seq)
    .where(
        *_FREE,
        sa.or_(
            conversations.c.served_by.is_(None),
            conversations.c.served_by == sa.bindparam("worker"),
            conversations.c.waiting_since <= sa.bindparam("long_ago", type_=Utc()),
            conversations.c.waiting_since > _FAR_AHEAD,
        ),
    )
    .order_by(conversations.c.waiting_since)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_MINE_LOCKED = _MINE.with_for_update(skip_locked=True)
_CLAIM = (
    sa.update(conversations)
    .where(conversations.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(
        epoch=conversations.c.epoch + 1,
        claimed_by=sa.bindparam("worker"),
        served_by=sa.bindparam("worker"),
        lease_until=sa.bindparam("until", type_=Utc()),
    )
)
_NEXT = (
    sa.select(messages)
    .where(
        messages.c.conversation_id == sa.bindparam("conversation"),
        messages.c.seq > sa.bindparam("done"),
        messages.c.direction == "in",
        messages.c.state == "waiting",
    )
    .order_by(messages.c.seq)
    .limit(1)
)


async def when_to_claim(connection: AsyncConnection, worker: str, now: datetime) -> timedelta | None:
    """In how long `claim_waiting` would find something; None where nothing waits. Needs no lock, so that an idle worker
    disturbs nobody."""
    if (await connection.execute(_MINE, _mine(worker, now, 1))).first() is not None:
        return timedelta()
    anybodys = await connection.execute(_ANY, {"now": now, "far_ahead": now + _LONGEST_WAIT})
    return None if anybodys.first() is None else PREFERENCE


async def claim_waiting(
    connection: AsyncConnection, worker: str, now: datetime, lease: timedelta, *, most: int
) -> list[Claim]:
    """Claim the conversations that have waited longest. Whoever had one last, and may remember it, comes first."""
    rows = (await connection.execute(_MINE_LOCKED, _mine(worker, now, most))).all()
    if rows:
        await connection.execute(_CLAIM, {"ids": [row.id for row in rows], "worker": worker, "until": now + lease})
    return [
        Claim(
            conversation=row.id, worker=worker, epoch=row.epoch + 1, done_seq=row.done_seq, inbound_seq=row.inbound_seq
        )
        for row in rows
    ]


def is_due(moment: datetime, now: datetime) -> bool:
    """Whether what waits until that moment has waited long enough. Nothing waits for as long as a clock may jump: what
    lies further ahead was written when it was wrong."""
    return not now < moment <= now + _LONGEST_WAIT


def _mine(worker: str, now: datetime, most: int) -> Json:
    return {
        "worker": worker,
        "now": now,
        "far_ahead": now + _LONGEST_WAIT,
        "long_ago": now - PREFERENCE,
        "most": most,
    }


async def next_message(connection: AsyncConnection, claim: Claim) -> Message | None:
    """The conversation's first message without its turn. It may be due only later, after a turn that failed."""
    found = await connection.execute(_NEXT, {"conversation": claim.conversation, "done": claim.done_seq})
    row = found.first()
    return row and _message(row)


async def commit_turn(
    connection: AsyncConnection,
    claim: Claim,
    message: Message,
    turn: Turn,
    now: datetime,
    *,
    keep: timedelta | None = None,
    publish: bool = False,
) -> Claim | None:
    """Write the whole turn: its events, its replies, and that the message is done.

    `publish`: Rasa's event broker is to have the events. With `keep`, the claim stays for that long if more messages
    wait, and is returned; otherwise it is given up. Raises ClaimLost. Repeating a commit whose outcome is unknown
    raises ClaimLost too, if it had come through.
    """
    advanced = await _advance(connection, claim, message, now, keep, replies=len(turn.replies))
    await _append_events(connection, message, turn)
    if publish and turn.events:
        await mark(connection, message.conversation, turn.first_event, len(turn.events), now)
    if turn.closes:
        await _withdraw_closed(connection, message, turn)
    if turn.snapshot is not None:
        await _keep_snapshot(connection, message.conversation, turn.snapshot)
    if turn.replies:
        first = advanced.last_seq - len(turn.replies) + 1
        await _append_replies(connection, message, turn.replies, first, turn.language, now)
    await _finish(connection, message, turn, now)
    if turn.change is not None:
        await _change_hands(connection, message, turn.change, turn.language, now)
    if message.said.get("merge") is not None:
        await _bring_people_along(connection, message, now)
    for command in turn.commands:
        await obey(connection, message, command, turn.language, now)
    if message.said.get("type") == "separate":
        await separate_in_turn(connection, message.conversation, message.said, now)
    await notify(connection)
    if not keep or advanced.claimed_by is None:
        return None
    return replace(claim, done_seq=message.seq, inbound_seq=advanced.inbound_seq)


async def postpone(connection: AsyncConnection, claim: Claim, message: Message, due: datetime, reason: str) -> None:
    """The turn failed and is tried again when it is due; the messages behind it wait. Raises ClaimLost."""
    await _give_up(connection, claim, waiting_since=due)
    await connection.execute(
        sa.update(messages)
        .where(messages.c.id == message.id)
        .values(attempts=messages.c.attempts + 1, due_at=due, error=reason)
    )


async def renew(connection: AsyncConnection, claim: Claim, now: datetime, lease: timedelta) -> bool:
    """Extend the lease; False where the claim is lost."""
    result = await connection.execute(sa.update(conversations).where(*_fence(claim)).values(lease_until=now + lease))
    return bool(result.rowcount)


async def release(connection: AsyncConnection, claim: Claim, *, waiting_since: datetime | None) -> None:
    """Give the claim back without a turn; `waiting_since` says when the conversation is due again. A claim that is lost
    already needs no release."""
    try:
        await _give_up(connection, claim, waiting_since=waiting_since)
    except ClaimLost:
        return
    await notify(connection)


def _fence(claim: Claim) -> tuple[Any, ...]:
    return (
        conversations.c.id == claim.conversation,
        conversations.c.epoch == claim.epoch,
        conversations.c.claimed_by == claim.worker,
    )


_MORE = conversations.c.inbound_seq > sa.bindparam("seq")
_ADVANCE = (
    sa.update(conversations)
    .where(
        conversations.c.id == sa.bindparam("conversation"),
        conversations.c.epoch == sa.bindparam("held"),
        conversations.c.claimed_by == sa.bindparam("worker"),
        conversations.c.done_seq < sa.bindparam("seq"),
    )
    .values(
        done_seq=sa.bindparam("seq"),
        last_seq=conversations.c.last_seq + sa.bindparam("replies", type_=sa.Integer),
        waiting_since=sa.case((_MORE, _NOW), else_=sa.null()),
        claimed_by=sa.case((_MORE, sa.bindparam("keeper", type_=sa.String)), else_=sa.null()),
        lease_until=sa.case((_MORE, sa.bindparam("until", type_=Utc())), else_=sa.null()),
    )
)
# Not RETURNING: SQLAlchemy 1.4 cannot say it to SQLite. The update holds the row, so nobody comes in between.
_ADVANCED = sa.select(conversations.c.last_seq, conversations.c.inbound_seq, conversations.c.claimed_by).where(
    conversations.c.id == sa.bindparam("conversation")
)


async def _advance(
    connection: AsyncConnection, claim: Claim, message: Message, now: datetime, keep: timedelta | None, *, replies: int
) -> Any:
    """Step past the message and take the numbers of its replies, if the claim still holds. First of all, so that a lost
    claim writes nothing."""
    result = await connection.execute(
        _ADVANCE,
        {
            "conversation": claim.conversation,
            "held": claim.epoch,
            "worker": claim.worker,
            "seq": message.seq,
            "replies": replies,
            "now": now,
            "keeper": claim.worker if keep else None,
            "until": now + keep if keep else None,
        },
    )
    if not result.rowcount:
        raise ClaimLost(claim.conversation)
    return (await connection.execute(_ADVANCED, {"conversation": claim.conversation})).one()


async def _give_up(connection: AsyncConnection, claim: Claim, *, waiting_since: datetime | None) -> None:
    result = await connection.execute(
        sa.update(conversations)
        .where(*_fence(claim))
        .values(claimed_by=None, lease_until=None, waiting_since=waiting_since)
    )
    if not result.rowcount:
        raise ClaimLost(claim.conversation)


async def _append_events(connection: AsyncConnection, message: Message, turn: Turn) -> None:
    rows = event_rows(message.conversation, turn.first_event, turn.events, message.id)
    if rows:
        await connection.execute(sa.insert(events), rows)


def event_rows(conversation: str, first: int, written: Sequence[Json], message: int | None) -> list[Json]:
    """Rows of `events` for Rasa events in order, the first of them numbered `first`."""
    return [
        {
            "conversation_id": conversation,
            "seq": first + offset,
            "type": event["event"],
            "timestamp": event["timestamp"],
            "message_id": message,
            "data": event,
        }
        for offset, event in enumerate(written)
    ]


async def _withdraw_closed(connection: AsyncConnection, message: Message, turn: Turn) -> None:
    """Have the buttons taken off the questions that are open no more: those of a form that asks something else now, and
    those that have just been asked once more at the same address. A tap that is under way keeps its meaning.

    One statement, and only in turns that move an open form. It looks at the newest `_IN_SIGHT` messages by the index on
    (conversation, number), however long the conversation is; no customer sees further up.
    """
    closed = sa.true() if turn.asks is None else messages.c.asks != turn.asks
    if any(reply.asks for reply in turn.replies):
        closed = sa.or_(closed, sa.and_(messages.c.channel == message.channel, messages.c.address == message.address))
    await connection.execute(
        sa.update(messages)
        .where(
            messages.c.conversation_id == message.conversation,
            messages.c.seq > message.seq - _IN_SIGHT,
            messages.c.direction == "out",
            messages.c.asks.isnot(None),
            messages.c.withdrawal.is_(None),
            messages.c.state != "failed",
            closed,
        )
        .values(withdrawal="due")
    )


async def _change_hands(
    connection: AsyncConnection, message: Message, change: Change, language: str | None, now: datetime
) -> None:
    """Who is put into a queue is told their place in a turn of its own: only now it is known."""
    await settle(connection, message.conversation, change, now)
    if change.doing is None or change.now.state != QUEUED or message.identity is None:
        return
    here = Place(identity=message.identity, channel=message.channel, address=message.address)
    news = news_to_json(change.doing.do)
    await put_in_queue(
        connection, message.conversation, news, answered_at=here, author="product", now=now, language=language
    )


async def _bring_people_along(connection: AsyncConnection, message: Message, now: datetime) -> None:
    """Whoever had the conversation that becomes one with this one, has this one."""
    found = await connection.execute(
        sa.select(merges.c.from_conversation).where(
            merges.c.id == message.said["merge"], merges.c.undone_at.is_(None), merges.c.message_id == message.id
        )
    )
    other = found.scalar_one_or_none()
    if other is not None:
        await move(connection, old=other, new=message.conversation, now=now)


async def _keep_snapshot(connection: AsyncConnection, conversation: str, snapshot: Snapshot) -> None:
    data = list(snapshot.events)
    values = {"seq": snapshot.seq, "data": data, "digest": digest_of(snapshot.seq, data)}
    result = await connection.execute(
        sa.update(snapshots).where(snapshots.c.conversation_id == conversation).values(**values)
    )
    if not result.rowcount:
        await connection.execute(sa.insert(snapshots).values(conversation_id=conversation, **values))


async def _append_replies(
    connection: AsyncConnection,
    message: Message,
    replies: Sequence[Reply],
    first: int,
    language: str | None,
    now: datetime,
) -> None:
    """The first of them is numbered `first`."""
    # A reply goes where the message came from, never to "the latest channel".
    common: Json = {
        "conversation_id": message.conversation,
        "direction": "out",
        "channel": message.channel,
        "address": message.address,
        "language": language,
        "cause_id": message.id,
        "identity_id": message.identity,
        "state": "queued",
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }
    await connection.execute(
        sa.insert(messages),
        [
            {
                **common,
                "seq": first + offset,
                "author": "bot" if reply.agent is None else "agent",
                "agent_id": reply.agent,
                "content": content_to_json(reply.content),
                "asks": reply.asks,
            }
            for offset, reply in enumerate(replies)
        ],
    )


_FINISH = (
    sa.update(messages)
    .where(messages.c.id == sa.bindparam("message"))
    .values(
        state=sa.bindparam("outcome"),
        error=sa.bindparam("reason"),
        attempts=messages.c.attempts + sa.bindparam("tries", type_=sa.Integer),
        finished_at=_NOW,
    )
)


async def _finish(connection: AsyncConnection, message: Message, turn: Turn, now: datetime) -> None:
    failed = turn.failure is not None
    outcome = "failed" if failed else "done" if turn.refused is None else "refused"
    await connection.execute(
        _FINISH,
        {
            "message": message.id,
            "now": now,
            "outcome": outcome,
            "reason": turn.failure or turn.refused,
            "tries": 1 if failed else 0,
        },
    )


def _message(row: Any) -> Message:
    return Message(
        id=row.id,
        conversation=row.conversation_id,
        seq=row.seq,
        channel=row.channel,
        address=row.address,
        said=row.content,
        language=row.language,
        attempts=row.attempts,
        due_at=row.due_at,
        created_at=row.created_at,
        identity=row.identity_id,
    )
