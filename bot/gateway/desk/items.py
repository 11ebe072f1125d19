"""The lists of conversations: a page at a time after a cursor, in a number of statements that does not grow with it.

A page is found by ids alone, along an index; then everything that an item shows is read for those ids at once. Groups
are nobody's, and who was merged into somebody else is found under them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.desk_tables import handoffs, labels, seen, teams
from bot.store.ownership import AGENT, BOT, CLOSED, QUEUED, SNOOZED
from bot.store.people import known_name
from bot.store.queueing import NOWHERE
from bot.store.searching import words_of
from bot.store.tables import conversations, customers, identities, messages

VIEWS = ("queue", "mine", "team", "all", "closed")
LARGEST_PAGE = 200

_LAST_TEXT = 140
_UNREAD_MAX = 100
_SIGNS = {"picture": "📷", "voice": "🎤", "audio": "🎤", "video": "🎬", "sticker": "🙂", "file": "📎"}

Json = dict[str, Any]
Plain = Callable[[str], str]
"""A text of the product's without its formatting."""


class BadCursor(ValueError):
    """Not a cursor of this list."""


MOST_COUNTED = 10_000
"""More than anybody looks through; and nobody waits while a million are counted."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which conversations, for whom."""

    view: str
    """One of `VIEWS`."""
    agent: str
    team: int | None = None
    """With the view `team`: this one, else all of the agent's."""
    teams: tuple[int, ...] = ()
    """The agent's own; none: whatever is with people is theirs to see."""
    label: str | None = None
    channel: str | None = None
    limit: int = 100

    def has(self, item: Json) -> bool:
        """Whether an item that was found otherwise belongs to this list."""
        state = item["state"]
        in_view = {
            "queue": state == QUEUED and self.team in (None, item["team"]),
            "mine": state in (AGENT, SNOOZED) and item["agent"] == self.agent,
            "team": state in (QUEUED, AGENT, SNOOZED) and (not self.of_teams or item["team"] in self.of_teams),
            "closed": state == CLOSED,
            "all": True,
        }
        labelled = self.label is None or self.label in item["labels"]
        return in_view[self.view] and labelled and (self.channel is None or self.channel in item["channels"])

    @property
    def of_teams(self) -> tuple[int, ...]:
        return self.teams if self.team is None else (self.team,)


@dataclass(frozen=True, kw_only=True)
class Page:
    ids: tuple[str, ...]
    after: str | None
    """The cursor of the next page, if there is one."""


# --- Which conversations, in order ------------------------------------------------------------------------------------


async def read_page(connection: AsyncConnection, wanted: Wanted, after: str | None) -> Page:
    """The ids of one page. Raises BadCursor."""
    query = _IN_ORDER[wanted.view](wanted, after)
    for condition in _filters(wanted):
        query = query.where(condition)
    rows = (await connection.execute(query.limit(wanted.limit + 1))).all()
    shown = rows[: wanted.limit]
    more = len(rows) > wanted.limit
    return Page(ids=tuple(row.conversation_id for row in shown), after=_cursor(shown[-1]) if more else None)


async def count(connection: AsyncConnection, wanted: Wanted) -> int:
    """How many conversations the whole list has; not counted further than `MOST_COUNTED`."""
    if wanted.view == "all":
        query = (
            sa.select(sa.literal(1))
            .select_from(conversations.join(customers, customers.c.id == conversations.c.customer_id))
            .where(customers.c.merged_into.is_(None), conversations.c.last_seq > 0)
        )
    else:
        query = sa.select(sa.literal(1)).select_from(handoffs).where(_belongs(wanted))
    for condition in _filters(wanted, (conversations if wanted.view == "all" else handoffs)):
        query = query.where(condition)
    counted = sa.select(sa.func.count()).select_from(query.limit(MOST_COUNTED).subquery())
    return int((await connection.execute(counted)).scalar_one())


def _queue(wanted: Wanted, after: str | None) -> sa.Select[Any]:
    """Who is taken first comes first."""
    query = sa.select(handoffs.c.conversation_id, handoffs.c.priority, handoffs.c.queued_at, handoffs.c.id)
    query = query.where(_belongs(wanted)).order_by(handoffs.c.priority.desc(), handoffs.c.queued_at, handoffs.c.id)
    if after is None:
        return query
    priority, micros, id = _numbers(after, 3)
    queued_at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
    return query.where(
        sa.or_(
            handoffs.c.priority < priority,
            sa.and_(handoffs.c.priority == priority, handoffs.c.queued_at > queued_at),
            sa.and_(handoffs.c.priority == priority, handoffs.c.queued_at == queued_at, handoffs.c.id > id),
        )
    )


