"""Finding out what other desks are to be told: how a stretch with people looks now is held against what was told of it,
in the background, and nothing is written when messages come in.

The numbers of a conversation's messages are in the order of their commits, so each message is told once, and none is
passed over. What changed twice between two looks is told as it is now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.outside import events
from bot.gateway.desk.outside.messages import (
    REFERENCE,
    Json,
    is_words,
    iso,
    message_json,
    reference_json,
    shown_state,
)
from bot.gateway.desk.outside.staff import agents_json
from bot.gateway.desk.people import find
from bot.gateway.rounds import Rounds
from bot.store.database import reading, transaction
from bot.store.desk_tables import audit, handoffs, outside_messages, outside_stretches, teams
from bot.store.outage import POSSIBLE
from bot.store.ownership import AGENT, BACK, CLOSE, CLOSED, HAND_BACK, QUEUED
from bot.store.people import known_name
from bot.store.tables import conversations, customers, identities, merges, messages
from bot.store.wake import notify

log = structlog.get_logger()

TRANSCRIPT = 50
"""Messages that a desk is given with a conversation."""

_LOOKED_THROUGH = 3 * TRANSCRIPT
"""Rows of messages for that: some are nobody's words."""
_AT_ONCE = 100
_KEPT_FOR = timedelta(hours=1)
"""Delivery states are told for this long after the end of a stretch."""
_LOCK = 7_114_213
"""Any number will do; all gateways on one PostgreSQL database must take the same one."""


_state = sa.case((handoffs.c.ended_at.is_not(None), "over"), (handoffs.c.state == QUEUED, QUEUED), else_=AGENT)
_agent = sa.case((handoffs.c.state == QUEUED, None), else_=handoffs.c.agent_id)
_raw = sa.cast(messages.c.content, sa.Text)
_told_state = sa.case((messages.c.state == "sending", "queued"), else_=messages.c.state)

_STRETCH = sa.select(
    handoffs,
    _state.label("is_now"),
    _agent.label("has_it"),
    outside_stretches.c.stream,
    outside_stretches.c.conversation_id.label("told_conversation"),
    outside_stretches.c.state.label("told_state"),
    outside_stretches.c.agent_id.label("told_agent"),
    outside_stretches.c.seq.label("told_seq"),
)
# Two statements, so that each goes along an index and none through all stretches there ever were.
_NEW = _STRETCH.select_from(
    handoffs.outerjoin(outside_stretches, outside_stretches.c.handoff_id == handoffs.c.id)
).where(handoffs.c.ended_at.is_(None), outside_stretches.c.handoff_id.is_(None))
_GOES_ON = _STRETCH.select_from(
    outside_stretches.join(handoffs, handoffs.c.id == outside_stretches.c.handoff_id).join(
        conversations, conversations.c.id == handoffs.c.conversation_id
    )
).where(
    outside_stretches.c.over_at.is_(None),
    sa.or_(
        outside_stretches.c.state != _state,
        outside_stretches.c.agent_id.is_distinct_from(_agent),
        outside_stretches.c.conversation_id != handoffs.c.conversation_id,
        outside_stretches.c.seq < conversations.c.last_seq,
    ),
)
_CHANGED = (
    sa.select(
        messages,
        _raw.label("raw"),
        outside_messages.c.handoff_id,
        outside_messages.c.state.label("was_state"),
        outside_messages.c.delivered_at.label("was_delivered_at"),
        outside_messages.c.read_at.label("was_read_at"),
        outside_messages.c.content.label("was_raw"),
        outside_stretches.c.stream,
        handoffs.c.conversation_id.label("conversation"),
    )
    .select_from(
        outside_messages.join(messages, messages.c.id == outside_messages.c.message_id)
        .join(outside_stretches, outside_stretches.c.handoff_id == outside_messages.c.handoff_id)
        .join(handoffs, handoffs.c.id == outside_messages.c.handoff_id)
    )
    .where(
        sa.or_(
            sa.and_(messages.c.author != "customer", outside_messages.c.state != _told_state),
            outside_messages.c.delivered_at.is_distinct_from(messages.c.delivered_at),
            outside_messages.c.read_at.is_distinct_from(messages.c.read_at),
            outside_messages.c.content != _raw,
        )
    )
)
WAITS = sa.or_(_NEW.exists(), _GOES_ON.exists())
"""Whether any stretch is not as it was told."""
CHANGED = _CHANGED.exists()
"""Whether any message is not as it was told. It looks at each that was told in open stretches, which takes milliseconds
where there are thousands: it is asked by the second, and not at every commit."""

