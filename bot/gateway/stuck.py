"""`throughline stuck`: what waits, for how long and why. It shows ids, channels, reasons and ages; never words, never
an address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.opening import opened
from bot.gateway.settings import Settings
from bot.store.clock import DatabaseClock
from bot.store.database import reading
from bot.store.tables import conversations, messages, unsent, workers

MOST = 100
"""So many of each kind are listed."""

# A worker writes its row every two seconds.
_SEEN_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A conversation whose oldest message without its turn waits too long."""

    message: int
    conversation: str
    channel: str
    since: datetime
    attempts: int
    error: str | None
    """Of the last attempt."""
    due_at: datetime
    claimed_by: str | None
    lease_until: datetime | None
    behind: int
    """Messages of the conversation that wait behind it."""
    deaths: int
    """How often its turn was begun and not survived; see bot/core/deaths.py."""
    parked: bool
    """An operator has given it up already; the next worker that is there says so."""


@dataclass(frozen=True, kw_only=True)
class Sending:
    """The first message for an address that waits too long to be sent."""

    message: int
    conversation: str
    channel: str
    since: datetime
    state: str
    """queued, sending"""
    attempts: int
    error: str | None
    due_at: datetime
    sent_by: str | None
    behind: int
    """Messages for the same address that wait behind it."""


@dataclass(frozen=True, kw_only=True)
class Over:
    """A message of which nothing more comes by itself: a turn that was given up, a reply that failed, or of which
    nobody knows whether it was sent."""

    message: int
    conversation: str
    channel: str
    direction: str
    """in, out"""
    state: str
    """failed, uncertain"""
    attempts: int
    error: str | None
    at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """What there is, the oldest first, with the time of looking and how many workers were alive then."""

    at: datetime
    workers: int
    turns: tuple[Turn, ...]
    sending: tuple[Sending, ...]
    over: tuple[Over, ...]

    def __bool__(self) -> bool:
        return bool(self.turns or self.sending or self.over)


async def look(settings: Settings, *, over: timedelta, since: timedelta) -> Stuck:
    """What has waited for longer than `over`, and what was given up within `since`. Raises CannotRun."""
    async with opened(settings) as engine:
        clock = DatabaseClock(engine)
        await clock.tune()
        now = clock()
        async with reading(engine) as connection:
            return Stuck(
                at=now,
                workers=await _workers(connection, now),
                turns=await _turns(connection, now - over),
                sending=await _sending(connection, now - over),
                over=await _over(connection, now - since),
            )


def as_json(stuck: Stuck) -> dict[str, Any]:
    """Times as ISO 8601."""
    plain: dict[str, Any] = _plain(asdict(stuck))
    return plain


def listed(stuck: Stuck) -> str:
    """For a terminal."""
    parts = [_section(*part) for part in _parts(stuck) if part[2]]
    if not parts:
        return "Nothing is stuck."
    if stuck.workers == 0 and stuck.turns:
        parts.insert(0, "No core worker is alive: `throughline doctor` says more.")
    return "\n\n".join(parts)


def _parts(stuck: Stuck) -> Iterator[tuple[str, Sequence[str], list[tuple[str, ...]]]]:
    now = stuck.at
    yield (
        "Conversations that wait for a turn:",
        ("message", "waits", "channel", "conversation", "behind", "tries", "why"),
        [
            (*_whose(one, one.since, now), one.conversation, str(one.behind), str(one.attempts), _why_no_turn(one, now))
            for one in stuck.turns
        ],
    )
    yield (
        "Messages that wait to be sent:",
        ("message", "waits", "channel", "conversation", "behind", "tries", "why"),
        [
            (*_whose(one, one.since, now), one.conversation, str(one.behind), str(one.attempts), _why_unsent(one, now))
            for one in stuck.sending
        ],
    )
    for title, belongs in (
        ("Turns that were given up (parked), and answered with an apology or not at all:", ("in", "failed")),
        ("Messages that could not be sent:", ("out", "failed")),
        ("Messages of which nobody knows whether they were sent:", ("out", "uncertain")),
    ):
        yield (
            title,
            ("message", "ago", "channel", "conversation", "tries", "why"),
            [
                (*_whose(one, one.at or now, now), one.conversation, str(one.attempts), one.error or "")
                for one in stuck.over
                if (one.direction, one.state) == belongs
            ],
        )


def _whose(one: Turn | Sending | Over, since: datetime, now: datetime) -> tuple[str, str, str]:
    return str(one.message), _age(now - since), one.channel


