"""Sessions of the desk: an opaque token of 256 bits, kept only as a hash, over when it is deleted.

One is good for 12 hours without a request and for 7 days in all: NIST SP 800-63B, section 5.2 asks for a limit of both
kinds. A socket that is open is no request: who does nothing is logged out.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.desk_tables import agent_sessions, agents
from bot.store.wake import notify

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
_SEEN_EVERY = timedelta(minutes=1)
"""A session that was seen this lately is not written again."""

ROLES = ("agent", "supervisor", "admin")
"""Each may do what those before it may."""


@dataclass(frozen=True, kw_only=True)
class Agent:
    """Who is logged in, and by which session."""

    id: str
    login: str
    name: str
    role: str
    session: str
    """The token's hash."""

    def is_at_least(self, role: str) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


async def begin_session(connection: AsyncConnection, agent: str, *, client: str, now: datetime) -> str:
    """A new token of this agent's. `client`: browser and system, for people."""
    await connection.execute(sa.delete(agent_sessions).where(sa.not_(_open(now))))
    token = secrets.token_urlsafe(32)
    await connection.execute(
        sa.insert(agent_sessions).values(
            token_hash=hashed(token),
            agent_id=agent,
            client=client,
            created_at=now,
            seen_at=now,
            expires_at=now + LONGEST,
        )
    )
    return token


async def who_holds(connection: AsyncConnection, token: str, now: datetime) -> tuple[Agent, bool] | None:
    """The agent whom a token stands for, and whether `seen` is to be told of it; None if it is over."""
    mine = (agent_sessions.c.token_hash == hashed(token), _open(now), agents.c.disabled_at.is_(None))
    found = await connection.execute(
        sa.select(agents.c.id, agents.c.login, agents.c.name, agents.c.role, agent_sessions.c.seen_at)
        .join_from(agent_sessions, agents)
        .where(*mine)
    )
    row = found.one_or_none()
    if row is None:
        return None
    agent = Agent(id=row.id, login=row.login, name=row.name, role=row.role, session=hashed(token))
    return agent, row.seen_at <= now - _SEEN_EVERY


async def seen(connection: AsyncConnection, session: str, now: datetime) -> None:
    """The session is in use."""
    await connection.execute(
        sa.update(agent_sessions).where(agent_sessions.c.token_hash == session).values(seen_at=now)
    )


async def open_sessions(connection: AsyncConnection, sessions: Collection[str], now: datetime) -> set[str]:
    """Those of these sessions that are not over. One statement, however many."""
    if not sessions:
        return set()
    found = await connection.execute(
        sa.select(agent_sessions.c.token_hash)
        .join_from(agent_sessions, agents)
        .where(agent_sessions.c.token_hash.in_(sessions), _open(now), agents.c.disabled_at.is_(None))
    )
    return {str(row.token_hash) for row in found}


async def sessions_of(connection: AsyncConnection, agent: str, now: datetime) -> list[dict[str, Any]]:
    """For the one whose they are, the newest first: `{id, client, created_at, seen_at, expires_at}`."""
    mine = sa.select(agent_sessions).where(agent_sessions.c.agent_id == agent, _open(now))
    found = await connection.execute(mine.order_by(agent_sessions.c.seen_at.desc(), agent_sessions.c.token_hash))
    return [
        {
            "id": row.token_hash[:16],
            "client": row.client,
            "created_at": row.created_at.isoformat(),
            "seen_at": row.seen_at.isoformat(),
            "expires_at": row.expires_at.isoformat(),
        }
        for row in found
    ]


async def end_session(connection: AsyncConnection, agent: str, session: str) -> bool:
    """End one of this agent's, by its hash or the hash's first 16 characters. False if there is none."""
    mine = (agent_sessions.c.agent_id == agent, agent_sessions.c.token_hash.startswith(session, autoescape=True))
    ended = await connection.execute(sa.delete(agent_sessions).where(*mine))
    await notify(connection)
    return ended.rowcount > 0


async def end_sessions(connection: AsyncConnection, agent: str, *, but: str = "") -> None:
    """End all of this agent's except `but`."""
    mine = (agent_sessions.c.agent_id == agent, agent_sessions.c.token_hash != but)
    await connection.execute(sa.delete(agent_sessions).where(*mine))
    await notify(connection)


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def csrf_of(token: str) -> str:
    """What the page sends back with each change: bound to the session, whose token cannot be had from it."""
    return hmac.digest(token.encode("utf-8", "replace"), b"throughline desk csrf", "sha256").hex()


def _open(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(agent_sessions.c.expires_at > now, agent_sessions.c.seen_at > now - IDLE)
