"""An agent's own: who they are, their password, second factor and sessions."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.access import guesses, staff, totp
from bot.gateway.desk.access.administration import languages_of
from bot.gateway.desk.access.guard import Guard
from bot.gateway.desk.access.login import client_of
from bot.gateway.desk.access.origins import SESSION
from bot.gateway.desk.access.passwords import Passwords, WeakPassword, check_strength
from bot.gateway.desk.access.refusing import Refused, body_of, invalid, one_of, secret, text
from bot.gateway.desk.access.sessions import LONGEST, Agent, begin_session, csrf_of, end_session, sessions_of
from bot.gateway.desk.access.teams import teams_json
from bot.store.auditing import note
from bot.store.database import reading, transaction
from bot.store.desk_tables import agents

_SHORT = ("id", "name", "role", "availability", "languages", "online", "open")


class Me:
    """The routes. `channels`: the names of those that the gateway serves."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        clock: Callable[[], datetime],
        guard: Guard,
        passwords: Passwords,
        channels: Collection[str],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._guard = guard
        self._passwords = passwords
        self._channels = channels

    def routes(self) -> list[web.AbstractRouteDef]:
        guard = self._guard
        return [
            guard.get("/desk/api/me", self.show),
            guard.post("/desk/api/me", self.change),
            guard.get("/desk/api/me/sessions", self.show_sessions),
            guard.delete("/desk/api/me/sessions/{id:[0-9a-f]{16}}", self.end_session),
            guard.post("/desk/api/me/totp", self.second_factor),
            guard.delete("/desk/api/me/totp", self.no_second_factor),
        ]

    async def show(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        return web.json_response(await self._described(agent, self._guard.origins.cookie(request, SESSION)))

    async def change(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        """Answers as `show` does. With a new password all sessions are over, and this browser is given a new one."""
        body, now = await body_of(request), self._clock()
        values: dict[str, Any] = {}
        if "availability" in body:
            values["availability"] = one_of(body, "availability", staff.AVAILABILITIES)
        if "languages" in body:
            values["languages"] = languages_of(body)
        if values:
            async with transaction(self._engine) as connection:
                await staff.change_agent(connection, agent.id, values, by=agent.id, now=now)
        token = self._guard.origins.cookie(request, SESSION)
        if "password" not in body:
            return web.json_response(await self._described(agent, token))
        token = await self._new_password(request, agent, body["password"])
        response = web.json_response(await self._described(agent, token))
        self._guard.origins.set_cookie(request, response, SESSION, token, LONGEST)
        return response

    async def show_sessions(self, _request: web.Request, agent: Agent) -> web.StreamResponse:
        async with reading(self._engine) as connection:
            found = await sessions_of(connection, agent.id, self._clock())
        items = [{**one, "this": agent.session.startswith(one["id"])} for one in found]
        return web.json_response({"items": items})

    async def end_session(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        async with transaction(self._engine) as connection:
            if not await end_session(connection, agent.id, request.match_info["id"]):
                raise Refused(404, "unknown")
            await note(connection, agent.id, "session_ended", now=self._clock())
        return web.json_response({})

    async def second_factor(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        """A secret to put into an app; and then the first code from it, which switches the second factor on."""
        body, now = await body_of(request), self._clock()
        if (await self._row(agent)).totp_secret is not None:
            raise Refused(409, "already")
        if "secret" not in body:
            shared = totp.new_secret()
            uri = totp.uri_of(shared, agent.login)
            return web.json_response({"secret": shared, "uri": uri, "qr": totp.picture_of(uri)})
        shared, code = text(body, "secret", longest=64), text(body, "code", longest=32)
        if not totp.is_secret(shared):
            raise invalid("secret", "is not one that was made here")
        step = totp.step_of(shared, code, now)
        if step is None:
            raise Refused(401, "wrong")
        async with transaction(self._engine) as connection:
            unset = (agents.c.id == agent.id, agents.c.totp_secret.is_(None))
            on = {"totp_secret": shared, "totp_last": step}
            if (await connection.execute(sa.update(agents).where(*unset).values(**on))).rowcount != 1:
                raise Refused(409, "already")
            await note(connection, agent.id, "totp_on", now=now)
        return web.json_response({})

    async def no_second_factor(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        body = await body_of(request)
        await self._check_password(agent, secret(body, "password"))
        async with transaction(self._engine) as connection:
            off = sa.update(agents).where(agents.c.id == agent.id).values(totp_secret=None, totp_last=None)
            await connection.execute(off)
            await note(connection, agent.id, "totp_off", now=self._clock())
        return web.json_response({})

    async def _new_password(self, request: web.Request, agent: Agent, given: Any) -> str:
        """The token of a new session, the only one that there is then."""
        if not isinstance(given, dict):
            raise invalid("password", "is written like {old, new}")
        new = secret(given, "new")
        try:
            check_strength(new, agent.login)
        except WeakPassword as weak:
            raise invalid("password", str(weak)) from None
        known = await self._check_password(agent, secret(given, "old"))
        hash, now = await self._passwords.hash(new), self._clock()
        async with transaction(self._engine) as connection:
            mine = sa.select(agents.c.id).where(agents.c.id == agent.id, agents.c.password_hash == known)
            if (await connection.execute(mine.with_for_update())).first() is None:
                raise Refused(409, "changed")
            await staff.change_agent(connection, agent.id, {"password_hash": hash}, by=agent.id, now=now)
            client = client_of(request.headers.get("User-Agent", ""))
            return await begin_session(connection, agent.id, client=client, now=now)

    async def _check_password(self, agent: Agent, password: str) -> str:
        """The hash that it matches. A stolen session has no more guesses here than at the door. Raises Refused."""
        keys = (guesses.key_of("self", agent.id),)
        async with reading(self._engine) as connection:
            wait = await guesses.seconds_to_wait(connection, keys, self._clock())
        if wait:
            raise Refused(429, "locked", retry_after=wait)
        known = (await self._row(agent)).password_hash
        if not await self._passwords.matches(password, known):
            async with transaction(self._engine) as connection:
                await guesses.note_guess(connection, keys, self._clock(), agent=agent.id)
            raise Refused(401, "wrong")
        return str(known)

    async def _row(self, agent: Agent) -> Any:
        async with reading(self._engine) as connection:
            return (await connection.execute(sa.select(agents).where(agents.c.id == agent.id))).one()

    async def _described(self, agent: Agent, token: str) -> dict[str, Any]:
        now = self._clock()
        async with reading(self._engine) as connection:
            everybody = await staff.agents_json(connection, now)
            all_teams = await teams_json(connection, now)
            has_totp = await _has_totp(connection, agent.id)
        return {
            "agent": next(one for one in everybody if one["id"] == agent.id),
            "csrf": csrf_of(token),
            "totp": has_totp,
            "teams": all_teams,
            "colleagues": [{name: one[name] for name in _SHORT} for one in everybody if not one["disabled"]],
            "settings": {"channels": sorted(self._channels), "rating": True},
        }


async def _has_totp(connection: AsyncConnection, agent: str) -> bool:
    found = await connection.execute(sa.select(agents.c.totp_secret).where(agents.c.id == agent))
    return found.scalar_one() is not None
