"""One transcript across all channels: what was said on both sides, what was done with the conversation, and the notes
that colleagues left, each in its place.

Conversations that were merged belong to it. It is paged by the messages' ids, which are in order within a conversation.
Nothing here is HTML, and whatever a customer wrote stays what it is.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.items import Json, iso
from bot.gateway.desk.people import Known
from bot.store.desk_tables import notes
from bot.store.queueing import NOWHERE
from bot.store.tables import messages

LARGEST_PAGE = 200

Address = Callable[[str], Awaitable[str]]
"""What stands for a file in a message → a path under which the desk can have it for a while."""

_EVENTS = ("linked", "link_refused", "verified", "separated")
"""What a customer or the product did that is nobody's words."""
_NEWS = {"queued": "ask", "message": "left_message", "nobody": "nobody_there"}
_TOLD_OF_DOINGS = ("agent", "team", "until", "reason", "name", "value", "note", "why", "slots")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the transcript. `mark` tells whether it looks different from when it was shown."""

    place: int
    """The message that it is, or that it follows."""
    json: Json
    mark: str = ""
    media: str | None = None
    """The id of a customer's file that can be shown."""

    @property
    def key(self) -> tuple[str, int]:
        return "note" if self.json["kind"] == "note" else "message", self.json["id"]


async def read_before(
    connection: AsyncConnection, known: Known, agent: str, *, before: int | None, limit: int
) -> tuple[list[Line], bool]:
    """The lines before a message, or the newest, oldest first; and whether there are more before them."""
    rows, more = await _rows_before(connection, known, before, limit)
    lines = await _lines_of(connection, rows)
    while more and not lines:
        rows, more = await _rows_before(connection, known, rows[0].id, limit)
        lines = await _lines_of(connection, rows)
    beside = await _notes(connection, known, agent, after=rows[0].id if more else 0, before=before)
    return sorted([*lines, *beside], key=_in_order), more


async def read_after(
    connection: AsyncConnection, known: Known, agent: str, *, after: int, most: int = LARGEST_PAGE
) -> list[Line]:
    """The newest lines, at least those after a message, oldest first; `most` messages at the most."""
    lines, more = await read_before(connection, known, agent, before=None, limit=50)
    if more and lines and lines[0].place > after:
        lines, _ = await read_before(connection, known, agent, before=None, limit=most)
    return lines


async def with_addresses(lines: Sequence[Line], of_media: Address, of_upload: Address) -> list[Json]:
    """The lines as the desk is told them, with links that its page can follow. Not within a transaction."""
    return [await _with_addresses(line, of_media, of_upload) for line in lines]


def note_line(row: Any) -> Line:
    """A row of `notes` in its place."""
    shown = {
        **_nothing_said(row.id, "note", iso(row.created_at)),
        "author": "agent",
        "agent": row.agent_id,
        "note": note_json(row),
    }
    return Line(place=row.after_message, json=shown)


def note_json(row: Any) -> Json:
    return {
        "id": row.id,
        "agent": row.agent_id,
        "text": row.text,
        "mentions": row.mentions,
        "whisper_to": row.whisper_to,
        "at": iso(row.created_at),
        "after_message": row.after_message,
    }


def may_read(agent: str) -> sa.ColumnElement[bool]:
    """A whisper is for two."""
    return sa.or_(notes.c.whisper_to.is_(None), notes.c.whisper_to == agent, notes.c.agent_id == agent)


# --- Reading ----------------------------------------------------------------------------------------------------------

