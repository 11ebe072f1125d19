"""Real databases of both kinds, a small trained model, and a real action server."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from aiohttp import web
from fasteners import InterProcessLock
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.logs import configure_logging
from bot.store.database import connect, database_url, transaction
from bot.store.fitness import NEEDED
from bot.store.tables import metadata
from tests.core.playing import Actions, Clock
from tests.postgres import copied_database

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")

configure_logging()  # Rasa's own lines would drown everything else

ASSISTANT = Path(__file__).parent / "assistant"
ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "tests-core"


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[URL]:
    """The address of an empty database with all tables; every test runs on both kinds."""
    if request.param == "sqlite":
        address = database_url(f"sqlite:///{tmp_path / 'test.db'}")
        await _make_tables(address)
        yield address
    else:
        async with copied_database(request.getfixturevalue("postgres_server"), _make_tables) as address:
            yield address


@pytest.fixture
async def engine(url: URL) -> AsyncIterator[AsyncEngine]:
    engine = connect(url)
    yield engine
    await engine.dispose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def model() -> Path:
    """The small assistant, trained."""
    return trained(ASSISTANT / "config.yml")


@pytest.fixture
async def actions() -> AsyncIterator[Actions]:
    """A real action server on loopback."""
    played = Actions()
    runner = web.AppRunner(played.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    played.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    yield played
    played.let_go()
    await runner.cleanup()


@pytest.fixture
def endpoints(actions: Actions, tmp_path: Path) -> Path:
    file = tmp_path / "endpoints.yml"
    file.write_text(f"action_endpoint:\n  url: {actions.url}\n  timeout: 30\n")
    return file


async def _make_tables(address: URL) -> None:
    engine = connect(address)
    async with transaction(engine) as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(sa.text("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)"))
        await connection.execute(sa.text("INSERT INTO alembic_version VALUES (:needed)"), {"needed": NEEDED})
    await engine.dispose()


def trained(config: Path) -> Path:
    """The small assistant with this configuration; kept between runs as long as nothing of it changes."""
    total = hashlib.sha256()
    for path in (config, ASSISTANT / "data.yml", ASSISTANT / "domain.yml"):
        total.update(path.read_bytes())
    kept = CACHE / f"{total.hexdigest()[:16]}.tar.gz"
    CACHE.mkdir(parents=True, exist_ok=True)
    with InterProcessLock(CACHE / "training"):  # several processes of tests may want it at once
        if not kept.exists():
            _train(config, kept)
    return kept


def _train(config: Path, target: Path) -> None:
    """As a bot builder does: a process whose Rasa has been made quicker at taking turns cannot train."""
    new, name = target.parent / "new", target.name.removesuffix(".tar.gz")
    subprocess.run(
        [
            *(sys.executable, "-m", "rasa", "train", "--force"),
            *("--domain", ASSISTANT / "domain.yml", "--config", config, "--data", ASSISTANT / "data.yml"),
            *("--out", new, "--fixed-model-name", name),
        ],
        cwd=ROOT,
        check=True,
    )
    (new / target.name).rename(target)
