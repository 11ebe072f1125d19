"""The agents of other desks, as ownership and the audit log know them: rows without a password, to whom the desk here
gives nothing (their capacity is 0).

Each other desk is a row itself: while that is at work, somebody is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.outside.messages import Json
from bot.store.auditing import note
from bot.store.database import reading, transaction
from bot.store.desk_tables import agents
from channels.text import storable

LONGEST_ID, LONGEST_NAME = 100, 120
ITSELF = ""
"""What stands for the desk as a whole in the place of an agent's id."""


def agent_id(desk: str, theirs: str) -> str:
    """Ours for the agent whom the desk calls `theirs`; the same at any time."""
    return hashlib.sha256(f"{desk}:{theirs}".encode()).hexdigest()[:32]


async def ensure_agent(engine: AsyncEngine, desk: str, theirs: str, name: str, now: datetime) -> str:
    """The agent's id; they are added when they are first heard of, and called what they are called now."""
    id, called = agent_id(desk, theirs), _clean(name) or theirs or desk
    known = sa.select(agents.c.name).where(agents.c.id == id)
    async with reading(engine) as connection:
        before = (await connection.execute(known)).scalar_one_or_none()
    if before == called:
        return id
    try:
        async with transaction(engine) as connection:
            await _write(connection, id, f"{desk}:{theirs}", called, new=before is None, now=now)
    except IntegrityError:
        pass  # another gateway heard of them in the same moment
    return id


async def agents_json(connection: AsyncConnection, ids: Collection[str | None]) -> dict[str, Json]:
    """What other desks are told of agents, by id: `{id, name, desk}`. One of another desk's has the id that it has
    there; of our own, `desk` is `throughline`."""
    wanted = {id for id in ids if id}
    if not wanted:
        return {}
    found = await connection.execute(
        sa.select(agents.c.id, agents.c.login, agents.c.name).where(agents.c.id.in_(wanted))
    )
    return {row.id: _json(row.id, row.login, row.name) for row in found}


def _json(id: str, login: str, name: str) -> Json:
    desk, _, theirs = login.partition(":")
    outside = agent_id(desk, theirs) == id
    return {"id": (theirs or desk) if outside else id, "name": name, "desk": desk if outside else "throughline"}


async def _write(connection: AsyncConnection, id: str, login: str, name: str, *, new: bool, now: datetime) -> None:
    if not new:
        await connection.execute(sa.update(agents).where(agents.c.id == id).values(name=name))
        return
    row = {
        "id": id,
        "login": login,
        "name": name,
        "role": "agent",
        "languages": [],
        "topics": [],
        "capacity": 0,
        "availability": "available",
        "seen_at": now,
        "created_at": now,
    }
    await connection.execute(sa.insert(agents).values(**row))
    await note(connection, "product", "agent_added", now=now, agent=id, role="agent")


def _clean(name: str) -> str:
    return " ".join(storable(name).split())[:LONGEST_NAME]
