"""The migrations make exactly the tables that the code is written for, and may run beside the version before."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot.gateway.migrate import alembic_config, is_current, upgrade
from bot.store.database import connect, reading, transaction
from bot.store.desk_tables import metadata
from tests.database import fresh_postgres


async def test_migrated_database_has_the_tables_of_the_code(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True, "target_metadata": metadata}), metadata
            )
        )
    # Comments on columns explain the code's tables to people; databases do not need them.
    assert [difference for difference in differences if not _is_comment(difference)] == []


async def test_migrating_again_changes_nothing(engine: AsyncEngine) -> None:
    assert await is_current(engine)
    await upgrade(engine)
    assert await is_current(engine)


# --- Beside running gateways of the version before --------------------------------------------------------------------

# The last version that was released before migrations had to run beside others.
BEFORE = "0012"

# What takes nothing away and holds nobody up: a table that nobody knows yet, a column that may stay empty or that the
# database fills, an index that is built while others write.
_NEW_TABLE = re.compile(r'CREATE TABLE (?:IF NOT EXISTS )?"?(\w+)"? \(')
_ADDED = re.compile(r"ALTER TABLE \w+ ADD COLUMN (?:IF NOT EXISTS )?\w+ (.*)", re.DOTALL)
_INDEX = re.compile(r"CREATE INDEX (CONCURRENTLY )?(?:IF NOT EXISTS )?\w+ ON (\w+) ")
_HARMLESS = re.compile(
    r"SELECT |SHOW |SET lock_timeout|RESET lock_timeout|UPDATE alembic_version SET |DROP INDEX CONCURRENTLY "
)


@pytest.fixture
async def before(postgres_server: str) -> AsyncIterator[AsyncEngine]:
    """A database as the version before left it."""
    engine = connect(await fresh_postgres(postgres_server))
    await _at(engine, BEFORE)
    yield engine
    await engine.dispose()


async def test_migrations_only_add(before: AsyncEngine) -> None:
    said: list[str] = []
    sa.event.listen(before.sync_engine, "before_cursor_execute", lambda *of: said.append(of[2].strip()))
    await upgrade(before)
    new = {match[1] for statement in said if (match := _NEW_TABLE.match(statement))}
    assert new
    assert [statement for statement in said if not _may_run_beside_others(statement, new)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE messages DROP COLUMN text",
        "ALTER TABLE messages ADD COLUMN mood VARCHAR(8) NOT NULL",
        "ALTER TABLE messages ALTER COLUMN text TYPE VARCHAR(10)",
        "ALTER TABLE messages ADD CONSTRAINT ck CHECK (id > 0)",
        "CREATE INDEX ix_messages_mood ON messages (mood)",
        "CREATE UNIQUE INDEX CONCURRENTLY ix_messages_mood ON messages (mood)",
        "DROP TABLE messages",
        "UPDATE messages SET mood = 'good'",
    ],
)
def test_what_others_would_feel_is_told_apart(statement: str) -> None:
    assert not _may_run_beside_others(statement, {"moods"})


def test_what_others_do_not_feel_is_known() -> None:
    assert _may_run_beside_others("ALTER TABLE messages ADD COLUMN n INTEGER DEFAULT 0 NOT NULL", set())
    assert _may_run_beside_others("CREATE INDEX ix_moods ON moods (name)", {"moods"})


async def test_a_transaction_that_stays_open_holds_up_the_migration_and_nobody_else(before: AsyncEngine) -> None:
    async with reading(before) as somebody:
        await somebody.execute(sa.text("SELECT count(*) FROM messages"))
        with capture_logs() as said:
            migrating = asyncio.create_task(upgrade(before))
            for _ in range(3):
                await _waits_for_a_table(before)
                # Behind a migration that waited without end, nobody would come to read.
                async with reading(before) as another:
                    await another.execute(sa.text("SELECT count(*) FROM messages"))
            async with asyncio.timeout(60):
                while not said:
                    await asyncio.sleep(0.02)
        assert not migrating.done()
        assert {line["event"] for line in said} == {"migration.waits"}
    await migrating
    assert await is_current(before)


async def test_an_index_that_could_not_be_finished_is_built_anew(before: AsyncEngine) -> None:
    await upgrade(before)
    async with transaction(before) as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = :before"), {"before": BEFORE})
        unfinished = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_messages_trouble'::regclass"
        await connection.execute(sa.text(unfinished))
    await upgrade(before)
    async with reading(before) as connection:
        broken = sa.text("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
        assert (await connection.execute(broken)).scalar_one() == 0
    assert await is_current(before)


def _may_run_beside_others(statement: str, new: set[str]) -> bool:
    if _NEW_TABLE.match(statement) or _HARMLESS.match(statement):
        return True
    if added := _ADDED.match(statement):
        return "NOT NULL" not in added[1] or "DEFAULT" in added[1]
    index = _INDEX.match(statement)
    return index is not None and (bool(index[1]) or index[2] in new)


async def _at(engine: AsyncEngine, version: str) -> None:
    def up(connection: Any) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, version)

    async with engine.connect() as connection:
        await connection.run_sync(up)
        await connection.commit()


async def _waits_for_a_table(engine: AsyncEngine) -> None:
    waiting = sa.text(
        "SELECT count(*) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation"
        " WHERE NOT l.granted AND l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation'"
    )
    async with asyncio.timeout(60), engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        while not (await connection.execute(waiting)).scalar_one():
            await asyncio.sleep(0.01)


def _is_comment(difference: object) -> bool:
    entry = difference[0] if isinstance(difference, list) else difference
    return isinstance(entry, tuple) and entry[0] in ("modify_comment", "add_table_comment", "remove_table_comment")