def _with_people(wanted: Wanted, after: str | None) -> sa.Select[Any]:
    """Where something was said last comes first."""
    newest = _newest(_OTHER.c.id, handoffs.c.conversation_id)
    query = sa.select(handoffs.c.conversation_id, newest.label("key")).where(_belongs(wanted))
    query = query.order_by(newest.desc())
    return query if after is None else query.where(newest < _numbers(after, 1)[0])


def _closed(wanted: Wanted, after: str | None) -> sa.Select[Any]:
    query = sa.select(handoffs.c.conversation_id, handoffs.c.id.label("key")).where(_belongs(wanted))
    query = query.order_by(handoffs.c.id.desc())
    return query if after is None else query.where(handoffs.c.id < _numbers(after, 1)[0])


def _all(wanted: Wanted, after: str | None) -> sa.Select[Any]:
    """Back through the messages, stopping at each that is its conversation's newest."""
    newest = sa.select(sa.func.max(_OTHER.c.seq)).where(_OTHER.c.conversation_id == messages.c.conversation_id)
    query = (
        sa.select(messages.c.conversation_id, messages.c.id.label("key"))
        .join(conversations, conversations.c.id == messages.c.conversation_id)
        .join(customers, customers.c.id == conversations.c.customer_id)
        .where(customers.c.merged_into.is_(None), messages.c.seq == newest.scalar_subquery())
        .order_by(messages.c.id.desc())
    )
    return query if after is None else query.where(messages.c.id < _numbers(after, 1)[0])


_OTHER = messages.alias()
_LATER = handoffs.alias()
_HEARD = sa.and_(_OTHER.c.direction == "in", _OTHER.c.author == "customer")
_IN_ORDER: Mapping[str, Callable[[Wanted, str | None], sa.Select[Any]]] = {
    "queue": _queue,
    "mine": _with_people,
    "team": _with_people,
    "all": _all,
    "closed": _closed,
}


def _belongs(wanted: Wanted) -> sa.ColumnElement[bool]:
    """Whether a handoff stands for a conversation in this view."""
    if wanted.view == "closed":
        heard = _newest(_OTHER.c.created_at, handoffs.c.conversation_id, _HEARD)
        silent_since = sa.func.coalesce(heard, handoffs.c.ended_at) <= handoffs.c.ended_at
        return sa.and_(handoffs.c.state == CLOSED, handoffs.c.id == _current(handoffs.c.conversation_id), silent_since)
    is_open = handoffs.c.ended_at.is_(None)
    if wanted.view == "queue":
        mine = [handoffs.c.team_id == wanted.team] if wanted.team is not None else []
        return sa.and_(is_open, handoffs.c.state == QUEUED, *mine)
    if wanted.view == "mine":
        return sa.and_(is_open, handoffs.c.agent_id == wanted.agent, handoffs.c.state != QUEUED)
    return sa.and_(is_open, handoffs.c.team_id.in_(wanted.of_teams)) if wanted.of_teams else is_open


def _filters(wanted: Wanted, table: sa.Table | None = None) -> list[sa.ColumnElement[bool]]:
    table = (messages if wanted.view == "all" else handoffs) if table is None else table
    conversation = table.c.id if table is conversations else table.c.conversation_id
    conditions = list[sa.ColumnElement[bool]]()
    if wanted.label is not None:
        labelled = sa.select(labels.c.conversation_id).where(labels.c.label == wanted.label)
        conditions.append(conversation.in_(labelled))
    if wanted.channel is not None:
        theirs = conversations.alias()
        on_it = (
            sa.select(identities.c.id)
            .join(theirs, theirs.c.customer_id == identities.c.customer_id)
            .where(theirs.c.id == conversation, identities.c.channel == wanted.channel)
        )
        conditions.append(on_it.exists())
    return conditions


def _newest(column: sa.ColumnElement[Any], conversation: sa.ColumnElement[Any], *only: Any) -> sa.ScalarSelect[Any]:
    """A column of the newest message of a conversation of which this holds."""
    newest = sa.select(column).where(_OTHER.c.conversation_id == conversation, *only)
    return newest.order_by(_OTHER.c.seq.desc()).limit(1).scalar_subquery()