def _why_no_turn(one: Turn, now: datetime) -> str:
    if one.claimed_by is not None and one.lease_until is not None:
        held = f"{one.claimed_by} has it until {one.lease_until:%H:%M:%S}"
        if one.lease_until <= now:
            held = f"{one.claimed_by} had it until {one.lease_until:%H:%M:%S}, and nobody has taken it since"
    elif one.due_at > now:
        held = f"{'tried again' if one.error else 'due'} at {one.due_at:%H:%M:%S}"
    else:
        held = "no worker has taken it"
    died = one.deaths and f"deaths of a process during it: {one.deaths}"
    told = (held, died, one.error and f"last: {one.error}", one.parked and "given up by an operator")
    return "; ".join(part for part in told if part)


def _why_unsent(one: Sending, now: datetime) -> str:
    if one.state == "sending":
        doing = f"{one.sent_by or 'a gateway'} is sending it"
    elif one.due_at > now:
        doing = f"tried again at {one.due_at:%H:%M:%S}"
    else:
        doing = "no gateway has taken it"
    return f"{doing}; last: {one.error}" if one.error else doing


def _section(title: str, names: Sequence[str], rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[at]) for row in (names, *rows)) for at in range(len(names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (names, *rows)]
    more = [f"These are the first {MOST}."] if len(rows) == MOST else []
    return "\n".join([title, *(line.rstrip() for line in lines), *more])


def _age(waited: timedelta) -> str:
    seconds = max(0, int(waited.total_seconds()))
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


# --- What is asked of the database ------------------------------------------------------------------------------------


async def _workers(connection: AsyncConnection, now: datetime) -> int:
    alive = sa.select(sa.func.count()).select_from(workers).where(workers.c.seen_at > now - _SEEN_WITHIN)
    return int((await connection.execute(alive)).scalar_one())


def _waiting() -> sa.ColumnElement[bool]:
    """Of a conversation that waits: its messages without their turns."""
    return sa.and_(
        messages.c.conversation_id == conversations.c.id,
        messages.c.seq > conversations.c.done_seq,
        messages.c.direction == "in",
        messages.c.state == "waiting",
    )


async def _turns(connection: AsyncConnection, before: datetime) -> tuple[Turn, ...]:
    # Not by `waiting_since`, which says when the next attempt is due.
    first = sa.select(sa.func.min(messages.c.seq)).where(_waiting()).correlate(conversations).scalar_subquery()
    count = sa.select(sa.func.count()).where(_waiting()).correlate(conversations).scalar_subquery()
    head = messages.alias("head")
    found = await connection.execute(
        sa.select(
            head,
            conversations.c.claimed_by,
            conversations.c.begun,
            conversations.c.lease_until.label("until"),
            count.label("waiting"),
        )
        .select_from(
            conversations.join(head, sa.and_(head.c.conversation_id == conversations.c.id, head.c.seq == first))
        )
        .where(conversations.c.waiting_since.is_not(None), head.c.created_at <= before)
        .order_by(head.c.created_at)
        .limit(MOST)
    )
    return tuple(
        Turn(
            message=row.id,
            conversation=row.conversation_id,
            channel=row.channel,
            since=row.created_at,
            attempts=row.attempts,
            error=row.error,
            due_at=row.due_at,
            claimed_by=row.claimed_by,
            lease_until=row.until,
            behind=row.waiting - 1,
            # What is under way is counted in advance, but not by a worker of the version before.
            deaths=max(0, row.begun - (row.claimed_by is not None)),
            parked=row.parked is not None,
        )
        for row in found
    )


async def _sending(connection: AsyncConnection, before: datetime) -> tuple[Sending, ...]:
    heads = (
        sa.select(sa.func.min(messages.c.id).label("id"), sa.func.count().label("waiting"))
        .where(unsent(messages))
        .group_by(messages.c.channel, messages.c.address)
        .subquery()
    )
    found = await connection.execute(
        sa.select(messages, heads.c.waiting)
        .join(heads, heads.c.id == messages.c.id)
        .where(messages.c.created_at <= before)
        .order_by(messages.c.id)
        .limit(MOST)
    )
    return tuple(
        Sending(
            message=row.id,
            conversation=row.conversation_id,
            channel=row.channel,
            since=row.created_at,
            state=row.state,
            attempts=row.attempts,
            error=row.error,
            due_at=row.due_at,
            sent_by=row.sent_by,
            behind=row.waiting - 1,
        )
        for row in found
    )


async def _over(connection: AsyncConnection, after: datetime) -> tuple[Over, ...]:
    # Spelled with literals, as the index `ix_messages_trouble` is.
    trouble = sa.text("messages.state IN ('failed', 'uncertain')")
    newest = sa.select(messages).where(trouble, messages.c.finished_at > after).order_by(messages.c.id.desc())
    found = (await connection.execute(newest.limit(MOST))).all()
    return tuple(
        Over(
            message=row.id,
            conversation=row.conversation_id,
            channel=row.channel,
            direction=row.direction,
            state=row.state,
            attempts=row.attempts,
            error=row.error,
            at=row.finished_at,
        )
        for row in reversed(found)
    )
