"""The teams: who is in them, what is sent to them, when they are there, and how they are added and changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.access.staff import Exists
from bot.store.auditing import note
from bot.store.desk_tables import agents, team_members, teams
from bot.store.hours import ALWAYS, is_open
from bot.store.wake import notify

ASSIGNMENTS = ("automatic", "pulled")
ANSWER_WITHIN = 120
"""Seconds, where nothing else is said."""


class UnknownAgent(Exception):
    """A member who is not there, or not any more."""


async def teams_json(connection: AsyncConnection, now: datetime) -> list[dict[str, Any]]:
    """All teams as the desk shows them, in the order of their names."""
    members: dict[int, list[str]] = {}
    of_teams = sa.select(team_members.c.team_id, team_members.c.agent_id).join_from(team_members, agents)
    for row in await connection.execute(of_teams.where(agents.c.disabled_at.is_(None)).order_by(agents.c.id)):
        members.setdefault(row.team_id, []).append(row.agent_id)
    found = await connection.execute(sa.select(teams).order_by(teams.c.name))
    return [
        {
            "id": row.id,
            "name": row.name,
            "topics": row.topics,
            "hours": row.hours,
            "answer_within": row.answer_within,
            "assignment": row.assignment,
            "open": is_open(row.hours, now),
            "members": members.get(row.id, []),
        }
        for row in found
    ]


async def add_team(
    connection: AsyncConnection,
    name: str,
    values: Mapping[str, Any],
    *,
    members: Collection[str] = (),
    by: str,
    now: datetime,
) -> int:
    """`values`: topics, hours (as hours.py checks them), answer_within, assignment, each with a default. Returns the
    id. Raises Exists (the transaction is lost then), UnknownAgent."""
    row = {"topics": [], "hours": ALWAYS, "answer_within": ANSWER_WITHIN, "assignment": "automatic", **values}
    try:
        added = await connection.execute(sa.insert(teams).values(name=name, created_at=now, **row))
    except IntegrityError:
        raise Exists(name) from None
    key: Any = added.inserted_primary_key
    team = int(key[0])
    await _set_members(connection, team, members)
    await note(connection, by, "team_added", now=now, team=team)
    await notify(connection)
    return team


async def change_team(
    connection: AsyncConnection,
    team: int,
    values: Mapping[str, Any],
    *,
    members: Collection[str] | None = None,
    by: str,
    now: datetime,
) -> bool:
    """Write columns of the team's row, and who is in it where `members` is given. False if there is no such team.
    Raises Exists (the transaction is lost then), UnknownAgent."""
    held = await connection.execute(sa.select(teams.c.id).where(teams.c.id == team).with_for_update())
    if held.first() is None:
        return False
    try:
        if values:
            await connection.execute(sa.update(teams).where(teams.c.id == team).values(**values))
    except IntegrityError:
        raise Exists(str(values.get("name"))) from None
    fields = sorted(values)
    if members is not None:
        await _set_members(connection, team, members)
        fields.append("members")
    await note(connection, by, "team_changed", now=now, team=team, fields=fields)
    await notify(connection)
    return True


async def join_team(connection: AsyncConnection, team: int, agent: str) -> None:
    """One more member, who is none yet."""
    await connection.execute(sa.insert(team_members).values(team_id=team, agent_id=agent))


async def find_team(connection: AsyncConnection, name: str) -> int | None:
    found = await connection.execute(sa.select(teams.c.id).where(teams.c.name == name))
    return found.scalar_one_or_none()


async def _set_members(connection: AsyncConnection, team: int, members: Collection[str]) -> None:
    wanted = sorted(set(members))
    there = sa.select(agents.c.id).where(agents.c.id.in_(wanted), agents.c.disabled_at.is_(None))
    if len((await connection.execute(there)).all()) != len(wanted):
        raise UnknownAgent
    await connection.execute(sa.delete(team_members).where(team_members.c.team_id == team))
    if wanted:
        rows = [{"team_id": team, "agent_id": agent} for agent in wanted]
        await connection.execute(sa.insert(team_members), rows)
