"""`throughline agents`, as operators type it; and the agents to try the desk with."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import run
from bot.gateway.desk.access.demo import Demo, demo_staff
from bot.gateway.desk.access.passwords import check_strength
from bot.gateway.doctor import examine
from bot.gateway.run import Ports
from bot.gateway.settings import load_settings
from bot.store.database import connect
from bot.store.desk_tables import agent_sessions, agents, audit, team_members, teams
from tests.database import Clock, fresh_postgres, fresh_sqlite
from tests.gateway.desk.staff import PASSWORD, Browser, hire, open_desk
from tests.gateway.people import rows
from tests.gateway.test_commands import Shell, shell

__all__ = ["shell"]

GIVEN = f"{PASSWORD}\n".encode()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, shell: Shell, tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    """An empty one, without any tables."""
    if request.param == "sqlite":
        url = fresh_sqlite(tmp_path)
    else:
        url = await fresh_postgres(request.getfixturevalue("postgres_server"))
    shell.set(database_url=url)
    engine = connect(url)
    yield engine
    await engine.dispose()


async def add(shell: Shell, *arguments: str, given: bytes = GIVEN) -> tuple[int, bytes]:
    return await shell.run("agents", "add", *arguments, "--password-stdin", given=given)


async def test_the_first_agent_is_added_before_anything_has_run(
    shell: Shell, database: AsyncEngine, clock: Clock
) -> None:
    more = ("--name", "小林", "--role", "admin", "--language", "zh", "--topic", "returns", "--capacity", "3")
    assert await add(shell, "XiaoLin", *more) == (0, b"XiaoLin may log in at /desk, as admin.\n")
    [row] = await rows(database, agents)
    assert (row.login, row.name, row.role, row.languages) == ("xiaolin", "小林", "admin", ["zh"])
    assert (row.topics, row.capacity, row.availability, row.disabled_at) == (["returns"], 3, "available", None)
    assert row.password_hash.startswith("$argon2id$")
    [noted] = await rows(database, audit)
    assert (noted.who, noted.what, noted.detail) == ("operator", "agent_added", {"agent": row.id, "role": "admin"})
    clock.now = row.created_at
    async with open_desk(database, clock) as url, Browser(url) as browser:
        assert (await browser.log_in("xiaolin"))[0] == 200


@pytest.mark.parametrize(
    ("arguments", "given", "why"),
    [
        (("maya",), b"short\n", b"this password is not taken: it has fewer than 12 characters"),
        (("maya",), b"\n", b"fewer than 12 characters"),
        (("maya-the-great",), b"Maya-the-Great1\n", b"it is the login"),
        (("maya",), b"qwertyuiopasdf\n", b"it is among the first that anybody would guess"),
        (("maya smith",), GIVEN, b"a login is made of letters"),
        (("maya", "--language", "english"), GIVEN, b"'english' is no language"),
        (("maya", "--team", "Care"), GIVEN, b"there is no team 'Care'"),
    ],
)
async def test_what_cannot_be_is_said_and_adds_nobody(
    shell: Shell, database: AsyncEngine, arguments: tuple[str, ...], given: bytes, why: bytes
) -> None:
    await shell.run("migrate")
    status, said = await add(shell, *arguments, given=given)
    assert (status, why in said) == (1, True), said
    assert given.strip() == b"" or given.strip() not in said
    assert await rows(database, agents) == []


async def test_a_login_is_somebodys_alone(shell: Shell, database: AsyncEngine) -> None:
    await add(shell, "maya")
    status, said = await add(shell, "Maya")
    assert (status, said) == (1, b"throughline: there is an agent maya already.\n")


async def test_without_a_terminal_it_is_said_how_to_give_the_password(shell: Shell, database: AsyncEngine) -> None:
    status, said = await shell.run("agents", "add", "maya", given=GIVEN)
    assert (status, b"--password-stdin" in said) == (1, True)


async def test_a_new_password_ends_all_sessions(shell: Shell, database: AsyncEngine, clock: Clock) -> None:
    await add(shell, "maya")
    [row] = await rows(database, agents)
    clock.now = row.created_at
    async with open_desk(database, clock) as url, Browser(url) as browser:
        await browser.log_in("maya")
        new = "seven kettles, and one of them sings"
        done = await shell.run("agents", "password", "maya", "--password-stdin", given=new.encode())
        assert done == (0, b"maya has a new password, and is logged in nowhere.\n")
        assert await rows(database, agent_sessions) == []
        assert (await browser.get("/desk/api/me"))[0] == 401
        assert (await browser.log_in("maya"))[0] == 401
        assert (await browser.log_in("maya", new))[0] == 200


async def test_who_is_disabled_is_out_at_once_and_may_be_let_in_again(
    shell: Shell, database: AsyncEngine, clock: Clock
) -> None:
    await add(shell, "sam", "--role", "admin")
    await add(shell, "maya")
    [_, row] = sorted(await rows(database, agents), key=lambda row: row.created_at)
    clock.now = row.created_at
    async with open_desk(database, clock) as url, Browser(url) as browser:
        await browser.log_in("maya")
        assert (await shell.run("agents", "disable", "maya"))[0] == 0
        assert (await browser.get("/desk/api/me"))[0] == 401
        assert (await browser.log_in("maya"))[0] == 401
        assert (await shell.run("agents", "enable", "maya"))[0] == 0
        assert (await browser.log_in("maya"))[0] == 200


async def test_the_last_admin_stays(shell: Shell, database: AsyncEngine) -> None:
    await add(shell, "sam", "--role", "admin")
    status, said = await shell.run("agents", "disable", "sam")
    assert (status, b"sam is the last admin" in said) == (1, True)
    assert (await shell.run("agents", "disable", "nobody"))[1].startswith(b"throughline: there is no agent nobody.")


async def test_agents_and_teams_are_listed(shell: Shell, database: AsyncEngine) -> None:
    assert b"There are no agents yet" in (await shell.run("agents", "list"))[1]
    assert b"There are no teams" in (await shell.run("agents", "teams", "list"))[1]
    hours = '{"timezone": "Europe/London", "weekly": {"mon": [["09:00", "18:00"]]}, "closed": []}'
    options = ("--topic", "returns", "--hours", hours, "--answer-within", "60", "--assignment", "pulled")
    assert (await shell.run("agents", "teams", "add", "Returns", *options))[0] == 0
    assert (await shell.run("agents", "teams", "add", "Care"))[0] == 0
    await add(shell, "maya", "--team", "Returns", "--team", "Care")
    assert b"maya" in (await shell.run("agents", "list"))[1]
    _, said = await shell.run("agents", "teams", "list")
    care, returns = said.decode().splitlines()[1:]
    assert care.split() == ["Care", "open", "automatic", "120", "s", "1", "whatever", "nobody", "else", "takes"]
    assert [word for word in returns.split() if word not in ("open", "closed")] == [
        "Returns",
        "pulled",
        "60",
        "s",
        "1",
        "returns",
    ]
    [_, row] = sorted(await rows(database, teams), key=lambda row: row.name)
    assert row.hours == json.loads(hours)
    assert len(await rows(database, team_members)) == 2


async def test_hours_may_stand_in_a_file_and_are_checked(shell: Shell, database: AsyncEngine, tmp_path: Path) -> None:
    file = tmp_path / "hours.json"
    file.write_text('{"timezone": "UTC", "weekly": {"mon": [["18:00", "09:00"]]}}')
    status, said = await shell.run("agents", "teams", "add", "Care", "--hours", str(file))
    assert (status, b"09:00 is not after 18:00" in said) == (1, True)
    assert b"cannot be read" in (await shell.run("agents", "teams", "add", "Care", "--hours", "no-such.json"))[1]
    file.write_text('{"timezone": "UTC", "always": true}')
    assert (await shell.run("agents", "teams", "add", "Care", "--hours", str(file)))[0] == 0
    assert (await shell.run("agents", "teams", "add", "Care"))[1] == b"throughline: there is a team 'Care' already.\n"


async def test_a_database_that_does_not_answer_is_said(shell: Shell) -> None:
    shell.set(database_url="postgresql://nobody:a-secret@127.0.0.1:9/none")
    status, said = await add(shell, "maya")
    assert (status, b"the database cannot be used" in said, b"a-secret" in said) == (1, True, False)


# --- To try it with ---------------------------------------------------------------------------------------------------


async def test_where_there_is_nobody_there_are_agents_to_try_it_with(
    engine: AsyncEngine, clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "var" / "desk-demo.json"
    demo = await demo_staff(engine, clock, file)
    assert demo is not None
    assert (demo.login, demo.others) == ("maya", ("sam", "xiaolin"))
    check_strength(demo.password, demo.login)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    found = {row.login: row for row in await rows(engine, agents)}
    assert {row.login: (row.name, row.role, row.languages) for row in found.values()} == {
        "maya": ("Maya", "agent", ["en"]),
        "sam": ("Sam", "admin", []),
        "xiaolin": ("小林", "agent", ["zh"]),
    }
    [team] = await rows(engine, teams)
    assert (team.name, team.hours["always"], team.assignment) == ("Customer care", True, "automatic")
    assert len(await rows(engine, team_members)) == 3
    assert await demo_staff(engine, clock, file) == demo, "the next run prints the same"
    assert len(await rows(engine, agents)) == 3
    async with open_desk(engine, clock) as url, Browser(url) as browser:
        assert (await browser.log_in("xiaolin", demo.password))[0] == 200
    other = await demo_staff(engine, clock, tmp_path / "elsewhere.json")
    assert other is None, "another installation's password"


async def test_two_runs_at_once_make_one_staff(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "desk-demo.json"
    one, other = await asyncio.gather(demo_staff(engine, clock, file), demo_staff(engine, clock, file))
    assert one == other
    assert one is not None
    assert len(await rows(engine, agents)) == 3
    assert len(await rows(engine, teams)) == 1


async def test_beside_real_agents_there_is_nobody_else(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> None:
    await hire(engine, "maya", role="admin")
    assert await demo_staff(engine, clock, tmp_path / "desk-demo.json") is None
    assert [row.login for row in await rows(engine, agents)] == ["maya"]


async def test_a_file_that_is_broken_is_said(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> None:
    (tmp_path / "desk-demo.json").write_text("{")
    with pytest.raises(OSError, match="delete it"):
        await demo_staff(engine, clock, tmp_path / "desk-demo.json")


DEMO = Demo(login="maya", password="abcd-efgh-jkmn-pqrs", others=("sam", "xiaolin"))


def test_the_sandbox_alone_is_told_and_the_run_says_how_to_log_in() -> None:
    settings, ports = load_settings(_env_file=None), Ports(gateway=8080, actions=5055, sandbox=8081)
    told = {program.name: program.environment for program in run.programs(settings, ports, DEMO)}
    assert {name: value for name, value in told["sandbox"].items() if name.startswith("DESK_")} == {
        "DESK_URL": "http://127.0.0.1:8080/desk",
        "DESK_DEMO_LOGIN": "maya",
        "DESK_DEMO_PASSWORD": DEMO.password,
    }
    assert all(DEMO.password not in str(told[name]) for name in ("gateway", "core", "actions"))
    said = run._addresses(settings, ports, DEMO)
    assert "http://127.0.0.1:8080/desk" in said
    assert f"log in as maya, password {DEMO.password}" in said
    assert "password" not in run._addresses(settings, ports)


async def test_the_doctor_says_whether_anybody_works_there(engine: AsyncEngine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    for public_url, where in (
        ("https://chat.example.com", "1 agent, at https://chat.example.com/desk"),
        (None, "1 agent, at http://127.0.0.1:8080/desk, on this machine alone: PUBLIC_URL is no https address"),
    ):
        settings = load_settings(_env_file=None, database_url=url, public_url=public_url)
        if public_url:
            [desk] = [one for one in await examine(settings) if one.subject == "desk"]
            assert (desk.good, desk.chosen, desk.text) == (False, True, "no agents: run `throughline agents add`")
            await hire(engine, "maya")
        [desk] = [one for one in await examine(settings) if one.subject == "desk"]
        assert (desk.good, desk.text) == (True, where)
