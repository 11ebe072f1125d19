"""The core's half of the queue: claiming a conversation, committing its turns, giving it back.

A claim is on the conversation, not on a message, so that its messages are taken in order and one at a time. Its epoch
is the fence: whoever claims later makes every earlier claim worthless, and a worker that slept too long cannot write.
Functions take a connection and never commit.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.commands import obey
from bot.core.deaths import BEHIND, SUSPECT
from bot.core.errors import NobodyThere
from bot.core.feed import mark
from bot.core.stored import digest_of
from bot.core.turn import Json, Message, Reply, Snapshot, Turn
from bot.store.content import content_to_json
from bot.store.handoffs import Change, move, news_to_json, settle
from bot.store.ownership import QUEUED
from bot.store.queueing import NOWHERE, put_in_queue
from bot.store.reaching import Place
from bot.store.separating import separate_in_turn
from bot.store.tables import Utc, conversations, events, merges, messages, open_channels, snapshots
from bot.store.wake import About, notify

# Messages further up than this have left the screen, and keep their buttons.
_IN_SIGHT = 200


# More than any lease and any wait before a turn is tried again.
_LONGEST_WAIT = timedelta(minutes=10)

PREFERENCE = timedelta(milliseconds=40)
"""For so long a conversation waits for the worker that had it last."""

LOYALTY = timedelta(seconds=3)
"""Where more waits than workers can do, each does what it remembers first, and others' only once that has waited for so
long: to read a dialogue anew makes a turn nearly half as dear again."""
# After which a worker that waits for its turns to end looks again.
_A_LITTLE = timedelta(milliseconds=40)


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
    channel: str | None = None
    """Where what waits came from."""
    deaths: int = 0
    """How often the turn that comes next was begun before and not survived; see deaths.py."""

    @property
    def is_suspect(self) -> bool:
        """Whether its turn is taken with no other one beside it."""
        return self.deaths >= SUSPECT


# Statements that every turn meets are built once: to build one costs more than to run it.

_NOW = sa.bindparam("now", type_=Utc())
_FAR_AHEAD = sa.bindparam("far_ahead", type_=Utc())
# Said so that an index gives them in order: SQLite sorts all that waits, each time, for "due by now, or far ahead".
_FREE = (
    conversations.c.waiting_since.isnot(None),
    sa.not_(sa.and_(conversations.c.waiting_since > _NOW, conversations.c.waiting_since <= _FAR_AHEAD)),
    sa.or_(
        conversations.c.lease_until.is_(None),
        conversations.c.lease_until <= _NOW,
        conversations.c.lease_until > _FAR_AHEAD,
    ),
)
_FREE_TO_ME = (
    *_FREE,
    sa.or_(
        conversations.c.served_by.is_(None),
        conversations.c.served_by == sa.bindparam("worker"),
        conversations.c.waiting_since <= sa.bindparam("long_ago", type_=Utc()),
        conversations.c.waiting_since > _FAR_AHEAD,
    ),
)
_ANY = sa.select(conversations.c.id).where(*_FREE).order_by(conversations.c.waiting_since).limit(1)
_MINE = (
    sa.select(
        conversations.c.id,
        conversations.c.epoch,
        conversations.c.done_seq,
        conversations.c.inbound_seq,
        conversations.c.waiting_channel,
        conversations.c.begun,
    )
    .where(*_FREE_TO_ME)
    .order_by(conversations.c.waiting_since)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_MINE_LOCKED = _MINE.with_for_update(skip_locked=True)
_THESE_LOCKED = _MINE_LOCKED.where(conversations.c.id.in_(sa.bindparam("ids", expanding=True)))
_CHANNELS = sa.union_all(sa.select(open_channels.c.name), sa.select(sa.literal(NOWHERE))).alias("channels")
# What has waited longest on each channel but those that are full. Not "=", which lets PostgreSQL walk through all that
# waits, in order, for a channel where nothing does: so it needs the one index that has channels together.
_OTHERS = sa.select(
    sa.select(conversations.c.id)
    .where(
        conversations.c.waiting_channel.between(_CHANNELS.c.name, _CHANNELS.c.name),
        conversations.c.begun < SUSPECT,
        *_FREE_TO_ME,
    )
    .order_by(conversations.c.waiting_channel, conversations.c.waiting_since)
    .limit(1)
    .correlate(_CHANNELS)
    .scalar_subquery()
).where(_CHANNELS.c.name.notin_(sa.bindparam("full", expanding=True)))
_CLAIM = (
    sa.update(conversations)
    .where(conversations.c.id.in_(sa.bindparam("ids", expanding=True)))
    .values(
        epoch=conversations.c.epoch + 1,
        claimed_by=sa.bindparam("worker"),
        served_by=sa.bindparam("worker"),
        lease_until=sa.bindparam("until", type_=Utc()),
        begun=conversations.c.begun + 1,
        waiting_since=sa.case(
            (conversations.c.begun > 0, sa.bindparam("behind", type_=Utc())), else_=conversations.c.waiting_since
        ),
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


async def when_to_claim(
    connection: AsyncConnection, worker: str, now: datetime, *, idle: bool = True
) -> timedelta | None:
    """In how long `claim_waiting` would find something; None where nothing waits. Needs no lock, so that an idle worker
    disturbs nobody. `idle`: as there."""
    first = (await connection.execute(_MINE, _mine(worker, now, 1))).first()
    if first is not None:
        return timedelta() if idle or first.begun < SUSPECT else _A_LITTLE
    anybodys = await connection.execute(_ANY, {"now": now, "far_ahead": now + _LONGEST_WAIT})
    return None if anybodys.first() is None else PREFERENCE


async def claim_waiting(
    connection: AsyncConnection,
    worker: str,
    now: datetime,
    lease: timedelta,
    *,
    most: int,
    full: Sequence[str] = (),
    idle: bool = True,
) -> list[Claim]:
    """Claim the conversations that have waited longest, first of those that this worker had last and may remember.

    A suspect (deaths.py) is claimed alone, once it has waited longest, and only by a worker that is idle; until one is,
    those behind it wait, so that the moment comes.

    full:  channels that have their share of the worker's slots: one conversation of each other channel comes first
    idle:  whether the worker has no turn under way
    """
    rows = _together(await _claimable(connection, _mine(worker, now, most), full), idle=idle)
    if rows:
        claimed = {"ids": [row.id for row in rows], "worker": worker, "until": now + lease, "behind": now + BEHIND}
        await connection.execute(_CLAIM, claimed)
    return [
        Claim(
            conversation=row.id,
            worker=worker,
            epoch=row.epoch + 1,
            done_seq=row.done_seq,
            inbound_seq=row.inbound_seq,
            channel=row.waiting_channel,
            deaths=row.begun,
        )
        for row in rows
    ]


async def _claimable(connection: AsyncConnection, asked: Json, full: Sequence[str]) -> Sequence[Any]:
    """Rows of conversations, locked."""
    rows: Sequence[Any] = ()
    if full:
        others = [id for id in (await connection.execute(_OTHERS, {**asked, "full": full})).scalars() if id]
        rows = (await connection.execute(_THESE_LOCKED, {**asked, "ids": others})).all() if others else ()
    # First what this worker had last or nobody did, with what has waited too long for whoever had it.
    rows = rows or (await connection.execute(_MINE_LOCKED, {**asked, "long_ago": asked["now"] - LOYALTY})).all()
    return rows or (await connection.execute(_MINE_LOCKED, asked)).all()


def _together(rows: Sequence[Any], *, idle: bool) -> Sequence[Any]:
    """Those of the rows that may have their turns side by side."""
    if rows and rows[0].begun >= SUSPECT:
        return rows[:1] if idle else ()
    return list(itertools.takewhile(lambda row: row.begun < SUSPECT, rows))


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
    began: datetime | None = None,
    tries: int = 1,
    keep: timedelta | None = None,
    publish: bool = False,
) -> Claim | None:
    """Write the whole turn: its events, its replies, and that the message is done.

    `began`: when the turn was begun. `tries`: attempts at it that nobody has counted yet, if it failed. `publish`:
    Rasa's event broker is to have the events. With `keep`, the claim stays for that long if more messages wait, and is
    returned; otherwise it is given up. Raises ClaimLost. Repeating a commit whose outcome is unknown raises ClaimLost
    too, if it had come through.
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
    await _finish(connection, message, turn, tries, began, now)
    if turn.change is not None:
        await _change_hands(connection, message, turn.change, turn.language, now)
    if message.said.get("merge") is not None:
        await _bring_people_along(connection, message, now)
    for command in turn.commands:
        await obey(connection, message, command, turn.language, now)
    if message.said.get("type") == "separate":
        await separate_in_turn(connection, message.conversation, message.said, now)
    left_waiting = advanced.claimed_by is None and advanced.inbound_seq > message.seq
    await notify(connection, About.WORK, *([About.TURNS] if left_waiting else []))
    if not keep or advanced.claimed_by is None:
        return None
    return replace(claim, done_seq=message.seq, inbound_seq=advanced.inbound_seq, deaths=0)


