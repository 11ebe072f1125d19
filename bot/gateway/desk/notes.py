"""What colleagues leave at a conversation for each other: notes, whispers and labels. Customers never see any of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.access.refusing import Refused, invalid, text, texts
from bot.gateway.desk.access.sessions import Agent
from bot.gateway.desk.people import Known
from bot.store.auditing import note
from bot.store.desk_tables import agents, labels, notes
from bot.store.tables import messages
from bot.store.wake import notify

_LONGEST = 10_000
_MOST_MENTIONS, _MOST_LABELS = 20, 20
_LONGEST_LABEL = 64


async def leave_note(
    connection: AsyncConnection, known: Known, agent: Agent, body: Mapping[str, Any], now: datetime
) -> Any:
    """Put a note behind what was said last; its row. Raises Refused."""
    given = dict(body)
    words = text(given, "text", longest=_LONGEST)
    mentions = texts(given, "mentions", longest=32, most=_MOST_MENTIONS) if given.get("mentions") else []
    whisper_to = text(given, "whisper_to", longest=32) if given.get("whisper_to") else None
    if whisper_to is not None and not agent.is_at_least("supervisor"):
        raise Refused(403, "not_allowed")
    await _check_colleagues(connection, {*mentions, *([whisper_to] if whisper_to else [])})
    newest = sa.select(sa.func.max(messages.c.id)).where(messages.c.conversation_id == known.id).scalar_subquery()
    result = await connection.execute(
        sa.insert(notes)
        .values(
            conversation_id=known.id,
            after_message=sa.func.coalesce(newest, 0),
            agent_id=agent.id,
            text=words,
            mentions=mentions,
            whisper_to=whisper_to,
            created_at=now,
        )
        .returning(notes)
    )
    row = result.one()
    await notify(connection)
    return row


async def change_labels(
    connection: AsyncConnection, known: Known, agent: Agent, body: Mapping[str, Any], now: datetime
) -> list[str]:
    """Add and remove labels; all that the conversation has then. Raises Refused."""
    add, remove = _labels(body, "add"), _labels(body, "remove")
    mine = labels.c.conversation_id == known.id
    await connection.execute(sa.delete(labels).where(mine, labels.c.label.in_([*add, *remove])))
    new = [label for label in add if label not in remove]
    if new:
        rows = [{"conversation_id": known.id, "label": label, "created_at": now} for label in new]
        await connection.execute(sa.insert(labels), rows)
    found = await connection.execute(sa.select(labels.c.label).where(mine).order_by(labels.c.label))
    kept = [str(label) for label in found.scalars()]
    if len(kept) > _MOST_LABELS:
        raise invalid("add", f"a conversation has {_MOST_LABELS} labels at most")
    await note(connection, agent.id, "labelled", conversation=known.id, now=now, add=new, remove=remove)
    await notify(connection)
    return kept


def _labels(body: Mapping[str, Any], field: str) -> list[str]:
    return texts(dict(body), field, longest=_LONGEST_LABEL, most=_MOST_LABELS) if body.get(field) else []


async def _check_colleagues(connection: AsyncConnection, wanted: set[str]) -> None:
    found = await connection.execute(
        sa.select(agents.c.id).where(agents.c.id.in_(wanted), agents.c.disabled_at.is_(None))
    )
    if len(set(found.scalars())) != len(wanted):
        raise invalid("mentions", "there is no such agent")
