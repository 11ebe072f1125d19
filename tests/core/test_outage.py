"""Waiting for a database that is out."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.outage import insist
from bot.store.database import connect, reading, transaction
from bot.store.outage import is_outage
from bot.store.tables import workers
from tests.core.playing import NOON


async def test_what_failed_for_an_outage_is_done_when_it_is_over() -> None:
    answers = [ConnectionRefusedError(), OperationalError("select", {}, Exception("locked")), "done"]

    async def ask() -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert await insist(ask) == "done"


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    engine = connect("postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(OSError) as caught:  # noqa: PT011
        async with reading(engine):
            pass
    assert is_outage(caught.value)
    await engine.dispose()


async def test_a_statement_that_is_wrong_is_none(engine: AsyncEngine) -> None:
    row = {"id": "w", "model": "m", "started_at": NOON, "seen_at": NOON}
    async with transaction(engine) as connection:
        await connection.execute(sa.insert(workers).values(**row))
    with pytest.raises(IntegrityError) as caught:
        async with transaction(engine) as connection:
            await connection.execute(sa.insert(workers).values(**row))
    assert not is_outage(caught.value)