async def postpone(
    connection: AsyncConnection,
    claim: Claim,
    message: Message,
    due: datetime,
    reason: str,
    *,
    counts: bool = True,
    died: bool = False,
) -> None:
    """The turn failed and is tried again when it is due; the messages behind it wait. Raises ClaimLost.

    counts:  whether this attempt is one of those that the message has
    died:    whether it is to count as a death
    """
    await _give_up(connection, claim, waiting_since=due, deaths=claim.deaths + died)
    await connection.execute(
        sa.update(messages)
        .where(messages.c.id == message.id)
        .values(attempts=messages.c.attempts + int(counts), due_at=due, error=reason)
    )


async def renew(connection: AsyncConnection, claim: Claim, now: datetime, lease: timedelta) -> bool:
    """Extend the lease; False where the claim is lost."""
    result = await connection.execute(sa.update(conversations).where(*_fence(claim)).values(lease_until=now + lease))
    return bool(result.rowcount)


async def release(connection: AsyncConnection, claim: Claim, *, waiting_since: datetime | None) -> None:
    """Give the claim back without a turn; `waiting_since` says when the conversation is due again. A claim that is lost
    already needs no release."""
    try:
        await _give_up(connection, claim, waiting_since=waiting_since, deaths=claim.deaths)
    except ClaimLost:
        return
    await notify(connection, About.TURNS)


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
        unanswered_since=sa.case((_MORE, _NOW), else_=sa.null()),
        claimed_by=sa.case((_MORE, sa.bindparam("keeper", type_=sa.String)), else_=sa.null()),
        lease_until=sa.case((_MORE, sa.bindparam("until", type_=Utc())), else_=sa.null()),
        begun=sa.case((_MORE, sa.bindparam("begun", type_=sa.Integer)), else_=0),
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
            "begun": 1 if keep else 0,
        },
    )
    if not result.rowcount:
        raise ClaimLost(claim.conversation)
    return (await connection.execute(_ADVANCED, {"conversation": claim.conversation})).one()


