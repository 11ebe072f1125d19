"""Turns that bring a process down: who pays for it, and for how long."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.deaths import MOST, SUSPECT, wait_after_death
from bot.store.database import reading, transaction
from bot.store.tables import conversations, messages
from bot.store.unsticking import retry
from sandbox.ports import free_port
from tests.core.conftest import trained
from tests.core.deadly import TEXT_THAT_KILLS
from tests.core.deadly_actions import DEADLY_FOR
from tests.core.playing import Actions, People, eventually
from tests.core.test_process import ROOT, Process, Starter
from tests.core.test_worker import Office, now, office

__all__ = ["office"]

OTHERS = ("bob", "carol", "dave")


def test_an_attempt_whose_worker_survives_is_repeated_later_each_time_and_then_no_more() -> None:
    waits = [wait_after_death(deaths) for deaths in range(1, MOST + 2)]
    assert [wait and wait.total_seconds() for wait in waits] == [3, 9, 27, 81, None, None]


# --- Workers that die -------------------------------------------------------------------------------------------------


@pytest.fixture
def people(engine: AsyncEngine) -> People:
    return People(engine, now)


@pytest.fixture(scope="session")
def deadly_model() -> Path:
    """Not made where a test's loop runs: Rasa has one of its own for training."""
    return trained(Path(__file__).parent / "deadly.yml")


@pytest.fixture
async def start(url: URL, endpoints: Path, tmp_path: Path, deadly_model: Path) -> AsyncIterator[Starter]:
    starter = Starter(url, tmp_path / "models", endpoints, tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / deadly_model.name).symlink_to(deadly_model)
    yield starter
    for process in starter.processes:
        if not process.is_over:
            process.signal(signal.SIGKILL)
            await process.ends()


async def begun(engine: AsyncEngine, conversation: str = "alice") -> int:
    async with reading(engine) as connection:
        found = await connection.execute(sa.select(conversations.c.begun).where(conversations.c.id == conversation))
        return int(found.scalar_one())


async def is_taken_over(engine: AsyncEngine) -> None:
    """What dead workers had in hand is anybody's, as the gateway sees to it, and all that waits is due."""
    async with transaction(engine) as connection:
        free = {"claimed_by": None, "lease_until": None, "served_by": None, "waiting_since": now()}
        await connection.execute(sa.update(conversations).where(conversations.c.waiting_since.isnot(None)).values(free))


async def everything_is_due(engine: AsyncEngine) -> None:
    """The time that failed turns wait has passed."""
    async with transaction(engine) as connection:
        await connection.execute(sa.update(messages).where(messages.c.state == "waiting").values(due_at=now()))
        free = conversations.c.waiting_since.isnot(None) & conversations.c.claimed_by.is_(None)
        await connection.execute(sa.update(conversations).where(free).values(waiting_since=now()))


async def dies(worker: Process, engine: AsyncEngine) -> None:
    """Of a message, and not because the test has said so."""
    assert await worker.ends() == -signal.SIGKILL
    await is_taken_over(engine)


async def test_a_message_that_kills_workers_is_given_up_and_nobody_else_is(
    start: Starter, people: People, actions: Actions, engine: AsyncEngine
) -> None:
    actions.hold(*OTHERS)
    innocent = [await people.says(name, "look up") for name in OTHERS]
    deadly = await people.says("alice", TEXT_THAT_KILLS, channel="telegram")
    behind = await people.says("alice", "faq", channel="telegram")
    for _ in range(SUSPECT):
        await dies(await start(), engine)
    assert [await begun(engine, name) for name in (*OTHERS, "alice")] == [SUSPECT] * 4
    actions.let_go()
    for _ in range(MOST - SUSPECT):
        await dies(await start(), engine)
    worker = await start()
    await people.waits_for(deadly, behind, *innocent, seconds=120)

    assert [words for _, words in await people.transcript("alice")] == [
        TEXT_THAT_KILLS,
        "faq",
        "Something is broken on Telegram",
        "Returns are free",
    ]
    row = (await people.rows("alice"))[0]
    assert (row.state, row.error, row.attempts) == ("failed", f"the worker died {MOST} times during this turn", MOST)
    for name in OTHERS:
        assert [words for _, words in await people.transcript(name)] == ["look up", "Found it"]

    async with transaction(engine) as connection:
        await retry(connection, deadly, now())
    await dies(worker, engine)
    assert (await people.state_of(deadly), await begun(engine)) == ("waiting", 1)


