"""The core's half of the queue: claiming a conversation, committing its turns, giving it back.

A claim is on the conversation, not on a message, so that its messages are taken in order and one at a time. Its epoch
is the fence: whoever claims later makes every earlier claim worthless, and a worker that slept too long cannot write.
Functions take a connection and never commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.logs import get_logger
from bot.core.stored import UNDO_WITHIN
from bot.core.turn import Command, Json, Message, Reply, Snapshot, Turn
from bot.store.content import content_to_json
from bot.store.merging import latest_merge, separate
from bot.store.numbering import take_numbers
from bot.store.people import unlink
from bot.store.tables import Utc, conversations, events, identities, messages, snapshots
from bot.store.verifying import Asked, Asking, ask_for_code
from bot.store.wake import notify

_log = get_logger()

# Messages further up than this have left the screen, and keep their buttons.
_IN_SIGHT = 200


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


async def anything_waits(connection: AsyncConnection, now: datetime) -> bool:
    """Whether `claim` would find something. Needs no lock, so that an idle worker disturbs nobody."""
    return (await connection.execute(_waiting(now).limit(1))).first() is not None


async def claim(connection: AsyncConnection, worker: str, now: datetime, lease: timedelta) -> Claim | None:
    """Claim the conversation that has waited longest, or nothing where none waits."""
    found = await connection.execute(_waiting(now).limit(1).with_for_update(skip_locked=True))
    row = found.first()
    if row is None:
        return None
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == row.id)
        .values(epoch=row.epoch + 1, claimed_by=worker, lease_until=now + lease)
    )
    return Claim(
        conversation=row.id, worker=worker, epoch=row.epoch + 1, done_seq=row.done_seq, inbound_seq=row.inbound_seq
    )


async def next_message(connection: AsyncConnection, claim: Claim) -> Message | None:
    """The conversation's first message without its turn. It may be due only later, after a turn that failed."""
    found = await connection.execute(
        sa.select(messages)
        .where(
            messages.c.conversation_id == claim.conversation,
            messages.c.seq > claim.done_seq,
            messages.c.direction == "in",
            messages.c.state == "waiting",
        )
        .order_by(messages.c.seq)
        .limit(1)
    )
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
) -> Claim | None:
    """Write the whole turn: its events, its replies, and that the message is done.

    With `keep`, the claim stays for that long if more messages wait, and is returned; otherwise it is given up.
    Raises ClaimLost. Repeating a commit whose outcome is unknown raises ClaimLost too, if it had come through.
    """
    await _advance(connection, claim, message, now, keep)
    await _append_events(connection, message, turn)
    if turn.closes:
        await _withdraw_closed(connection, message, turn)
    if turn.snapshot is not None:
        await _keep_snapshot(connection, message.conversation, turn.snapshot)
    if turn.replies:
        await _append_replies(connection, message, turn.replies, turn.language, now)
    await _finish(connection, message, turn, now)
    for command in turn.commands:
        await _obey(connection, message, command, turn.language, now)
    await notify(connection)
    return await _kept(connection, claim, message) if keep else None


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


def _waiting(now: datetime) -> Any:
    return (
        sa.select(conversations.c.id, conversations.c.epoch, conversations.c.done_seq, conversations.c.inbound_seq)
        .where(
            conversations.c.waiting_since <= now,
            sa.or_(conversations.c.lease_until.is_(None), conversations.c.lease_until <= now),
        )
        .order_by(conversations.c.waiting_since)
    )


def _fence(claim: Claim) -> tuple[Any, ...]:
    return (
        conversations.c.id == claim.conversation,
        conversations.c.epoch == claim.epoch,
        conversations.c.claimed_by == claim.worker,
    )


