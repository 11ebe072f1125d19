"""Lets nobody through who may not: session, role, origin and the token against forged requests."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.access.origins import SESSION, Origins
from bot.gateway.desk.access.refusing import Refused, answering
from bot.gateway.desk.access.sessions import Agent, csrf_of, seen, who_holds
from bot.store.database import reading, transaction

Handler = Callable[[web.Request, Agent], Awaitable[web.StreamResponse]]

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
}


async def strict_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: whatever is answered under /desk, errors too, runs nothing from elsewhere, is shown in
    nobody's frame, and what the API says is kept by no cache."""
    if request.path != "/desk" and not request.path.startswith("/desk/"):
        return
    response.headers.update(_HEADERS)
    if request.path.startswith("/desk/api/"):
        response.headers["Cache-Control"] = "no-store"


class Guard:
    """Makes routes of handlers."""

    def __init__(self, *, engine: AsyncEngine, clock: Callable[[], datetime], origins: Origins) -> None:
        self._engine = engine
        self._clock = clock
        self.origins = origins

    def get(self, path: str, handler: Handler, *, role: str = "agent") -> web.RouteDef:
        return web.get(path, self._guarded(handler, role), allow_head=False)

    def post(self, path: str, handler: Handler, *, role: str = "agent") -> web.RouteDef:
        return web.post(path, self._guarded(handler, role, changes=True))

    def delete(self, path: str, handler: Handler, *, role: str = "agent") -> web.RouteDef:
        return web.delete(path, self._guarded(handler, role, changes=True))

    def socket(self, path: str, handler: Handler, *, role: str = "agent") -> web.RouteDef:
        """Browsers let any page open a socket anywhere, and send our cookie with it: the origin is all that tells."""
        return web.get(path, self._guarded(handler, role, own_page=True), allow_head=False)

    def _guarded(
        self, handler: Handler, role: str, *, changes: bool = False, own_page: bool = False
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if changes or own_page:
                self.origins.check(request)
            agent = await self._who(request)
            if changes:
                self._check_token(request)
            if not agent.is_at_least(role):
                raise Refused(403, "not_allowed")
            return await handler(request, agent)

        return answering(guarded)

    async def _who(self, request: web.Request) -> Agent:
        token, now = self.origins.cookie(request, SESSION), self._clock()
        if not token:
            raise Refused(401, "logged_out")
        async with reading(self._engine) as connection:
            found = await who_holds(connection, token, now)
        if found is None:
            raise Refused(401, "logged_out")
        agent, is_to_be_told = found
        if is_to_be_told:
            async with transaction(self._engine, durable=False) as connection:
                await seen(connection, agent.session, now)
        return agent

    def _check_token(self, request: web.Request) -> None:
        given = request.headers.get("X-CSRF", "")
        if not hmac.compare_digest(
            given.encode("utf-8", "replace"), csrf_of(self.origins.cookie(request, SESSION)).encode()
        ):
            raise Refused(403, "csrf")
