"""The agents: who they are, as the desk shows them, and how they are added and changed, by the desk's routes and by the
operator's command alike."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.access.sessions import end_sessions
from bot.gateway.desk.routing.presence import is_online
from bot.store.auditing import note
from bot.store.desk_tables import agents, handoffs, team_members
from bot.store.wake import notify

CAPACITY = 5
AVAILABILITIES = ("available", "away")
LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9._@+-]{0,253}[a-z0-9])?")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
"""BCP 47, as far as it is used here."""


class Exists(Exception):
    """Somebody, or a team, has this name already."""


class LastAdmin(Exception):
    """Nobody could let anybody in any more."""


@dataclass(frozen=True, kw_only=True)
class NewAgent:
    """Who is to be added. `password_hash` is None for one who works at another desk."""

    login: str
    name: str
    role: str
    password_hash: str | None
    languages: Collection[str] = ()
    topics: Collection[str] = ()
    capacity: int = CAPACITY


async def agents_json(
    connection: AsyncConnection, now: datetime, *, only: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """All agents, or `only` those with these ids, as the desk shows them, in the order of their names."""
    open_ones = (
        sa.select(handoffs.c.agent_id, sa.func.count().label("open"))
        .where(handoffs.c.ended_at.is_(None), handoffs.c.state == "agent", handoffs.c.agent_id.is_not(None))
        .group_by(handoffs.c.agent_id)
        .subquery()
    )
    query = sa.select(agents, sa.func.coalesce(open_ones.c.open, 0).label("open")).outerjoin(
        open_ones, open_ones.c.agent_id == agents.c.id
    )
    if only is not None:
        query = query.where(agents.c.id.in_(only))
    found = await connection.execute(query.order_by(agents.c.name, agents.c.id))
    return [_agent_json(row, now) for row in found]


async def add_agent(connection: AsyncConnection, new: NewAgent, *, by: str, now: datetime) -> str:
    """Returns the id. Raises Exists; the transaction is lost then."""
    agent = secrets.token_hex(16)
    row = {
        "id": agent,
        "login": new.login,
        "name": new.name,
        "role": new.role,
        "password_hash": new.password_hash,
        "languages": list(new.languages),
        "topics": list(new.topics),
        "capacity": new.capacity,
        "availability": "available",
        "created_at": now,
    }
    try:
        await connection.execute(sa.insert(agents).values(**row))
    except IntegrityError:
        raise Exists(new.login) from None
    await note(connection, by, "agent_added", now=now, agent=agent, role=new.role)
    return agent


async def change_agent(
    connection: AsyncConnection, agent: str, changes: dict[str, Any], *, by: str, now: datetime
) -> bool:
    """Write columns of the agent's row. A new password, and being disabled, end all sessions. False if there is no such
    agent. Raises LastAdmin."""
    if changes.get("disabled_at") is not None or changes.get("role", "admin") != "admin":
        await _keep_an_admin(connection, agent)
    changed = await connection.execute(sa.update(agents).where(agents.c.id == agent).values(**changes))
    if changed.rowcount != 1:
        return False
    if "password_hash" in changes or changes.get("disabled_at") is not None:
        await end_sessions(connection, agent)
    await note(connection, by, _what(changes), now=now, agent=agent, fields=sorted(changes))
    await notify(connection)
    return True


async def find_agent(connection: AsyncConnection, login: str) -> Any:
    """The row of this login, or None."""
    return (await connection.execute(sa.select(agents).where(agents.c.login == login.lower()))).one_or_none()


async def anybody(connection: AsyncConnection) -> bool:
    """Whether there is an agent at all."""
    return (await connection.execute(sa.select(agents.c.id).limit(1))).first() is not None


async def teams_of(connection: AsyncConnection, agent: str) -> list[int]:
    found = await connection.execute(sa.select(team_members.c.team_id).where(team_members.c.agent_id == agent))
    return sorted(int(row.team_id) for row in found)


def _what(changes: dict[str, Any]) -> str:
    return "password_changed" if set(changes) == {"password_hash"} else "agent_changed"


async def _keep_an_admin(connection: AsyncConnection, agent: str) -> None:
    admins = sa.select(agents.c.id).where(agents.c.role == "admin", agents.c.disabled_at.is_(None))
    # All of them are held until the commit: two admins cannot disable each other at once.
    found = await connection.execute(admins.order_by(agents.c.id).with_for_update())
    if [row.id for row in found] == [agent]:
        raise LastAdmin


def _agent_json(row: Any, now: datetime) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "login": row.login,
        "role": row.role,
        "availability": row.availability,
        "languages": row.languages,
        "topics": row.topics,
        "capacity": row.capacity,
        "online": row.disabled_at is None and is_online(row.seen_at, now),
        "open": row.open,
        "disabled": row.disabled_at is not None,
    }