_BEFORE = sa.bindparam("before", type_=sa.BigInteger)
# Within a conversation the numbers are in the ids' order, and the index is on the numbers.
_PAGE = (
    sa.select(messages)
    .where(
        messages.c.conversation_id == sa.bindparam("conversation"),
        messages.c.id < _BEFORE,
        messages.c.seq < sa.bindparam("below", type_=sa.Integer),
    )
    .order_by(messages.c.seq.desc())
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_PLACE = sa.select(messages.c.conversation_id, messages.c.seq).where(messages.c.id == _BEFORE)
_CAUSES = sa.select(messages.c.id, messages.c.dedupe_key).where(messages.c.id.in_(sa.bindparam("ids", expanding=True)))
_NO_BOUND = 2**31 - 1


async def _rows_before(
    connection: AsyncConnection, known: Known, before: int | None, limit: int
) -> tuple[list[Any], bool]:
    bound = {"before": before if before is not None else 2**62}
    place = (await connection.execute(_PLACE, bound)).first() if before is not None else None
    found = list[Any]()
    for conversation in known.family:
        below = place.seq if place is not None and place.conversation_id == conversation else _NO_BOUND
        page = {**bound, "conversation": conversation, "below": below, "most": limit + 1}
        found += (await connection.execute(_PAGE, page)).all()
    found.sort(key=lambda row: row.id)
    return found[-limit:], len(found) > limit


async def _lines_of(connection: AsyncConnection, rows: Sequence[Any]) -> list[Line]:
    clients = await _client_ids(connection, rows)
    return [line for row in rows if (line := _line(row, clients)) is not None]


async def _client_ids(connection: AsyncConnection, rows: Sequence[Any]) -> Mapping[int, str]:
    """By what their own page knows agents' messages: the causes' ids → the end of their keys."""
    causes = [row.cause_id for row in rows if row.author == "agent" and row.direction == "out" and row.cause_id]
    found = await connection.execute(_CAUSES, {"ids": causes}) if causes else ()
    return {row.id: row.dedupe_key.rpartition(":")[2] for row in found if row.dedupe_key}


async def _notes(
    connection: AsyncConnection, known: Known, agent: str, *, after: int, before: int | None
) -> list[Line]:
    query = sa.select(notes).where(notes.c.conversation_id.in_(known.family), may_read(agent))
    query = query.where(notes.c.after_message >= after)
    if before is not None:
        query = query.where(notes.c.after_message < before)
    return [note_line(row) for row in await connection.execute(query.order_by(notes.c.id))]


def _in_order(line: Line) -> tuple[int, bool, int]:
    return line.place, line.json["kind"] == "note", line.json["id"]


# --- One line ---------------------------------------------------------------------------------------------------------


def _line(row: Any, clients: Mapping[int, str]) -> Line | None:
    shown = _outbound(row, clients) if row.direction == "out" else _inbound(row)
    if shown is None:
        return None
    media = row.content.get("media") if row.content.get("outcome") == "stored" else None
    return Line(place=row.id, json=shown, mark=mark_of(row), media=media)


def _outbound(row: Any, clients: Mapping[int, str]) -> Json:
    return {
        **_said(row, "message"),
        "content": row.content,
        "delivered_at": iso(row.delivered_at),
        "read_at": iso(row.read_at),
        "client_id": clients.get(row.cause_id) if row.author == "agent" else None,
    }


def _inbound(row: Any) -> Json | None:
    if row.author != "customer" or row.content.get("type") in _EVENTS:
        system = _system(row)
        return system and {**_said(row, "system"), "content": {}, "system": system}
    content = {**row.content}
    if content.get("type") == "taken_back":
        content["taken_back"] = True
    if "media" in content:
        told = ("kind", "name", "size", "outcome", "problem")
        content["media"] = {"id": content["media"], "type": content.get("mime")} | {
            name: content.get(name) for name in told
        }
    return {**_said(row, "message"), "content": content}


def _system(row: Any) -> Json | None:
    """What was done, by whom; None for what concerns nobody who reads."""
    said = row.content
    kind = said.get("type")
    if kind == "desk":
        if row.state != "done" or said.get("do") == "say":
            return None
        told = {name: said[name] for name in _TOLD_OF_DOINGS if said.get(name) is not None}
        return {"do": said.get("do"), "by": said.get("by"), **told}
    if kind == "handoff":
        news = _NEWS.get(said.get("news", ""))
        return {"do": news, "by": "customer"} if news else None
    if kind == "separate" and row.state == "done":
        return {"do": "separate", "by": said.get("by")}
    if kind in _EVENTS:
        by = "customer" if row.author == "customer" else "product"
        told = {name: said[name] for name in ("from", "problem") if said.get(name) is not None}
        return {"do": kind, "by": by, "channel": row.channel, **told}
    return None


def _said(row: Any, kind: str) -> Json:
    return {
        **_nothing_said(row.id, kind, iso(row.created_at)),
        "direction": row.direction,
        "author": row.author,
        "agent": row.agent_id,
        "channel": None if row.channel == NOWHERE else row.channel,
        "identity": row.identity_id,
        "state": row.state,
        "error": row.error,
        "attempts": row.attempts,
    }


def _nothing_said(id: int, kind: str, at: str | None) -> Json:
    empty = ("direction", "agent", "channel", "identity", "state", "error", "delivered_at", "read_at", "system", "note")
    return {"id": id, "kind": kind, "at": at, **dict.fromkeys(empty), "content": {}, "attempts": 0}


MARKED = (
    messages.c.id,
    messages.c.state,
    messages.c.error,
    messages.c.attempts,
    messages.c.delivered_at,
    messages.c.read_at,
    messages.c.content,
)
"""The columns of `messages` that `mark_of` reads."""


def mark_of(row: Any) -> str:
    """The same as long as the line looks the same."""
    seen = (row.state, row.error, row.attempts, iso(row.delivered_at), iso(row.read_at), row.content)
    return json.dumps(seen, sort_keys=True)


# --- Files ------------------------------------------------------------------------------------------------------------


async def _with_addresses(line: Line, of_media: Address, of_upload: Address) -> Json:
    content = line.json["content"]
    if line.media is not None:
        content = {**content, "media": {**content["media"], "url": await of_media(line.media)}}
    if isinstance(content.get("file"), Mapping):
        content = {**content, "file": {**content["file"], "url": await of_upload(content["file"]["url"])}}
    if isinstance(content.get("image"), str):
        content = {**content, "image": await of_upload(content["image"])}
    return {**line.json, "content": content}


def changed(lines: Sequence[Line], shown: Mapping[tuple[str, int], str]) -> list[Line]:
    """Those that are new or look different from what was shown (`Line.key` → `Line.mark`)."""
    return [line for line in lines if shown.get(line.key) != line.mark]