async def _advance(
    connection: AsyncConnection, claim: Claim, message: Message, now: datetime, keep: timedelta | None
) -> None:
    """Step past the message, if the claim still holds. First of all, so that a lost claim writes nothing."""
    more = conversations.c.inbound_seq > message.seq
    result = await connection.execute(
        sa.update(conversations)
        .where(*_fence(claim), conversations.c.done_seq < message.seq)
        .values(
            done_seq=message.seq,
            waiting_since=sa.case((more, sa.literal(now, Utc())), else_=sa.null()),
            claimed_by=sa.case((more, claim.worker), else_=sa.null()) if keep else None,
            lease_until=sa.case((more, sa.literal(now + keep, Utc())), else_=sa.null()) if keep else None,
        )
    )
    if not result.rowcount:
        raise ClaimLost(claim.conversation)


async def _give_up(connection: AsyncConnection, claim: Claim, *, waiting_since: datetime | None) -> None:
    result = await connection.execute(
        sa.update(conversations)
        .where(*_fence(claim))
        .values(claimed_by=None, lease_until=None, waiting_since=waiting_since)
    )
    if not result.rowcount:
        raise ClaimLost(claim.conversation)


async def _kept(connection: AsyncConnection, claim: Claim, message: Message) -> Claim | None:
    found = await connection.execute(sa.select(conversations.c.inbound_seq).where(*_fence(claim)))
    inbound_seq = found.scalar_one_or_none()
    if inbound_seq is None:
        return None
    return Claim(
        conversation=claim.conversation,
        worker=claim.worker,
        epoch=claim.epoch,
        done_seq=message.seq,
        inbound_seq=inbound_seq,
    )


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


async def _obey(
    connection: AsyncConnection, message: Message, command: Command, language: str | None, now: datetime
) -> None:
    """Last of all, when the turn itself is written: what it wrote may belong to somebody else after this."""
    if message.identity is None:
        return
    if command.do == "verify":
        await _verify(connection, message, message.identity, command, language, now)
        return
    if command.do == "undo_link":
        merge = await latest_merge(connection, message.identity, since=now - UNDO_WITHIN)
        if merge is not None:
            await separate(connection, merge, by="customer", now=now)
        return
    theirs = sa.select(identities.c.customer_id).where(identities.c.id == message.identity).scalar_subquery()
    found = await connection.execute(
        sa.select(identities.c.id).where(identities.c.customer_id == theirs, identities.c.channel == command.channel)
    )
    for identity in found.scalars().all():
        await unlink(connection, identity, now)


async def _verify(
    connection: AsyncConnection, message: Message, identity: int, command: Command, language: str | None, now: datetime
) -> None:
    if command.account is None:
        _log.warning("verify.no_account", message=message.id)
        return
    asking = Asking(message=message.id, identity=identity, conversation=message.conversation, language=language)
    asked = Asked(
        account=command.account,
        address=command.address,
        about=command.order,
        by_linked_channel=command.via == "linked",
    )
    if not await ask_for_code(connection, asking, asked, now):
        _log.warning("verify.not_sent", message=message.id)


async def _keep_snapshot(connection: AsyncConnection, conversation: str, snapshot: Snapshot) -> None:
    values = {"seq": snapshot.seq, "data": list(snapshot.events)}
    result = await connection.execute(
        sa.update(snapshots).where(snapshots.c.conversation_id == conversation).values(**values)
    )
    if not result.rowcount:
        await connection.execute(sa.insert(snapshots).values(conversation_id=conversation, **values))


async def _append_replies(
    connection: AsyncConnection, message: Message, replies: Sequence[Reply], language: str | None, now: datetime
) -> None:
    first = await take_numbers(connection, message.conversation, len(replies))
    # A reply goes where the message came from, never to "the latest channel".
    common: Json = {
        "conversation_id": message.conversation,
        "direction": "out",
        "author": "bot",
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
            {**common, "seq": first + offset, "content": content_to_json(reply.content), "asks": reply.asks}
            for offset, reply in enumerate(replies)
        ],
    )


async def _finish(connection: AsyncConnection, message: Message, turn: Turn, now: datetime) -> None:
    outcome: Json = {"state": "done", "error": None}
    if turn.failure is not None:
        outcome = {"state": "failed", "error": turn.failure, "attempts": messages.c.attempts + 1}
    await connection.execute(sa.update(messages).where(messages.c.id == message.id).values(finished_at=now, **outcome))


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
