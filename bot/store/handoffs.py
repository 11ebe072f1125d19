"""Stretches of conversations with people: asked for, read, and written down as the state machine decided.

Whoever wants something done asks with `ask_desk`, and it takes its place in the conversation's own queue. The core
decides in that turn (`ownership.after`) and writes with `settle`; nobody else writes the table `handoffs`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Optional

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.auditing import note
from bot.store.desk_tables import agents, handoffs, notes, teams
from bot.store.hours import is_open, opens_at
from bot.store.ownership import AGENT, ASK, BOT, CLOSE, CLOSED, HEARD, QUEUED, SNOOZED, WAKE, Doing, Ownership
from bot.store.queueing import put_in_queue
from bot.store.reaching import Place
from bot.store.tables import Utc, conversations, identities, messages, open_channels
from bot.store.wake import notify

HERE_WITHIN = timedelta(seconds=30)
"""An agent whose desk was connected this lately is at it."""

_OPEN = handoffs.c.ended_at.is_(None)


@dataclass(frozen=True)
class Handoff:
    """A stretch that is not over."""

    id: int
    conversation: str
    ownership: Ownership
    why: str
    priority: int
    queued_at: datetime
    told_position: Optional[int]
    told_at: Optional[datetime]
    left_message: bool
    position: Optional[int] = None
    """Its place among those that wait, from 1; none where it does not wait."""
    agent_name: Optional[str] = None


@dataclass(frozen=True)
class Wanted:
    """What the assistant says when it wants people."""

    why: str = "action"
    topic: Optional[str] = None
    team: Optional[str] = None
    priority: int = 0
    message: bool = False
    """A message is left: also where nobody is there."""


@dataclass(frozen=True)
class Change:
    """What one turn does to the ownership, as it is written down.

    doing:          what was asked and is done; none where only `answered` or `told` counts
    now:            the ownership afterwards
    reason:         of closing
    note:           from one colleague to the next
    answered:       an agent has said something
    told_position:  the place that the customer was told, 0 where a message was left
    """

    now: Ownership
    doing: Optional[Doing] = None
    reason: Optional[str] = None
    note: Optional[str] = None
    answered: bool = False
    told_position: Optional[int] = None


async def ask_desk(
    connection: AsyncConnection,
    conversation: str,
    doing: Mapping[str, Any],
    *,
    agent: Optional[str],
    now: datetime,
    key: Optional[str] = None,
) -> int:
    """Queue a doing behind all that waits in the conversation; the id of its message. What came of it stands there
    afterwards: `state` is `done`, or `refused` with the reason as `error`.

    doing:  as the core reads it (`bot.core.handing`), without customers' or agents' secrets
    agent:  who asks; None for the product itself
    key:    the same for the same doing sent twice: the second raises IntegrityError

    Raises LookupError where there is no such conversation.
    """
    message = await put_in_queue(
        connection,
        conversation,
        {**doing, "type": "desk"},
        answered_at=None,
        author="agent" if agent else "product",
        agent=agent,
        key=key,
        now=now,
    )
    await notify(connection)
    return message


async def read_open(connection: AsyncConnection, conversation: str) -> Optional[Handoff]:
    """The stretch that the conversation is in, if it is with people."""
    found = await connection.execute(
        sa.select(handoffs, agents.c.name.label("agent_name"))
        .outerjoin(agents, agents.c.id == handoffs.c.agent_id)
        .where(handoffs.c.conversation_id == conversation, _OPEN)
    )
    row = found.first()
    if row is None:
        return None
    ownership = Ownership(row.state, row.agent_id if row.state != QUEUED else None, row.team_id, row.snoozed_until)
    return Handoff(
        id=row.id,
        conversation=conversation,
        ownership=ownership,
        why=row.why,
        priority=row.priority,
        queued_at=row.queued_at,
        told_position=row.told_position,
        told_at=row.told_at,
        left_message=bool(row.left_message),
        position=await _position(connection, row) if row.state == QUEUED else None,
        agent_name=row.agent_name if row.state != QUEUED else None,
    )


async def name_of(connection: AsyncConnection, agent: Optional[str]) -> Optional[str]:
    """An agent's name, as customers see it; None for who is none, or may work no more."""
    found = await connection.execute(
        sa.select(agents.c.name).where(agents.c.id == agent, agents.c.disabled_at.is_(None))
    )
    name: Optional[str] = found.scalar_one_or_none()
    return name


async def begin(
    connection: AsyncConnection, conversation: str, wanted: Wanted, *, language: Optional[str], now: datetime
) -> Optional[dict[str, Any]]:
    """The assistant wants people: queue the conversation, or find that nobody is there. Returns what the customer is to
    be told of it (`news_to_json`), None where they are with people already."""
    if await read_open(connection, conversation) is not None:
        return None
    team = await _team_for(connection, wanted)
    if not wanted.message and not await _somebody_is_there(connection, team, now):
        opens = opens_at(team.hours, now) if team is not None and not is_open(team.hours, now) else None
        return news_to_json("nobody", opens=opens, timezone=team.hours.get("timezone") if team is not None else None)
    doing = Doing(ASK, "bot", team=None if team is None else team.id)
    started = {"topic": wanted.topic, "language": language, "priority": wanted.priority, "left_message": wanted.message}
    change = Change(now=Ownership(QUEUED, team=doing.team), doing=doing)
    await settle(connection, conversation, change, now, why=wanted.why, **started)
    return news_to_json("message" if wanted.message else "queued")


