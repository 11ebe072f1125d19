"""What an agent might answer, from what the bot understood of the customer's newest message."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.access.sessions import Agent
from bot.gateway.desk.items import Json
from bot.gateway.desk.people import Known
from bot.gateway.desk.saved import read_saved
from bot.gateway.desk.state import read_understanding
from bot.store.tables import messages

_MOST = 6
_CANDIDATES = 3
"""So many of the bot's readings are gone by, the surest first."""

_NEWEST = (
    sa.select(messages.c.id, messages.c.conversation_id, messages.c.language)
    .where(
        messages.c.conversation_id == sa.bindparam("conversation"),
        messages.c.direction == "in",
        messages.c.author == "customer",
    )
    .order_by(messages.c.seq.desc())
    .limit(1)
)


async def read_suggestions(connection: AsyncConnection, known: Known, agent: Agent, language: str | None) -> list[Json]:
    """Saved replies for what the message was understood as: those in the customer's language first, then those for the
    surest reading. Empty where the bot did not have to understand it."""
    newest = (await connection.execute(_NEWEST, {"conversation": known.id})).first()
    if newest is None:
        return []
    understood = await read_understanding(connection, known.id, newest.id)
    if understood is None:
        return []
    sure = _readings(understood)
    fitting = [
        (sure[intent], one, intent)
        for one in await read_saved(connection, agent)
        for intent in one["intents"]
        if intent in sure
    ]
    fitting.sort(key=lambda each: (not _speaks(each[1]["language"], language), -each[0], each[1]["shortcut"]))
    chosen = dict[int, Json]()
    for confidence, one, intent in fitting:
        chosen.setdefault(one["id"], _suggestion(one, intent, confidence))
    return list(chosen.values())[:_MOST]


def _readings(understood: Json) -> dict[str, float]:
    ranked = understood["ranking"] or [{"name": understood["intent"], "confidence": understood["confidence"]}]
    return {one["name"]: one["confidence"] or 0.0 for one in ranked[:_CANDIDATES] if one["name"]}


def _speaks(theirs: str, wanted: str | None) -> bool:
    return theirs.partition("-")[0].lower() == (wanted or "").partition("-")[0].lower()


def _suggestion(saved: Json, intent: str, confidence: float) -> Json:
    told: dict[str, Any] = {name: saved[name] for name in ("title", "content", "shortcut", "language")}
    return {"kind": "saved", **told, "intent": intent, "confidence": confidence}
