"""Logging in and out.

Whether there is such a login, neither the answer nor its time tells. All of a try, from looking at the counts to
counting it, is done for two at a time, so that many at once have no more tries than one after the other.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.access import guesses, totp
from bot.gateway.desk.access.origins import DEVICE, SESSION, Origins
from bot.gateway.desk.access.passwords import Passwords
from bot.gateway.desk.access.refusing import Refused, answering, body_of, secret, text
from bot.gateway.desk.access.sessions import LONGEST, Agent, begin_session, csrf_of, end_session
from bot.gateway.signing import Signer
from bot.gateway.throttle import Networks, Throttles, peer_of
from bot.store.auditing import note
from bot.store.database import reading, transaction
from bot.store.desk_tables import agents
from channels.pacing import Book

_KNOWN_FOR = timedelta(days=180)
_AT_A_TIME, _IN_LINE = 2, 40


@dataclass(frozen=True, kw_only=True)
class Try:
    """One."""

    login: str
    password: str
    code: str
    device: str
    """Of a browser that this login was logged in with before; empty: unknown."""
    peer: str
    client: str

    @property
    def keys(self) -> Sequence[str]:
        """What it is counted as."""
        if self.device:
            return (guesses.key_of("device", self.device),)
        return (guesses.key_of_login(self.login), guesses.key_of("peer", self.peer))


class Login:
    """The routes."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        clock: Callable[[], datetime],
        origins: Origins,
        passwords: Passwords,
        trusted_proxies: Networks = (),
        book: Book | None = None,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._origins = origins
        self._passwords = passwords
        self._devices = Signer(engine=engine, purpose="desk-device", clock=clock)
        self._trusted_proxies = trusted_proxies
        self._knocks = Throttles(name="desk log-ins", at_once=60, a_second=1, book=book)
        self._turns = asyncio.Semaphore(_AT_A_TIME)
        self._in_line = 0

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.post("/desk/api/login", answering(self.login))]

    async def login(self, request: web.Request) -> web.StreamResponse:
        self._origins.check(request)
        peer = peer_of(request.remote, request.headers.getall("X-Forwarded-For", []), self._trusted_proxies)
        if not await self._knocks.allows(peer):
            raise Refused(429, "locked", retry_after=self._knocks.retry_after)
        body = await body_of(request)
        login = text(body, "login", longest=255).lower()
        given = Try(
            login=login,
            password=secret(body, "password"),
            code=secret(body, "code", longest=32) if body.get("code") else "",
            device=await self._device_of(request, login),
            peer=peer,
            client=client_of(request.headers.get("User-Agent", "")),
        )
        return await self._answer(request, given, await self._in_turn(given))

    async def logout(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        async with transaction(self._engine) as connection:
            await end_session(connection, agent.id, agent.session)
            await note(connection, agent.id, "logged_out", now=self._clock())
        response = web.json_response({})
        self._origins.drop_cookie(request, response, SESSION)
        return response

    async def _in_turn(self, given: Try) -> str:
        if self._in_line >= _IN_LINE:
            raise Refused(429, "locked", retry_after=2)
        self._in_line += 1
        try:
            async with self._turns:
                return await self._try(given)
        finally:
            self._in_line -= 1

    async def _try(self, given: Try) -> str:
        """The token of a new session. Raises Refused."""
        row = await self._look(given)
        known = row.password_hash if row is not None else None
        if not await self._passwords.matches(given.password, known):
            raise await self._wrong(given, row)
        better = await self._passwords.hash(given.password) if self._passwords.is_outdated(known) else None
        async with transaction(self._engine) as connection:
            if await _is_still(connection, row.id, known):
                if row.totp_secret and not given.code:
                    raise Refused(401, "code_needed")
                if not row.totp_secret or await use_code(connection, row, given.code, self._clock()):
                    return await self._begin(connection, row.id, given, better)
        raise await self._wrong(given, row)

    async def _wrong(self, given: Try, row: Any) -> Refused:
        async with transaction(self._engine) as connection:
            await guesses.note_guess(connection, given.keys, self._clock(), agent=row.id if row else None)
        return Refused(401, "wrong")

    async def _look(self, given: Try) -> Any:
        """The agent of this login who may log in, or None. Raises Refused where it was tried too often."""
        async with reading(self._engine) as connection:
            wait = await guesses.seconds_to_wait(connection, given.keys, self._clock())
            theirs = sa.select(agents).where(agents.c.login == given.login, agents.c.disabled_at.is_(None))
            row = (await connection.execute(theirs)).one_or_none()
        if wait:
            raise Refused(429, "locked", retry_after=wait)
        return row

    async def _begin(self, connection: AsyncConnection, agent: str, given: Try, better: str | None) -> str:
        now = self._clock()
        if better is not None:
            await connection.execute(sa.update(agents).where(agents.c.id == agent).values(password_hash=better))
        await note(connection, agent, "logged_in", now=now, client=given.client, peer=given.peer)
        return await begin_session(connection, agent, client=given.client, now=now)

    async def _answer(self, request: web.Request, given: Try, token: str) -> web.Response:
        response = web.json_response({"csrf": csrf_of(token)})
        self._origins.set_cookie(request, response, SESSION, token, LONGEST)
        claims = {"sub": guesses.key_of_login(given.login), "jti": given.device or secrets.token_hex(8)}
        device = await self._devices.sign(claims, _KNOWN_FOR)
        self._origins.set_cookie(request, response, DEVICE, device, _KNOWN_FOR)
        return response

    async def _device_of(self, request: web.Request, login: str) -> str:
        token = self._origins.cookie(request, DEVICE)
        claims = await self._devices.check(token) if token else None
        if claims is None or claims.get("sub") != guesses.key_of_login(login):
            return ""
        return str(claims.get("jti", ""))


async def _is_still(connection: AsyncConnection, agent: str, known: str | None) -> bool:
    """Whether the agent may still log in with the password that was checked. The row is held until the commit, so that
    a change of the password ends this session too, or comes before it."""
    mine = sa.select(agents.c.id).where(
        agents.c.id == agent, agents.c.password_hash == known, agents.c.disabled_at.is_(None)
    )
    return (await connection.execute(mine.with_for_update())).first() is not None


async def use_code(connection: AsyncConnection, agent: Any, code: str, now: datetime) -> bool:
    """Whether the code is good for this row of `agents`; then it is good no more."""
    step = totp.step_of(agent.totp_secret, code, now)
    if step is None:
        return False
    unused = sa.or_(agents.c.totp_last.is_(None), agents.c.totp_last < step)
    used = await connection.execute(sa.update(agents).where(agents.c.id == agent.id, unused).values(totp_last=step))
    return used.rowcount == 1


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def client_of(user_agent: str) -> str:
    """Such as "Firefox, Linux", so that people know their sessions; no more of it is kept."""
    shown = [
        next((name for sign, name in known if re.search(rf"\b{sign}\b", user_agent)), "")
        for known in (_BROWSERS, _SYSTEMS)
    ]
    return ", ".join(filter(None, shown))
