"""Tokens of the web chat, and the visitors who hold them. A token is kept only as a hash; a visitor's id never leaves
the server."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables import webchat_sessions

SESSION_LIFETIME = timedelta(days=7)


async def renew_session(connection: AsyncConnection, token: str, now: datetime) -> str:
    """`token` with its life prolonged, if it is one of ours and still valid; otherwise a new visitor's."""
    if await visitor_of(connection, token, now) is not None:
        return token
    return await begin_session(connection, new_visitor(), now)


async def begin_session(connection: AsyncConnection, visitor: str, now: datetime) -> str:
    """A token of this visitor's, and from now on their only one."""
    over = sa.or_(webchat_sessions.c.expires_at < now, webchat_sessions.c.visitor == visitor)
    await connection.execute(sa.delete(webchat_sessions).where(over))
    token = secrets.token_urlsafe(32)
    await connection.execute(
        sa.insert(webchat_sessions).values(
            token_hash=hashed(token), visitor=visitor, created_at=now, expires_at=now + SESSION_LIFETIME
        )
    )
    return token


async def end_session(connection: AsyncConnection, token: str) -> None:
    await connection.execute(sa.delete(webchat_sessions).where(webchat_sessions.c.token_hash == hashed(token)))


async def visitor_of(connection: AsyncConnection, token: str, now: datetime) -> str | None:
    """The visitor who holds this token, whose life this prolongs; None if it is not valid."""
    result = await connection.execute(
        sa.update(webchat_sessions)
        .where(webchat_sessions.c.token_hash == hashed(token), webchat_sessions.c.expires_at > now)
        .values(expires_at=now + SESSION_LIFETIME)
        .returning(webchat_sessions.c.visitor)
    )
    visitor: str | None = result.scalar_one_or_none()
    return visitor


async def is_open(connection: AsyncConnection, token_hash: str, now: datetime) -> bool:
    """Whether this session has neither run out nor been ended."""
    found = await connection.execute(
        sa.select(webchat_sessions.c.visitor).where(
            webchat_sessions.c.token_hash == token_hash, webchat_sessions.c.expires_at > now
        )
    )
    return found.first() is not None


async def open_among(connection: AsyncConnection, token_hashes: Sequence[str], now: datetime) -> set[str]:
    """Those of the sessions that have neither run out nor been ended."""
    found = await connection.execute(
        sa.select(webchat_sessions.c.token_hash).where(
            webchat_sessions.c.token_hash.in_(token_hashes), webchat_sessions.c.expires_at > now
        )
    )
    return set(found.scalars())


async def holder_of(connection: AsyncConnection, token: str) -> str | None:
    """The visitor whose token this is, or was until it ran out."""
    found = await connection.execute(
        sa.select(webchat_sessions.c.visitor).where(webchat_sessions.c.token_hash == hashed(token))
    )
    visitor: str | None = found.scalar_one_or_none()
    return visitor


def new_visitor() -> str:
    return secrets.token_hex(16)


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
