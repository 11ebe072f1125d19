"""What the dialogue knows just now: its slots and its open form, read from the events that the core has stored.

The gateway has no Rasa. It reads Rasa's events by their documented names as far as people need to see them:
https://legacy-docs-oss.rasa.com/docs/rasa/action-server/events
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.items import Json
from bot.store.tables import events, snapshots

_REQUESTED = "requested_slot"
_OWN = (_REQUESTED, "session_started_metadata")
"""Slots of Rasa's own."""

_CONVERSATION = sa.bindparam("conversation", type_=sa.String)
_TAIL_BEGINS = sa.select(snapshots.c.seq).where(snapshots.c.conversation_id == _CONVERSATION).scalar_subquery()
_SNAPSHOT = sa.select(snapshots.c.data).where(snapshots.c.conversation_id == _CONVERSATION)
_TAIL = (
    sa.select(events.c.data)
    .where(events.c.conversation_id == _CONVERSATION, events.c.seq >= sa.func.coalesce(_TAIL_BEGINS, 1))
    .order_by(events.c.seq)
)
_UNDERSTOOD = (
    sa.select(events.c.data)
    .where(
        events.c.conversation_id == _CONVERSATION,
        events.c.type == "user",
        events.c.message_id == sa.bindparam("message", type_=sa.BigInteger),
    )
    .order_by(events.c.seq.desc())
    .limit(1)
)
_MOST_INTENTS = 5


async def read_state(connection: AsyncConnection, conversation: str) -> Json:
    """`{form: {name, requested} or None, slots: [{name, type, value, of_form}]}`; empty slots are left out, but for the
    one that is asked for."""
    of = {"conversation": conversation}
    snapshot = (await connection.execute(_SNAPSHOT, of)).scalar_one_or_none()
    tail = (await connection.execute(_TAIL, of)).scalars()
    return state_after(event for event in [*(snapshot or ()), *tail] if isinstance(event, Mapping))


async def read_understanding(connection: AsyncConnection, conversation: str, message: int) -> Json | None:
    """How the bot understood a customer's message; None where it did not have to."""
    found = await connection.execute(_UNDERSTOOD, {"conversation": conversation, "message": message})
    data = found.scalar_one_or_none()
    return understanding_of(data) if isinstance(data, Mapping) else None


def state_after(history: Iterable[Mapping[str, Any]]) -> Json:
    """The same, of events as Rasa writes them. Pure."""
    values, form, of_form = dict[str, Any](), None, set[str]()
    for event in _applied(history):
        kind, name = event.get("event"), event.get("name")
        if kind == "reset_slots":
            values, of_form = {}, set()
        elif kind == "slot" and isinstance(name, str):
            values[name] = event.get("value")
            if form is not None:
                of_form.add(name)
        elif kind == "active_loop" and name != form:
            form, of_form = name, set()
    requested = values.get(_REQUESTED) if form else None
    shown = [name for name, value in values.items() if name not in _OWN and value is not None]
    if isinstance(requested, str) and requested not in shown:
        shown.append(requested)
    return {
        "form": {"name": form, "requested": requested} if form else None,
        "slots": [_slot(name, values.get(name), of_form | {requested}) for name in shown],
    }


def understanding_of(event: Mapping[str, Any]) -> Json:
    """Of Rasa's event of a user's words."""
    parsed = event.get("parse_data") or {}
    intent = parsed.get("intent") or {}
    return {
        "intent": intent.get("name"),
        "confidence": intent.get("confidence"),
        "ranking": [
            {"name": one.get("name"), "confidence": one.get("confidence")}
            for one in (parsed.get("intent_ranking") or ())[:_MOST_INTENTS]
        ],
        "entities": [
            {name: one.get(name) for name in ("entity", "value", "start", "end")}
            for one in parsed.get("entities") or ()
        ],
    }


def _applied(history: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without what later events took back, as Rasa's tracker does it."""
    applied = list[Mapping[str, Any]]()
    for event in history:
        kind = event.get("event")
        if kind in ("restart", "session_started"):
            applied = []
        elif kind == "undo":
            _drop_back_to(applied, "action")
        elif kind == "rewind":
            _drop_back_to(applied, "user")
            _drop_back_to(applied, "action")
        else:
            applied.append(event)
    return applied


def _drop_back_to(applied: list[Mapping[str, Any]], kind: str) -> None:
    at = next((at for at in range(len(applied) - 1, -1, -1) if applied[at].get("event") == kind), None)
    if at is not None:
        del applied[at:]


def _slot(name: str, value: Any, of_form: set[Any]) -> Json:
    return {"name": name, "type": _type(value), "value": value, "of_form": name in of_form}


def _type(value: Any) -> str:
    """Of Rasa's slots, as far as a value tells."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "float"
    return "list" if isinstance(value, list) else "text" if isinstance(value, str) or value is None else "any"
