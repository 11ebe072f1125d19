"""What is served under `/webchat/`, and the widget itself: to the shop's pages alone, and no oftener than people need.

The protocol stands in channels/webchat/README.md.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import WSCloseCode, web
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway import metrics
from bot.gateway.media.contents import NotTaken
from bot.gateway.serving import close_sockets
from bot.gateway.throttle import Networks, Throttles, peer_of
from bot.gateway.webchat.identity import (
    Identities,
    IdentityRefused,
    Vouched,
    session_of_customer,
    session_of_nobody,
)
from bot.gateway.webchat.sessions import SESSION_LIFETIME, hashed, holder_of, renew_session, visitor_of
from bot.gateway.webchat.sockets import Connection, Hello, Surroundings
from bot.store.database import transaction
from channels.contract import Malformed, Webhook, WebhookRejected
from channels.pacing import Book
from channels.webchat import WIDGET
from channels.webchat.inbound import is_index, language_of, parse

log = structlog.get_logger()

_LARGEST_FRAME = 64 * 1024
_LARGEST_SESSION_BODY = 16 * 1024
_HELLO_WITHIN = 10.0
_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Rates:
    """How often each thing may be done. Generous, since a whole office may share one address."""

    sessions: Throttles
    sockets: Throttles
    files: Throttles
    """By address."""
    pages: Throttles
    """By origin, all of it together."""
    uploads: Throttles
    """Files by visitor."""


def rates_in(book: Book) -> Rates:
    """What fills the database and the disk is counted by all gateways together, in `book`; what only keeps one gateway
    busy, by each."""
    return Rates(
        sessions=Throttles(name="webchat sessions", at_once=120, a_second=2, book=book),
        sockets=Throttles(at_once=240, a_second=4),
        files=Throttles(name="webchat files", at_once=40, a_second=0.5, book=book),
        pages=Throttles(at_once=3_000, a_second=200),
        uploads=Throttles(name="webchat uploads", at_once=10, a_second=0.2, book=book),
    )


class Webchat:
    """The routes."""

    def __init__(
        self,
        *,
        around: Surroundings,
        identities: Identities,
        trusted_proxies: Networks = (),
        rates: Rates,
    ) -> None:
        self._around = around
        self._identities = identities
        self._rates = rates
        self._trusted_proxies = trusted_proxies
        self._open: set[web.WebSocketResponse] = set()

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/widget.js", self.widget),
            web.options("/webchat/session", self.preflight),
            web.post("/webchat/session", self.session),
            web.options("/webchat/files", self.preflight),
            web.post("/webchat/files", self.file),
            web.get("/webchat/socket", self.socket),
        ]

    async def widget(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(
            WIDGET, headers={"Content-Type": "text/javascript; charset=utf-8", "Cache-Control": "public, max-age=300"}
        )

    async def preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=await self._cors(request))

    async def session(self, request: web.Request) -> web.Response:
        """A token for the visitor who holds `token`, for the customer whom `identity` vouches for, or for a new one."""
        cors = await self._admit(request, self._rates.sessions)
        body = await _json_of(request)
        if body is None:
            return web.json_response({"error": "malformed"}, status=400, headers=cors)
        try:
            vouched = self._identities.check(body["identity"]) if body.get("identity") is not None else None
        except IdentityRefused as refused:
            log.warning("webchat.identity_refused", code=str(refused))
            return web.json_response({"error": str(refused)}, status=401, headers=cors)
        old = body.get("token")
        token = await self._session(old if isinstance(old, str) else "", vouched, is_nobody="identity" in body)
        return web.json_response({"token": token, "expires_in": int(SESSION_LIFETIME.total_seconds())}, headers=cors)

    async def file(self, request: web.Request) -> web.Response:
        """Takes a file, and answers with the handle that a message is to name."""
        cors = await self._admit(request, self._rates.files)
        visitor = await self._bearer(request)
        if visitor is None:
            return web.json_response({"error": "expired"}, status=401, headers=cors)
        if not await self._rates.uploads.allows(visitor):
            return _too_many(self._rates.uploads, cors)
        try:
            taken = await self._around.uploads.take(request, visitor)
        except NotTaken as error:
            return web.json_response({"error": str(error)}, status=422, headers=cors)
        except (TimeoutError, ConnectionError):
            return web.json_response({"error": "too_slow"}, status=408, headers=cors)
        except OSError as error:
            log.error("webchat.vault", error=type(error).__name__)
            return web.json_response({"error": "unavailable"}, status=503, headers=cors)
        return web.json_response(taken, headers=cors)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        await self._admit(request, self._rates.sockets)
        # Compressed, an idle socket would hold 200 KB for frames of a few hundred bytes.
        socket = web.WebSocketResponse(heartbeat=25, max_msg_size=_LARGEST_FRAME, compress=False)
        await socket.prepare(request)
        metrics.sockets.inc()
        self._open.add(socket)
        try:
            with metrics.sockets_open.labels("webchat").track_inprogress():
                await self._greet(socket)
        finally:
            self._open.discard(socket)
        return socket

    async def close(self, _app: web.Application) -> None:
        """The widgets reconnect by themselves, to this gateway's successor."""
        await close_sockets(self._open)

    async def _admit(self, request: web.Request, by_address: Throttles) -> dict[str, str]:
        """The headers of the answer, if this page may ask, and has not asked too often."""
        cors = await self._cors(request)
        forwarded: Sequence[str] = request.headers.getall("X-Forwarded-For", [])
        peer = peer_of(request.remote, forwarded, self._trusted_proxies)
        for throttles, who in ((by_address, peer), (self._rates.pages, request.headers["Origin"].lower())):
            if not await throttles.allows(who):
                metrics.webhooks.labels("webchat", "too_many").inc()
                raise web.HTTPTooManyRequests(headers={**cors, "Retry-After": str(throttles.retry_after)})
        return cors

    async def _cors(self, request: web.Request) -> dict[str, str]:
        try:
            await self._around.channel.verify(Webhook(method=request.method, headers=request.headers))
        except WebhookRejected as error:
            raise web.HTTPForbidden(text=str(error)) from None
        return {
            "Access-Control-Allow-Origin": request.headers["Origin"],
            "Access-Control-Allow-Headers": "Authorization, Content-Type, X-File-Name",
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Expose-Headers": "Retry-After",
            "Access-Control-Max-Age": "600",
            "Cache-Control": "no-store",
            "Vary": "Origin",
        }

    async def _session(self, old: str, vouched: Vouched | None, *, is_nobody: bool) -> str:
        for attempt in range(_TRIES):
            try:
                async with transaction(self._around.engine) as connection:
                    before = await holder_of(connection, old) if old else None
                    token = await self._new_session(connection, old, vouched, is_nobody)
                if before is not None and token != old:
                    self._around.hub.push(before)  # who is to be told that it is over
                return token
            except IntegrityError:
                # Somebody else has just stored the same customer or visitor: look again and find them there.
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    async def _new_session(
        self, connection: AsyncConnection, old: str, vouched: Vouched | None, is_nobody: bool
    ) -> str:
        now = self._around.clock()
        if vouched is not None:
            return await session_of_customer(connection, old, vouched, now)
        if is_nobody:
            return await session_of_nobody(connection, old, now)
        return await renew_session(connection, old, now)

    async def _bearer(self, request: web.Request) -> str | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        async with transaction(self._around.engine) as connection:
            return await visitor_of(connection, token.strip(), self._around.clock())

    async def _greet(self, socket: web.WebSocketResponse) -> None:
        frame = await _first_frame(socket)
        if frame is None:
            return
        async with self._around.looks, transaction(self._around.engine, durable=False) as connection:
            visitor = await visitor_of(connection, frame["token"], self._around.clock())
        if visitor is None:
            await socket.send_json({"type": "expired"})
            await socket.close()
            return
        hello = Hello(
            visitor=visitor,
            token_hash=hashed(frame["token"]),
            cursor=frame["cursor"],
            language=language_of(frame),
        )
        await Connection(self._around, socket, hello).run()


async def _json_of(request: web.Request) -> dict[str, Any] | None:
    """The body as an object; an empty one is an empty object. None for anything else."""
    if (request.content_length or 0) > _LARGEST_SESSION_BODY:
        return None
    try:
        body = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _too_many(throttles: Throttles, cors: dict[str, str]) -> web.Response:
    headers = {**cors, "Retry-After": str(throttles.retry_after)}
    return web.json_response({"error": "too_fast"}, status=429, headers=headers)


async def _first_frame(socket: web.WebSocketResponse) -> dict[str, Any] | None:
    """The widget's hello; None, with the socket closed, if something else came or nothing in time."""
    try:
        data = await asyncio.wait_for(socket.receive_str(), _HELLO_WITHIN)
        hello = parse(data)
        cursor = hello.get("cursor", 0)
        if hello["type"] != "hello" or not isinstance(hello.get("token"), str) or not is_index(cursor):
            raise Malformed("malformed")
    except (TimeoutError, TypeError, Malformed):
        await socket.close(code=WSCloseCode.POLICY_VIOLATION)
        return None
    return {**hello, "cursor": cursor}
