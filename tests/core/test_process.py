"""The worker as a process: signals, crashes, an outage; and that it says nothing of what customers say."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import reading, transaction
from bot.store.tables import conversations, workers
from tests.core.playing import Actions, People, eventually

ROOT = Path(__file__).resolve().parents[2]


class Process:
    """`python -m bot.core.worker`, and what it writes."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    async def says(self, event: str, times: int = 1) -> None:
        await eventually(lambda: self.log.count(event) >= times, seconds=180)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def ends(self) -> int:
        return await asyncio.wait_for(self._process.wait(), 90)

    @property
    def is_over(self) -> bool:
        return self._process.returncode is not None


class Starter:
    def __init__(self, url: URL, models: Path, endpoints: Path, folder: Path) -> None:
        self._environment = {
            **os.environ,
            "DATABASE_URL": url.render_as_string(hide_password=False),
            "MODELS_DIR": str(models),
            "ENDPOINTS": str(endpoints),
        }
        self._folder = folder
        self.processes: list[Process] = []

    async def __call__(self, **settings: str) -> Process:
        log = self._folder / f"worker{len(self.processes)}.log"
        with log.open("w") as file:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot.core.worker"),
                cwd=ROOT,
                env={**self._environment, **settings},
                stdout=file,
                stderr=file,
            )
        self.processes.append(Process(process, log))
        return self.processes[-1]


@pytest.fixture
async def start(url: URL, model: Path, endpoints: Path, tmp_path: Path) -> AsyncIterator[Starter]:
    starter = Starter(url, model.parent, endpoints, tmp_path)
    yield starter
    for process in starter.processes:
        if not process.is_over:
            process.signal(signal.SIGKILL)
            await process.ends()


@pytest.fixture
def people(engine: AsyncEngine) -> People:
    return People(engine, lambda: datetime.now(timezone.utc))


async def test_a_worker_that_is_told_to_stop_finishes_its_turn(
    start: Starter, people: People, actions: Actions, engine: AsyncEngine
) -> None:
    worker = await start()
    await worker.says("worker.ready")
    actions.hold("alice")
    number = await people.says("alice", "look up")
    await eventually(lambda: bool(actions.calls))
    worker.signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    actions.let_go()
    assert await worker.ends() == 0
    assert await people.state_of(number) == "done"
    assert [words for _, words in await people.transcript("alice")] == ["look up", "Found it"]
    async with reading(engine) as connection:
        assert (await connection.execute(sa.select(workers))).first() is None
        assert (await connection.execute(sa.select(conversations.c.claimed_by))).scalar_one() is None


async def test_a_worker_that_is_killed_in_a_turn_leaves_nothing_and_another_goes_on(
    start: Starter, people: People, actions: Actions, engine: AsyncEngine
) -> None:
    worker = await start()
    await worker.says("worker.ready")
    actions.hold("alice")
    number = await people.says("alice", "look up")
    await eventually(lambda: bool(actions.calls))
    worker.signal(signal.SIGKILL)
    await worker.ends()
    actions.let_go()
    assert await people.replies("alice") == []
    async with transaction(engine) as connection:  # rather than waiting for the lease to end
        await connection.execute(
            sa.update(conversations).values(lease_until=datetime.now(timezone.utc) - timedelta(seconds=1))
        )
    await start()
    await people.waits_for(number, seconds=60)
    assert [words for _, words in await people.transcript("alice")] == ["look up", "Found it"]


UNUSUAL = [
    "my card is 4111 1111 1111 1111 verysecret",
    "/greet verysecret",
    '/look_up{"kind": "verysecret"}',
    "/unheard_of_intent verysecret",
    "/greet@99{broken verysecret",
    "verysecret \u0000\u0007\ud800 \u202e",
    "{item} verysecret {0} %s $HOME",
    "look up",
    "verysecret" * 2000,
]


async def test_no_word_of_a_customer_is_logged(start: Starter, people: People, actions: Actions) -> None:
    actions.status, actions.body = 500, None
    worker = await start(LOG_FORMAT="json", LOG_LEVEL="debug")
    await worker.says("worker.ready")
    traces = [f"{index:032x}" for index in range(len(UNUSUAL))]
    numbers = [await people.says(f"c{index}", words, trace=traces[index]) for index, words in enumerate(UNUSUAL)]
    numbers.append(await people.says("form", "return"))
    numbers.append(await people.says("form", "verysecret lamp"))
    numbers.append(await people.says("form", {"type": "choice", "message": 1, "option": 0, "label": "verysecret"}))
    numbers.append(await people.says("form", {"type": "unsupported", "kind": "/verysecret}{"}))
    await worker.says("turn.failed")
    actions.status = 200
    await people.waits_for(*numbers, seconds=60)
    worker.signal(signal.SIGTERM)
    await worker.ends()
    lines = [json.loads(line) for line in worker.log.splitlines()]
    assert all({"timestamp", "level", "event", "process"} <= set(line) for line in lines)
    answered = [line["trace"] for line in lines if line["event"] == "turn.answered" and "trace" in line]
    assert sorted(one for one in answered if one) == traces
    assert "verysecret" not in worker.log
    assert "4111" not in worker.log


async def test_without_a_model_it_says_so_and_waits(
    url: URL, model: Path, endpoints: Path, tmp_path: Path, people: People
) -> None:
    models = tmp_path / "models"
    models.mkdir()
    worker = await Starter(url, models, endpoints, tmp_path)()
    await worker.says("run `make train`")
    shutil.copyfile(model, models / "model.tar.gz")
    await worker.says("worker.ready")
    worker.signal(signal.SIGINT)
    assert await worker.ends() == 0


@pytest.mark.parametrize(("setting", "value"), [("DATABASE_URL", "mysql://somewhere"), ("LOG_LEVEL", "loud")])
async def test_a_wrong_setting_ends_it_with_the_settings_name(setting: str, value: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot.core.worker",
        cwd=ROOT,
        env={**os.environ, setting: value},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert (process.returncode, setting in said.decode()) == (2, True)
