"""A worker that is started while its database is away or wrong."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.store.database import connect, database_url, transaction
from bot.store.fitness import NEEDED
from bot.store.tables import metadata
from tests.core.test_process import Starter
from tests.recovering import Server, server_of_its_own


async def test_it_waits_for_a_database_that_still_recovers(model: Path, endpoints: Path, tmp_path: Path) -> None:
    async with server_of_its_own() as server:
        await with_tables(server)
        await server.stop()
        worker = await Starter(database_url(server.url), model.parent, endpoints, tmp_path)()
        await worker.says("Connection refused")
        await server.recover()
        await worker.says("the database system is not accepting connections")
        await server.come_up()
        await worker.says("worker.ready")
        worker.signal(signal.SIGTERM)
        assert await worker.ends() == 0
    assert "database.awaited" in worker.log
    assert "a-secret" not in worker.log


async def test_it_can_be_told_to_stop_while_it_waits(model: Path, endpoints: Path, tmp_path: Path) -> None:
    async with server_of_its_own() as server:
        await server.stop()
        worker = await Starter(database_url(server.url), model.parent, endpoints, tmp_path)()
        await worker.says("database.awaited")
        worker.signal(signal.SIGTERM)
        assert await worker.ends() == 0


@pytest.mark.parametrize(
    ("username", "database", "said"),
    [
        ("postgres", "nowhere", 'database "nowhere" does not exist'),
        ("nobody", "postgres", 'role "nobody" does not exist'),
    ],
)
async def test_what_waiting_does_not_mend_ends_it_with_a_sentence(
    postgres_server: str, model: Path, endpoints: Path, tmp_path: Path, username: str, database: str, said: str
) -> None:
    url = database_url(postgres_server).set(username=username, database=database, password="a-secret")
    worker = await Starter(url, model.parent, endpoints, tmp_path)()
    assert await worker.ends() == 2
    assert f"cannot be used: {said}." in worker.log
    assert worker.log.count("core: the database postgresql+asyncpg://") == 1
    assert [words for words in ("Traceback", "a-secret", "database.awaited") if words in worker.log] == []


async def with_tables(server: Server) -> None:
    engine = connect(server.url)
    async with transaction(engine) as connection:
        await connection.run_sync(metadata.create_all)
        await connection.execute(sa.text("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)"))
        await connection.execute(sa.text("INSERT INTO alembic_version VALUES (:needed)"), {"needed": NEEDED})
    await engine.dispose()