def _current(conversation: sa.ColumnElement[Any]) -> sa.ScalarSelect[Any]:
    """The id of the stretch with people that a conversation is in, else of its last one. One that came along with a
    merge may be older than one that is over."""
    is_over = sa.case((_LATER.c.ended_at.is_(None), 0), else_=1)
    stretches = sa.select(_LATER.c.id).where(_LATER.c.conversation_id == conversation)
    return stretches.order_by(is_over, _LATER.c.id.desc()).limit(1).scalar_subquery()


def _cursor(row: Any) -> str:
    if "queued_at" not in row._mapping:
        return str(row.key)
    micros = (row.queued_at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    return f"{row.priority}.{micros}.{row.id}"


def _numbers(cursor: str, count: int) -> list[int]:
    parts = cursor.split(".")
    if len(parts) != count or not all(re.fullmatch(r"-?[0-9]{1,18}", part) for part in parts):
        raise BadCursor("not a cursor of this list")
    return [int(part) for part in parts]


# --- What an item shows -----------------------------------------------------------------------------------------------

_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)


_THEIRS = sa.and_(messages.c.direction == "in", messages.c.author == "customer")

_ITEMS = (
    sa.select(
        conversations.c.id,
        conversations.c.customer_id,
        known_name().label("name"),
        handoffs.c.state,
        handoffs.c.agent_id,
        handoffs.c.team_id,
        handoffs.c.topic,
        handoffs.c.language,
        handoffs.c.priority,
        handoffs.c.why,
        handoffs.c.queued_at,
        handoffs.c.asked_at,
        handoffs.c.answered_at,
        handoffs.c.snoozed_until,
        handoffs.c.left_message,
        handoffs.c.ended_at,
        teams.c.answer_within,
        _newest(_OTHER.c.id, conversations.c.id, _OTHER.c.channel != NOWHERE).label("last_id"),
        _newest(_OTHER.c.created_at, conversations.c.id, _HEARD).label("heard_at"),
    )
    .join(customers, customers.c.id == conversations.c.customer_id)
    .outerjoin(
        handoffs,
        handoffs.c.id == _current(conversations.c.id),
    )
    .outerjoin(teams, teams.c.id == handoffs.c.team_id)
    .where(conversations.c.id.in_(_IDS))
)
_LAST = sa.select(
    messages.c.id,
    messages.c.created_at,
    messages.c.author,
    messages.c.content,
    messages.c.language,
    messages.c.direction,
).where(messages.c.id.in_(_IDS))
_LABELS = (
    sa.select(labels.c.conversation_id, labels.c.label).where(labels.c.conversation_id.in_(_IDS)).order_by("label")
)
_LAST_USED = (
    sa.select(_OTHER.c.id)
    .where(_OTHER.c.channel == identities.c.channel, _OTHER.c.address == identities.c.address)
    .order_by(_OTHER.c.id.desc())
    .limit(1)
    .correlate(identities)
    .scalar_subquery()
)
_CHANNELS = (
    sa.select(conversations.c.id, identities.c.channel)
    .join(identities, identities.c.customer_id == conversations.c.customer_id)
    .where(conversations.c.id.in_(_IDS))
    .order_by(sa.func.coalesce(_LAST_USED, 0).desc(), identities.c.id.desc())
)
_AGENTS: sa.BindParameter[Any] = sa.bindparam("agents", expanding=True)
_RECENT = sa.and_(
    messages.c.conversation_id == conversations.c.id,
    messages.c.seq > conversations.c.last_seq - 2 * _UNREAD_MAX,
    _THEIRS,
)
_UNREAD_SINCE_SEEN = (
    sa.select(seen.c.agent_id, conversations.c.id, sa.func.count(messages.c.id).label("n"))
    .select_from(
        seen.join(conversations, conversations.c.id == seen.c.conversation_id).outerjoin(
            messages, sa.and_(_RECENT, messages.c.seq > seen.c.seq)
        )
    )
    .where(seen.c.agent_id.in_(_AGENTS), seen.c.conversation_id.in_(_IDS))
    .group_by(seen.c.agent_id, conversations.c.id)
)
_UNREAD_SINCE_ASKED = (
    sa.select(conversations.c.id, sa.func.count(messages.c.id).label("n"))
    .select_from(
        handoffs.join(conversations, conversations.c.id == handoffs.c.conversation_id).join(
            messages, sa.and_(_RECENT, messages.c.created_at >= handoffs.c.asked_at)
        )
    )
    .where(handoffs.c.ended_at.is_(None), handoffs.c.conversation_id.in_(_IDS))
    .group_by(conversations.c.id)
)


