"""Real databases for tests, fresh for each of them."""

from __future__ import annotations

import secrets
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from bot.store.database import database_url


async def fresh_postgres(server: str) -> str:
    """The address of a new, empty database on `server`."""
    name = f"t_{secrets.token_hex(6)}"
    engine = create_async_engine(database_url(server), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(sa.text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return database_url(server).set(database=name).render_as_string(hide_password=False)


def fresh_sqlite(folder: Path) -> str:
    """The address of a new SQLite file."""
    return f"sqlite:///{folder / f'{secrets.token_hex(6)}.db'}"
