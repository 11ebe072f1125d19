"""What Chatwoot's agents do, asked for in the conversation's own queue: POST /desk/outside/chatwoot.

Chatwoot waits five seconds for an answer and takes an error for a message that was not delivered, so everything is
only noted here. Nothing of it steps in: what comes late, when the bot has the conversation again, is refused in its
turn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from aiohttp import web
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.access.refusing import Refused, answering
from bot.gateway.desk.outside import events
from bot.gateway.desk.outside.asking import asked_already, place, words
from bot.gateway.desk.outside.chatwoot import DESK
from bot.gateway.desk.outside.chatwoot.inbound import Changed, File, Malformed, Said, User, read, verify
from bot.gateway.desk.outside.messages import REFERENCE, Json
from bot.gateway.desk.outside.staff import ITSELF, agent_id, ensure_agent
from bot.gateway.desk.people import find
from bot.store.database import transaction
from bot.store.desk_tables import handoffs, outside_conversations, outside_stretches
from bot.store.handoffs import ask_desk
from bot.store.ownership import ASSIGN, CLOSE, HAND_BACK, REQUEUE, TRANSFER
from bot.store.tables import conversations
from bot.store.wake import notify
from channels.contract import Channel

log = structlog.get_logger()

_LARGEST = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """`me`: the number of the user whose token we have, once it is known: what that one does, we have done."""

    engine: AsyncEngine
    secret: str
    inbox: int
    channels: Mapping[str, Channel]
    me: Callable[[], int | None]
    clock: Callable[[], datetime]

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/desk/outside/chatwoot", answering(self.hear))]

    async def hear(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if not verify(self.secret, request.headers, body, self.clock()):
            raise Refused(401, "unauthorized")
        try:
            heard = read(body, inbox=self.inbox)
        except Malformed:
            raise Refused(400, "malformed") from None
        try:
            if isinstance(heard, Said):
                await self._hear_words(heard)
            elif heard is not None:
                # A version that does not say when tells of two changes in two different bodies.
                await self._hear_change(heard, str(heard.at or hashlib.sha256(body).hexdigest()[:16]))
        except IntegrityError:
            log.info("chatwoot.doubled")  # told twice in the same moment
        return web.json_response({})

    async def _hear_words(self, said: Said) -> None:
        agent = await self._agent(said.by)
        async with transaction(self.engine) as connection:
            stretch = await _stretch(connection, said.conversation)
            if stretch is None or await asked_already(connection, DESK, f"m{said.message}"):
                return
            try:
                await self._say(connection, stretch, said, agent)
            except Refused as refused:
                await self._tell_refused(connection, stretch, said, refused.code)

    async def _say(self, connection: AsyncConnection, stretch: Any, said: Said, agent: str) -> None:
        """Raises Refused, with nothing written."""
        if stretch.ended_at is not None:
            raise Refused(409, "ended")
        known = await find(connection, stretch.conversation_id)
        if known is None:
            raise Refused(409, "unreachable")
        contents = _contents(said)
        to = await place(connection, known, None, self.channels, self.clock())
        theirs = stretch.agent_id == agent and stretch.waiting_since is None
        for doing in () if theirs else _into_hands(agent):
            await self._ask(connection, stretch, f"m{said.message}-{doing['do']}", doing)
        for part, content in enumerate(contents):
            key = f"m{said.message}-{part}" if part else f"m{said.message}"
            doing = {"do": "say", "by": agent, "agent": agent, "content": content, "to": to}
            await self._ask(connection, stretch, key, doing)

    async def _tell_refused(self, connection: AsyncConnection, stretch: Any, said: Said, code: str) -> None:
        """Nobody reads the answer to the webhook."""
        told = {
            "conversation": stretch.conversation_id,
            "handoff": stretch.id,
            "doing": None,
            "do": "say",
            "error": code,
            "reference": {"desk": DESK, "key": f"m{said.message}"},
        }
        where: dict[str, Any] = {"stream": stretch.stream or stretch.conversation_id, "handoff": stretch.id}
        await events.put(connection, [DESK], events.REFUSED, told, **where, now=self.clock())
        await notify(connection)

    async def _hear_change(self, changed: Changed, moment: str) -> None:
        assignee = changed.assignee
        agent = await self._agent(assignee) if assignee is not None else agent_id(DESK, ITSELF)
        async with transaction(self.engine) as connection:
            stretch = await _stretch(connection, changed.conversation)
            if stretch is None or stretch.ended_at is not None or _is_late(stretch, changed):
                return
            for doing in self._doings(stretch, changed, agent):
                key = f"c{changed.conversation}-{doing['do']}-{agent[:8]}-{moment}"
                if await asked_already(connection, DESK, key):
                    return
                await self._ask(connection, stretch, key, doing)
            await connection.execute(
                sa.update(outside_conversations)
                .where(outside_conversations.c.handoff_id == stretch.id)
                .values(changed_at=changed.at)
            )

    def _doings(self, stretch: Any, changed: Changed, agent: str) -> list[Json]:
        """What the change asks for. Who may do it, Chatwoot has decided."""
        if changed.status == "resolved":
            return [{"do": CLOSE, "by": agent, "over": True, "reason": "resolved", "ask_rating": False}]
        if changed.status == "pending":
            return [{"do": HAND_BACK, "by": agent, "over": True, "slots": {}}]
        if not changed.assigned or (changed.assignee is not None and changed.assignee.id == self.me()):
            return []
        if changed.assignee is None:
            had_it = stretch.agent_id
            return [{"do": REQUEUE, "by": agent, "agent": had_it, "why": "gone"}] if had_it else []
        return _into_hands(agent) if stretch.agent_id != agent else []

    async def _ask(self, connection: AsyncConnection, stretch: Any, key: str, doing: Json) -> None:
        named = f"{REFERENCE}:{DESK}:{key}"
        agent, now = str(doing["by"]), self.clock()
        await ask_desk(connection, stretch.conversation_id, doing, agent=agent, now=now, key=named)

    async def _agent(self, user: User) -> str:
        return await ensure_agent(self.engine, DESK, str(user.id), user.name, self.clock())


def _into_hands(agent: str) -> list[Json]:
    """Whoever has it by then: from the queue it is assigned, from an agent transferred, and from the bot neither takes
    anything. One of the two is always refused."""
    by: Json = {"by": agent, "agent": agent}
    return [{"do": ASSIGN, **by}, {"do": TRANSFER, **by, "over": True}]


def _contents(said: Said) -> list[Json]:
    """One message for the words with the first file, and one for each further file. Raises Refused."""
    files = [_file_json(file) for file in said.files] or [{}]
    files[0] = {"text": said.text or None, **files[0]}
    return [words(content) for content in files]


def _file_json(file: File) -> Json:
    if file.is_picture:
        return {"image": file.url}
    return {"file": {"url": file.url, "name": file.url.rpartition("/")[2].partition("?")[0][-120:] or None}}


def _is_late(stretch: Any, changed: Changed) -> bool:
    """Whether a newer change has been heard of already."""
    return changed.at is not None and stretch.changed_at is not None and changed.at < stretch.changed_at


async def _stretch(connection: AsyncConnection, conversation: int) -> Any:
    """The newest stretch that this conversation of Chatwoot's shows: its row in `handoffs`, with what is known of it
    there, and whether anything waits in the conversation's queue. Nothing is put there until the transaction ends but
    by us."""
    shown = outside_conversations.c.remote_id == conversation
    newest = sa.select(sa.func.max(outside_conversations.c.handoff_id)).where(shown).scalar_subquery()
    held = (
        sa.select(conversations.c.id)
        .join(handoffs, handoffs.c.conversation_id == conversations.c.id)
        .where(handoffs.c.id == newest)
        .with_for_update(of=conversations)
    )
    await connection.execute(held)
    found = await connection.execute(
        sa.select(
            handoffs, outside_conversations.c.changed_at, outside_stretches.c.stream, conversations.c.waiting_since
        )
        .select_from(
            handoffs.join(outside_conversations, outside_conversations.c.handoff_id == handoffs.c.id)
            .join(conversations, conversations.c.id == handoffs.c.conversation_id)
            .outerjoin(outside_stretches, outside_stretches.c.handoff_id == handoffs.c.id)
        )
        .where(handoffs.c.id == newest)
    )
    return found.first()


async def _body(request: web.Request) -> bytes:
    if (request.content_length or 0) > _LARGEST:
        raise Refused(413, "too_large")
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refused(413, "too_large") from None
    if len(body) > _LARGEST:
        raise Refused(413, "too_large")
    return body
