"""The web chat's sessions and sockets.

A socket is only a way of being told early: everything a visitor is shown comes from the transcript, after the cursor
that the widget names, so a lost connection loses nothing and a repeated one doubles nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import segno
import sqlalchemy as sa
import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from multidict import CIMultiDict
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway import metrics
from bot.gateway.accept import accept_all
from bot.gateway.linking import CODE_LIFETIME
from bot.gateway.throttle import Throttle
from bot.store.content import content_from_json
from bot.store.database import reading, transaction
from bot.store.outage import POSSIBLE
from bot.store.tables import messages, webchat_sessions
from channels.contract import Malformed, SendError, Webhook, WebhookRejected
from channels.webchat import WIDGET, WebchatChannel
from channels.webchat.inbound import VISITOR, language_of, parse
from channels.webchat.outbound import Line, frame_of

log = structlog.get_logger()

SESSION_LIFETIME = timedelta(days=7)
_LARGEST_FRAME = 64 * 1024
_HELLO_WITHIN = 10.0
_LOOK_ANYWAY_EVERY = 5.0
_PAGE = 200
_FRAMES_AT_ONCE, _FRAMES_A_SECOND = 20, 2.0

Clock = Callable[[], datetime]
Invite = Callable[[str, str], Awaitable[str]]
"""Visitor and the name of a channel → a deep link to go on with there. Raises SendError."""


class Hub:
    """Which visitors are connected to this gateway, to wake their sockets."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def push(self, visitor: str) -> None:
        """There is something new for this visitor."""
        for event in self._waiting.get(visitor, ()):
            event.set()

    def join(self, visitor: str) -> asyncio.Event:
        event = asyncio.Event()
        self._waiting[visitor].add(event)
        return event

    def leave(self, visitor: str, event: asyncio.Event) -> None:
        self._waiting[visitor].discard(event)
        if not self._waiting[visitor]:
            del self._waiting[visitor]


