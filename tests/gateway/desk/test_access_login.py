"""Who gets in at the desk's door, and who does not, on both databases."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Literal

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.access import totp
from bot.gateway.desk.access.passwords import Passwords
from bot.store.database import transaction
from bot.store.desk_tables import agent_sessions, agents, audit
from tests.database import NOON, Clock
from tests.gateway.desk.staff import PASSWORD, Browser, hire, open_desk
from tests.gateway.people import rows

SHARED = totp.new_secret()
WRONG = (401, {"error": "wrong"})


@pytest.fixture
async def desk(engine: AsyncEngine, clock: Clock) -> AsyncIterator[str]:
    async with open_desk(engine, clock) as url:
        yield url


@pytest.fixture
async def browser(desk: str) -> AsyncIterator[Browser]:
    async with Browser(desk) as browser:
        yield browser


async def with_code(engine: AsyncEngine, agent: str) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.update(agents).where(agents.c.id == agent).values(totp_secret=SHARED))


def code_at(clock: Clock, steps: int = 0) -> str:
    return totp.code_of(SHARED, int(clock.now.timestamp()) // totp.STEP + steps)


async def test_with_the_right_password_an_agent_is_in(engine: AsyncEngine, browser: Browser) -> None:
    maya = await hire(engine, "maya", languages=["en"])
    assert await browser.get("/desk/api/me") == (401, {"error": "logged_out"})
    assert (await browser.log_in("Maya"))[0] == 200
    status, me = await browser.get("/desk/api/me")
    assert (status, me["agent"]["id"], me["agent"]["name"], me["agent"]["login"]) == (200, maya, "Maya", "maya")
    assert (me["csrf"], me["totp"], me["agent"]["languages"]) == (browser.csrf, False, ["en"])
    assert me["settings"]["channels"] == ["telegram", "webchat"]
    [session] = await rows(engine, agent_sessions)
    assert session.agent_id == maya
    assert session.token_hash not in str(browser.cookies)


async def test_whoever_is_not_there_is_told_the_same_as_who_mistypes(engine: AsyncEngine, browser: Browser) -> None:
    await hire(engine, "maya")
    gone = await hire(engine, "gone")
    await hire(engine, "elsewhere", password=None)
    async with transaction(engine) as connection:
        await connection.execute(sa.update(agents).where(agents.c.id == gone).values(disabled_at=NOON))
    for login, password in (("maya", "not it at all"), ("nobody", PASSWORD), ("gone", PASSWORD), ("elsewhere", "")):
        assert await browser.log_in(login, password or "anything goes") == WRONG
    assert await rows(engine, agent_sessions) == []


class Watched(PasswordHasher):
    """Says with which parameters it was asked to check, and does so once it may."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=64, parallelism=1)
        self.checked: list[str] = []
        self.may = threading.Event()
        self.may.set()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        self.checked.append(parameters_of(str(hash)))
        assert self.may.wait(10), "whoever checks holds everything up"
        return super().verify(hash, password)


def parameters_of(hash: str) -> str:
    return hash.rsplit("$", 2)[0]


async def test_passwords_are_hashed_as_rfc_9106_recommends() -> None:
    assert parameters_of(await Passwords().hash(PASSWORD)) == "$argon2id$v=19$m=65536,t=3,p=4"


async def test_whoever_is_not_there_costs_the_same_work() -> None:
    hasher = Watched()
    passwords = Passwords(hasher)
    known = await passwords.hash(PASSWORD)
    assert not await passwords.matches("another one", known)
    assert not await passwords.matches(PASSWORD, None)
    assert not await passwords.matches("a password that nobody has", None)
    assert hasher.checked == [parameters_of(known)] * 3


async def test_the_event_loop_goes_on_while_a_password_is_checked(engine: AsyncEngine, clock: Clock) -> None:
    hasher = Watched()
    hasher.may.clear()
    await hire(engine, "maya")
    async with open_desk(engine, clock, hasher=hasher) as url, Browser(url) as browser:
        logging_in = asyncio.create_task(browser.log_in("maya"))
        assert await browser.get("/healthz") == (200, "ok")
        while not hasher.checked:
            await asyncio.sleep(0)
        assert await browser.get("/healthz") == (200, "ok")
        hasher.may.set()
        assert (await logging_in)[0] == 200


async def test_a_password_is_hashed_anew_when_the_parameters_have_changed(engine: AsyncEngine, clock: Clock) -> None:
    await hire(engine, "maya")
    [before] = await rows(engine, agents)
    better = PasswordHasher(time_cost=2, memory_cost=128, parallelism=1)
    async with open_desk(engine, clock, hasher=better) as url, Browser(url) as browser:
        assert (await browser.log_in("maya"))[0] == 200
        [row] = await rows(engine, agents)
        assert parameters_of(before.password_hash) == "$argon2id$v=19$m=64,t=1,p=1"
        assert parameters_of(row.password_hash) == "$argon2id$v=19$m=128,t=2,p=1"
        assert (await browser.log_in("maya"))[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"login": "maya"},
        {"login": 1, "password": PASSWORD},
        {"login": "maya", "password": ["x"]},
        {"login": "x" * 300},
    ],
)
async def test_what_is_no_login_is_refused(engine: AsyncEngine, browser: Browser, body: dict[str, object]) -> None:
    status, said = await browser.post("/desk/api/login", body)
    assert (status, said["error"]) == (422, "invalid")


# --- The second factor ------------------------------------------------------------------------------------------------


