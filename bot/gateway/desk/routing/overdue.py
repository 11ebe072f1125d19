"""What cannot stay as it is: an agent who is gone, an answer that does not come, a snooze that is over, a queue that
nobody looks at. Each becomes a doing of the product's; whether it still is so, the conversation's own turn decides."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.access.teams import ANSWER_WITHIN
from bot.gateway.desk.routing.presence import GONE_AFTER
from bot.gateway.desk.routing.queue import assigned_by_us
from bot.store.desk_tables import agents, handoffs, team_members, teams
from bot.store.ownership import AGENT, QUEUED, REQUEUE, SNOOZED, TRANSFER, WAKE

Doings = dict[str, dict[str, Any]]
"""By conversation."""

_OPEN = handoffs.c.ended_at.is_(None)


async def overdue(connection: AsyncConnection, *, now: datetime, watching_since: datetime) -> Doings:
    """What is to be done. `watching_since`: who was not seen before that may have been cut off by our own restart."""
    return {
        **await _nobodys_queues(connection),
        **await _asleep(connection, now),
        **await _unanswered(connection, now),
        **await _gone(connection, now, watching=watching_since <= now - GONE_AFTER),
    }


async def _gone(connection: AsyncConnection, now: datetime, *, watching: bool) -> Doings:
    """In the hands of somebody who may not use the desk any more, or whose desk is closed, if we were there to see it.
    Who has no password works at another desk, which we do not see."""
    limit = now - GONE_AFTER
    unseen = sa.and_(
        sa.or_(agents.c.seen_at.is_(None), agents.c.seen_at <= limit),
        sa.or_(handoffs.c.taken_at.is_(None), handoffs.c.taken_at <= limit),
        agents.c.password_hash.isnot(None),
    )
    disabled = agents.c.disabled_at.isnot(None)
    found = await connection.execute(
        sa.select(handoffs.c.conversation_id, handoffs.c.agent_id)
        .join_from(handoffs, agents)
        .where(_OPEN, handoffs.c.state == AGENT, sa.or_(unseen, disabled) if watching else disabled)
    )
    return {row.conversation_id: _requeue(row.agent_id, "gone") for row in found}


async def _unanswered(connection: AsyncConnection, now: datetime) -> Doings:
    """Given to somebody who has said nothing within their team's time. Whoever took it themselves is looking at it."""
    found = await connection.execute(
        sa.select(handoffs, sa.func.coalesce(teams.c.answer_within, ANSWER_WITHIN).label("within"))
        .outerjoin(teams, teams.c.id == handoffs.c.team_id)
        .where(_OPEN, handoffs.c.state == AGENT, handoffs.c.answered_at.is_(None), handoffs.c.taken_at.isnot(None))
    )
    late = [row for row in found if (now - row.taken_at).total_seconds() >= row.within]
    given = await assigned_by_us(connection, {row.conversation_id: row.asked_at for row in late})
    return {row.conversation_id: _requeue(row.agent_id, "no_answer") for row in late if row.conversation_id in given}


async def _asleep(connection: AsyncConnection, now: datetime) -> Doings:
    """Snoozed until now; or by somebody who will not be there when it wakes: that goes back to the queue."""
    found = await connection.execute(
        sa.select(handoffs, agents.c.disabled_at)
        .join_from(handoffs, agents)
        .where(
            _OPEN,
            handoffs.c.state == SNOOZED,
            sa.or_(handoffs.c.snoozed_until <= now, agents.c.disabled_at.isnot(None)),
        )
    )
    return {row.conversation_id: _transfer(row.team_id) if row.disabled_at else _wake(row) for row in found}


async def _nobodys_queues(connection: AsyncConnection) -> Doings:
    """Waiting for a team in which there is nobody any more: then it is anybody's."""
    members = sa.select(team_members.c.team_id).join(agents).where(agents.c.disabled_at.is_(None))
    found = await connection.execute(
        sa.select(handoffs.c.conversation_id).where(
            _OPEN, handoffs.c.state == QUEUED, handoffs.c.team_id.isnot(None), handoffs.c.team_id.not_in(members)
        )
    )
    return {row.conversation_id: _transfer(None) for row in found}


def _requeue(agent: str, why: str) -> dict[str, Any]:
    return {"do": REQUEUE, "by": "product", "agent": agent, "why": why}


def _wake(row: Any) -> dict[str, Any]:
    until: Mapping[str, str] = {"until": row.snoozed_until.isoformat()} if row.snoozed_until else {}
    return {"do": WAKE, "by": "product", "agent": row.agent_id, **until}


def _transfer(team: int | None) -> dict[str, Any]:
    return {"do": TRANSFER, "by": "product", "team": team, "over": True}
