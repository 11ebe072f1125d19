"""An agent's words on their way: checked and shown beforehand, queued once, and where they go.

What is refused here never enters the queue. The core decides the rest in the conversation's turn: whether the
conversation is theirs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk.access.refusing import Refused, invalid
from bot.gateway.desk.access.sessions import Agent
from bot.gateway.desk.items import Json
from bot.gateway.desk.people import Known
from bot.gateway.desk.reach import Way, possible, problem_of, usual_way, ways_to
from bot.gateway.desk.state import read_state
from bot.gateway.desk.surroundings import Surroundings
from bot.gateway.desk.writing import Unfilled, content_of, filled, placeholders_of
from bot.gateway.media import intake
from bot.gateway.media.handles import SCHEME, handle, resolve_all
from bot.store.content import content_to_json
from bot.store.database import reading, transaction
from bot.store.handoffs import ask_desk
from bot.store.people import known_name
from bot.store.tables import customers, media, messages
from channels.contract import Content, Outbound

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_ORDER = ("order_number", "recent_order")
"""Slots that hold the number of the order that it is about, the surest first."""
_IN_A_PREVIEW = "https://files.invalid/"


@dataclass(frozen=True, kw_only=True)
class _Draft:
    """What an agent wants said, and where."""

    content: Content
    """With its placeholders filled, as far as that went."""
    unfilled: str | None
    ways: list[Way]
    way: Way | None

    @property
    def problem(self) -> str | None:
        return problem_of(self.way, self.ways)


class Replying:
    """What the routes `say` and `preview` do."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around

    async def say(self, known: Known, agent: Agent, body: Mapping[str, Any]) -> int:
        """Queue it; the id of the queued message, the same one for the same words sent twice. Raises Refused."""
        client_id = body.get("id")
        if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
            raise invalid("id", "must be 8 to 64 of A-Z a-z 0-9 _ -")
        key = f"desk:{agent.id}:{client_id}"
        files = await self._files_in(content_of(body.get("content")), agent)
        try:
            async with transaction(self._around.engine) as connection:
                before = await _queued(connection, key)
                return before or await self._queue(connection, known, agent, body, key, files)
        except IntegrityError:
            # The same words twice in the same moment: they are one message.
            async with reading(self._around.engine) as connection:
                queued = await _queued(connection, key)
            if queued is None:
                raise
            return queued

    async def preview(self, known: Known, agent: Agent, body: Mapping[str, Any]) -> Json:
        """How it would look, and what would keep it from being sent. Raises Refused for what is no message."""
        await self._files_in(content_of(body.get("content")), agent)
        async with reading(self._around.engine) as connection:
            draft = await self._draft(connection, known, agent, body)
        problem = "placeholder" if draft.unfilled else draft.problem
        return {
            "channel": draft.way and draft.way.row.channel,
            "identity": draft.way and draft.way.row.id,
            "shows": await self._shows(draft),
            "content": content_to_json(draft.content),
            "problem": problem,
            "placeholder": draft.unfilled,
            "possible": possible(draft.ways),
        }

    async def _queue(
        self,
        connection: AsyncConnection,
        known: Known,
        agent: Agent,
        body: Mapping[str, Any],
        key: str,
        files: Mapping[str, Json],
    ) -> int:
        draft = await self._draft(connection, known, agent, body)
        if draft.unfilled:
            raise Refused(422, "placeholder", placeholder=draft.unfilled)
        if draft.way is None or draft.problem:
            raise Refused(409, draft.problem or "unreachable", possible=possible(draft.ways))
        now = self._around.clock()
        ids = {url: intake.new_id() for url in files}

        async def named(token: str) -> str:
            return handle(ids[SCHEME + token])

        said = content_to_json(await resolve_all(draft.content, named))
        doing = {"do": "say", "by": agent.id, "agent": agent.id, "content": said, "to": draft.way.row.id}
        message = await ask_desk(connection, known.id, doing, agent=agent.id, now=now, key=key)
        for url, file in files.items():
            await _keep_file(connection, message, ids[url], file, draft.way.row.channel, now)
        return message

    async def _draft(self, connection: AsyncConnection, known: Known, agent: Agent, body: Mapping[str, Any]) -> _Draft:
        ways = await ways_to(connection, known, self._around.channels, self._around.clock())
        way = await usual_way(connection, known, ways)
        if body.get("to") is not None:
            way = next((one for one in ways if one.row.id == body["to"]), None)
            if way is None:
                raise invalid("to", "is none of the customer's identities")
        content, unfilled = content_of(body.get("content")), None
        try:
            content = filled(content, await _values(connection, known, agent, placeholders_of(content)))
        except Unfilled as name:
            unfilled = str(name)
        return _Draft(content=content, unfilled=unfilled, ways=ways, way=way)

    async def _shows(self, draft: _Draft) -> list[str]:
        if draft.way is None or (channel := self._around.channels.get(draft.way.row.channel)) is None:
            return []

        async def anywhere(_token: str) -> str:
            return _IN_A_PREVIEW

        content = await resolve_all(draft.content, anywhere)
        return list(channel.shows(Outbound(id=0, address=draft.way.row.address, content=content)))

    async def _files_in(self, content: Content, agent: Agent) -> dict[str, Json]:
        """What the agent's own uploads in the message are. Raises Refused where one is nothing (any more)."""
        urls = {content.image, content.file and content.file.url}
        files = dict[str, Json]()
        for url in urls:
            if url and url.startswith(SCHEME):
                upload = await self._around.uploads.look_up(url.removeprefix(SCHEME), agent.id)
                if upload is None:
                    raise Refused(422, "no_file")
                files[url] = upload
        return files


async def _queued(connection: AsyncConnection, key: str) -> int | None:
    found = await connection.execute(sa.select(messages.c.id).where(messages.c.dedupe_key == key))
    message: int | None = found.scalar_one_or_none()
    return message


async def _keep_file(
    connection: AsyncConnection, message: int, id: str, file: Json, channel: str, now: datetime
) -> None:
    """It belongs to the message from now on, and is not thrown away."""
    await connection.execute(
        sa.insert(media).values(
            id=id,
            message_id=message,
            channel=channel,
            kind=file["kind"],
            name=file["name"],
            state="stored",
            attempts=0,
            due_at=now,
            sha256=file["sha256"],
            size=file["size"],
            type=file["type"],
            created_at=now,
            settled_at=now,
        )
    )


async def _values(connection: AsyncConnection, known: Known, agent: Agent, wanted: set[str]) -> dict[str, str | None]:
    """What there is to fill in."""
    if not wanted:
        return {}
    name = await connection.execute(sa.select(known_name()).where(customers.c.id == known.customer))
    state = await read_state(connection, known.id)
    slots = {slot["name"]: slot["value"] for slot in state["slots"]}
    order = next((slots[name] for name in _ORDER if slots.get(name)), None)
    values = {"customer": name.scalar_one(), "agent": agent.name, "order": order}
    values |= {f"slot.{name}": value for name, value in slots.items()}
    return {name: str(value) for name, value in values.items() if isinstance(value, str | int | float)}
