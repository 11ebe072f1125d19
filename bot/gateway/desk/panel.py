"""What an agent sees beside an open conversation: who the customer is, how they can be reached, what the dialogue
knows, and what was before. In a number of statements that does not grow with any of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.items import Json, iso, read_items
from bot.gateway.desk.people import Known
from bot.gateway.desk.reach import possible, usual_way, ways_to
from bot.gateway.desk.state import read_state
from bot.gateway.desk.surroundings import Surroundings
from bot.gateway.desk.transcript import may_read, note_json
from bot.store.desk_tables import handoffs, notes
from bot.store.people import known_name
from bot.store.tables import customers, identities, merges, messages

_MOST_EARLIER = 50
_MOST_NOTES = 200


async def read_panel(
    connection: AsyncConnection, around: Surroundings, known: Known, agent: str, now: datetime
) -> Json:
    """The conversation as the desk's API has it, without who looks at it and without the shop's orders."""
    [item] = await read_items(connection, [known.id], agent, now, around.plain)
    ways = await ways_to(connection, known, around.channels, now)
    usual = await usual_way(connection, known, ways)
    open_ways = possible(ways)
    return {
        **item,
        "customer": await _customer(connection, known, item["language"]),
        "identities": [way.json for way in ways],
        "merges": await _merges(connection, known),
        **await read_state(connection, known.id),
        "earlier": await _earlier(connection, known),
        "notes": await _notes(connection, known, agent),
        "to": usual.short if usual else None,
        "possible": open_ways,
    }


async def _customer(connection: AsyncConnection, known: Known, language: str | None) -> Json:
    spoken = (
        sa.select(messages.c.language)
        .where(messages.c.conversation_id == known.id, messages.c.language.is_not(None))
        .order_by(messages.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = await connection.execute(
        sa.select(customers, known_name().label("known_name"), spoken.label("language")).where(
            customers.c.id == known.customer
        )
    )
    row = found.one()
    return {
        "id": row.id,
        "name": row.known_name,
        "account": row.account,
        "language": language or row.language,
        "since": iso(row.created_at),
        "preferred_channel": row.preferred_channel,
    }


async def _merges(connection: AsyncConnection, known: Known) -> list[Json]:
    """Who turned out to be this customer, with the channels that came along; also what was undone since."""
    found = await connection.execute(
        sa.select(merges).where(merges.c.into_conversation.in_(known.family)).order_by(merges.c.id)
    )
    rows = found.all()
    came = {identity for row in rows for identity in row.identities}
    names = await connection.execute(
        sa.select(identities.c.id, identities.c.channel).where(identities.c.id.in_(sorted(came)))
    )
    channel_of: dict[int, str] = {row.id: row.channel for row in names}
    return [
        {
            "id": row.id,
            "at": iso(row.merged_at),
            "undone_at": iso(row.undone_at),
            "channels": [channel_of[identity] for identity in row.identities if identity in channel_of],
        }
        for row in rows
    ]


async def _earlier(connection: AsyncConnection, known: Known) -> list[Json]:
    """Stretches with people that are over, the newest first."""
    over = sa.select(handoffs).where(handoffs.c.conversation_id.in_(known.family), handoffs.c.ended_at.is_not(None))
    found = await connection.execute(over.order_by(handoffs.c.id.desc()).limit(_MOST_EARLIER))
    return [_stretch(row) for row in found]


def _stretch(row: Any) -> Json:
    return {
        "id": row.id,
        "asked_at": iso(row.asked_at),
        "ended_at": iso(row.ended_at),
        "state": row.state,
        "agent": row.agent_id,
        "reason": row.reason,
        "rating": row.rating,
    }


async def _notes(connection: AsyncConnection, known: Known, agent: str) -> list[Json]:
    mine = sa.select(notes).where(notes.c.conversation_id.in_(known.family), may_read(agent))
    found = await connection.execute(mine.order_by(notes.c.id.desc()).limit(_MOST_NOTES))
    return [note_json(row) for row in reversed(found.all())]
