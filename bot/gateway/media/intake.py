"""The table of what customers sent: what is still to be fetched, and what became of it.

The message's turn waits for its file for a while, so that the bot is told what came and not what was promised; then it
goes on without.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.rounds import NOW
from bot.store.tables import Utc, conversations, media, messages
from bot.store.wake import notify
from channels.contract import Media

TURN_WAITS = timedelta(seconds=15)
"""A customer waits that long for an answer to a photograph, at most, where a platform does not hand it out."""

LEASE = timedelta(minutes=3)
"""Longer than any fetching may take."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file that this process has claimed and must now try to fetch."""

    id: str
    message: int
    channel: str
    kind: str
    ref: str
    attempts: int
    """Counts the attempt to be made."""
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Stored:
    """It is in the vault."""

    sha256: str
    size: int
    type: str


@dataclass(frozen=True, kw_only=True)
class Missing:
    """It will not be had. `state`: `refused` (by us) or `lost`; `problem`: a word for the bot; `reason`: for people."""

    state: str
    problem: str
    reason: str


async def want(connection: AsyncConnection, message: int, sent: Media, *, id: str, channel: str, now: datetime) -> None:
    """Have the file fetched."""
    await connection.execute(
        sa.insert(media).values(
            id=id,
            message_id=message,
            channel=channel,
            kind=sent.kind,
            ref=sent.ref,
            name=sent.name,
            state="waiting",
            attempts=0,
            due_at=now,
            created_at=now,
        )
    )


def new_id() -> str:
    """Of a file: 128 random bits."""
    return secrets.token_hex(16)


async def claim_wanted(
    connection: AsyncConnection, channels: Collection[str], now: datetime, *, limit: int
) -> list[Wanted]:
    """Claim what is due, oldest first. An attempt whose process died is due again when its lease is over."""
    due = _due(now).where(media.c.channel.in_(channels)).order_by(media.c.due_at).limit(limit)
    rows = (await connection.execute(due.with_for_update(skip_locked=True))).all()
    if rows:
        await connection.execute(
            sa.update(media)
            .where(media.c.id.in_([row.id for row in rows]))
            .values(attempts=media.c.attempts + 1, lease_until=now + LEASE)
        )
    return [_wanted(row) for row in rows]


async def try_later(connection: AsyncConnection, wanted: Wanted, due: datetime, reason: str) -> None:
    """The attempt failed and another one may not."""
    await connection.execute(sa.update(media).where(_still(wanted)).values(due_at=due, lease_until=None, error=reason))


async def settle(connection: AsyncConnection, wanted: Wanted, outcome: Stored | Missing, now: datetime) -> None:
    """What became of it, for the bot and for the transcript; and the message's turn waits no longer."""
    settled = await connection.execute(
        sa.update(media).where(_still(wanted)).values(ref=None, lease_until=None, settled_at=now, **_columns(outcome))
    )
    if not settled.rowcount:
        return  # somebody else had it meanwhile
    row = (await connection.execute(sa.select(messages).where(messages.c.id == wanted.message))).one()
    content = {**row.content, **_told(outcome)}
    await connection.execute(sa.update(messages).where(messages.c.id == row.id).values(content=content))
    await _wait_no_longer(connection, row, now)
    await notify(connection)


def _due(now: datetime | sa.BindParameter[datetime]) -> sa.Select[Any]:
    return sa.select(media).where(
        media.c.state == sa.literal_column("'waiting'"),
        media.c.due_at <= now,
        sa.or_(media.c.lease_until.is_(None), media.c.lease_until <= now),
    )


async def _wait_no_longer(connection: AsyncConnection, row: Any, now: datetime) -> None:
    if row.state != "waiting" or row.due_at <= now or row.attempts:
        return
    await connection.execute(sa.update(messages).where(messages.c.id == row.id).values(due_at=now))
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.id == row.conversation_id, conversations.c.waiting_since > sa.literal(now, Utc()))
        .values(waiting_since=now)
    )


def _still(wanted: Wanted) -> sa.ColumnElement[bool]:
    return sa.and_(media.c.id == wanted.id, media.c.state == "waiting", media.c.attempts == wanted.attempts)


def _columns(outcome: Stored | Missing) -> Mapping[str, Any]:
    if isinstance(outcome, Stored):
        return {
            "state": "stored",
            "error": None,
            "sha256": outcome.sha256,
            "size": outcome.size,
            "type": outcome.type,
        }
    return {"state": outcome.state, "error": outcome.reason}


def _told(outcome: Stored | Missing) -> Mapping[str, Any]:
    if isinstance(outcome, Stored):
        return {"outcome": "stored", "mime": outcome.type, "size": outcome.size}
    return {"outcome": outcome.state, "problem": outcome.problem}


def _wanted(row: Any) -> Wanted:
    return Wanted(
        id=row.id,
        message=row.message_id,
        channel=row.channel,
        kind=row.kind,
        ref=row.ref,
        attempts=row.attempts + 1,
        since=row.created_at,
    )


WAITS = _due(NOW).exists()
"""Whether anything is due."""
