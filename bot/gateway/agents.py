"""`throughline agents`: who may use the desk, before anybody can log in to say so.

A password is asked for, or read from the input, and shown nowhere: on a command line every user of the machine could
read it.
"""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.desk.access import staff
from bot.gateway.desk.access.passwords import LONGEST, SHORTEST, Passwords, WeakPassword, check_strength
from bot.gateway.desk.access.staff import Exists, LastAdmin, NewAgent
from bot.gateway.desk.access.teams import add_team, find_team, join_team, teams_json
from bot.gateway.migrate import upgrade
from bot.gateway.opening import opened
from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.store.database import reading, transaction
from bot.store.desk_tables import agents
from bot.store.hours import checked

OPERATOR = "operator"
"""Who it was, in the record."""

_WEAK = {
    "too_short": f"it has fewer than {SHORTEST} characters",
    "too_long": f"it has more than {LONGEST} characters",
    "is_login": "it is the login",
    "too_common": "it is among the first that anybody would guess",
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Whom to add, as it was typed."""

    login: str
    name: str | None = None
    role: str = "agent"
    teams: Sequence[str] = ()
    languages: Sequence[str] = ()
    topics: Sequence[str] = ()
    capacity: int = staff.CAPACITY


@dataclass(frozen=True, kw_only=True)
class WantedTeam:
    """A team, as it was typed. `hours`: JSON, or the path of a file that holds it."""

    name: str
    hours: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    """Topics, answer_within, assignment."""


async def add(settings: Settings, wanted: Wanted, password: str) -> None:
    """Raises CannotRun."""
    login = _login(wanted.login)
    for language in wanted.languages:
        if not staff.LANGUAGE.fullmatch(language):
            raise CannotRun(f"{language!r} is no language: they are written like en or zh-Hans.")
    new = NewAgent(
        login=login,
        name=wanted.name or wanted.login,
        role=wanted.role,
        password_hash=await _hash(password, login),
        languages=wanted.languages,
        topics=wanted.topics,
        capacity=wanted.capacity,
    )
    async with _open(settings) as engine, transaction(engine) as connection:
        if await staff.find_agent(connection, login) is not None:
            raise CannotRun(f"there is an agent {login} already.")
        found = [await _team(connection, name) for name in wanted.teams]
        agent = await staff.add_agent(connection, new, by=OPERATOR, now=datetime.now(UTC))
        for team in found:
            await join_team(connection, team, agent)


async def set_password(settings: Settings, login: str, password: str, *, without_code: bool) -> None:
    """Ends all of the agent's sessions. `without_code`: for who has lost the second factor. Raises CannotRun."""
    changes: dict[str, Any] = {"password_hash": await _hash(password, _login(login))}
    if without_code:
        changes |= {"totp_secret": None, "totp_last": None}
    await _change(settings, login, changes)


async def disable(settings: Settings, login: str) -> None:
    """What the agent has in hand goes back to the queue. Raises CannotRun."""
    await _change(settings, login, {"disabled_at": datetime.now(UTC)})


async def enable(settings: Settings, login: str) -> None:
    """Raises CannotRun."""
    await _change(settings, login, {"disabled_at": None})


async def known_agents(settings: Settings) -> list[dict[str, Any]]:
    """As the desk shows them. Raises CannotRun."""
    async with _open(settings) as engine, reading(engine) as connection:
        return await staff.agents_json(connection, datetime.now(UTC))


async def new_team(settings: Settings, wanted: WantedTeam) -> None:
    """Raises CannotRun."""
    values = {**wanted.values, **({"hours": read_hours(wanted.hours)} if wanted.hours else {})}
    async with _open(settings) as engine:
        try:
            async with transaction(engine) as connection:
                await add_team(connection, wanted.name, values, by=OPERATOR, now=datetime.now(UTC))
        except Exists:
            raise CannotRun(f"there is a team {wanted.name!r} already.") from None


async def known_teams(settings: Settings) -> list[dict[str, Any]]:
    """As the desk shows them. Raises CannotRun."""
    async with _open(settings) as engine, reading(engine) as connection:
        return await teams_json(connection, datetime.now(UTC))


def listed(found: Sequence[dict[str, Any]]) -> str:
    """Agents, for a terminal."""
    if not found:
        return "There are no agents yet: `throughline agents add LOGIN --name NAME --role admin` adds the first."
    lines = [f"{'login':<24}  {'name':<24}  {'role':<10}  {'state':<9}  {'open':>4}  languages"]
    for one in found:
        state = "disabled" if one["disabled"] else one["availability"] if one["online"] else "offline"
        languages = ", ".join(one["languages"]) or "any"
        shown = f"{one['login']:<24}  {one['name']:<24}  {one['role']:<10}  {state:<9}  {one['open']:>4}  {languages}"
        lines.append(shown)
    return "\n".join(lines)


def listed_teams(found: Sequence[dict[str, Any]]) -> str:
    """For a terminal."""
    if not found:
        return "There are no teams: whatever waits, any agent may take."
    lines = [f"{'name':<24}  {'now':<6}  {'assignment':<10}  {'answer in':>9}  {'agents':>6}  topics"]
    for one in found:
        now, topics = "open" if one["open"] else "closed", ", ".join(one["topics"]) or "whatever nobody else takes"
        within, agents_in = f"{one['answer_within']} s", len(one["members"])
        lines.append(f"{one['name']:<24}  {now:<6}  {one['assignment']:<10}  {within:>9}  {agents_in:>6}  {topics}")
    return "\n".join(lines)


def ask_password(*, from_input: bool) -> str:
    """Typed twice at the terminal, or the first line of the input. Raises CannotRun."""
    if from_input:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CannotRun("there is no terminal to ask for the password: give it on the input, with --password-stdin.")
    password = getpass.getpass("Password: ")
    if password != getpass.getpass("Again: "):
        raise CannotRun("these were two different passwords.")
    return password


def read_hours(given: str) -> dict[str, Any]:
    """Raises CannotRun."""
    try:
        text = given if given.lstrip().startswith("{") else Path(given).read_text(encoding="utf-8")
        return checked(json.loads(text))
    except OSError as error:
        raise CannotRun(f"{given} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise CannotRun(f"these hours cannot be: {error}.") from None


async def _change(settings: Settings, login: str, changes: dict[str, Any]) -> None:
    async with _open(settings) as engine, transaction(engine) as connection:
        found = await connection.execute(sa.select(agents.c.id).where(agents.c.login == _login(login)))
        agent = found.scalar_one_or_none()
        if agent is None:
            raise CannotRun(f"there is no agent {login}. `throughline agents list` lists those that there are.")
        try:
            await staff.change_agent(connection, agent, changes, by=OPERATOR, now=datetime.now(UTC))
        except LastAdmin:
            raise CannotRun(f"{login} is the last admin: nobody could let anybody in any more.") from None


async def _hash(password: str, login: str) -> str:
    try:
        check_strength(password, login)
    except WeakPassword as weak:
        raise CannotRun(f"this password is not taken: {_WEAK[str(weak)]}.") from None
    return await Passwords().hash(password)


async def _team(connection: AsyncConnection, name: str) -> int:
    team = await find_team(connection, name)
    if team is None:
        raise CannotRun(f"there is no team {name!r}: `throughline agents teams add` adds it.")
    return team


def _login(given: str) -> str:
    login = given.lower()
    if not staff.LOGIN.fullmatch(login):
        raise CannotRun("a login is made of letters, digits and . _ @ + -, such as maya or maya@shop.example.com.")
    return login


@asynccontextmanager
async def _open(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """The database, with the newest tables: the first agent may be added before anything has run. Raises CannotRun."""
    async with opened(settings) as engine:
        await upgrade(engine)
        yield engine
