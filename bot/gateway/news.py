"""What platforms tell about what is known already: what became of our messages, what customers changed of theirs, and
how they can be reached.

A report on a message may overtake the answer to our own call, when nobody here knows the message's platform id yet. It
is kept until that answer comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.codes import typed
from bot.gateway.customers import move
from bot.store.content import content_from_json, content_to_json
from bot.store.lists import padded
from bot.store.numbering import take_numbers
from bot.store.tables import Utc, early_receipts, identities, messages, sent_parts
from bot.store.wake import notify
from channels.contract import Moved, News, Reach, Receipt, Revised

# Reports of what somebody else sent from the same number are never asked for.
_KEPT_FOR = timedelta(hours=1)


async def record_news(connection: AsyncConnection, news: Sequence[News], channel: str, now: datetime) -> None:
    """Note each where it belongs, in whatever order and however often they come."""
    for one in news:
        if isinstance(one, Receipt):
            await _record_receipt(connection, one, channel, now)
        elif isinstance(one, Revised):
            await _revise(connection, one, channel)
        elif isinstance(one, Moved):
            await move(connection, channel, one.old, one.new, now)
        else:
            await _note_reach(connection, one, channel, now)


_EARLY = (
    sa.select(early_receipts)
    .where(
        early_receipts.c.channel == sa.bindparam("channel"),
        early_receipts.c.platform_id.in_(sa.bindparam("platform_ids", expanding=True)),
    )
    .order_by(early_receipts.c.id)
)


async def apply_early(connection: AsyncConnection, channel: str, platform_ids: Sequence[str], now: datetime) -> None:
    """Note what was reported before the message was known by these ids."""
    found = (await connection.execute(_EARLY, {"channel": channel, "platform_ids": padded(platform_ids)})).all()
    for row in found:
        receipt = Receipt(platform_id=row.platform_id, state=row.state, at=row.at, error=row.error)
        await _note(connection, channel, receipt, row.at)
    if found:
        mine = sa.and_(early_receipts.c.channel == channel, early_receipts.c.platform_id.in_(platform_ids))
        out_of_date = early_receipts.c.at < now - _KEPT_FOR
        await connection.execute(sa.delete(early_receipts).where(sa.or_(mine, out_of_date)))


# --- What became of a message of ours ---------------------------------------------------------------------------------


async def _record_receipt(connection: AsyncConnection, receipt: Receipt, channel: str, now: datetime) -> None:
    at = receipt.at or now
    if not await _note(connection, channel, receipt, at):
        await connection.execute(
            sa.insert(early_receipts).values(
                channel=channel, platform_id=receipt.platform_id, state=receipt.state, at=at, error=receipt.error
            )
        )


async def _note(connection: AsyncConnection, channel: str, receipt: Receipt, at: datetime) -> bool:
    """False where no message of ours has this id. A message of several parts failed if one did, and was read if one
    was."""
    ours = _ours(channel, receipt.platform_id)
    if receipt.state == "unshown":
        for row in (await connection.execute(sa.select(messages).where(ours))).all():
            await _say_without_media(connection, row, at)
    result = await connection.execute(sa.update(messages).where(ours).values(**_changes(receipt, at)))
    return bool(result.rowcount)


def _ours(channel: str, platform_id: str) -> sa.ColumnElement[bool]:
    later_part = sa.select(sent_parts.c.message_id).where(
        sent_parts.c.channel == channel, sent_parts.c.platform_id == platform_id
    )
    return sa.and_(
        sa.or_(
            sa.and_(messages.c.channel == channel, messages.c.platform_id == platform_id),
            messages.c.id.in_(later_part),
        ),
        messages.c.direction == "out",
    )


async def _say_without_media(connection: AsyncConnection, row: Any, now: datetime) -> None:
    """A question whose picture did not come must not be lost with it: it is asked again without, once. Parts that
    arrived are said twice, which is better than options that nobody can see."""
    content = content_from_json(row.content)
    bare = content.without_media()
    if bare == content or row.state == "failed":
        return
    again = {
        "conversation_id": row.conversation_id,
        "seq": await take_numbers(connection, row.conversation_id),
        "content": content_to_json(bare),
        "state": "queued",
        "attempts": 0,
        "due_at": now,
        "created_at": now,
    }
    kept = ("direction", "author", "channel", "address", "language", "cause_id", "identity_id", "asks", "trace")
    await connection.execute(sa.insert(messages).values(**again, **{name: getattr(row, name) for name in kept}))
    await notify(connection)


def _changes(receipt: Receipt, at: datetime) -> dict[str, Any]:
    if receipt.state in ("failed", "unshown"):
        return {"state": "failed", "error": receipt.error}
    # What was read was delivered, even if nobody said so.
    changes = {"delivered_at": sa.func.coalesce(messages.c.delivered_at, sa.literal(at, Utc()))}
    if receipt.state == "read":
        changes["read_at"] = sa.func.coalesce(messages.c.read_at, sa.literal(at, Utc()))
    return changes


# --- What a customer changed ------------------------------------------------------------------------------------------


async def _revise(connection: AsyncConnection, revised: Revised, channel: str) -> None:
    """A message that has not had its turn yet says what it says now. One that was answered stays what was answered,
    with a note of the change for people to see."""
    theirs = (
        sa.select(messages.c.id, messages.c.content, messages.c.state)
        .join(
            identities, sa.and_(identities.c.channel == messages.c.channel, identities.c.address == messages.c.address)
        )
        .where(
            messages.c.channel == channel,
            messages.c.platform_id == revised.platform_id,
            messages.c.direction == "in",
            identities.c.external_id == revised.external_id,
        )
        .with_for_update(of=messages)
    )
    row = (await connection.execute(theirs)).first()
    if row is None:
        return
    content = _revised(row.content, revised, answered=row.state != "waiting")
    await connection.execute(sa.update(messages).where(messages.c.id == row.id).values(content=content))


def _revised(content: dict[str, Any], revised: Revised, *, answered: bool) -> dict[str, Any]:
    if revised.text is None:
        # A turn is still taken: whoever counts messages must find each of them done.
        return {**content, "taken_back": True} if answered else {"type": "taken_back"}
    if content.get("text") == revised.text or typed(revised.text) is not None:
        return content  # a code counts only where it is sent, and is never kept
    return {**content, "revised": revised.text} if answered else {**content, "text": revised.text}


# --- How somebody can be reached --------------------------------------------------------------------------------------


async def _note_reach(connection: AsyncConnection, reach: Reach, channel: str, now: datetime) -> None:
    await connection.execute(
        sa.update(identities)
        .where(identities.c.channel == channel, identities.c.external_id == reach.external_id)
        .values(blocked_at=None if reach.reachable else now)
    )
