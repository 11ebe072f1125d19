"""The trouble of a storm is real: a full disk takes nothing, a database that is away answers nobody, a webhook that is
doubled is at two gateways."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from benchmarks.chaos.databases import Database, Postgres, Sqlite, open_database
from benchmarks.chaos.fleet import Fleet, Member, keeping
from benchmarks.chaos.front import CHANCES, Front, open_front
from benchmarks.chaos.weather import CHANCES as OF_CALLS
from benchmarks.chaos.weather import Forecast
from sandbox.ports import free_port

ROOM = 64 * 1024 * 1024


class Dice(random.Random):
    """Always the same."""

    def __init__(self, shows: float) -> None:
        super().__init__()
        self._shows = shows

    def random(self) -> float:
        return self._shows


def just_before(trouble: str, chances: dict[str, float]) -> Dice:
    """Dice that mean this trouble."""
    names = list(chances)
    before = sum(chances[name] for name in names[: names.index(trouble)])
    return Dice(before + chances[trouble] / 2)


# --- the disk and the database --------------------------------------------------------------------------------------


async def while_(trouble: asyncio.Task[None], look: Callable[[], bool]) -> bool:
    """Whether `look` was true at some time before the trouble was over."""
    while not trouble.done():
        if await asyncio.to_thread(look):
            return True
        await asyncio.sleep(0.02)
    return False


def write(database: Database) -> bool:
    """Whether there is room on its disk."""
    probe = database.disk / "probe"
    try:
        probe.write_bytes(b"0" * ROOM)
    except OSError:
        return False
    finally:
        probe.unlink()
    return True


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_a_full_disk_takes_nothing_until_it_is_over(kind: str) -> None:
    async with open_database(kind) as database:
        if not database.can_be_full:
            pytest.skip(database.why_not)
        full = asyncio.create_task(database.be_full(2.0))
        assert await while_(full, lambda: not write(database))
        await full
        assert write(database)


async def test_sqlite_cannot_be_written_while_it_is_away() -> None:
    async with open_database("sqlite") as database:
        assert isinstance(database, Sqlite)
        assert can_lock(database)
        away = asyncio.create_task(database.be_away(1.0))
        assert await while_(away, lambda: not can_lock(database))
        await away
        assert can_lock(database)


def can_lock(database: Sqlite) -> bool:
    with closing(sqlite3.connect(database.file, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True


async def test_postgresql_is_away_and_comes_back_with_what_was_committed() -> None:
    async with open_database("postgresql") as database:
        assert isinstance(database, Postgres)
        before = await asyncpg.connect(database.url)
        await before.execute("CREATE TABLE kept AS SELECT 1 AS one")
        await database.be_away(0.1)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await before.execute("SELECT 1")
        after = await asyncpg.connect(database.url)
        assert await after.fetchval("SELECT one FROM kept") == 1
        await after.close()


# --- the way to the gateways ----------------------------------------------------------------------------------------


class Gateway:
    """Remembers what it was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""
        self.breaks = False

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        if self.breaks and request.transport is not None:
            request.transport.abort()
        return web.Response(status=200, text=request.headers["X-Signed"])


@asynccontextmanager
async def gateways(count: int) -> AsyncIterator[list[Gateway]]:
    runners, made = [], []
    for _ in range(count):
        gateway, app = Gateway(), web.Application()
        app.router.add_post("/hook", gateway.take)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        runners.append(runner)
        made.append(gateway)
    yield made
    for runner in runners:
        await runner.cleanup()


async def post(front: Front) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{front.url}/hook", data=b"said", headers={"X-Signed": "yes"}) as answer,
    ):
        return answer.status, await answer.text()


FINE = Dice(0.999)


async def test_webhooks_go_to_the_gateways_in_turn_as_they_are() -> None:
    async with gateways(2) as (one, other), open_front([one.url, other.url], FINE) as front:
        assert [await post(front) for _ in range(4)] == [(200, "yes")] * 4
        assert one.bodies == other.bodies == [b"said"] * 2


async def test_a_gateway_that_is_down_is_passed_over() -> None:
    down = f"http://127.0.0.1:{free_port()}"
    async with gateways(1) as [up], open_front([down, up.url], FINE) as front:
        assert [await post(front) for _ in range(2)] == [(200, "yes")] * 2


async def test_what_may_have_arrived_goes_to_no_other_gateway() -> None:
    async with gateways(2) as (one, other), open_front([one.url, other.url], FINE) as front:
        one.breaks = other.breaks = True
        assert (await post(front))[0] == 502
        assert len(one.bodies + other.bodies) == 1


async def test_a_doubled_webhook_is_at_both_gateways() -> None:
    async with gateways(2) as (one, other), open_front([one.url, other.url], just_before("doubled", CHANCES)) as front:
        assert await post(front) == (200, "yes")
        assert one.bodies == other.bodies == [b"said"]


@pytest.mark.parametrize(("trouble", "arrived"), [("lost", 0), ("answer lost", 1)])
async def test_a_lost_webhook_has_no_answer(trouble: str, arrived: int) -> None:
    async with gateways(1) as [one], open_front([one.url], just_before(trouble, CHANCES)) as front:
        with pytest.raises(aiohttp.ClientError):
            await post(front)
        assert len(one.bodies) == arrived


@pytest.mark.parametrize("trouble", list(OF_CALLS))
def test_the_dice_mean_every_trouble(trouble: str) -> None:
    forecast = Forecast(just_before(trouble, OF_CALLS))
    assert forecast.next() == trouble
    assert forecast.met == {trouble: 1}


def test_the_dice_mostly_mean_none() -> None:
    assert Forecast(FINE).next() is None


# --- the processes --------------------------------------------------------------------------------------------------


async def test_who_is_killed_is_started_again_and_who_dies_is_counted(tmp_path: Path) -> None:
    waits = Member(name="waits", command=["sleep", "600"], environment={})
    dies = Member(name="dies", command=["false"], environment={})
    fleet = Fleet([waits, dies], tmp_path)
    async with keeping(fleet, ["waits", "dies"]):
        for _ in range(3):
            await fleet.kill("waits")
        async with asyncio.timeout(30):
            while fleet.died["dies"] < 2:
                await asyncio.sleep(0.02)
    assert fleet.kills == 3
    assert fleet.died["waits"] == 0