async def read_items(
    connection: AsyncConnection, ids: Sequence[str], agent: str, now: datetime, plain: Plain
) -> list[Json]:
    """The items of these conversations as one agent sees them, in the order of `ids`; what is none is left out."""
    return [
        {**item, "unread": unread(agent)} for item, unread in await read_for_all(connection, ids, [agent], now, plain)
    ]


async def read_for_all(
    connection: AsyncConnection, ids: Sequence[str], agents: Collection[str], now: datetime, plain: Plain
) -> list[tuple[Json, Callable[[str], int]]]:
    """The same for several agents at once: each item, and how many of its messages are unread for which of them."""
    if not ids:
        return []
    of_ids = {"ids": list(ids)}
    rows = {row.id: row for row in await connection.execute(_ITEMS, of_ids)}
    last = await _last_messages(connection, [row.last_id for row in rows.values() if row.last_id])
    tags, channels = defaultdict[str, list[str]](list), defaultdict[str, dict[str, None]](dict)
    for row in await connection.execute(_LABELS, of_ids):
        tags[row.conversation_id].append(row.label)
    for row in await connection.execute(_CHANNELS, of_ids):
        channels[row.id][row.channel] = None
    unread = await _unread(connection, ids, agents)
    return [
        (_item(rows[id], last.get(rows[id].last_id), list(channels[id]), tags[id], now, plain), unread(id))
        for id in dict.fromkeys(ids)
        if id in rows
    ]


async def _last_messages(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, Any]:
    return {row.id: row for row in await connection.execute(_LAST, {"ids": ids})} if ids else {}


async def _unread(
    connection: AsyncConnection, ids: Sequence[str], agents: Collection[str]
) -> Callable[[str], Callable[[str], int]]:
    """What an agent has never opened counts from when people were asked for."""
    of_ids = {"ids": list(ids)}
    asked = {row.id: row.n for row in await connection.execute(_UNREAD_SINCE_ASKED, of_ids)}
    found = await connection.execute(_UNREAD_SINCE_SEEN, {**of_ids, "agents": list(agents)})
    opened = {(row.agent_id, row.id): row.n for row in found}
    return lambda id: lambda agent: min(_UNREAD_MAX, opened.get((agent, id), asked.get(id, 0)))


def _item(row: Any, last: Any, channels: list[str], tags: list[str], now: datetime, plain: Plain) -> Json:
    state = state_of(row)
    people = row if state != BOT else None
    return {
        "id": row.id,
        "customer": {"id": row.customer_id, "name": row.name},
        "channels": channels,
        "state": state,
        "agent": people.agent_id if people and state != QUEUED else None,
        "team": people and people.team_id,
        "topic": people and people.topic,
        "language": (people and people.language) or (last and last.language),
        "priority": people.priority if people else 0,
        "why": people and people.why,
        "queued_at": people and iso(people.queued_at),
        "asked_at": people and iso(people.asked_at),
        "answered_at": people and iso(people.answered_at),
        "snoozed_until": people and iso(people.snoozed_until),
        "late": is_late(row, now),
        "last": last and _last(last, plain),
        "labels": tags,
        "left_message": bool(people and people.left_message),
    }


def state_of(row: Any) -> str:
    """Of a conversation with its newest handoff (`state`, `ended_at`) and when the customer was last heard
    (`heard_at`): what was closed is the bot's again once the customer says something."""
    if row.state is None:
        return BOT
    if row.ended_at is None:
        return str(row.state)
    return CLOSED if row.state == CLOSED and (row.heard_at is None or row.heard_at <= row.ended_at) else BOT


def is_late(row: Any, now: datetime) -> bool:
    """Whether the first answer is overdue by the team's service level. Who left a message does not wait."""
    if row.state not in (QUEUED, AGENT) or row.ended_at or row.answered_at or row.left_message or not row.answer_within:
        return False
    return bool(now - row.asked_at > timedelta(seconds=row.answer_within))


def iso(moment: datetime | None) -> str | None:
    """A time as the desk's JSON has it."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _last(row: Any, plain: Plain) -> Json:
    return {"id": row.id, "at": iso(row.created_at), "author": row.author, "text": in_a_line(row, plain)}


def in_a_line(row: Any, plain: Plain) -> str:
    """The message as one short line of plain text; a sign for what has no words."""
    words = words_of(row.content)
    text = " ".join((plain(words) if row.direction == "out" else words).split())
    sign = _SIGNS.get(row.content.get("kind", ""), "📍" if row.content.get("type") == "location" else "")
    line = f"{sign} {text}".strip()
    return line if len(line) <= _LAST_TEXT else f"{line[: _LAST_TEXT - 1]}…"
