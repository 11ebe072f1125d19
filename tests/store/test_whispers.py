"""Whispers reach all who listen, oneself included, and whoever may have missed some is told so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from bot.store.database import connect, database_url
from bot.store.whispers import Whispers, whispers_of
from tests.database import fresh_postgres, fresh_sqlite


async def _listening(url: str) -> tuple[Whispers, asyncio.Queue[Any]]:
    whispers, heard = whispers_of(database_url(url)), asyncio.Queue[Any]()
    whispers.hear("typing", heard.put_nowait)
    whispers.missed(lambda: heard.put_nowait("missed"))
    await whispers.start()
    return whispers, heard


async def _next(heard: asyncio.Queue[Any]) -> Any:
    async with asyncio.timeout(30):
        return await heard.get()


async def test_sqlite_talks_to_itself(tmp_path: Path) -> None:
    whispers, heard = await _listening(fresh_sqlite(tmp_path))
    await whispers.say("typing", {"who": "Maya"})
    await whispers.say("something else", {"who": "Sam"})
    assert heard.get_nowait() == {"who": "Maya"}
    assert heard.empty()
    await whispers.close()


async def test_two_gateways_hear_each_other_and_themselves(postgres_server: str) -> None:
    url = await fresh_postgres(postgres_server)
    (one, at_one), (other, at_other) = await _listening(url), await _listening(url)
    await one.say("something else", {"who": "nobody"})
    await one.say("typing", {"who": "小琳"})
    assert await _next(at_one) == await _next(at_other) == {"who": "小琳"}
    with pytest.raises(ValueError, match="too long"):
        await one.say("typing", {"who": "x" * 8000})
    await one.close()
    await other.close()


async def test_whoever_was_cut_off_is_told_and_hears_again(postgres_server: str) -> None:
    url = await fresh_postgres(postgres_server)
    whispers, heard = await _listening(url)
    engine = connect(url)
    async with engine.connect() as connection:
        await connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    await engine.dispose()
    assert await _next(heard) == "missed"
    await whispers.say("typing", {"who": "Maya"})
    assert await _next(heard) == {"who": "Maya"}
    await whispers.close()
