"""What agents want done with a conversation: asked for here, decided by the core in the conversation's own queue, and
awaited here.

Who asks and what they may, the server says: nothing of it is taken from the request.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.access.refusing import Refused, invalid, one_of, text, whole
from bot.gateway.desk.access.sessions import Agent
from bot.gateway.desk.items import Json
from bot.gateway.desk.pulse import Pulse
from bot.store.database import reading
from bot.store.desk_tables import agents, handoffs, teams
from bot.store.outage import POSSIBLE
from bot.store.ownership import ASSIGN, CLOSE, HAND_BACK, SNOOZE, TAKE, TRANSFER, WAKE
from bot.store.tables import messages

log = structlog.get_logger()

WITHIN = 10.0
"""Seconds that a doing is awaited."""
SET_SLOT = "set_slot"

_LONGEST_SNOOZE = timedelta(days=90)
_LONGEST_NOTE = 4_000
_LARGEST_VALUE = 10_000
_MOST_SLOTS = 50
_SLOT = re.compile(r"\w[\w.\-]{0,99}")


# --- What is asked for ------------------------------------------------------------------------------------------------


async def read_doing(connection: AsyncConnection, body: Mapping[str, Any], agent: Agent, now: datetime) -> Json:
    """The doing that a request asks for, as the core reads it. Raises Refused."""
    asked = dict(body)
    do = one_of(asked, "do", tuple(_READ))
    doing = {"do": do, "by": agent.id, **await _READ[do](connection, asked, agent, now)}
    if asked.get("over") is True and agent.is_at_least("supervisor"):
        doing["over"] = True
    return doing


async def _take(_connection: AsyncConnection, _body: Json, agent: Agent, _now: datetime) -> Json:
    return {"agent": agent.id}


async def _assign(connection: AsyncConnection, body: Json, agent: Agent, _now: datetime) -> Json:
    if not agent.is_at_least("supervisor"):
        raise Refused(403, "not_allowed")
    return {"agent": await _colleague(connection, body)}


async def _transfer(connection: AsyncConnection, body: Json, _agent: Agent, _now: datetime) -> Json:
    note = {"note": text(body, "note", longest=_LONGEST_NOTE)} if body.get("note") else {}
    if body.get("agent") is not None:
        return {"agent": await _colleague(connection, body), **note}
    team = whole(body, "team", least=1, most=2**53)
    if (await connection.execute(sa.select(teams.c.id).where(teams.c.id == team))).first() is None:
        raise invalid("team", "there is no such team")
    return {"team": team, **note}


async def _hand_back(_connection: AsyncConnection, body: Json, _agent: Agent, _now: datetime) -> Json:
    slots = body.get("slots") or {}
    if not isinstance(slots, dict) or len(slots) > _MOST_SLOTS:
        raise invalid("slots", f"must be an object of {_MOST_SLOTS} slots at most")
    return {"slots": {_slot(name): _value(value) for name, value in slots.items()}}


async def _snooze(_connection: AsyncConnection, body: Json, _agent: Agent, now: datetime) -> Json:
    until = moment_of(body, "until")
    if not now < until <= now + _LONGEST_SNOOZE:
        raise invalid("until", f"must be within the next {_LONGEST_SNOOZE.days} days")
    return {"until": until.isoformat()}


async def _close(_connection: AsyncConnection, body: Json, _agent: Agent, _now: datetime) -> Json:
    return {"reason": text(body, "reason", longest=64), "ask_rating": body.get("ask_rating") is True}


async def _set_slot(_connection: AsyncConnection, body: Json, _agent: Agent, _now: datetime) -> Json:
    return {"name": _slot(body.get("name")), "value": _value(body.get("value"))}


_READ: Mapping[str, Callable[[AsyncConnection, Json, Agent, datetime], Any]] = {
    TAKE: _take,
    ASSIGN: _assign,
    TRANSFER: _transfer,
    HAND_BACK: _hand_back,
    SNOOZE: _snooze,
    WAKE: _take,
    CLOSE: _close,
    SET_SLOT: _set_slot,
}


async def _colleague(connection: AsyncConnection, body: Json) -> str:
    id = text(body, "agent", longest=32)
    known = sa.select(agents.c.id).where(agents.c.id == id, agents.c.disabled_at.is_(None))
    if (await connection.execute(known)).first() is None:
        raise invalid("agent", "there is no such agent")
    return id


def moment_of(body: Mapping[str, Any], field: str) -> datetime:
    """An ISO 8601 time with its zone. Raises Refused."""
    given = body.get(field)
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid(field, "must be a time such as 2026-11-22T09:30:00Z")
    return moment


def _slot(name: Any) -> str:
    if not isinstance(name, str) or not _SLOT.fullmatch(name):
        raise invalid("name", "is no slot's name")
    return name


def _value(value: Any) -> Any:
    if len(json.dumps(value)) > _LARGEST_VALUE:
        raise invalid("value", f"must have {_LARGEST_VALUE} characters at most")
    return value


# --- What becomes of it -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """`state` is `done`, `refused` (then `error` says why) or `failed`."""

    state: str
    error: str | None


class Outcomes:
    """Waits for doings to have had their turn, for all who wait together."""

    def __init__(self, *, engine: AsyncEngine, pulse: Pulse) -> None:
        self._engine = engine
        self._pulse = pulse
        self._awaited: defaultdict[int, set[asyncio.Future[Outcome]]] = defaultdict(set)
        self._looking: asyncio.Task[None] | None = None

    async def of(self, message: int, *, within: float = WITHIN) -> Outcome | None:
        """What became of it; None if its turn has not come in time."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._awaited[message].add(future)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            return await asyncio.wait_for(future, within)
        except TimeoutError:
            return None
        finally:
            self._forget(message, future)

    async def close(self) -> None:
        if self._looking is not None:
            await self._looking

    async def _look(self) -> None:
        async with self._pulse.listening():
            while self._awaited:
                beat = self._pulse.beat
                await self._look_once()
                if self._awaited:
                    await self._pulse.after(beat, 1.0)

    async def _look_once(self) -> None:
        found = sa.select(messages.c.id, messages.c.state, messages.c.error).where(
            messages.c.id.in_(list(self._awaited)), messages.c.state != "waiting"
        )
        try:
            async with reading(self._engine) as connection:
                rows = (await connection.execute(found)).all()
        except POSSIBLE as error:
            log.error("desk.unavailable", error=type(error).__name__)
            return
        for row in rows:
            for future in self._awaited.pop(row.id, ()):
                if not future.done():
                    future.set_result(Outcome(state=row.state, error=row.error))

    def _forget(self, message: int, future: asyncio.Future[Outcome]) -> None:
        waiting = self._awaited.get(message, set())
        waiting.discard(future)
        if not waiting:
            self._awaited.pop(message, None)


async def who_has(connection: AsyncConnection, conversation: str) -> str | None:
    """The agent in whose hands it is."""
    found = await connection.execute(
        sa.select(handoffs.c.agent_id).where(
            handoffs.c.conversation_id == conversation, handoffs.c.ended_at.is_(None), handoffs.c.state != "queued"
        )
    )
    agent: str | None = found.scalar_one_or_none()
    return agent