async def settle(
    connection: AsyncConnection,
    conversation: str,
    change: Change,
    now: datetime,
    *,
    why: str = "stepped_in",
    **started: Any,
) -> None:
    """Write down what a turn did. The caller has the conversation's claim.

    why, started:  of a stretch that begins with it: columns of `handoffs`
    """
    values: dict[str, Any] = {}
    if change.told_position is not None:
        values |= {"told_position": change.told_position, "told_at": now}
    if change.answered:
        values["answered_at"] = sa.func.coalesce(handoffs.c.answered_at, sa.literal(now, Utc()))
    if change.doing is not None:
        values |= _values_of(change, now)
    if values:
        await _write(connection, conversation, values, now, why=why, **started)
    if change.doing is not None:
        await _set_owner(connection, conversation, change.now.owner)
        detail = {
            "state": change.now.state,
            "agent": change.now.agent,
            "team": change.now.team,
            "reason": change.reason,
        }
        known: dict[str, Any] = {name: value for name, value in detail.items() if value is not None}
        await note(connection, change.doing.by, change.doing.do, conversation=conversation, now=now, **known)
    if change.note and change.doing is not None:
        await _leave_note(connection, conversation, change.doing.by, change.note, now)


async def move(connection: AsyncConnection, *, old: str, new: str, now: datetime) -> None:
    """Two conversations have become one: whoever was with people in `old` is with them in `new`. Where both were, the
    stretch of `new` goes on."""
    theirs = await read_open(connection, old)
    if theirs is None:
        return
    if await read_open(connection, new) is None:
        await _put(connection, theirs, into=new, came_from=old)
    else:
        ended = {"state": "returned", "ended_at": now, "snoozed_until": None}
        await connection.execute(sa.update(handoffs).where(handoffs.c.id == theirs.id).values(**ended))
        await _set_owner(connection, old, BOT)
    await note(connection, "product", "moved", conversation=new, now=now, came_from=old)


async def move_back(connection: AsyncConnection, *, to: str, now: datetime) -> None:
    """What `move` brought along from `to` goes back there, if it is not over: the two are separate again."""
    found = await connection.execute(sa.select(handoffs.c.conversation_id).where(handoffs.c.came_from == to, _OPEN))
    for shared in found.scalars().all():
        theirs = await read_open(connection, shared)
        if theirs is not None and await read_open(connection, to) is None:
            await _put(connection, theirs, into=to, came_from=None)
            await note(connection, "product", "moved", conversation=to, now=now, came_from=shared)


async def rate(connection: AsyncConnection, conversation: str, score: int, now: datetime) -> bool:
    """The customer's word on the last stretch that was closed, 1 to 5; the newest counts. False where there is none."""
    last = (
        sa.select(sa.func.max(handoffs.c.id))
        .where(handoffs.c.conversation_id == conversation, handoffs.c.state == CLOSED)
        .scalar_subquery()
    )
    result = await connection.execute(
        sa.update(handoffs).where(handoffs.c.id == last).values(rating=min(5, max(1, score)), rated_at=now)
    )
    return bool(result.rowcount)


async def where_last_heard(connection: AsyncConnection, conversation: str) -> Optional[Place]:
    """Where the customer spoke last, of the places that can still be written to. An agent answers there, as the bot
    would. None where there is none."""
    found = await connection.execute(
        sa.select(identities.c.id, identities.c.channel, identities.c.address)
        .select_from(
            messages.join(conversations, conversations.c.id == messages.c.conversation_id)
            .join(
                identities,
                sa.and_(
                    identities.c.id == messages.c.identity_id, identities.c.customer_id == conversations.c.customer_id
                ),
            )
            .join(open_channels, open_channels.c.name == identities.c.channel)
        )
        .where(
            messages.c.conversation_id == conversation,
            messages.c.direction == "in",
            messages.c.author == "customer",
            identities.c.blocked_at.is_(None),
        )
        .order_by(messages.c.seq.desc())
        .limit(1)
    )
    row = found.first()
    return row and Place(identity=row.id, channel=row.channel, address=row.address)


async def place_of(connection: AsyncConnection, conversation: str, identity: int) -> Optional[Place]:
    """One of the customer's own identities; None for anybody else's, and for one that cannot be written to."""
    found = await connection.execute(
        sa.select(identities.c.id, identities.c.channel, identities.c.address)
        .select_from(
            conversations.join(identities, identities.c.customer_id == conversations.c.customer_id).join(
                open_channels, open_channels.c.name == identities.c.channel
            )
        )
        .where(conversations.c.id == conversation, identities.c.id == identity, identities.c.blocked_at.is_(None))
    )
    row = found.first()
    return row and Place(identity=row.id, channel=row.channel, address=row.address)