async def _give_up(connection: AsyncConnection, claim: Claim, *, waiting_since: datetime | None, deaths: int) -> None:
    nothing_waits = {} if waiting_since else {"unanswered_since": None}
    result = await connection.execute(
        sa.update(conversations)
        .where(*_fence(claim))
        .values(claimed_by=None, lease_until=None, waiting_since=waiting_since, begun=deaths, **nothing_waits)
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
        connection,
        message.conversation,
        news,
        answered_at=here,
        author="product",
        now=now,
        language=language,
        trace=message.trace,
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
        "trace": message.trace,
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
        taken_at=sa.bindparam("began", type_=Utc()),
        finished_at=_NOW,
    )
)


async def _finish(
    connection: AsyncConnection, message: Message, turn: Turn, tries: int, began: datetime | None, now: datetime
) -> None:
    failed = turn.failure is not None
    outcome = "failed" if failed else "done" if turn.refused is None else "refused"
    await connection.execute(
        _FINISH,
        {
            "message": message.id,
            "began": began,
            "now": now,
            "outcome": outcome,
            "reason": turn.failure or turn.refused,
            "tries": tries if failed else 0,
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
        found_nobody=(row.error or "").startswith(NobodyThere.AWAY),
        parked=row.parked,
        trace=row.trace,
    )
