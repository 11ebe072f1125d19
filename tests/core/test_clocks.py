"""Workers on machines whose clocks are ten minutes off: they share the work as if all clocks were right."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import reading, transaction
from bot.store.lives import lives_of
from bot.store.tables import conversations, workers
from tests.clock_off import clock_off
from tests.core.playing import People
from tests.core.test_process import Starter, people, start

__all__ = ["people", "start"]

# A SQLite database is on one machine, which has one clock.
pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)


@pytest.mark.parametrize("minutes", [10, -10])
async def test_a_worker_whose_clock_is_off_takes_turns_at_once_and_steals_none(
    start: Starter, people: People, url: URL, engine: AsyncEngine, tmp_path: Path, minutes: int
) -> None:
    now = datetime.now(timezone.utc)
    lives = lives_of(url, "another-worker")
    await lives.keep()
    held = await people.says("alice", "hello")
    async with transaction(engine) as connection:
        # Over already, by a clock that is ten minutes ahead.
        await connection.execute(
            sa.update(conversations).values(
                claimed_by="another-worker", epoch=7, lease_until=now + timedelta(minutes=8), waiting_since=now
            )
        )
    worker = await start(**clock_off(tmp_path, minutes=minutes))
    await worker.says("worker.ready")
    assert "clock.off" in worker.log
    for who in ("bob", "carol"):
        said = await people.says(who, "hello")
        await people.waits_for(said, seconds=60)
        [reply, *_] = await people.replies(who)
        assert abs(reply.created_at - now) < timedelta(minutes=5)
    assert await people.state_of(held) == "waiting"
    assert await _claim(engine, "alice") == ("another-worker", 7)

    await lives.close()
    async with transaction(engine) as connection:
        await connection.execute(sa.update(conversations).values(lease_until=now - timedelta(seconds=1)))
    await people.waits_for(held, seconds=60)
    assert [row.state for row in await people.rows("alice") if row.direction == "in"] == ["done"]


async def test_a_user_without_rights_ends_it_with_one_line(
    start: Starter, url: URL, engine: AsyncEngine, tmp_path: Path
) -> None:
    user = f"bob_{os.getpid()}"
    async with transaction(engine) as connection:
        for statement in (
            f"CREATE ROLE {user} LOGIN",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {user}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {user}",
            f"REVOKE UPDATE ON conversations FROM {user}",
        ):
            await connection.execute(sa.text(statement))
    worker = await start(DATABASE_URL=url.set(username=user).render_as_string(hide_password=False))
    assert await worker.ends() == 2
    said = [line for line in worker.log.splitlines() if line.startswith("core: ")]
    assert len(said) == 1
    assert said[0].startswith(f"core: the database user '{user}' lacks UPDATE on conversations. As the tables' owner")


async def test_a_worker_waits_for_the_migration_that_it_needs(start: Starter, engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '0012'"))
    worker = await start()
    await worker.says("database.behind")
    async with reading(engine) as connection:
        assert (await connection.execute(sa.select(workers))).first() is None
    async with transaction(engine) as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    await worker.says("worker.ready")
    assert "database.newer" in worker.log


async def _claim(engine: AsyncEngine, conversation: str) -> tuple[str, int]:
    wanted = sa.select(conversations.c.claimed_by, conversations.c.epoch).where(conversations.c.id == conversation)
    async with reading(engine) as connection:
        row = (await connection.execute(wanted)).one()
    return row.claimed_by, row.epoch