# --- Beside others, in one worker -------------------------------------------------------------------------------------


async def test_nothing_is_begun_beside_a_suspect(office: Office, actions: Actions) -> None:
    people = office.people
    actions.hold("alice")
    slow = await people.says("alice", "look up")
    async with office.worker():
        await eventually(lambda: len(actions.calls) == 1)
        suspect = await people.says("bob", "look up")
        async with transaction(office.engine) as connection:
            await connection.execute(sa.update(conversations).where(conversations.c.id == "bob").values(begun=SUSPECT))
        behind = await people.says("carol", "look up")
        actions.let_go()
        actions.hold("bob")
        await people.waits_for(slow)
        await eventually(lambda: len(actions.calls) == 2)
        assert [await people.state_of(number) for number in (suspect, behind)] == ["waiting", "waiting"]
        actions.let_go()
        await people.waits_for(suspect, behind)
    assert [call["sender_id"] for call in actions.calls] == ["alice", "bob", "carol"]


@pytest.mark.parametrize(
    ("deaths", "apology"), [(MOST, "Something is broken here"), (MOST + 1, "Sorry, something went wrong on our side")]
)
async def test_what_has_not_even_survived_its_apology_is_answered_without_the_assistant(
    office: Office, deaths: int, apology: str
) -> None:
    people = office.people
    number = await people.says("alice", "faq")
    async with transaction(office.engine) as connection:
        await connection.execute(sa.update(conversations).values(begun=deaths))
    async with office.worker("w1"):
        await people.waits_for(number, await people.says("alice", "faq"))
        while not (counts := await office.counts("w1"))["turns"]:  # with the next heartbeat
            await asyncio.sleep(0.05)
    first, second = await people.replies("alice")
    assert (first.content["text"][: len(apology)], second.content["text"]) == (apology, "Returns are free")
    assert counts["turns"] == [["webchat", "done", 1], ["webchat", "parked", 1]]


# --- Action servers that die ------------------------------------------------------------------------------------------


class ActionServer:
    """A real one, started again whenever it has died."""

    def __init__(self, port: int) -> None:
        self._command = [
            sys.executable,
            "-m",
            "rasa_sdk",
            "--actions",
            "tests.core.deadly_actions",
            "--port",
            str(port),
        ]
        self.deaths = 0

    async def run(self) -> None:
        while True:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=ROOT,
                env={**os.environ, "SANIC_HOST": "127.0.0.1"},
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                await process.wait()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            self.deaths += 1


@asynccontextmanager
async def action_server(port: int) -> AsyncIterator[ActionServer]:
    server = ActionServer(port)
    running = asyncio.create_task(server.run())
    try:
        yield server
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_message_that_kills_action_servers_is_given_up_and_nobody_else_is(office: Office) -> None:
    port = free_port()
    office.endpoints.write_text(f"action_endpoint:\n  url: http://127.0.0.1:{port}/webhook\n")
    people = office.people
    deadly = await people.says(DEADLY_FOR, "look up")
    innocent = [await people.says(name, "look up") for name in OTHERS]
    async with action_server(port) as server, office.worker():
        while "waiting" in [await people.state_of(number) for number in (deadly, *innocent)]:
            await everything_is_due(office.engine)
            await asyncio.sleep(0.2)
        assert server.deaths == MOST
        behind = await people.says(DEADLY_FOR, "faq")
        await people.waits_for(behind)
    row = (await people.rows(DEADLY_FOR))[0]
    assert (row.state, row.error) == (
        "failed",
        f"the action server died {MOST} times during this turn",
    )
    assert [words for _, words in await people.transcript(DEADLY_FOR)][1::2] == [
        "Something is broken here",
        "Returns are free",
    ]
    for name in OTHERS:
        assert [words for _, words in await people.transcript(name)] == ["look up", "Found it"]