def news_to_json(news: str, *, opens: Optional[datetime] = None, timezone: Optional[str] = None) -> dict[str, Any]:
    """What the product has to tell the customer about who they are with, as a message of its own in the queue."""
    said: dict[str, Any] = {"type": "handoff", "news": news}
    if opens is not None:
        said |= {"opens": opens.isoformat(), "timezone": timezone}
    return said


async def _put(connection: AsyncConnection, handoff: Handoff, *, into: str, came_from: Optional[str]) -> None:
    moved = {"conversation_id": into, "came_from": came_from}
    await connection.execute(sa.update(handoffs).where(handoffs.c.id == handoff.id).values(**moved))
    await _set_owner(connection, handoff.conversation, BOT)
    await _set_owner(connection, into, handoff.ownership.owner)


async def _set_owner(connection: AsyncConnection, conversation: str, owner: str) -> None:
    await connection.execute(sa.update(conversations).where(conversations.c.id == conversation).values(owner=owner))


async def _position(connection: AsyncConnection, row: Any) -> int:
    """In the queue of its team, with what is anybody's; the same order as agents are given it."""
    mine = sa.or_(handoffs.c.team_id.is_(None), handoffs.c.team_id == row.team_id) if row.team_id else sa.true()
    earlier = sa.or_(
        handoffs.c.priority > row.priority,
        sa.and_(handoffs.c.priority == row.priority, handoffs.c.queued_at < row.queued_at),
        sa.and_(handoffs.c.priority == row.priority, handoffs.c.queued_at == row.queued_at, handoffs.c.id < row.id),
    )
    found = await connection.execute(
        sa.select(sa.func.count()).select_from(handoffs).where(_OPEN, handoffs.c.state == QUEUED, mine, earlier)
    )
    return int(found.scalar_one()) + 1


async def _team_for(connection: AsyncConnection, wanted: Wanted) -> Any:
    """The team that is named, else one for the topic, else one that takes whatever nobody else does."""
    rows = (await connection.execute(sa.select(teams).order_by(teams.c.id))).all()
    named = [row for row in rows if wanted.team is not None and row.name == wanted.team]
    fitting = [row for row in rows if wanted.topic is not None and wanted.topic in row.topics]
    general = [row for row in rows if not row.topics]
    return next(iter([*named, *fitting, *general]), None)


async def _somebody_is_there(connection: AsyncConnection, team: Any, now: datetime) -> bool:
    """Whether the team, or anybody where there are no teams, works now, and an agent is at the desk."""
    if team is not None and not is_open(team.hours, now):
        return False
    found = await connection.execute(
        sa.select(agents.c.id)
        .where(
            agents.c.disabled_at.is_(None),
            agents.c.availability == "available",
            agents.c.seen_at > now - HERE_WITHIN,
        )
        .limit(1)
    )
    return found.first() is not None


def _values_of(change: Change, now: datetime) -> dict[str, Any]:
    """Columns of `handoffs` after the change."""
    after, doing = change.now, change.doing
    assert doing is not None
    if after.state in (BOT, CLOSED):
        ended = {"state": "closed" if doing.do == CLOSE else "returned", "ended_at": now, "snoozed_until": None}
        return {**ended, "reason": change.reason}
    values: dict[str, Any] = {
        "state": after.state,
        "agent_id": after.agent,
        "team_id": after.team,
        "snoozed_until": after.until,
    }
    if after.state == AGENT and doing.do not in (WAKE, HEARD):
        values["taken_at"] = now
    if after.state == QUEUED:
        values |= {"taken_at": None, "told_position": None, "told_at": None}
    return values


async def _write(
    connection: AsyncConnection, conversation: str, values: dict[str, Any], now: datetime, *, why: str, **started: Any
) -> None:
    result = await connection.execute(
        sa.update(handoffs).where(handoffs.c.conversation_id == conversation, _OPEN).values(**values)
    )
    if result.rowcount or values.get("state") not in (QUEUED, AGENT, SNOOZED):
        return
    defaults = {"priority": 0, "left_message": False, "asked_at": now, "queued_at": now}
    row = {**defaults, **started, **values, "conversation_id": conversation, "why": why}
    await connection.execute(sa.insert(handoffs).values(**row))


async def _leave_note(connection: AsyncConnection, conversation: str, agent: str, text: str, now: datetime) -> None:
    newest = sa.select(sa.func.max(messages.c.id)).where(messages.c.conversation_id == conversation).scalar_subquery()
    await connection.execute(
        sa.insert(notes).values(
            conversation_id=conversation,
            after_message=sa.func.coalesce(newest, 0),
            agent_id=agent,
            text=text,
            mentions=[],
            created_at=now,
        )
    )
