"""Who lives is known at once, and in doubt they do."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

import bot.store.lives
from bot.store.database import connect, database_url
from bot.store.lives import Lives, lives_of, process_name
from tests.database import fresh_postgres, fresh_sqlite

_LIVE = """
import asyncio, sys
from bot.store.database import database_url
from bot.store.lives import lives_of
async def live():
    lives = lives_of(database_url(sys.argv[1]), sys.argv[2])
    await lives.keep()
    print("alive", flush=True)
    await asyncio.sleep(600)
asyncio.run(live())
"""


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return fresh_sqlite(tmp_path)
    return await fresh_postgres(request.getfixturevalue("postgres_server"))


def _lives(url: str, name: str) -> Lives:
    return lives_of(database_url(url), name)


async def _sure(lives: Lives, monkeypatch: pytest.MonkeyPatch) -> Lives:
    """As if it had been there for a while."""
    await lives.keep()
    monkeypatch.setattr(bot.store.lives, "_since_when_sure", lambda since: since)
    return lives


async def test_a_process_lives_from_its_first_word_to_its_last(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = _lives(url, "one"), await _sure(_lives(url, "other"), monkeypatch)
    assert await other.living({"one"}) == set()
    await one.keep()
    await one.keep()
    assert await other.living({"one", "nobody"}) == {"one"}
    await one.close()
    assert await other.living({"one"}) == set()
    await other.close()


async def test_a_process_that_hangs_lives_and_one_that_was_killed_does_not(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching = await _sure(_lives(url, "watching"), monkeypatch)
    them = await asyncio.create_subprocess_exec(sys.executable, "-c", _LIVE, url, "them", stdout=subprocess.PIPE)
    try:
        assert them.stdout is not None
        await them.stdout.readline()
        them.send_signal(signal.SIGSTOP)
        assert await watching.living({"them"}) == {"them"}
    finally:
        them.kill()
        await them.wait()
    async with asyncio.timeout(30):
        while await watching.living({"them"}):
            await asyncio.sleep(0.01)
    await watching.close()


async def test_right_after_a_start_everybody_is_taken_to_live(postgres_server: str) -> None:
    """A server that was started anew knows nobody until they have come back."""
    newcomer = _lives(await fresh_postgres(postgres_server), "newcomer")
    assert await newcomer.living({"whoever"}) == {"whoever"}
    await newcomer.close()


async def test_a_lost_session_is_made_again(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = await fresh_postgres(postgres_server)
    one, other = _lives(url, "one"), await _sure(_lives(url, "other"), monkeypatch)
    await one.keep()
    engine = connect(url)
    async with engine.connect() as connection:
        await connection.execute(
            sa.text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = :key"),
            {"key": bot.store.lives._key("one")},
        )
    await engine.dispose()
    async with asyncio.timeout(30):
        while await other.living({"one"}):
            await asyncio.sleep(0.01)
    await one.keep()
    assert await other.living({"one"}) == {"one"}
    await one.close()
    await other.close()


def test_no_two_processes_have_one_name() -> None:
    assert process_name() != process_name()
    assert len(process_name()) <= 64
