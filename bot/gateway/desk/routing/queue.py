"""What waits to be given to somebody, and who is here to be given it, as the database has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.routing.assignment import Free, Waiting, suits
from bot.gateway.desk.routing.presence import here
from bot.store.desk_tables import agents, audit, handoffs, team_members, teams
from bot.store.ownership import AGENT, ASSIGN, QUEUED, REQUEUE, TAKE, TRANSFER
from bot.store.queueing import NOWHERE
from bot.store.tables import conversations, messages

AUTOMATIC = "automatic"

_AT_A_TIME = 500
_LATELY = timedelta(days=1)
_PRODUCT = "product"

_QUEUED = sa.and_(handoffs.c.ended_at.is_(None), handoffs.c.state == QUEUED)

Doing = Mapping[str, Any]


async def pending(connection: AsyncConnection) -> dict[str, list[Doing]]:
    """For each conversation what was asked for and has not had its turn."""
    found = await connection.execute(
        sa.select(messages.c.conversation_id, messages.c.content)
        .join_from(conversations, messages, messages.c.conversation_id == conversations.c.id)
        .where(
            conversations.c.waiting_since.isnot(None),
            messages.c.seq > conversations.c.done_seq,
            messages.c.direction == "in",
            messages.c.state == "waiting",
            messages.c.channel == NOWHERE,
        )
    )
    asked: dict[str, list[Doing]] = {}
    for row in found:
        if row.content.get("type") == "desk":
            asked.setdefault(row.conversation_id, []).append(row.content)
    return asked


async def waiting(connection: AsyncConnection, agents: Sequence[Free], *, but: Collection[str]) -> list[Waiting]:
    """What waits for teams that are given their work and suits one of these agents, the first `_AT_A_TIME` of it. What
    suits nobody is left out before, so that it does not stand in front of the rest."""
    suiting = await _suiting(connection, agents)
    if not suiting:
        return []
    rows = (
        await connection.execute(
            sa.select(handoffs)
            .where(_QUEUED, sa.or_(*suiting))
            .order_by(handoffs.c.priority.desc(), handoffs.c.queued_at, handoffs.c.id)
            .limit(_AT_A_TIME)
        )
    ).all()
    missed = await _missed(connection, {row.conversation_id: row.asked_at for row in rows})
    return [
        Waiting(
            id=row.id,
            conversation=row.conversation_id,
            team=row.team_id,
            priority=row.priority,
            queued_at=row.queued_at,
            language=row.language,
            topic=row.topic,
            missed_by=missed.get(row.conversation_id, frozenset()),
        )
        for row in rows
        if row.conversation_id not in but
    ]


async def free(connection: AsyncConnection, asked: Mapping[str, list[Doing]], now: datetime) -> list[Free]:
    """Who is here and has room. `asked`: as `pending` gives it."""
    rows = (await connection.execute(sa.select(agents).where(here(now)))).all()
    ids = [row.id for row in rows]
    if not ids:
        return []
    memberships: dict[str, set[int]] = {}
    for row in await connection.execute(sa.select(team_members).where(team_members.c.agent_id.in_(ids))):
        memberships.setdefault(row.agent_id, set()).add(row.team_id)
    in_hand = await _in_hand(connection, ids)
    in_hand.update(
        doing["agent"]
        for doings in asked.values()
        for doing in doings
        if doing.get("do") in (TAKE, ASSIGN, TRANSFER) and isinstance(doing.get("agent"), str)
    )
    given = await _given_at(connection, ids, now)
    return [
        Free(
            agent=row.id,
            teams=frozenset(memberships.get(row.id, ())),
            languages=tuple(row.languages),
            topics=tuple(row.topics),
            capacity=row.capacity,
            open=in_hand[row.id],
            given_at=given.get(row.id),
        )
        for row in rows
        if in_hand[row.id] < row.capacity
    ]


async def assigned_by_us(connection: AsyncConnection, since: Mapping[str, datetime]) -> set[str]:
    """Those of these conversations that were given to whoever has them, and were taken by nobody. `since`: when each
    came to people."""
    found = await connection.execute(
        sa.select(audit.c.conversation_id, audit.c.who, audit.c.what, audit.c.at)
        .where(audit.c.conversation_id.in_(since), audit.c.what.in_((TAKE, ASSIGN, TRANSFER, REQUEUE)))
        .order_by(audit.c.id)
    )
    last = {row.conversation_id: row for row in found if row.at >= since[row.conversation_id]}
    return {conversation for conversation, row in last.items() if (row.who, row.what) == (_PRODUCT, ASSIGN)}


async def _suiting(connection: AsyncConnection, agents: Sequence[Free]) -> list[sa.ColumnElement[bool]]:
    """Conditions for what suits one of them: by team, language and topic."""
    kinds = sa.select(handoffs.c.team_id, handoffs.c.language, handoffs.c.topic).join_from(handoffs, teams)
    found = await connection.execute(kinds.where(_QUEUED, teams.c.assignment == AUTOMATIC).distinct())
    return [
        sa.and_(
            handoffs.c.team_id == row.team_id,
            handoffs.c.language.is_not_distinct_from(row.language),
            handoffs.c.topic.is_not_distinct_from(row.topic),
        )
        for row in found
        if any(suits(agent, team=row.team_id, language=row.language, topic=row.topic) for agent in agents)
    ]


async def _missed(connection: AsyncConnection, since: Mapping[str, datetime]) -> dict[str, frozenset[str]]:
    """Who was given each of these, since it came to people, and did not answer."""
    put_back = await connection.execute(
        sa.select(audit.c.conversation_id)
        .where(audit.c.conversation_id.in_(since), audit.c.what == REQUEUE, audit.c.who == _PRODUCT)
        .distinct()
    )
    ids = [row.conversation_id for row in put_back]
    if not ids:
        return {}
    found = await connection.execute(
        sa.select(messages.c.conversation_id, messages.c.content, messages.c.created_at).where(
            messages.c.conversation_id.in_(ids),
            messages.c.direction == "in",
            messages.c.channel == NOWHERE,
            messages.c.state == "done",
        )
    )
    missed: dict[str, set[str]] = {}
    for row in found:
        if row.created_at >= since[row.conversation_id] and row.content.get("why") == "no_answer":
            missed.setdefault(row.conversation_id, set()).add(row.content["agent"])
    return {conversation: frozenset(who) for conversation, who in missed.items()}


async def _in_hand(connection: AsyncConnection, ids: Collection[str]) -> Counter[str]:
    found = await connection.execute(
        sa.select(handoffs.c.agent_id, sa.func.count().label("open"))
        .where(handoffs.c.agent_id.in_(ids), handoffs.c.ended_at.is_(None), handoffs.c.state == AGENT)
        .group_by(handoffs.c.agent_id)
    )
    return Counter({row.agent_id: row.open for row in found})


async def _given_at(connection: AsyncConnection, ids: Collection[str], now: datetime) -> dict[str, datetime]:
    """When something last came into each one's hands or left them, of the last day."""
    moved = sa.func.coalesce(handoffs.c.ended_at, handoffs.c.taken_at, type_=handoffs.c.taken_at.type)
    found = await connection.execute(
        sa.select(handoffs.c.agent_id, sa.func.max(moved, type_=handoffs.c.taken_at.type).label("at"))
        .where(handoffs.c.asked_at > now - _LATELY, handoffs.c.agent_id.in_(ids))
        .group_by(handoffs.c.agent_id)
    )
    return {row.agent_id: row.at for row in found if row.at is not None}