_EVERY = 1.0


class Telling:
    """Its `rounds` go on until they are stopped, and so does `run`, which has them look at messages, too. Several
    gateways may do it: one looks at a time."""

    def __init__(self, *, engine: AsyncEngine, receivers: Collection[str], clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._receivers = receivers
        self._clock = clock
        self._stopping = asyncio.Event()
        self.rounds = Rounds(waits=WAITS, look=self._look, at_once=1)

    async def run(self) -> None:
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), _EVERY)
            except TimeoutError:
                await self._look_at_messages()

    def stop(self) -> None:
        self._stopping.set()

    async def _look_at_messages(self) -> None:
        try:
            async with reading(self._engine) as connection:
                changed = (await connection.execute(sa.select(CHANGED))).scalar_one()
        except POSSIBLE as error:
            log.error("outside.unavailable", error=type(error).__name__)
            return
        if changed:
            self.rounds.look_again()

    async def _look(self) -> None:
        try:
            while not self.rounds.stopping and await self._tell_some():
                pass
        except POSSIBLE as error:
            log.error("outside.unavailable", error=type(error).__name__)

    async def _tell_some(self) -> bool:
        async with transaction(self._engine) as connection:
            return await tell_some(connection, self._receivers, self._clock())


async def tell_some(connection: AsyncConnection, receivers: Collection[str], now: datetime) -> bool:
    """Note what one stretch has to be told of, or the changes of some messages; whether there may be more."""
    if not await _alone(connection):
        return False
    row = await _next(connection)
    if row is not None:
        await _Stretch(connection, receivers, row, now).tell()
    elif not await _tell_changes(connection, receivers, now):
        await _forget(connection, now)
        return False
    await notify(connection)
    return True


async def _next(connection: AsyncConnection) -> Any:
    """The end of a stretch comes before the beginning of the next."""
    for query in (_GOES_ON, _NEW):
        row = (await connection.execute(query.order_by(handoffs.c.id).limit(1))).first()
        if row is not None:
            return row
    return None


