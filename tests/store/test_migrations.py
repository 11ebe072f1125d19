"""The migrations make exactly the tables that the code is written for."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.migrate import is_current, upgrade
from bot.store.desk_tables import metadata


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


def _is_comment(difference: object) -> bool:
    entry = difference[0] if isinstance(difference, list) else difference
    return isinstance(entry, tuple) and entry[0] in ("modify_comment", "add_table_comment", "remove_table_comment")
