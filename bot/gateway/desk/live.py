"""What changes at the desk, told to every open window that it concerns, within a moment of the commit.

One task looks for all windows of this gateway, and only while there is one: what is new or different is read once, in a
number of statements that grows with the changes and not with the windows. It looks again when something was committed,
and once a second for what is not announced (a delivery on PostgreSQL).

Who looks at what, and who is typing, stands in no database: gateways whisper it to each other (elsewhere.py). Behind
several, a colleague is seen at whichever one they are connected to; one whose gateway died for a few seconds more.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk import people
from bot.gateway.desk.access.sessions import Agent, open_sessions
from bot.gateway.desk.access.staff import agents_json
from bot.gateway.desk.elsewhere import Elsewhere, People
from bot.gateway.desk.following import Follower
from bot.gateway.desk.items import Json, read_for_all
from bot.gateway.desk.people import Known, where_they_speak
from bot.gateway.desk.pulse import Pulse
from bot.gateway.desk.routing.presence import BEAT_EVERY, beat
from bot.gateway.desk.seats import Seat
from bot.gateway.desk.surroundings import Surroundings
from bot.gateway.desk.transcript import MARKED, Line, changed, mark_of, note_json, note_line, read_after, with_addresses
from bot.gateway.siblings import Siblings
from bot.store.database import reading, transaction
from bot.store.desk_tables import handoffs, notes, team_members
from bot.store.outage import POSSIBLE
from bot.store.ownership import ASSIGN, QUEUED, TRANSFER
from bot.store.tables import conversations, messages

log = structlog.get_logger()

_AT_ONCE = 500
"""New messages that are told in one go."""
_TOGETHER = 0.03
"""Seconds: what is committed within it is told together."""
_REST = 1.0
"""After a look that took long, so many times as long is rested: the gateway has more to do."""
_TYPES_FOR = 5.0
_SINCE_MAX = 300
_NOBODY = ""
_FOLLOWED = (
    messages.c.id,
    messages.c.conversation_id,
    messages.c.direction,
    messages.c.state,
    messages.c.content,
)


@dataclass(kw_only=True)
class _Open:
    """A conversation that somebody looks at."""

    known: Known
    shown: dict[tuple[str, int], str] = field(default_factory=dict)
    """The marks of its newest lines, as they were told."""
    typing: dict[str, float] = field(default_factory=dict)
    """Agents, and until when they are taken to be typing."""


@dataclass(kw_only=True)
class _News:
    """What one look has found."""

    items: list[Any]
    gone: list[str]
    lines: dict[str, list[Line]]
    notes: Sequence[Any]
    counts: dict[str, Json]
    agents: list[Json]
    over: set[str]
    """Sessions that are over."""
    given: list[tuple[str, str]]
    """Agents, and conversations that somebody gave them."""


class Live:
    """The desk's windows. `join` and `leave` them; say `touched` of what is changed without a message."""

    def __init__(self, around: Surroundings, pulse: Pulse, siblings: Siblings) -> None:
        self._around = around
        self._pulse = pulse
        self._seats: set[Seat] = set()
        self._open: dict[str, _Open] = {}
        self._messages = Follower(0)
        self._notes = Follower(0)
        self._waiting: dict[int, str] = {}
        """Inbound messages that have not had their turn, and their conversations."""
        self._touched: set[str] = set()
        self._agents: list[Json] = []
        self._beaten_at = 0.0
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._elsewhere = Elsewhere(
            siblings.whispers,
            siblings.name,
            here=self._people_here,
            changed=self._tell_people,
            touched=self._touched_elsewhere,
        )

    @property
    def version(self) -> int:
        """The message up to which everything has been told."""
        return min([self._messages.complete_up_to + 1, *self._waiting]) - 1

    def viewers(self, conversation: str) -> list[str]:
        """Agents, at whichever gateway."""
        return sorted(self._people(conversation).viewers)

    async def join(self, seat: Seat) -> None:
        self._seats.add(seat)
        self._beaten_at = 0.0  # tell at once that the agent is there
        if self._task is None or self._task.done():
            self._ready.clear()
            self._task = asyncio.create_task(self._watch())
        await self._ready.wait()
        seat.tell({"type": "hello", "version": self.version, "agent": seat.agent.id})
        seat.tell({"type": "agents", "agents": self._agents})
        await self._pulse.tell()

    async def leave(self, seat: Seat) -> None:
        self._seats.discard(seat)
        seat.leave()
        await self.look_at(seat, None)

    async def close(self) -> None:
        for seat in list(self._seats):
            await self.leave(seat)
        await self._pulse.tell()
        if self._task is not None:
            await self._task

    async def touched(self, conversation: str) -> None:
        """It looks different in the lists, and no message tells it."""
        self._touched.add(conversation)
        await self._pulse.tell()
        await self._elsewhere.touched(conversation)

    def _touched_elsewhere(self, conversation: str) -> None:
        if self._seats:
            self._touched.add(conversation)

    async def look_at(self, seat: Seat, known: Known | None, after: int = 0) -> None:
        """The window shows this conversation from now on, and has its lines up to `after`; None: no conversation."""
        before, seat.looks_at = seat.looks_at, known.id if known else None
        if before in self._open:
            self._open[before].typing.pop(seat.agent.id, None)
        if known is not None:
            opened = self._open.setdefault(known.id, _Open(known=known))
            async with reading(self._around.engine) as connection:
                lines = await read_after(connection, known, seat.agent.id, after=after)
            opened.shown |= _marks(lines)
            seat.tell({"type": "lines", "conversation": known.id, "lines": await self._shown(lines)})
        for conversation in {before, seat.looks_at} - {None}:
            self._people_changed(str(conversation))

    def types(self, seat: Seat, conversation: str) -> None:
        """The agent is writing there."""
        opened = self._open.get(conversation)
        if opened is not None and seat.looks_at == conversation:
            was, opened.typing[seat.agent.id] = seat.agent.id in opened.typing, time.monotonic() + _TYPES_FOR
            if not was:
                self._people_changed(conversation)

    async def catch_up(self, seat: Seat, version: int) -> None:
        """Tell a window that was away what has changed since. `reload`: so much that it better asks anew."""
        newer = sa.select(messages.c.conversation_id).where(messages.c.id > version)
        recent = newer.order_by(messages.c.id.desc()).limit(4 * _SINCE_MAX).subquery()
        async with reading(self._around.engine) as connection:
            found = await connection.execute(sa.select(recent.c.conversation_id).distinct().limit(_SINCE_MAX))
            ids = [str(id) for id in found.scalars()]
            items, gone = await self._items(connection, ids, [seat.agent.id])
            counts = await self._counts(connection)
        frame = self._items_frame(seat, items, gone, counts)
        seat.tell({**frame, "reload": True} if len(ids) == _SINCE_MAX else frame)

    # --- Looking ---

    async def _watch(self) -> None:
        async with self._pulse.listening():
            while self._seats:
                beat_before, began = self._pulse.beat, time.monotonic()
                await self._look_safely()
                self._keep_people_known()
                took = time.monotonic() - began
                await asyncio.sleep(max(_TOGETHER, _REST * took))
                await self._pulse.after(beat_before, 1.0)
        self._ready.set()  # nobody is to wait for what does not come any more

    async def _look_safely(self) -> None:
        try:
            if not self._ready.is_set():
                await self._begin()
                self._ready.set()
            await self._note_presence()
            await self._tell(await self._look())
        except POSSIBLE as error:
            log.error("desk.unavailable", error=type(error).__name__)
        except Exception as error:
            # A fault of ours must not end all updates until somebody starts the gateway again.
            log.error("desk.broke", error=type(error).__name__)

    async def _begin(self) -> None:
        """From here on."""
        waiting = (
            sa.select(messages.c.id, messages.c.conversation_id)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(
                conversations.c.waiting_since.is_not(None),
                messages.c.seq > conversations.c.done_seq,
                messages.c.direction == "in",
                messages.c.state == "waiting",
            )
            .order_by(conversations.c.waiting_since)
            .limit(_AT_ONCE)
        )
        async with reading(self._around.engine) as connection:
            newest = sa.select(
                sa.select(sa.func.max(messages.c.id)).scalar_subquery(),
                sa.select(sa.func.max(notes.c.id)).scalar_subquery(),
            )
            message, note = (await connection.execute(newest)).one()
            self._messages, self._notes = Follower(message or 0), Follower(note or 0)
            self._waiting = {row.id: row.conversation_id for row in await connection.execute(waiting)}
            self._agents = await agents_json(connection, self._around.clock())

    async def _note_presence(self) -> None:
        if time.monotonic() - self._beaten_at < BEAT_EVERY.total_seconds():
            return
        self._beaten_at = time.monotonic()
        async with transaction(self._around.engine, durable=False) as connection:
            for agent in sorted({seat.agent.id for seat in self._seats}):
                await beat(connection, agent, self._around.clock())

    async def _look(self) -> _News:
        now = self._around.clock()
        touched, self._touched = self._touched, set()
        async with reading(self._around.engine) as connection:
            new = await self._new_messages(connection)
            done = await self._done(connection)
            left = (await connection.execute(sa.select(notes).where(self._notes.ahead(notes.c.id)))).all()
            dirty = {row.conversation_id for row in (*new, *done)} | touched
            agents = {seat.agent.id for seat in self._seats}
            items, gone = await self._items(connection, dirty, agents)
            news = _News(
                items=items,
                gone=gone,
                lines=await self._lines(connection, dirty),
                notes=left,
                counts=await self._counts(connection) if items else {},
                agents=await agents_json(connection, now),
                over={seat.agent.session for seat in self._seats}
                - await open_sessions(connection, {seat.agent.session for seat in self._seats}, now),
                given=[one for row in (*new, *done) if (one := _given(row)) is not None],
            )
        self._messages.took([row.id for row in new], now)
        self._notes.took([row.id for row in left], now)
        for row in new:
            if row.direction == "in" and row.state == "waiting":
                self._waiting[row.id] = row.conversation_id
        for row in done:
            self._waiting.pop(row.id, None)
        if len(new) == _AT_ONCE:
            await self._pulse.tell()  # there may be more
        return news

    async def _new_messages(self, connection: AsyncConnection) -> Sequence[Any]:
        query = sa.select(*_FOLLOWED).where(self._messages.ahead(messages.c.id)).order_by(messages.c.id)
        return (await connection.execute(query.limit(_AT_ONCE))).all()

    async def _done(self, connection: AsyncConnection) -> Sequence[Any]:
        """Those that have had their turn by now: who has the conversation may be different."""
        newest = sorted(self._waiting)[-_AT_ONCE:]
        self._waiting = {id: self._waiting[id] for id in newest}
        if not newest:
            return ()
        query = sa.select(*_FOLLOWED).where(messages.c.id.in_(newest), messages.c.state != "waiting")
        return (await connection.execute(query)).all()

    async def _items(
        self, connection: AsyncConnection, dirty: Collection[str], agents: Collection[str]
    ) -> tuple[list[Any], list[str]]:
        speaks = await where_they_speak(connection, dirty)
        ids = sorted(set(speaks.values()))
        items = await read_for_all(connection, ids, agents, self._around.clock(), self._around.plain)
        return items, sorted(one for one, now in speaks.items() if one != now)

    async def _lines(self, connection: AsyncConnection, dirty: set[str]) -> dict[str, list[Line]]:
        """New lines of the conversations that are open, and known ones that look different."""
        looked_at = {seat.looks_at for seat in self._seats}
        self._open = {id: opened for id, opened in self._open.items() if id in looked_at}
        different = await self._different(connection)
        found = dict[str, list[Line]]()
        for id, opened in self._open.items():
            if not (id in different or dirty & {*opened.known.family, id}):
                continue
            opened.known = await people.find(connection, id) or opened.known
            lines = await read_after(connection, opened.known, _NOBODY, after=_newest(opened.shown))
            news = changed([line for line in lines if line.json["kind"] != "note"], opened.shown)
            if news:
                found[id] = news
                opened.shown = _marks(lines)
        return found

    async def _different(self, connection: AsyncConnection) -> set[str]:
        """The open conversations of which a line's state is another one than was told: one statement for all."""
        marks = {key[1]: (id, mark) for id, opened in self._open.items() for key, mark in opened.shown.items()}
        if not marks:
            return set()
        found = await connection.execute(sa.select(*MARKED).where(messages.c.id.in_(list(marks))))
        return {marks[row.id][0] for row in found if mark_of(row) != marks[row.id][1]}

    async def _counts(self, connection: AsyncConnection) -> dict[str, Json]:
        """How long each agent's lists are."""
        agents = {seat.agent.id: seat.agent for seat in self._seats}
        found = await connection.execute(
            sa.select(handoffs.c.state, handoffs.c.agent_id, handoffs.c.team_id, sa.func.count().label("n"))
            .where(handoffs.c.ended_at.is_(None))
            .group_by(handoffs.c.state, handoffs.c.agent_id, handoffs.c.team_id)
        )
        groups = found.all()
        members = sa.select(team_members).where(team_members.c.agent_id.in_(list(agents)))
        teams = defaultdict[str, set[int]](set)
        for row in await connection.execute(members):
            teams[row.agent_id].add(row.team_id)
        return {id: _count(groups, agent, teams[id]) for id, agent in agents.items()}

    # --- Telling ---

    async def _tell(self, news: _News) -> None:
        for seat in [seat for seat in self._seats if seat.agent.session in news.over]:
            self._seats.discard(seat)
            seat.expire()
        if news.items or news.gone:
            for seat in self._seats:
                seat.tell(self._items_frame(seat, news.items, news.gone, news.counts))
        for id, lines in news.lines.items():
            frame = {"type": "lines", "conversation": id, "lines": await self._shown(lines)}
            self._tell_all(frame, (seat for seat in self._seats if seat.looks_at == id))
        for row in news.notes:
            self._tell_note(row)
        for agent, conversation in news.given:
            mine = (seat for seat in self._seats if seat.agent.id == agent)
            self._tell_all({"type": "assigned", "conversation": conversation}, mine)
        if news.agents != self._agents:
            self._agents = news.agents
            self._tell_all({"type": "agents", "agents": news.agents}, self._seats)

    def _items_frame(self, seat: Seat, items: list[Any], gone: list[str], counts: dict[str, Json]) -> Json:
        mine = [{**item, "unread": unread(seat.agent.id)} for item, unread in items]
        told = {"type": "items", "items": mine, "gone": gone, "version": self.version}
        return {**told, "counts": counts[seat.agent.id]} if seat.agent.id in counts else told

    def _tell_note(self, row: Any) -> None:
        """Beside the transcript, to those who may read it; and to whom it is meant for, wherever they are."""
        line = note_line(row).json
        meant = {*row.mentions, *([row.whisper_to] if row.whisper_to else [])} - {row.agent_id}
        for seat in self._seats:
            if row.whisper_to is not None and seat.agent.id not in (row.whisper_to, row.agent_id):
                continue
            opened = self._open.get(seat.looks_at or "")
            if opened is not None and row.conversation_id in opened.known.family:
                seat.tell({"type": "lines", "conversation": seat.looks_at, "lines": [line]})
            if seat.agent.id in meant:
                seat.tell({"type": "mention", "conversation": row.conversation_id, "note": note_json(row)})

    def _people_here(self, conversation: str) -> People:
        opened = self._open.get(conversation)
        viewers = frozenset(seat.agent.id for seat in self._seats if seat.looks_at == conversation)
        return People(viewers, frozenset(opened.typing if opened else ()))

    def _people(self, conversation: str) -> People:
        return self._people_here(conversation) | self._elsewhere.people(conversation)

    def _people_changed(self, conversation: str) -> None:
        """At this gateway."""
        self._elsewhere.say(conversation)
        self._tell_people(conversation)

    def _tell_people(self, conversation: str) -> None:
        people = self._people(conversation)
        frame = {
            "type": "people",
            "conversation": conversation,
            "viewers": sorted(people.viewers),
            "typing": sorted(people.typing),
        }
        self._tell_all(frame, (seat for seat in self._seats if seat.looks_at == conversation))

    def _keep_people_known(self) -> None:
        """To other gateways; and forget those of whom nothing is heard any more."""
        self._end_typing()
        self._elsewhere.forget()
        self._elsewhere.repeat({seat.looks_at for seat in self._seats if seat.looks_at})

    def _end_typing(self) -> None:
        now = time.monotonic()
        for id, opened in self._open.items():
            over = [agent for agent, until in opened.typing.items() if until <= now]
            for agent in over:
                del opened.typing[agent]
            if over:
                self._people_changed(id)

    def _tell_all(self, frame: Json, seats: Iterable[Seat]) -> None:
        for seat in seats:
            seat.tell(frame)

    async def _shown(self, lines: Sequence[Line]) -> list[Json]:
        return await with_addresses(lines, self._around.media_url, self._around.shown_url)


def _given(row: Any) -> tuple[str, str] | None:
    """To whom a doing gave the conversation, if it was not theirs."""
    said = row.content
    if row.state != "done" or said.get("type") != "desk" or said.get("do") not in (ASSIGN, TRANSFER):
        return None
    agent = said.get("agent")
    return (agent, row.conversation_id) if agent and agent != said.get("by") else None


def _count(groups: Sequence[Any], agent: Agent, teams: set[int]) -> Json:
    everywhere = agent.is_at_least("supervisor") or not teams
    return {
        "queue": sum(row.n for row in groups if row.state == QUEUED),
        "mine": sum(row.n for row in groups if row.state != QUEUED and row.agent_id == agent.id),
        "team": sum(row.n for row in groups if everywhere or row.team_id in teams),
    }


def _marks(lines: Sequence[Line]) -> dict[tuple[str, int], str]:
    """Of the newest messages; what stands further up does not change any more."""
    return {line.key: line.mark for line in lines if line.json["kind"] != "note"}


def _newest(shown: Collection[tuple[str, int]]) -> int:
    return max((key[1] for key in shown), default=0)
