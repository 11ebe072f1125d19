"""Saved replies: everybody's, which supervisors keep, and each agent's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.access.refusing import Refused, invalid, text, texts
from bot.gateway.desk.access.sessions import Agent
from bot.gateway.desk.items import Json
from bot.gateway.desk.writing import content_of, placeholders_of
from bot.gateway.media.handles import SCHEME
from bot.store.content import content_to_json
from bot.store.desk_tables import saved_replies
from channels.contract import Content

_SHORTCUT = re.compile(r"[\w-]{1,64}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_PLACEHOLDERS = re.compile(r"customer|agent|order|slot\.\S+")
_MOST_INTENTS = 20


async def read_saved(connection: AsyncConnection, agent: Agent) -> list[Json]:
    """Those that this agent has at hand, by their shortcuts."""
    found = await connection.execute(
        sa.select(saved_replies)
        .where(_at_hand(agent))
        .order_by(saved_replies.c.shortcut, saved_replies.c.language, saved_replies.c.id)
    )
    return [saved_json(row) for row in found]


async def keep(
    connection: AsyncConnection, agent: Agent, body: Mapping[str, Any], now: datetime, id: int | None = None
) -> Json:
    """A new one, or the one with this id as it is to be now. Raises Refused."""
    given = dict(body)
    own = given.get("own") is not False
    _check_right(agent, own=own)
    values = {
        "shortcut": _matching(given, "shortcut", _SHORTCUT, longest=64),
        "language": _matching(given, "language", _LANGUAGE, longest=35),
        "title": text(given, "title", longest=200),
        "content": content_to_json(_content(given)),
        "intents": texts(given, "intents", longest=255, most=_MOST_INTENTS) if given.get("intents") else [],
        "agent_id": agent.id if own else None,
    }
    if id is None:
        made = sa.insert(saved_replies).values(**values, created_at=now)
        return saved_json((await connection.execute(made.returning(saved_replies))).one())
    await _find(connection, agent, id)
    changed = sa.update(saved_replies).where(saved_replies.c.id == id).values(**values)
    return saved_json((await connection.execute(changed.returning(saved_replies))).one())


async def forget(connection: AsyncConnection, agent: Agent, id: int) -> None:
    """Raises Refused."""
    await _find(connection, agent, id)
    await connection.execute(sa.delete(saved_replies).where(saved_replies.c.id == id))


def saved_json(row: Any) -> Json:
    told = ("id", "shortcut", "language", "title", "content", "intents")
    return {name: getattr(row, name) for name in told} | {"own": row.agent_id is not None}


async def _find(connection: AsyncConnection, agent: Agent, id: int) -> Any:
    found = await connection.execute(sa.select(saved_replies).where(saved_replies.c.id == id, _at_hand(agent)))
    row = found.one_or_none()
    if row is None:
        raise Refused(404, "unknown")
    _check_right(agent, own=row.agent_id is not None)
    return row


def _at_hand(agent: Agent) -> sa.ColumnElement[bool]:
    return sa.or_(saved_replies.c.agent_id.is_(None), saved_replies.c.agent_id == agent.id)


def _check_right(agent: Agent, *, own: bool) -> None:
    if not own and not agent.is_at_least("supervisor"):
        raise Refused(403, "not_allowed")


def _content(given: Mapping[str, Any]) -> Content:
    """Files are kept with the message that they are sent in, so none is kept here."""
    content = content_of(given.get("content"))
    if any(url and url.startswith(SCHEME) for url in (content.image, content.file and content.file.url)):
        raise invalid("content", "a saved reply holds no uploaded file")
    for name in sorted(placeholders_of(content)):
        if not _PLACEHOLDERS.fullmatch(name):
            raise Refused(422, "placeholder", placeholder=name)
    return content


def _matching(given: Json, field: str, pattern: re.Pattern[str], *, longest: int) -> str:
    value = text(given, field, longest=longest)
    if not pattern.fullmatch(value):
        raise invalid(field, "has characters that it cannot have")
    return value
