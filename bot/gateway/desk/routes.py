"""What the desk's page asks of the server about conversations. Every route is behind the guard; JSON in and out.

Ids from outside are looked up before anything is done with them, and to look at a customer's conversation is noted in
the audit log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway.desk import links, notes, saved, searching
from bot.gateway.desk.access import Agent, Guard, Refused, body_of
from bot.gateway.desk.access.refusing import invalid
from bot.gateway.desk.access.staff import teams_of
from bot.gateway.desk.doings import Outcomes, read_doing, who_has
from bot.gateway.desk.figures import BY, Day, as_csv, read_figures, zone_named
from bot.gateway.desk.items import LARGEST_PAGE, VIEWS, BadCursor, Json, Wanted, count, iso, read_items, read_page
from bot.gateway.desk.live import Live
from bot.gateway.desk.overview import read_overview
from bot.gateway.desk.panel import read_panel
from bot.gateway.desk.people import Known, find
from bot.gateway.desk.reach import WINDOW_CLOSED, usual_way, ways_to
from bot.gateway.desk.replying import Replying
from bot.gateway.desk.sockets import Sockets
from bot.gateway.desk.state import read_understanding
from bot.gateway.desk.suggestions import read_suggestions
from bot.gateway.desk.surroundings import Surroundings
from bot.gateway.desk.transcript import LARGEST_PAGE as MOST_LINES
from bot.gateway.desk.transcript import note_json, read_before, with_addresses
from bot.gateway.media.contents import NotTaken
from bot.store.auditing import note, note_look
from bot.store.database import reading, transaction
from bot.store.desk_tables import audit
from bot.store.handoffs import ask_desk
from bot.store.tables import messages

log = structlog.get_logger()

_LARGEST_CONTENT = 256 * 1024
_AUDIT_PAGE = 100
_ID = re.compile(r"[0-9]{1,18}")


class Conversations:
    """The routes."""

    def __init__(self, around: Surroundings, *, live: Live, outcomes: Outcomes, sockets: Sockets) -> None:
        self._around = around
        self._live = live
        self._outcomes = outcomes
        self._sockets = sockets
        self._replying = Replying(around)

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        one = "/desk/api/conversations/{id}"
        return [
            guard.get("/desk/api/conversations", self.listed),
            guard.get(one, self.show),
            guard.get(f"{one}/transcript", self.transcript),
            guard.get(f"{one}/suggestions", self.suggestions),
            guard.get("/desk/api/messages/{id}/understanding", self.understanding),
            guard.post(f"{one}/do", self.do),
            guard.post(f"{one}/say", self.say),
            guard.post(f"{one}/preview", self.preview),
            guard.post(f"{one}/files", self.upload),
            guard.post(f"{one}/notes", self.leave_note),
            guard.post(f"{one}/labels", self.change_labels),
            guard.post(f"{one}/link_code", self.link_code),
            guard.post("/desk/api/identities/{id}/suspend", self.suspend),
            guard.post("/desk/api/identities/{id}/restore", self.restore),
            guard.post("/desk/api/merges/{id}/undo", self.undo_merge),
            guard.get("/desk/api/saved-replies", self.saved_replies),
            guard.post("/desk/api/saved-replies", self.save_reply),
            guard.post("/desk/api/saved-replies/{id}", self.save_reply),
            guard.delete("/desk/api/saved-replies/{id}", self.forget_reply),
            guard.get("/desk/api/live", self.overview, role="supervisor"),
            guard.get("/desk/api/figures", self.figures, role="supervisor"),
            guard.get("/desk/api/audit", self.audit, role="supervisor"),
            guard.socket("/desk/socket", self._sockets.serve),
        ]

    # --- Reading ---

    async def listed(self, request: web.Request, agent: Agent) -> web.Response:
        query = request.query
        async with reading(self._around.engine) as connection:
            wanted = await _wanted(connection, query, agent)
            words = query.get("q", "").strip()
            found = (
                await self._search(connection, wanted, agent, words, query.get("after"))
                if words
                else await self._page(connection, wanted, agent, query.get("after"))
            )
        if words and not query.get("after"):
            async with transaction(self._around.engine) as connection:
                await note(connection, agent.id, "searched", now=self._around.clock())
        return web.json_response(found)

    async def show(self, request: web.Request, agent: Agent) -> web.Response:
        now = self._around.clock()
        async with transaction(self._around.engine) as connection:
            known = await _known(connection, request)
            await note_look(connection, agent.id, known.id, customer=known.customer, now=now)
        async with reading(self._around.engine) as connection:
            panel = await read_panel(connection, self._around, known, agent.id, now)
        customer = panel["customer"]
        orders = await self._around.orders.of(customer["account"], customer["language"])
        return web.json_response({**panel, "orders": orders, "viewers": self._live.viewers(known.id)})

    async def transcript(self, request: web.Request, agent: Agent) -> web.Response:
        before = _number(request.query, "before")
        limit = min(_number(request.query, "limit") or 50, MOST_LINES)
        now = self._around.clock()
        async with transaction(self._around.engine) as connection:
            known = await _known(connection, request)
            await note_look(connection, agent.id, known.id, customer=known.customer, now=now)
        async with reading(self._around.engine) as connection:
            lines, more = await read_before(connection, known, agent.id, before=before, limit=limit)
        shown = await with_addresses(lines, self._around.media_url, self._around.shown_url)
        return web.json_response({"lines": shown, "more": more})

    async def suggestions(self, request: web.Request, agent: Agent) -> web.Response:
        async with reading(self._around.engine) as connection:
            known = await _known(connection, request)
            [item] = await read_items(connection, [known.id], agent.id, self._around.clock(), self._around.plain)
            items = await read_suggestions(connection, known, agent, item["language"])
        return web.json_response({"items": items})

    async def understanding(self, request: web.Request, agent: Agent) -> web.Response:
        id = _id(request)
        now = self._around.clock()
        async with transaction(self._around.engine) as connection:
            found = await connection.execute(sa.select(messages.c.conversation_id).where(messages.c.id == id))
            conversation = found.scalar_one_or_none()
            known = await find(connection, conversation) if conversation else None
            if conversation is None or known is None:
                raise Refused(404, "unknown")
            await note_look(connection, agent.id, known.id, customer=known.customer, now=now)
            understood = await read_understanding(connection, conversation, id)
        if understood is None:
            raise Refused(404, "unknown")
        return web.json_response(understood)

    async def saved_replies(self, _request: web.Request, agent: Agent) -> web.Response:
        async with reading(self._around.engine) as connection:
            return web.json_response({"items": await saved.read_saved(connection, agent)})

    async def overview(self, _request: web.Request, _agent: Agent) -> web.Response:
        async with reading(self._around.engine) as connection:
            return web.json_response(await read_overview(connection, self._around.clock()))

    async def figures(self, request: web.Request, agent: Agent) -> web.Response:
        day, by = _day(request.query), request.query.get("by", "agent")
        if by not in BY:
            raise invalid("by", f"must be one of {', '.join(BY)}")
        async with reading(self._around.engine) as connection:
            rows = await read_figures(connection, day, by)
        if request.query.get("format") != "csv":
            return web.json_response({"rows": rows})
        async with transaction(self._around.engine) as connection:
            await note(connection, agent.id, "exported", now=self._around.clock(), day=day.day.isoformat(), by=by)
        name = f'attachment; filename="figures-{day.day.isoformat()}-{by}.csv"'
        return web.Response(text=as_csv(rows), content_type="text/csv", headers={"Content-Disposition": name})

    async def audit(self, request: web.Request, _agent: Agent) -> web.Response:
        query = sa.select(audit).order_by(audit.c.id.desc()).limit(_AUDIT_PAGE + 1)
        if before := _number(request.query, "before"):
            query = query.where(audit.c.id < before)
        async with reading(self._around.engine) as connection:
            if conversation := request.query.get("conversation"):
                known = await find(connection, conversation)
                query = query.where(audit.c.conversation_id.in_(known.family if known else [conversation]))
            rows = (await connection.execute(query)).all()
        items = [_audited(row) for row in rows[:_AUDIT_PAGE]]
        return web.json_response({"items": items, "more": len(rows) > _AUDIT_PAGE})

    # --- Doing ---

    async def do(self, request: web.Request, agent: Agent) -> web.Response:
        body, now = await body_of(request), self._around.clock()
        async with transaction(self._around.engine) as connection:
            known = await _known(connection, request)
            doing = await read_doing(connection, body, agent, now)
            if await self._must_be_quiet(connection, known, now):
                doing = {**doing, "quiet": True}
            message = await ask_desk(connection, known.id, doing, agent=agent.id, now=now)
        return await self._became(known, message)

    async def _must_be_quiet(self, connection: AsyncConnection, known: Known, now: datetime) -> bool:
        """Whether what the customer would be told of a doing could not be sent to them: outside WhatsApp's window."""
        ways = await ways_to(connection, known, self._around.channels, now)
        usual = await usual_way(connection, known, ways)
        return usual is not None and usual.problem == WINDOW_CLOSED

    async def say(self, request: web.Request, agent: Agent) -> web.Response:
        body = await body_of(request, largest=_LARGEST_CONTENT)
        async with reading(self._around.engine) as connection:
            known = await _known(connection, request)
        return await self._became(known, await self._replying.say(known, agent, body))

    async def preview(self, request: web.Request, agent: Agent) -> web.Response:
        body = await body_of(request, largest=_LARGEST_CONTENT)
        async with reading(self._around.engine) as connection:
            known = await _known(connection, request)
        return web.json_response(await self._replying.preview(known, agent, body))

    async def upload(self, request: web.Request, agent: Agent) -> web.Response:
        async with reading(self._around.engine) as connection:
            await _known(connection, request)
        try:
            taken = await self._around.uploads.take(request, agent.id)
        except NotTaken as problem:
            raise Refused(422, str(problem)) from None
        except (TimeoutError, ConnectionError):
            raise Refused(408, "too_slow") from None
        except OSError as error:
            log.error("desk.vault", error=type(error).__name__)
            raise Refused(503, "unavailable") from None
        return web.json_response({"file": {**taken, "url": f"vault:{taken.pop('file')}"}})

    async def leave_note(self, request: web.Request, agent: Agent) -> web.Response:
        body = await body_of(request)
        async with transaction(self._around.engine) as connection:
            known = await _known(connection, request)
            row = await notes.leave_note(connection, known, agent, body, self._around.clock())
        return web.json_response({"note": note_json(row)})

    async def change_labels(self, request: web.Request, agent: Agent) -> web.Response:
        body = await body_of(request)
        async with transaction(self._around.engine) as connection:
            known = await _known(connection, request)
            labels = await notes.change_labels(connection, known, agent, body, self._around.clock())
        await self._live.touched(known.id)
        return web.json_response({"labels": labels})

    async def link_code(self, request: web.Request, agent: Agent) -> web.Response:
        now = self._around.clock()
        async with transaction(self._around.engine) as connection:
            known = await _known(connection, request)
            ways = await ways_to(connection, known, self._around.channels, now)
            usual = await usual_way(connection, known, ways)
            return web.json_response(await links.link_code(connection, agent, known, usual, now))

    async def suspend(self, request: web.Request, agent: Agent) -> web.Response:
        async with transaction(self._around.engine) as connection:
            conversation = await links.suspend(connection, agent, _id(request), self._around.clock())
        await self._live.touched(conversation)
        return web.json_response({})

    async def restore(self, request: web.Request, agent: Agent) -> web.Response:
        async with transaction(self._around.engine) as connection:
            conversation = await links.restore(connection, agent, _id(request), self._around.clock())
        await self._live.touched(conversation)
        return web.json_response({})

    async def undo_merge(self, request: web.Request, agent: Agent) -> web.Response:
        async with transaction(self._around.engine) as connection:
            message = await links.undo_merge(connection, agent, _id(request), self._around.clock())
        return await self._became(None, message)

    async def save_reply(self, request: web.Request, agent: Agent) -> web.Response:
        body = await body_of(request, largest=_LARGEST_CONTENT)
        id = _id(request) if "id" in request.match_info else None
        async with transaction(self._around.engine) as connection:
            return web.json_response(await saved.keep(connection, agent, body, self._around.clock(), id))

    async def forget_reply(self, request: web.Request, agent: Agent) -> web.Response:
        async with transaction(self._around.engine) as connection:
            await saved.forget(connection, agent, _id(request))
        return web.json_response({})

    # --- Below ---

    async def _page(self, connection: AsyncConnection, wanted: Wanted, agent: Agent, after: str | None) -> Json:
        try:
            page = await read_page(connection, wanted, after or None)
        except BadCursor:
            raise invalid("after", "is no cursor of this list") from None
        items = await self._items(connection, page.ids, agent)
        return {"items": items, "next": page.after, "total": await count(connection, wanted)}

    async def _search(
        self, connection: AsyncConnection, wanted: Wanted, agent: Agent, words: str, after: str | None
    ) -> Json:
        if len(words) > searching.LONGEST_QUERY:
            raise invalid("q", f"must have {searching.LONGEST_QUERY} characters at most")
        if after and not _ID.fullmatch(after):
            raise invalid("after", "is no cursor of this list")
        found = await searching.find(connection, words, after=int(after) if after else None, limit=wanted.limit)
        items = [item for item in await self._items(connection, found.ids, agent) if wanted.has(item)]
        return {"items": items, "next": str(found.after) if found.after else None, "total": len(items)}

    async def _items(self, connection: AsyncConnection, ids: tuple[str, ...], agent: Agent) -> Any:
        return await read_items(connection, ids, agent.id, self._around.clock(), self._around.plain)

    async def _became(self, known: Known | None, message: int) -> web.Response:
        """What came of a doing, or that it is still to come."""
        outcome = await self._outcomes.of(message)
        if outcome is None:
            return web.json_response({"pending": message}, status=202)
        if outcome.state == "done":
            return web.json_response({"message": message})
        if outcome.state != "refused" or outcome.error is None:
            raise Refused(500, "failed")
        has_it = None
        if known is not None:
            async with reading(self._around.engine) as connection:
                has_it = await who_has(connection, known.id)
        raise Refused(409, outcome.error, has_it=has_it)


