"""Agents and teams as admins change them; everybody at the desk sees them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.access import staff
from bot.gateway.desk.access.guard import Guard
from bot.gateway.desk.access.passwords import Passwords, WeakPassword, check_strength
from bot.gateway.desk.access.refusing import Refused, body_of, invalid, one_of, secret, text, texts, whole, yes_or_no
from bot.gateway.desk.access.sessions import ROLES, Agent
from bot.gateway.desk.access.staff import AVAILABILITIES, Exists, LastAdmin, NewAgent
from bot.gateway.desk.access.teams import ASSIGNMENTS, UnknownAgent, add_team, change_team, teams_json
from bot.store.database import reading, transaction
from bot.store.desk_tables import agents
from bot.store.hours import checked

_MOST = 50
_MOST_MEMBERS = 500


class Administration:
    """The routes."""

    def __init__(
        self, *, engine: AsyncEngine, clock: Callable[[], datetime], guard: Guard, passwords: Passwords
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._guard = guard
        self._passwords = passwords

    def routes(self) -> list[web.AbstractRouteDef]:
        guard = self._guard
        return [
            guard.get("/desk/api/agents", self.show_agents),
            guard.post("/desk/api/agents", self.add_agent, role="admin"),
            guard.post("/desk/api/agents/{id:[0-9a-f]{32}}", self.change_agent, role="supervisor"),
            guard.get("/desk/api/teams", self.show_teams),
            guard.post("/desk/api/teams", self.add_team, role="admin"),
            guard.post("/desk/api/teams/{id:[0-9]{1,9}}", self.change_team, role="admin"),
        ]

    async def show_agents(self, _request: web.Request, _agent: Agent) -> web.StreamResponse:
        async with reading(self._engine) as connection:
            return web.json_response({"items": await staff.agents_json(connection, self._clock())})

    async def add_agent(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        body, now = await body_of(request), self._clock()
        login = login_of(body)
        values = _agent_values({"role": "agent", "languages": [], "topics": [], "capacity": staff.CAPACITY, **body})
        new = NewAgent(
            login=login,
            name=text(body, "name", longest=100),
            role=values["role"],
            password_hash=await self._passwords.hash(_new_password(body, login)),
            languages=values["languages"],
            topics=values["topics"],
            capacity=values["capacity"],
        )
        try:
            async with transaction(self._engine) as connection:
                added = await staff.add_agent(connection, new, by=agent.id, now=now)
                return await _answer(connection, added, now)
        except Exists:
            raise Refused(409, "exists") from None

    async def change_agent(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        """Supervisors may say that somebody is away, and nothing else."""
        body, now, whose = await body_of(request), self._clock(), request.match_info["id"]
        if not agent.is_at_least("admin") and body != {"availability": "away"}:
            raise Refused(403, "not_allowed")
        async with reading(self._engine) as connection:
            row = (await connection.execute(sa.select(agents.c.login).where(agents.c.id == whose))).one_or_none()
        if row is None:
            raise Refused(404, "unknown")
        values = _agent_values(body)
        if "disabled" in body:
            values["disabled_at"] = now if yes_or_no(body, "disabled") else None
        if "password" in body:
            values["password_hash"] = await self._passwords.hash(_new_password(body, row.login))
        if "totp" in body:
            if yes_or_no(body, "totp"):
                raise invalid("totp", "is switched on by the agent alone")
            values |= {"totp_secret": None, "totp_last": None}
        if not values:
            raise Refused(422, "invalid", field="", why="nothing is to be changed")
        try:
            async with transaction(self._engine) as connection:
                await staff.change_agent(connection, whose, values, by=agent.id, now=now)
                return await _answer(connection, whose, now)
        except LastAdmin:
            raise Refused(409, "last_admin") from None

    async def show_teams(self, _request: web.Request, _agent: Agent) -> web.StreamResponse:
        async with reading(self._engine) as connection:
            return web.json_response({"items": await teams_json(connection, self._clock())})

    async def add_team(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        body, now = await body_of(request), self._clock()
        name, values = text(body, "name", longest=100), _team_values(body)
        values.pop("name")
        members = texts(body, "members", longest=32, most=_MOST_MEMBERS) if "members" in body else ()
        try:
            async with transaction(self._engine) as connection:
                team = await add_team(connection, name, values, members=members, by=agent.id, now=now)
                return await self._answer_team(connection, team)
        except (Exists, UnknownAgent) as error:
            raise _team_refused(error) from None

    async def change_team(self, request: web.Request, agent: Agent) -> web.StreamResponse:
        body, now, team = await body_of(request), self._clock(), int(request.match_info["id"])
        values = _team_values(body)
        members = texts(body, "members", longest=32, most=_MOST_MEMBERS) if "members" in body else None
        try:
            async with transaction(self._engine) as connection:
                if not await change_team(connection, team, values, members=members, by=agent.id, now=now):
                    raise Refused(404, "unknown")
                return await self._answer_team(connection, team)
        except (Exists, UnknownAgent) as error:
            raise _team_refused(error) from None

    async def _answer_team(self, connection: AsyncConnection, team: int) -> web.Response:
        [answer] = [one for one in await teams_json(connection, self._clock()) if one["id"] == team]
        return web.json_response(answer)


def login_of(body: dict[str, Any]) -> str:
    """The name that is typed to log in, in lower case. Raises Refused."""
    login = text(body, "login", longest=255).lower()
    if not staff.LOGIN.fullmatch(login):
        raise invalid("login", "is made of letters, digits and . _ @ + -")
    return login


def languages_of(body: dict[str, Any]) -> list[str]:
    """Raises Refused."""
    languages = texts(body, "languages", longest=35, most=_MOST)
    if not all(staff.LANGUAGE.fullmatch(one) for one in languages):
        raise invalid("languages", "are written like en or zh-Hans")
    return languages


def _new_password(body: dict[str, Any], login: str) -> str:
    password = secret(body, "password")
    try:
        check_strength(password, login)
    except WeakPassword as weak:
        raise invalid("password", str(weak)) from None
    return password


def _agent_values(body: dict[str, Any]) -> dict[str, Any]:
    """The columns that the body names."""
    read: dict[str, Callable[[], Any]] = {
        "role": lambda: one_of(body, "role", ROLES),
        "name": lambda: text(body, "name", longest=100),
        "languages": lambda: languages_of(body),
        "topics": lambda: texts(body, "topics", longest=64, most=_MOST),
        "capacity": lambda: whole(body, "capacity", least=0, most=100),
        "availability": lambda: one_of(body, "availability", AVAILABILITIES),
    }
    return {name: value() for name, value in read.items() if name in body}


def _team_values(body: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Callable[[], Any]] = {
        "name": lambda: text(body, "name", longest=100),
        "topics": lambda: texts(body, "topics", longest=64, most=_MOST),
        "hours": lambda: _hours(body["hours"]),
        "answer_within": lambda: whole(body, "answer_within", least=10, most=86_400),
        "assignment": lambda: one_of(body, "assignment", ASSIGNMENTS),
    }
    return {name: value() for name, value in read.items() if name in body}


def _hours(given: Any) -> dict[str, Any]:
    try:
        return checked(given)
    except ValueError as error:
        raise invalid("hours", str(error)) from None


def _team_refused(error: Exception) -> Refused:
    if isinstance(error, Exists):
        return Refused(409, "exists")
    return invalid("members", "are ids of agents who are not disabled")


async def _answer(connection: AsyncConnection, agent: str, now: datetime) -> web.Response:
    [answer] = await staff.agents_json(connection, now, only=[agent])
    return web.json_response(answer)
