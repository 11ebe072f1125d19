"""What supervisors watch: queues, agents, and what is late."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.access.staff import agents_json
from bot.gateway.desk.items import Json, is_late
from bot.gateway.desk.routing.presence import here
from bot.store.desk_tables import agents, handoffs, team_members, teams
from bot.store.ownership import AGENT, QUEUED

_MOST_WARNINGS = 50


async def read_overview(connection: AsyncConnection, now: datetime) -> Json:
    """`{queues, agents, warnings}`. A warning's kind is `late` (a first answer that is overdue, after `seconds`) or
    `nobody` (somebody waits in a team of which nobody is there)."""
    found = await connection.execute(
        sa.select(handoffs, teams.c.answer_within)
        .outerjoin(teams, teams.c.id == handoffs.c.team_id)
        .where(handoffs.c.ended_at.is_(None))
    )
    rows = found.all()
    known = await connection.execute(sa.select(teams.c.id).order_by(teams.c.name))
    of_team = defaultdict[int | None, list[Any]](list)
    for row in rows:
        of_team[row.team_id].append(row)
    ids: list[int | None] = [*known.scalars(), *([None] if None in of_team else [])]
    queues = [_queue(team, of_team[team], now) for team in ids]
    staff = await agents_json(connection, now)
    return {
        "queues": queues,
        "agents": [_agent(agent) for agent in staff if not agent.get("disabled")],
        "warnings": [*_late(rows, now), *await _nobody(connection, queues, now)][:_MOST_WARNINGS],
    }


def _queue(team: int | None, rows: Sequence[Any], now: datetime) -> Json:
    waiting = [row for row in rows if row.state == QUEUED and not row.left_message]
    longest = min((row.queued_at for row in waiting), default=None)
    return {
        "team": team,
        "waiting": sum(row.state == QUEUED for row in rows),
        "longest_s": None if longest is None else _seconds(now, longest),
        "open": sum(row.state == AGENT for row in rows),
        "late": sum(is_late(row, now) for row in rows),
    }


def _agent(agent: Json) -> Json:
    state = agent["availability"] if agent["online"] else "offline"
    return {"agent": agent["id"], "state": state, "open": agent["open"], "capacity": agent["capacity"]}


def _late(rows: Sequence[Any], now: datetime) -> list[Json]:
    late = sorted((row for row in rows if is_late(row, now)), key=lambda row: row.asked_at)
    return [
        {
            "kind": "late",
            "team": row.team_id,
            "conversation": row.conversation_id,
            "seconds": _seconds(now, row.asked_at),
        }
        for row in late
    ]


async def _nobody(connection: AsyncConnection, queues: Sequence[Json], now: datetime) -> list[Json]:
    found = await connection.execute(
        sa.select(agents.c.id, team_members.c.team_id).outerjoin(team_members).where(here(now))
    )
    there = found.all()
    manned: set[int | None] = {row.team_id for row in there} | ({None} if there else set())
    return [
        {"kind": "nobody", "team": queue["team"], "seconds": queue["longest_s"] or 0}
        for queue in queues
        if queue["waiting"] and queue["team"] not in manned
    ]


def _seconds(now: datetime, since: datetime) -> int:
    return max(0, int((now - since).total_seconds()))
