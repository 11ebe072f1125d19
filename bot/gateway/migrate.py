"""Bringing the database's tables up to date."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import AsyncEngine

import bot.store.migrations

# Any number will do; all who migrate a PostgreSQL database must take the same one.
_LOCK = 7_114_207


async def upgrade(engine: AsyncEngine) -> None:
    """Create or alter what the newest version needs. Harmless to repeat, and safe when two gateways start at once."""
    async with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(_upgrade)


async def is_current(engine: AsyncEngine) -> bool:
    """Whether the database is at the newest version."""
    newest = ScriptDirectory.from_config(alembic_config()).get_current_head()
    async with engine.connect() as connection:
        present = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    return present == newest


def alembic_config() -> Config:
    """Alembic's settings, without an ini file: they depend on nothing but where this package lies."""
    config = Config()
    config.set_main_option("script_location", str(Path(bot.store.migrations.__file__).parent))
    return config


def _upgrade(connection: sa.Connection) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
