"""The API by which a company's own helpdesk is the desk. docs/other-desks.md has it with examples.

    POST /desk/outside/conversations/{id}/doings      {do, agent: {id, name}, …}, with an Idempotency-Key
    GET  /desk/outside/conversations/{id}
    GET  /desk/outside/conversations/{id}/transcript  ?before=<message>&limit=50

It knows conversations that are, or were, with people, and no others.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.access.refusing import Refused, answering, body_of, invalid, one_of, text
from bot.gateway.desk.access.sessions import Agent
from bot.gateway.desk.doings import Outcome, Outcomes, read_doing, who_has
from bot.gateway.desk.outside.asking import ask_once, asked_already, place, words
from bot.gateway.desk.outside.messages import Address, Json, addressed, is_words
from bot.gateway.desk.outside.staff import ITSELF, LONGEST_NAME, agent_id, agents_json, ensure_agent
from bot.gateway.desk.outside.telling import messages_json, stretch_json
from bot.gateway.desk.people import Known, find
from bot.gateway.desk.state import read_state
from bot.store.auditing import note_look
from bot.store.database import reading, transaction
from bot.store.desk_tables import handoffs
from bot.store.ownership import ASSIGN, BOT, CLOSE, CLOSED, HAND_BACK, REQUEUE, TAKE, TRANSFER
from bot.store.tables import messages
from channels.contract import Channel

DESK = "webhook"
"""By which name this desk's agents and doings are known here."""

_DOINGS = (TAKE, "say", HAND_BACK, CLOSE, TRANSFER, ASSIGN, "set_slot", REQUEUE)
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}")
_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,99}")
_LARGEST_PAGE, _USUAL_PAGE = 100, 50
_ROWS_AT_ONCE = 200


@dataclass(frozen=True, kw_only=True)
class OutsideApi:
    """`token` is what the helpdesk shows as `Authorization: Bearer …`; `address`: the id of a file → where the helpdesk
    can have it for a while."""

    engine: AsyncEngine
    token: str
    channels: Mapping[str, Channel]
    outcomes: Outcomes
    address: Address
    clock: Callable[[], datetime]

    def routes(self) -> list[web.RouteDef]:
        at = "/desk/outside/conversations/{id}"
        return [
            web.post(f"{at}/doings", answering(self.do)),
            web.get(at, answering(self.show)),
            web.get(f"{at}/transcript", answering(self.transcript)),
        ]

    async def do(self, request: web.Request) -> web.Response:
        self._let_in(request)
        key = request.headers.get("Idempotency-Key", "")
        if not _KEY.fullmatch(key):
            raise invalid("Idempotency-Key", "must be a header of 8 to 64 of A-Z a-z 0-9 _ -")
        body = await body_of(request)
        agent = await self._agent(body, "agent")
        if isinstance(body.get("to"), Mapping):
            body["agent"] = (await self._agent(body, "to")).id
        else:
            body.pop("agent", None)
        now = self.clock()
        async with reading(self.engine) as connection:
            known = await self._known(connection, request)
            doing = await self._doing(connection, body, agent, now)
            if doing["do"] == "say" and not await asked_already(connection, DESK, key):
                doing["to"] = await place(connection, known, body.get("to"), self.channels, now)
        message = await ask_once(self.engine, known, doing, desk=DESK, key=key, now=now)
        return await self._answer(known, message, await self.outcomes.of(message))

    async def show(self, request: web.Request) -> web.Response:
        self._let_in(request)
        async with transaction(self.engine) as connection:
            known = await self._known(connection, request)
            await note_look(connection, agent_id(DESK, ITSELF), known.id, customer=known.customer, now=self.clock())
            return web.json_response(await _conversation_json(connection, known))

    async def transcript(self, request: web.Request) -> web.Response:
        self._let_in(request)
        before = _number(request, "before", 2**62, most=2**62)
        limit = _number(request, "limit", _USUAL_PAGE, most=_LARGEST_PAGE)
        async with transaction(self.engine) as connection:
            known = await self._known(connection, request)
            await note_look(connection, agent_id(DESK, ITSELF), known.id, customer=known.customer, now=self.clock())
            rows = await _words_before(connection, known, before, limit + 1)
            told = await messages_json(connection, rows[-limit:])
        return web.json_response({"messages": await addressed(told, self.address), "more": len(rows) > limit})

    def _let_in(self, request: web.Request) -> None:
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(shown.strip().encode(), self.token.encode())
        if scheme.lower() != "bearer" or not right:
            raise Refused(401, "unauthorized")

    async def _known(self, connection: AsyncConnection, request: web.Request) -> Known:
        known = await find(connection, request.match_info["id"])
        if known is None or await _newest_stretch(connection, known) is None:
            raise Refused(404, "unknown")
        return known

    async def _agent(self, body: Mapping[str, Any], field: str) -> Agent:
        """Who of theirs; they need not have been heard of before."""
        given = body.get(field)
        if not isinstance(given, Mapping):
            raise invalid(field, "must be {id, name}")
        theirs, name = text(dict(given), "id", longest=100), text(dict(given), "name", longest=LONGEST_NAME)
        if not _AGENT.fullmatch(theirs):
            raise invalid("id", "must be 1 to 100 of A-Z a-z 0-9 . _ @ + -")
        id = await ensure_agent(self.engine, DESK, theirs, name, self.clock())
        # Who of its agents may do what, the other desk has decided.
        return Agent(id=id, login=f"{DESK}:{theirs}", name=name, role="supervisor", session="")

    async def _doing(self, connection: AsyncConnection, body: Json, agent: Agent, now: datetime) -> Json:
        do = one_of(body, "do", _DOINGS)
        by: Json = {"do": do, "by": agent.id, "agent": agent.id}
        if do == "say":
            return by | {"content": words(body.get("content", {"text": body.get("text")}))}
        if do == REQUEUE:
            return by | {"why": one_of({"why": "gone", **body}, "why", ("gone", "no_answer"))}
        return await read_doing(connection, body, agent, now)

    async def _answer(self, known: Known, message: int, outcome: Outcome | None) -> web.Response:
        if outcome is None:
            return web.json_response({"pending": message}, status=202)
        if outcome.state == "done":
            return web.json_response({"done": message})
        async with reading(self.engine) as connection:
            has_it = await who_has(connection, known.id)
            agent = (await agents_json(connection, [has_it])).get(has_it or "")
        raise Refused(409, (outcome.error if outcome.state == "refused" else None) or "failed", has_it=agent)


