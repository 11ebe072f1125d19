"""A commit wakes those whom it is about, and on SQLite everybody."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import connect, transaction
from bot.store.tables import workers
from bot.store.wake import About, Wake, notify, open_wake
from tests.database import NOON, fresh_postgres

# Longer than any test takes: a wake that comes of the time being over is none.
_FOR_EVER = 60.0
_SECONDS = 30.0


async def _says(engine: AsyncEngine, *about: About) -> None:
    async with transaction(engine) as connection:
        await notify(connection, *about)


async def _woken(wake: Wake) -> None:
    async with asyncio.timeout(_SECONDS):
        await wake.wait(_FOR_EVER)


@pytest.mark.parametrize("about", [(), (About.TURNS,), (About.WORK,), (About.TURNS, About.WORK)])
async def test_whoever_waits_for_all_is_woken_by_any(engine: AsyncEngine, about: tuple[About, ...]) -> None:
    wake = await open_wake(engine.url)
    async with transaction(engine) as connection:
        # SQLite shows a commit that has written something.
        await connection.execute(sa.insert(workers).values(id="one", model="", started_at=NOON, seen_at=NOON))
        await notify(connection, *about)
    await _woken(wake)
    await wake.close()


async def test_on_postgresql_a_commit_wakes_whom_it_is_about(postgres_server: str) -> None:
    engine = connect(await fresh_postgres(postgres_server))
    for_workers, for_gateways = await open_wake(engine.url, About.TURNS), await open_wake(engine.url, About.WORK)
    await _says(engine, About.TURNS)
    await _woken(for_workers)
    await _says(engine, About.WORK)
    await _woken(for_gateways)
    # What was for the one has not reached the other, though what was said after it has.
    worker, gateway = (asyncio.create_task(wake.wait(_FOR_EVER)) for wake in (for_workers, for_gateways))
    await _says(engine, About.WORK)
    await asyncio.wait_for(gateway, _SECONDS)
    assert not worker.done()
    await _says(engine)
    await asyncio.wait_for(worker, _SECONDS)
    await for_workers.close()
    await for_gateways.close()
    await engine.dispose()