async def _known(connection: AsyncConnection, request: web.Request) -> Known:
    known = await find(connection, request.match_info["id"])
    if known is None:
        raise Refused(404, "unknown")
    return known


async def _wanted(connection: AsyncConnection, query: Mapping[str, str], agent: Agent) -> Wanted:
    view = query.get("view", "queue")
    if view not in VIEWS:
        raise invalid("view", f"must be one of {', '.join(VIEWS)}")
    return Wanted(
        view=view,
        agent=agent.id,
        team=_number(query, "team"),
        teams=() if agent.is_at_least("supervisor") else tuple(await teams_of(connection, agent.id)),
        label=query.get("label") or None,
        channel=query.get("channel") or None,
        limit=min(_number(query, "limit") or 100, LARGEST_PAGE),
    )


def _number(query: Mapping[str, str], name: str) -> int | None:
    given = query.get(name)
    if not given:
        return None
    if not _ID.fullmatch(given):
        raise invalid(name, "must be a number")
    return int(given)


def _id(request: web.Request) -> int:
    given = request.match_info["id"]
    if not _ID.fullmatch(given):
        raise Refused(404, "unknown")
    return int(given)


def _day(query: Mapping[str, str]) -> Day:
    try:
        day = date.fromisoformat(query.get("day", ""))
        if not 2000 <= day.year <= 2200:
            raise ValueError
    except ValueError:
        raise invalid("day", "must be a day such as 2026-11-22") from None
    name = query.get("timezone")
    zone = zone_named(name)
    if name and zone is None:
        raise invalid("timezone", "is no time zone")
    return Day(day=day, zone=zone)


def _audited(row: Any) -> Json:
    at: datetime = row.at
    told = ("id", "who", "what", "detail")
    ids = {"conversation": row.conversation_id, "customer": row.customer_id}
    return {name: getattr(row, name) for name in told} | ids | {"at": iso(at)}