async def test_a_second_factor_is_asked_for_and_a_code_is_good_once(
    engine: AsyncEngine, desk: str, browser: Browser, clock: Clock
) -> None:
    await with_code(engine, await hire(engine, "maya"))
    assert await browser.log_in("maya", "not it at all") == WRONG
    assert await browser.log_in("maya") == (401, {"error": "code_needed"})
    assert await browser.log_in("maya", code="000000") == WRONG
    assert (await browser.log_in("maya", code=code_at(clock)))[0] == 200
    async with Browser(desk) as thief:
        assert await thief.log_in("maya", code=code_at(clock)) == WRONG
        assert await thief.log_in("maya", code=code_at(clock, -1)) == WRONG, "older than one that was used"
        clock.forward(seconds=30)
        assert (await thief.log_in("maya", code=code_at(clock)))[0] == 200


async def test_of_many_who_use_one_code_at_once_one_is_in(engine: AsyncEngine, desk: str, clock: Clock) -> None:
    await with_code(engine, await hire(engine, "maya"))

    async def one() -> int:
        async with Browser(desk) as browser:
            return (await browser.log_in("maya", code=code_at(clock)))[0]

    assert sorted(await asyncio.gather(*(one() for _ in range(4)))) == [200, 401, 401, 401]


@pytest.mark.parametrize(("steps", "good"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
async def test_clocks_may_differ_by_a_step(
    engine: AsyncEngine, browser: Browser, clock: Clock, steps: int, good: bool
) -> None:
    await with_code(engine, await hire(engine, "maya"))
    assert (await browser.log_in("maya", code=code_at(clock, steps)))[0] == (200 if good else 401)


# --- Guessing ---------------------------------------------------------------------------------------------------------


async def test_guessing_has_to_wait_longer_and_longer(engine: AsyncEngine, browser: Browser, clock: Clock) -> None:
    await hire(engine, "maya")
    for _ in range(5):
        assert await browser.log_in("maya", "a guess that is wrong") == WRONG
    waits = []
    for _ in range(10):
        status, said = await browser.log_in("maya", PASSWORD)
        assert (status, said["error"]) == (429, "locked"), "not even the right one is looked at"
        waits.append(said["retry_after"])
        clock.forward(seconds=said["retry_after"] - 1)
        assert (await browser.log_in("maya", PASSWORD))[0] == 429
        clock.forward(seconds=1)
        assert await browser.log_in("maya", "a guess that is wrong") == WRONG
    assert waits == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    clock.forward(seconds=900)
    assert (await browser.log_in("maya"))[0] == 200


async def test_a_login_that_is_not_there_is_locked_like_one_that_is(engine: AsyncEngine, browser: Browser) -> None:
    await hire(engine, "maya")
    for login in ("maya", "nobody"):
        said = [await browser.log_in(login, "a guess that is wrong") for _ in range(7)]
        assert said == [*[WRONG] * 5, *[(429, {"error": "locked", "retry_after": 5})] * 2]


async def test_many_guesses_at_once_have_no_more_tries(engine: AsyncEngine, desk: str) -> None:
    await hire(engine, "maya")

    async def guess() -> int:
        async with Browser(desk) as browser:
            return (await browser.log_in("maya", "a guess that is wrong"))[0]

    said = await asyncio.gather(*(guess() for _ in range(20)))
    assert said.count(401) <= 6, "two are looked at a time, so there may be one too many"
    assert said.count(429) == 20 - said.count(401)


async def test_who_guesses_one_login_after_the_other_is_locked_by_address(
    engine: AsyncEngine, browser: Browser
) -> None:
    said = [(await browser.log_in(f"nobody-{n}", "a guess that is wrong"))[0] for n in range(22)]
    assert said == [*[401] * 20, 429, 429]


async def test_gateways_count_together(engine: AsyncEngine, desk: str, clock: Clock) -> None:
    await hire(engine, "maya")
    async with open_desk(engine, clock) as another, Browser(desk) as here, Browser(another) as there:
        for n in range(5):
            assert await (here if n % 2 else there).log_in("maya", "a guess that is wrong") == WRONG
        assert (await here.log_in("maya"))[0] == (await there.log_in("maya"))[0] == 429


async def test_who_guesses_keeps_nobody_out_of_their_own_browser(
    engine: AsyncEngine, desk: str, browser: Browser
) -> None:
    await hire(engine, "maya")
    await hire(engine, "sam")
    await browser.log_in("maya")
    await browser.post("/desk/api/logout")
    async with Browser(desk) as attacker:
        for _ in range(6):
            last, _ = await attacker.log_in("maya", "a guess that is wrong")
        assert last == 429
    assert (await browser.log_in("maya"))[0] == 200
    for _ in range(5):
        assert await browser.log_in("sam", "a guess that is wrong") == WRONG, "known with her own login alone"
    assert (await browser.log_in("sam"))[0] == 429


async def test_a_browser_that_is_known_may_not_guess_for_ever_either(engine: AsyncEngine, browser: Browser) -> None:
    await hire(engine, "maya")
    await browser.log_in("maya")
    said = [(await browser.log_in("maya", "a guess that is wrong"))[0] for _ in range(12)]
    assert said == [*[401] * 10, 429, 429]


async def test_what_was_typed_is_kept_nowhere(engine: AsyncEngine, browser: Browser) -> None:
    await hire(engine, "maya")
    await browser.log_in("the kettle sings at seven", "maya")
    await browser.log_in("maya", "hunter2-hunter2")
    kept = str(await rows(engine, audit))
    assert "kettle" not in kept
    assert "hunter2" not in kept
    assert [row.what for row in await rows(engine, audit)].count("login_refused") == 4