async def _alone(connection: AsyncConnection) -> bool:
    """On SQLite whoever writes is alone."""
    if connection.dialect.name != "postgresql":
        return True
    locked = await connection.execute(sa.text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    return bool(locked.scalar_one())


class _Stretch:
    """One stretch with people, and what is not told of it yet. `row`: of `_NEW` or `_GOES_ON`."""

    def __init__(self, connection: AsyncConnection, receivers: Collection[str], row: Any, now: datetime) -> None:
        self._connection = connection
        self._receivers = receivers
        self._row = row
        self._now = now
        self._stream = row.stream or row.conversation_id

    async def tell(self) -> None:
        row = self._row
        seq = row.told_seq
        if row.stream is None:
            seq = await self._begin()
        elif row.told_conversation != row.conversation_id:
            seq = await self._where_it_was_joined()
        if row.is_now == AGENT and row.has_it != row.told_agent:
            await self._put(events.ASSIGNED, {"at": iso(row.taken_at), "agent": await self._agent_json(row.has_it)})
        seq = await self._tell_messages(seq)
        if row.is_now == QUEUED and row.told_state == AGENT:
            await self._put(events.QUEUED, {**await stretch_json(self._connection, row), "again": True})
        if row.is_now == "over":
            await self._put(events.CLOSED if row.state == CLOSED else events.RETURNED, await self._end())
        await self._connection.execute(
            sa.update(outside_stretches)
            .where(outside_stretches.c.handoff_id == row.id)
            .values(
                conversation_id=row.conversation_id,
                state=row.is_now,
                agent_id=row.has_it,
                seq=seq,
                over_at=self._now if row.is_now == "over" else None,
            )
        )

    async def _begin(self) -> int:
        """The conversation as it was when it left the bot; the number of the newest message in that."""
        row = self._row
        seq = await self._newest(messages.c.created_at < row.asked_at)
        await self._connection.execute(
            sa.insert(outside_stretches).values(
                handoff_id=row.id, stream=self._stream, conversation_id=row.conversation_id, state=QUEUED, seq=seq
            )
        )
        told = await stretch_json(self._connection, row)
        transcript = await read_transcript(self._connection, row.conversation_id, up_to=seq)
        await self._put(events.QUEUED, {**told, "again": False, "transcript": transcript})
        return seq

    async def _where_it_was_joined(self) -> int:
        """What was said in the other conversation before the two became one was said to the bot."""
        merged = await self._connection.execute(
            sa.select(sa.func.max(merges.c.merged_at)).where(
                merges.c.from_conversation == self._row.told_conversation,
                merges.c.into_conversation == self._row.conversation_id,
            )
        )
        return await self._newest(messages.c.created_at < (merged.scalar_one() or self._row.asked_at))

    async def _newest(self, condition: sa.ColumnElement[bool]) -> int:
        of_it = messages.c.conversation_id == self._row.conversation_id
        found = await self._connection.execute(sa.select(sa.func.max(messages.c.seq)).where(of_it, condition))
        return int(found.scalar_one() or 0)

    async def _tell_messages(self, seq: int) -> int:
        """All that was said since, while people had it; the number of the newest message that was looked at."""
        row = self._row
        found = await self._connection.execute(
            sa.select(messages, _raw.label("raw"))
            .where(
                messages.c.conversation_id == row.conversation_id,
                messages.c.seq > seq,
                # A conversation to which it comes back was told of already.
                messages.c.id.not_in(sa.select(outside_messages.c.message_id)),
            )
            .order_by(messages.c.seq)
        )
        rows = found.all()
        said = [one for one in rows if row.ended_at is None or one.created_at <= row.ended_at]
        words = [one for one in said if is_words(one)]
        for told in await messages_json(self._connection, words):
            await self._put(events.CREATED, {"message": told})
        watched = [one for one in said if is_words(one) or _is_theirs(one)]
        if watched:
            values = [{"message_id": one.id, "handoff_id": row.id, **_as_told(one)} for one in watched]
            # What an agent of theirs wanted may be refused by now, and is told so when it is looked at.
            await self._connection.execute(sa.insert(outside_messages), values)
        return max((one.seq for one in rows), default=seq)

    async def _end(self) -> Json:
        row = self._row
        found = await self._connection.execute(
            sa.select(audit.c.who)
            .where(
                audit.c.conversation_id == row.conversation_id,
                audit.c.at == row.ended_at,
                audit.c.what.in_([BACK, HAND_BACK, CLOSE]),
            )
            .order_by(audit.c.id.desc())
            .limit(1)
        )
        who = found.scalar_one_or_none() or "product"
        agent = await self._agent_json(who)
        told = {"at": iso(row.ended_at), "by": "agent" if agent else who, "agent": agent}
        return {**told, "reason": row.reason} if row.state == CLOSED else told

    async def _agent_json(self, agent: str | None) -> Json | None:
        return (await agents_json(self._connection, [agent])).get(agent or "")

    async def _put(self, type: str, data: Json) -> None:
        about = {"conversation": self._row.conversation_id, "handoff": self._row.id}
        where: dict[str, Any] = {"stream": self._stream, "handoff": self._row.id, "now": self._now}
        await events.put(self._connection, self._receivers, type, {**about, **data}, **where)


# --- Changes of messages that were told -------------------------------------------------------------------------------


async def _tell_changes(connection: AsyncConnection, receivers: Collection[str], now: datetime) -> bool:
    rows = (await connection.execute(_CHANGED.order_by(messages.c.id).limit(_AT_ONCE))).all()
    shown = {told["id"]: told for told in await messages_json(connection, [row for row in rows if is_words(row)])}
    for row in rows:
        type, told = events.UPDATED, {"message": shown.get(row.id), "changed": _what_changed(row)}
        if row.id not in shown:
            type, told = events.REFUSED, refused_json(row)
        about = {"conversation": row.conversation, "handoff": row.handoff_id}
        if row.id in shown or row.state in ("refused", "failed"):
            where: dict[str, Any] = {"stream": row.stream, "handoff": row.handoff_id, "now": now}
            await events.put(connection, receivers, type, {**about, **told}, **where)
        await connection.execute(
            sa.update(outside_messages).where(outside_messages.c.message_id == row.id).values(**_as_told(row))
            if row.id in shown
            else sa.delete(outside_messages).where(outside_messages.c.message_id == row.id)
        )
    return bool(rows)


def _what_changed(row: Any) -> list[str]:
    looks = {
        "state": (row.was_state, shown_state(row.state) if row.direction == "out" else row.was_state),
        "delivered_at": (row.was_delivered_at, row.delivered_at),
        "read_at": (row.was_read_at, row.read_at),
        "content": (row.was_raw, row.raw),
    }
    return [name for name, (before, now) in looks.items() if before != now]


def refused_json(row: Any) -> Json:
    """A doing of another desk's that came to nothing. `row`: of `messages`."""
    error = row.error if row.state == "refused" else "failed"
    return {"doing": row.id, "do": row.content.get("do"), "error": error, "reference": reference_json(row.dedupe_key)}


def _is_theirs(row: Any) -> bool:
    """Whether it is a doing that another desk has asked for."""
    return row.direction == "in" and (row.dedupe_key or "").startswith(f"{REFERENCE}:")


def _as_told(row: Any) -> Json:
    """Columns of `outside_messages`. A doing stands as waiting until what came of it is told."""
    state = shown_state(row.state) if is_words(row) else "waiting"
    return {"state": state, "delivered_at": row.delivered_at, "read_at": row.read_at, "content": row.raw}


async def _forget(connection: AsyncConnection, now: datetime) -> None:
    old = sa.select(outside_stretches.c.handoff_id).where(outside_stretches.c.over_at < now - _KEPT_FOR)
    await connection.execute(sa.delete(outside_messages).where(outside_messages.c.handoff_id.in_(old)))
    await connection.execute(sa.delete(outside_stretches).where(outside_stretches.c.over_at < now - _KEPT_FOR))


# --- How it looks -----------------------------------------------------------------------------------------------------


async def messages_json(connection: AsyncConnection, rows: Sequence[Any]) -> list[Json]:
    """Rows of `messages` that are words, as other desks are told of them."""
    if not rows:
        return []
    agents = await agents_json(connection, [row.agent_id for row in rows])
    causes = [row.cause_id for row in rows if row.author == "agent" and row.cause_id]
    found = await connection.execute(sa.select(messages.c.id, messages.c.dedupe_key).where(messages.c.id.in_(causes)))
    references = {row.id: row.dedupe_key for row in found if row.dedupe_key} if causes else {}
    return [message_json(row, agents, references) for row in rows]


async def read_transcript(connection: AsyncConnection, conversation: str, *, up_to: int) -> list[Json]:
    """The last words up to this message of the conversation, oldest first, with those of conversations that were merged
    into it."""
    known = await find(connection, conversation)
    others = [one for one in known.family if one != conversation] if known else []
    found = await connection.execute(
        sa.select(messages)
        .where(
            sa.or_(
                sa.and_(messages.c.conversation_id == conversation, messages.c.seq <= up_to),
                messages.c.conversation_id.in_(others),
            )
        )
        .order_by(messages.c.id.desc())
        .limit(_LOOKED_THROUGH)
    )
    words = [row for row in found if is_words(row)][:TRANSCRIPT]
    return await messages_json(connection, words[::-1])


async def stretch_json(connection: AsyncConnection, row: Any) -> Json:
    """A row of `handoffs`, with whose conversation it is."""
    team = await connection.execute(sa.select(teams.c.id, teams.c.name).where(teams.c.id == row.team_id))
    its_team = team.first()
    return {
        "why": row.why,
        "topic": row.topic,
        "language": row.language,
        "priority": row.priority,
        "team": {"id": its_team.id, "name": its_team.name} if its_team else None,
        "left_message": bool(row.left_message),
        "asked_at": iso(row.asked_at),
        "queued_at": iso(row.queued_at),
        **await _customer_json(connection, row.conversation_id),
    }


async def _customer_json(connection: AsyncConnection, conversation: str) -> Json:
    found = await connection.execute(
        sa.select(customers.c.id, known_name().label("name"), customers.c.account, customers.c.created_at)
        .join(conversations, conversations.c.customer_id == customers.c.id)
        .where(conversations.c.id == conversation)
    )
    customer = found.first()
    if customer is None:
        return {"customer": None, "channels": []}
    ways = await connection.execute(
        sa.select(identities.c.id, identities.c.channel, identities.c.assurance, identities.c.blocked_at)
        .where(identities.c.customer_id == customer.id)
        .order_by(identities.c.id)
    )
    since = iso(customer.created_at)
    return {
        "customer": {"id": customer.id, "name": customer.name, "account": customer.account, "since": since},
        "channels": [
            {
                "identity": way.id,
                "channel": way.channel,
                "assurance": way.assurance,
                "blocked": way.blocked_at is not None,
            }
            for way in ways
        ],
    }