class Webchat:
    """The routes under `/webchat/` and the widget itself."""

    def __init__(
        self, *, channel: WebchatChannel, engine: AsyncEngine, hub: Hub, invite: Invite, others: list[str], clock: Clock
    ) -> None:
        self.channel = channel
        self.engine = engine
        self.hub = hub
        self.invite = invite
        self.others = others
        """Names of the channels that one can go on with."""
        self.clock = clock
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/widget.js", self.widget),
            web.options("/webchat/session", self.session_preflight),
            web.post("/webchat/session", self.session),
            web.get("/webchat/socket", self.socket),
        ]

    async def widget(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(
            WIDGET, headers={"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "public, max-age=300"}
        )

    async def session_preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=await self._cors(request))

    async def session(self, request: web.Request) -> web.Response:
        """A token for the visitor who holds `token`, or for a new one."""
        cors = await self._cors(request)
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            return web.json_response({"error": "malformed"}, status=400, headers=cors)
        old = body.get("token") if isinstance(body, dict) else None
        async with transaction(self.engine) as connection:
            token = await renew_session(connection, old if isinstance(old, str) else "", self.clock())
        return web.json_response({"token": token}, headers=cors)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        await self._cors(request)
        socket = web.WebSocketResponse(heartbeat=25, max_msg_size=_LARGEST_FRAME)
        await socket.prepare(request)
        metrics.sockets.inc()
        self._open.add(socket)
        try:
            await self._greet(socket, request)
        finally:
            self._open.discard(socket)
        return socket

    async def close(self, _app: web.Application) -> None:
        """The widgets reconnect by themselves, to this gateway's successor."""
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def _cors(self, request: web.Request) -> dict[str, str]:
        try:
            await self.channel.verify(Webhook(method=request.method, headers=request.headers))
        except WebhookRejected as error:
            raise web.HTTPForbidden(text=str(error)) from None
        return {
            "Access-Control-Allow-Origin": request.headers["Origin"],
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Max-Age": "600",
            "Cache-Control": "no-store",
            "Vary": "Origin",
        }

    async def _greet(self, socket: web.WebSocketResponse, request: web.Request) -> None:
        hello = await _first_frame(socket)
        if hello is None:
            return
        async with transaction(self.engine) as connection:
            visitor = await visitor_of(connection, hello["token"], self.clock())
        if visitor is None:
            await socket.send_json({"type": "expired"})
            await socket.close()
            return
        await _Connection(self, socket, visitor, hello).run()


class _Connection:
    """One socket of one visitor, from its hello to its end."""

    def __init__(self, webchat: Webchat, socket: web.WebSocketResponse, visitor: str, hello: dict[str, Any]) -> None:
        self._webchat = webchat
        self._socket = socket
        self._visitor = visitor
        self._cursor = int(hello["cursor"])
        self._language = language_of(hello)
        self._throttle = Throttle(at_once=_FRAMES_AT_ONCE, a_second=_FRAMES_A_SECOND)

    async def run(self) -> None:
        news = self._webchat.hub.join(self._visitor)
        showing = asyncio.create_task(self._show_news(news))
        try:
            async for frame in self._socket:
                if frame.type is WSMsgType.TEXT:
                    await self._take(frame.data)
        finally:
            self._webchat.hub.leave(self._visitor, news)
            # Woken and not cancelled: it may be in the middle of a transaction.
            news.set()
            await showing

    async def _show_news(self, news: asyncio.Event) -> None:
        try:
            await self._show_new()
            await self._socket.send_json({"type": "ready", "channels": self._webchat.others})
            while not self._socket.closed:
                # Looks now and then without being woken too: another gateway may have sent something.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), _LOOK_ANYWAY_EVERY)
                news.clear()
                await self._show_new()
        except ConnectionError:
            pass  # the widget went away, and will come back with its cursor
        except POSSIBLE as error:
            log.error("webchat.unavailable", error=type(error).__name__)
            await self._socket.close()

    async def _show_new(self) -> None:
        while True:
            async with reading(self._webchat.engine) as connection:
                lines = await transcript(connection, self._visitor, after=self._cursor)
            for line in lines:
                if self._socket.closed:
                    return
                if frame := frame_of(line):
                    await self._socket.send_json(frame)
                self._cursor = line.id
            if len(lines) < _PAGE:
                return

    async def _take(self, data: str) -> None:
        frame: dict[str, Any] = {}
        in_time = self._throttle.allows()
        try:
            frame = parse(data)
            if not in_time:
                raise Malformed("too_fast")
            if frame["type"] == "invite":
                await self._invite(frame)
            else:
                await self._accept(frame)
        except Malformed as error:
            await self._refuse(frame, str(error))
        except SendError as error:
            log.warning("webchat.invite_failed", reason=error.reason)
            await self._refuse(frame, "unavailable")
        except POSSIBLE as error:
            log.error("accept.unavailable", channel="webchat", error=type(error).__name__)
            await self._refuse(frame, "unavailable")

    async def _accept(self, frame: dict[str, Any]) -> None:
        body = json.dumps({"language": self._language, **frame}).encode()
        read = self._webchat.channel.read(
            Webhook(method="WS", headers=CIMultiDict({VISITOR: self._visitor}), body=body)
        )
        accepted = await accept_all(self._webchat.engine, read, channel="webchat", body=body, now=self._webchat.clock())
        metrics.accepted.labels("webchat", str(accepted[0].repeated).lower()).inc()
        if not accepted[0].repeated:
            await self._socket.send_json({"type": "typing"})
        self._webchat.hub.push(self._visitor)

    async def _invite(self, frame: dict[str, Any]) -> None:
        channel = frame.get("channel")
        if not isinstance(channel, str) or channel not in self._webchat.others:
            raise Malformed("malformed")
        url = await self._webchat.invite(self._visitor, channel)
        await self._socket.send_json(
            {
                "type": "invitation",
                "channel": channel,
                "url": url,
                "qr": segno.make(url, error="m").svg_inline(scale=4, border=2, dark="#111", light="#fff"),
                "expires_in": int(CODE_LIFETIME.total_seconds()),
            }
        )

    async def _refuse(self, frame: dict[str, Any], code: str) -> None:
        refused = frame.get("id")
        await self._socket.send_json(
            {"type": "error", "code": code, **({"id": refused[:64]} if isinstance(refused, str) else {})}
        )


async def renew_session(connection: AsyncConnection, token: str, now: datetime) -> str:
    """`token` with its life prolonged, if it is one of ours and still valid; otherwise a new visitor's."""
    if await visitor_of(connection, token, now) is not None:
        return token
    await connection.execute(sa.delete(webchat_sessions).where(webchat_sessions.c.expires_at < now))
    token = secrets.token_urlsafe(32)
    await connection.execute(
        sa.insert(webchat_sessions).values(
            token_hash=_hash(token), visitor=secrets.token_hex(16), created_at=now, expires_at=now + SESSION_LIFETIME
        )
    )
    return token


async def visitor_of(connection: AsyncConnection, token: str, now: datetime) -> str | None:
    """The visitor who holds this token, whose life this prolongs; None if it is not valid."""
    result = await connection.execute(
        sa.update(webchat_sessions)
        .where(webchat_sessions.c.token_hash == _hash(token), webchat_sessions.c.expires_at > now)
        .values(expires_at=now + SESSION_LIFETIME)
        .returning(webchat_sessions.c.visitor)
    )
    visitor: str | None = result.scalar_one_or_none()
    return visitor


async def transcript(connection: AsyncConnection, visitor: str, *, after: int) -> list[Line]:
    """What this visitor said and was told in the web chat after the cursor, in order, a page at a time.

    What the same customer said on other channels is not here: a browser is often shared, a phone rarely.
    """
    rows = await connection.execute(
        sa.select(messages)
        .where(messages.c.channel == "webchat", messages.c.address == visitor, messages.c.id > after)
        .order_by(messages.c.id)
        .limit(_PAGE)
    )
    return [_line(row) for row in rows]


def _line(row: Any) -> Line:
    inbound = row.direction == "in"
    return Line(
        id=row.id,
        author=row.author,
        at=row.created_at,
        client_id=row.platform_id if inbound else None,
        said=row.content if inbound else None,
        content=None if inbound else content_from_json(row.content),
    )


async def _first_frame(socket: web.WebSocketResponse) -> dict[str, Any] | None:
    """The widget's hello; None, with the socket closed, if something else came or nothing in time."""
    try:
        data = await asyncio.wait_for(socket.receive_str(), _HELLO_WITHIN)
        hello = parse(data)
        cursor = hello.get("cursor", 0)
        if hello["type"] != "hello" or not isinstance(hello.get("token"), str) or not isinstance(cursor, int):
            raise Malformed("malformed")
    except (TimeoutError, TypeError, Malformed):
        await socket.close(code=WSCloseCode.POLICY_VIOLATION)
        return None
    return {**hello, "cursor": min(max(cursor, 0), 2**62)}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