async def _newest_stretch(connection: AsyncConnection, known: Known) -> Any:
    """One that is open before all others."""
    found = await connection.execute(
        sa.select(handoffs)
        .where(handoffs.c.conversation_id.in_(known.family))
        .order_by(handoffs.c.ended_at.is_(None).desc(), handoffs.c.id.desc())
        .limit(1)
    )
    return found.first()


async def _conversation_json(connection: AsyncConnection, known: Known) -> Json:
    row = await _newest_stretch(connection, known)
    state = row.state if row.ended_at is None else CLOSED if row.state == CLOSED else BOT
    agent = row.agent_id if row.ended_at is None else None
    return {
        "conversation": known.id,
        "handoff": row.id,
        "state": state,
        "agent": (await agents_json(connection, [agent])).get(agent or ""),
        **await stretch_json(connection, row),
        **await read_state(connection, known.id),
    }


async def _words_before(connection: AsyncConnection, known: Known, before: int, most: int) -> list[Any]:
    """The last words before a message, oldest first."""
    words_: list[Any] = []
    while len(words_) < most:
        found = await connection.execute(
            sa.select(messages)
            .where(messages.c.conversation_id.in_(known.family), messages.c.id < before)
            .order_by(messages.c.id.desc())
            .limit(_ROWS_AT_ONCE)
        )
        rows = found.all()
        words_ += [row for row in rows if is_words(row)]
        if len(rows) < _ROWS_AT_ONCE:
            break
        before = rows[-1].id
    return words_[:most][::-1]


def _number(request: web.Request, name: str, default: int, *, most: int) -> int:
    given = request.query.get(name, str(default))
    if not given.isdecimal() or not given.isascii() or not 1 <= int(given[:20]) <= most:
        raise invalid(name, f"must be a whole number from 1 to {most}")
    return int(given)
