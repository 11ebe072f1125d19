"""Agents with passwords, and browsers in which they work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from aiohttp import ClientResponse, ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.access import Agent, Guard, Origins, strict_headers
from bot.gateway.desk.access.doors import access_routes
from bot.gateway.desk.access.passwords import Passwords
from bot.gateway.desk.access.staff import NewAgent, add_agent
from bot.store.database import transaction
from tests.database import NOON, Clock

PASSWORD = "the kettle sings at seven"


@asynccontextmanager
async def open_desk(
    engine: AsyncEngine,
    clock: Clock,
    *,
    public_url: str | None = None,
    hasher: PasswordHasher | None = None,
    more: Collection[web.RouteDef] = (),
) -> AsyncIterator[str]:
    """The doors of a desk and nothing behind them, at the address that this gives."""
    guard = Guard(engine=engine, clock=clock, origins=Origins(public_url=public_url))
    app = web.Application()
    app.on_response_prepare.append(strict_headers)
    served: dict[str, Any] = {"engine": engine, "clock": clock, "guard": guard, "channels": ["webchat", "telegram"]}
    app.add_routes(access_routes(**served, passwords=Passwords(hasher or CHEAP)))
    app.add_routes([guard.socket("/desk/socket", _echo), web.get("/healthz", _healthy), *more])
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


async def _echo(request: web.Request, agent: Agent) -> web.StreamResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    await socket.send_str(agent.login)
    await socket.close()
    return socket


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ok")


CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
"""Most tests are about what happens around the hashing."""


@cache
def hash_of(password: str) -> str:
    return CHEAP.hash(password)


async def hire(
    engine: AsyncEngine,
    login: str,
    *,
    role: str = "agent",
    password: str | None = PASSWORD,
    languages: Collection[str] = (),
    topics: Collection[str] = (),
    capacity: int = 5,
) -> str:
    """Add an agent; their id."""
    new = NewAgent(
        login=login,
        name=login.capitalize(),
        role=role,
        password_hash=hash_of(password) if password else None,
        languages=languages,
        topics=topics,
        capacity=capacity,
    )
    async with transaction(engine) as connection:
        return await add_agent(connection, new, by="operator", now=NOON)


class Browser:
    """One, with cookies of its own, on the desk's page."""

    def __init__(self, url: str, *, origin: str | None = None, host: str | None = None) -> None:
        self.url = url
        self.origin = origin or url
        self.host = host
        self.csrf = ""
        self.http = ClientSession(cookie_jar=CookieJar(unsafe=True))

    async def __aenter__(self) -> Browser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.close()

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.http.get(self.url + path, headers=self._host()) as answer:
            return await _read(answer)

    async def post(self, path: str, body: Any = None, *, method: str = "POST", **headers: str) -> tuple[int, Any]:
        """As the page does it: with the token and the origin, unless `headers` say otherwise."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Origin": self.origin, "X-CSRF": self.csrf, **self._host(), **said}
        sent = {name: value for name, value in sent.items() if value}
        async with self.http.request(method, self.url + path, json=body or {}, headers=sent) as answer:
            return await _read(answer)

    async def delete(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return await self.post(path, body, method="DELETE", **headers)

    async def log_in(self, login: str, password: str = PASSWORD, **more: str) -> tuple[int, Any]:
        status, said = await self.post("/desk/api/login", {"login": login, "password": password, **more})
        if status == 200:
            self.csrf = said["csrf"]
        return status, said

    @property
    def cookies(self) -> dict[str, Any]:
        return {cookie.key: cookie for cookie in self.http.cookie_jar}

    def _host(self) -> dict[str, str]:
        return {"Host": self.host} if self.host else {}


async def _read(answer: ClientResponse) -> tuple[int, Any]:
    is_json = answer.content_type == "application/json"
    return answer.status, await answer.json() if is_json else await answer.text()
