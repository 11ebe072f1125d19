"""An agent's own things, and agents and teams as admins change them; on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.access import totp
from bot.gateway.desk.routing.presence import beat
from bot.store.auditing import note_look
from bot.store.database import transaction
from bot.store.desk_tables import agents, audit
from bot.store.handoffs import Change, settle
from bot.store.ownership import Doing, Ownership
from bot.store.people import begin_conversation
from tests.database import Clock
from tests.gateway.desk.staff import PASSWORD, Browser, hire, open_desk
from tests.gateway.people import rows


@pytest.fixture
async def desk(engine: AsyncEngine, clock: Clock) -> AsyncIterator[str]:
    async with open_desk(engine, clock) as url:
        yield url


@pytest.fixture
async def maya(engine: AsyncEngine, desk: str) -> AsyncIterator[Browser]:
    await hire(engine, "maya", languages=["en"])
    async with Browser(desk) as browser:
        await browser.log_in("maya")
        yield browser


@pytest.fixture
async def ada(engine: AsyncEngine, desk: str) -> AsyncIterator[Browser]:
    """The only admin."""
    await hire(engine, "ada", role="admin")
    async with Browser(desk) as browser:
        await browser.log_in("ada")
        yield browser


async def noted(engine: AsyncEngine) -> list[str]:
    return [row.what for row in await rows(engine, audit)]


# --- Me ---------------------------------------------------------------------------------------------------------------


async def test_an_agent_says_whether_they_are_there_and_what_they_write(engine: AsyncEngine, maya: Browser) -> None:
    status, me = await maya.post("/desk/api/me", {"availability": "away", "languages": ["en", "zh-Hans"]})
    assert (status, me["agent"]["availability"], me["agent"]["languages"]) == (200, "away", ["en", "zh-Hans"])
    assert (await maya.get("/desk/api/me"))[1] == me
    assert "agent_changed" in await noted(engine)


@pytest.mark.parametrize(
    "body",
    [
        {"availability": "asleep"},
        {"availability": ["away"]},
        {"languages": "en"},
        {"languages": ["english!"]},
        {"languages": ["en"] * 51},
        {"languages": [1]},
    ],
)
async def test_what_cannot_be_changes_nothing(maya: Browser, body: dict[str, Any]) -> None:
    before = await maya.get("/desk/api/me")
    status, said = await maya.post("/desk/api/me", body)
    assert (status, said["error"], said["field"]) == (422, "invalid", next(iter(body)))
    assert await maya.get("/desk/api/me") == before


async def test_nobody_makes_themselves_more_than_they_are(maya: Browser) -> None:
    _, me = await maya.post("/desk/api/me", {"role": "admin", "capacity": 100, "availability": "away"})
    assert (me["agent"]["role"], me["agent"]["capacity"]) == ("agent", 5)


async def test_who_is_there_and_what_they_have_is_shown(
    engine: AsyncEngine, maya: Browser, ada: Browser, clock: Clock
) -> None:
    me = (await maya.get("/desk/api/me"))[1]["agent"]
    assert (me["online"], me["open"]) == (False, 0)
    async with transaction(engine) as connection:
        await beat(connection, me["id"], clock.now)
        conversation = await begin_conversation(connection, None, clock.now)
        taken = Change(now=Ownership("agent", me["id"]), doing=Doing("take", me["id"], agent=me["id"]))
        await settle(connection, conversation, taken, clock.now)
    _, shown = await ada.get("/desk/api/me")
    [colleague] = [one for one in shown["colleagues"] if one["id"] == me["id"]]
    assert colleague == {
        "id": me["id"],
        "name": "Maya",
        "role": "agent",
        "availability": "available",
        "languages": ["en"],
        "online": True,
        "open": 1,
    }
    clock.forward(seconds=30)
    [_, colleague] = (await ada.get("/desk/api/me"))[1]["colleagues"]
    assert (colleague["name"], colleague["online"]) == ("Maya", False)


async def test_a_second_factor_is_switched_on_with_a_code_and_off_with_the_password(
    engine: AsyncEngine, desk: str, maya: Browser, clock: Clock
) -> None:
    def code(steps: int = 0) -> str:
        return totp.code_of(made["secret"], int(clock.now.timestamp()) // totp.STEP + steps)

    status, made = await maya.post("/desk/api/me/totp", {"start": True})
    assert (status, "<svg" in made["qr"], made["secret"] in made["uri"]) == (200, True, True)
    assert await maya.post("/desk/api/me/totp", {"secret": made["secret"], "code": "000000"}) == (
        401,
        {"error": "wrong"},
    )
    assert (await maya.post("/desk/api/me/totp", {"secret": "AAAA", "code": code()}))[0] == 422
    assert (await maya.get("/desk/api/me"))[1]["totp"] is False
    assert await maya.post("/desk/api/me/totp", {"secret": made["secret"], "code": code()}) == (200, {})
    assert (await maya.get("/desk/api/me"))[1]["totp"] is True
    assert await maya.post("/desk/api/me/totp", {"start": True}) == (409, {"error": "already"})

    async with Browser(desk) as other:
        assert await other.log_in("maya") == (401, {"error": "code_needed"})
        assert (await other.log_in("maya", code=code()))[0] == 401, "it was used to switch it on"
        clock.forward(seconds=30)
        assert (await other.log_in("maya", code=code()))[0] == 200
    assert await maya.delete("/desk/api/me/totp", {"password": "not it at all"}) == (401, {"error": "wrong"})
    assert (await maya.get("/desk/api/me"))[1]["totp"] is True
    assert await maya.delete("/desk/api/me/totp", {"password": PASSWORD}) == (200, {})
    assert (await maya.get("/desk/api/me"))[1]["totp"] is False
    assert {"totp_on", "totp_off"} <= set(await noted(engine))
    assert made["secret"] not in str(await rows(engine, audit))


# --- Agents -----------------------------------------------------------------------------------------------------------

SAM = {"login": "Sam@Shop.example", "name": "Sam", "role": "supervisor", "password": "seven kettles sing at one"}


async def test_an_admin_lets_somebody_in(engine: AsyncEngine, desk: str, ada: Browser) -> None:
    status, sam = await ada.post("/desk/api/agents", {**SAM, "languages": ["en"], "topics": ["returns"], "capacity": 2})
    assert (status, sam["login"], sam["role"], sam["topics"]) == (200, "sam@shop.example", "supervisor", ["returns"])
    assert (sam["capacity"], sam["availability"], sam["disabled"], sam["open"]) == (2, "available", False, 0)
    async with Browser(desk) as browser:
        assert (await browser.log_in("sam@shop.example", SAM["password"]))[0] == 200
    assert await ada.post("/desk/api/agents", SAM) == (409, {"error": "exists"})
    assert [one["name"] for one in (await ada.get("/desk/api/agents"))[1]["items"]] == ["Ada", "Sam"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"login": "two words"}, "login"),
        ({"login": "<script>"}, "login"),
        ({"login": ""}, "login"),
        ({"name": "x" * 101}, "name"),
        ({"name": "\x00"}, "name"),
        ({"role": "god"}, "role"),
        ({"password": "too short"}, "password"),
        ({"password": None}, "password"),
        ({"capacity": -1}, "capacity"),
        ({"capacity": True}, "capacity"),
        ({"topics": "returns"}, "topics"),
    ],
)
async def test_whoever_cannot_be_is_not_let_in(
    engine: AsyncEngine, ada: Browser, wrong: dict[str, Any], field: str
) -> None:
    status, said = await ada.post("/desk/api/agents", {**SAM, **wrong})
    assert (status, said["error"], said["field"]) == (422, "invalid", field)
    assert len(await rows(engine, agents)) == 1


async def test_an_admin_disables_and_gives_a_new_password(
    engine: AsyncEngine, desk: str, maya: Browser, ada: Browser
) -> None:
    [id] = [row.id for row in await rows(engine, agents) if row.login == "maya"]
    assert (await ada.post(f"/desk/api/agents/{id}", {"disabled": True}))[1]["disabled"] is True
    assert await maya.get("/desk/api/me") == (401, {"error": "logged_out"})
    assert (await maya.log_in("maya"))[0] == 401
    new = "seven kettles sing at one"
    changed = {"disabled": False, "password": new, "role": "supervisor", "name": "Maya B."}
    _, shown = await ada.post(f"/desk/api/agents/{id}", changed)
    assert (shown["disabled"], shown["role"], shown["name"]) == (False, "supervisor", "Maya B.")
    assert (await maya.log_in("maya", new))[0] == 200
    assert new not in str(await rows(engine, audit))


async def test_an_admin_switches_off_a_second_factor_that_is_lost(
    engine: AsyncEngine, maya: Browser, ada: Browser
) -> None:
    [id] = [row.id for row in await rows(engine, agents) if row.login == "maya"]
    async with transaction(engine) as connection:
        await connection.execute(sa.update(agents).where(agents.c.id == id).values(totp_secret=totp.new_secret()))
    assert (await maya.log_in("maya"))[1] == {"error": "code_needed"}
    assert (await ada.post(f"/desk/api/agents/{id}", {"totp": True}))[0] == 422
    assert (await ada.post(f"/desk/api/agents/{id}", {"totp": False}))[0] == 200
    assert (await maya.log_in("maya"))[0] == 200


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "supervisor"}])
async def test_the_last_admin_stays(engine: AsyncEngine, ada: Browser, change: dict[str, Any]) -> None:
    [ada_id] = [row.id for row in await rows(engine, agents) if row.login == "ada"]
    assert await ada.post(f"/desk/api/agents/{ada_id}", change) == (409, {"error": "last_admin"})
    await hire(engine, "eve", role="admin")
    assert (await ada.post(f"/desk/api/agents/{ada_id}", change))[0] == 200


async def test_a_supervisor_may_say_that_somebody_is_away_and_nothing_else(engine: AsyncEngine, desk: str) -> None:
    maya = await hire(engine, "maya")
    await hire(engine, "sam", role="supervisor")
    async with Browser(desk) as sam:
        await sam.log_in("sam")
        assert (await sam.post(f"/desk/api/agents/{maya}", {"availability": "away"}))[1]["availability"] == "away"
        for body in ({"availability": "available"}, {"availability": "away", "role": "admin"}, {"disabled": True}, {}):
            assert await sam.post(f"/desk/api/agents/{maya}", body) == (403, {"error": "not_allowed"})


async def test_whoever_is_not_there_cannot_be_changed(ada: Browser) -> None:
    assert await ada.post(f"/desk/api/agents/{'0' * 32}", {"name": "X"}) == (404, {"error": "unknown"})
    assert (await ada.post("/desk/api/agents/../agents", {"name": "X"}))[0] in (404, 405, 422)


# --- Teams ------------------------------------------------------------------------------------------------------------

WEEKLY = {"timezone": "Europe/London", "weekly": {"sat": [["09:00", "18:00"]]}, "closed": []}


async def test_an_admin_makes_a_team_and_says_who_is_in_it(engine: AsyncEngine, ada: Browser) -> None:
    maya, sam = await hire(engine, "maya"), await hire(engine, "sam")
    _, care = await ada.post("/desk/api/teams", {"name": "Care"})
    assert (care["topics"], care["answer_within"], care["assignment"], care["members"]) == ([], 120, "automatic", [])
    assert (care["open"], care["hours"]) == (True, {"timezone": "UTC", "always": True})
    changed = {
        "name": "Customer care",
        "hours": WEEKLY,
        "answer_within": 60,
        "assignment": "pulled",
        "topics": ["orders"],
        "members": [maya, sam, maya],
    }
    status, care = await ada.post(f"/desk/api/teams/{care['id']}", changed)
    # NOON is a Saturday's.
    assert (status, care) == (200, {**changed, "id": care["id"], "open": True, "members": sorted([maya, sam])})
    assert (await ada.get("/desk/api/teams"))[1] == {"items": [care]}
    assert (await ada.post(f"/desk/api/teams/{care['id']}", {"members": [sam]}))[1]["members"] == [sam]
    assert (await ada.get("/desk/api/me"))[1]["teams"][0]["members"] == [sam]
    assert (await noted(engine)).count("team_changed") == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Care", "hours": {"timezone": "Mars"}}, "hours"),
        ({"name": "Care", "answer_within": 1}, "answer_within"),
        ({"name": "Care", "assignment": "by lot"}, "assignment"),
        ({"name": "Care", "members": ["nobody"]}, "members"),
        ({"name": "Care", "members": "all"}, "members"),
    ],
)
async def test_a_team_that_cannot_be_is_not_made(ada: Browser, body: dict[str, Any], field: str) -> None:
    status, said = await ada.post("/desk/api/teams", body)
    assert (status, said["error"], said["field"]) == (422, "invalid", field)
    assert (await ada.get("/desk/api/teams"))[1] == {"items": []}


async def test_two_teams_have_two_names(ada: Browser) -> None:
    await ada.post("/desk/api/teams", {"name": "Care"})
    _, returns = await ada.post("/desk/api/teams", {"name": "Returns"})
    assert await ada.post("/desk/api/teams", {"name": "Care"}) == (409, {"error": "exists"})
    assert await ada.post(f"/desk/api/teams/{returns['id']}", {"name": "Care"}) == (409, {"error": "exists"})
    assert await ada.post("/desk/api/teams/999999999", {"name": "X"}) == (404, {"error": "unknown"})


# --- The audit log ----------------------------------------------------------------------------------------------------


async def test_looks_at_one_conversation_are_noted_once_in_a_quarter_of_an_hour(
    engine: AsyncEngine, clock: Clock
) -> None:
    async def look(agent: str, conversation: str) -> None:
        async with transaction(engine) as connection:
            await note_look(connection, agent, conversation, customer="c", now=clock.now)

    for agent, conversation in (("maya", "one"), ("maya", "one"), ("maya", "two"), ("sam", "one")):
        await look(agent, conversation)
    assert len(await rows(engine, audit)) == 3
    clock.forward(minutes=14, seconds=59)
    await look("maya", "one")
    assert len(await rows(engine, audit)) == 3
    clock.forward(seconds=1)
    await look("maya", "one")
    assert len(await rows(engine, audit)) == 4
