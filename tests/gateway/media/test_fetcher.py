"""A customer's file from the message that told of it to the vault, on every way it can take."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.media.fetcher import Fetcher
from bot.gateway.media.intake import LEASE, TURN_WAITS, claim_wanted
from bot.gateway.media.vault import Vault
from bot.store.database import transaction
from bot.store.tables import conversations, media, messages
from channels.contract import FetchError, Media
from tests.database import NOON, Clock
from tests.gateway.media.test_contents import LAMP, REFUSED
from tests.gateway.people import accepted, rows, says

PICTURE = Media(kind="picture", ref="secret-7", text="it is broken", name="lamp.png")


class Shelf:
    """A platform that hands out what stands on it, or fails as told."""

    def __init__(self, *answers: bytes | FetchError | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def fetch(self, ref: str, *, limit: int) -> bytes:
        self.asked.append(ref)
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@asynccontextmanager
async def fetching(engine: AsyncEngine, clock: Clock, folder: Path, shelf: Shelf) -> Any:
    channels: Any = {"telegram": shelf}
    fetcher = Fetcher(engine=engine, channels=channels, vault=Vault(folder), clock=clock)
    running = asyncio.create_task(fetcher.rounds.run())
    try:
        yield fetcher.rounds
    finally:
        fetcher.rounds.stop()
        await running


async def until(engine: AsyncEngine, there: Callable[[Any], bool]) -> Any:
    async with asyncio.timeout(30):
        while True:
            [row] = await rows(engine, media)
            if there(row):
                return row
            await asyncio.sleep(0.01)


async def test_the_turn_waits_until_the_file_is_there(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> None:
    told = await accepted(engine, says("Alice", PICTURE), clock())
    [message] = await rows(engine, messages)
    assert message.due_at == NOON + TURN_WAITS
    assert message.content["outcome"] == "pending"
    assert "secret-7" not in str(message.content)

    clock.forward(seconds=2)
    async with fetching(engine, clock, tmp_path, Shelf(LAMP)):
        row = await until(engine, lambda row: row.state == "stored")

    assert await Vault(tmp_path).get(row.sha256) == LAMP
    assert (row.ref, row.size, row.type) == (None, len(LAMP), "image/png")
    [message] = await rows(engine, messages, id=told.message)
    assert message.due_at == clock()
    assert message.content == {
        "type": "media",
        "kind": "picture",
        "text": "it is broken",
        "name": "lamp.png",
        "media": row.id,
        "outcome": "stored",
        "size": len(LAMP),
        "mime": "image/png",
    }
    [conversation] = await rows(engine, conversations)
    assert conversation.waiting_since == clock()


async def test_what_is_not_taken_is_told_and_not_kept(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> None:
    await accepted(engine, says("Alice", PICTURE), clock())
    async with fetching(engine, clock, tmp_path / "media", Shelf(REFUSED["windows program"])):
        await until(engine, lambda row: row.state == "refused")
    [message] = await rows(engine, messages)
    assert (message.content["outcome"], message.content["problem"]) == ("refused", "type")
    assert not (tmp_path / "media").exists()


async def test_what_is_too_large_is_refused_and_what_is_gone_is_lost(
    engine: AsyncEngine, clock: Clock, tmp_path: Path
) -> None:
    for error, state, problem in (
        (FetchError("it is larger than 20 MB", too_large=True), "refused", "too_large"),
        (FetchError("it is gone", permanent=True), "lost", "lost"),
    ):
        told = await accepted(engine, says("Alice", PICTURE), clock())
        async with fetching(engine, clock, tmp_path, Shelf(error)):
            async with asyncio.timeout(30):
                while (await rows(engine, media, message_id=told.message))[0].state == "waiting":
                    await asyncio.sleep(0.01)
        [message] = await rows(engine, messages, id=told.message)
        assert (message.content["outcome"], message.content["problem"]) == (state, problem)


async def test_it_is_tried_again_and_the_turn_goes_on_meanwhile(
    engine: AsyncEngine, clock: Clock, tmp_path: Path
) -> None:
    await accepted(engine, says("Alice", PICTURE), clock())
    shelf = Shelf(FetchError("busy", retry_after=40), LAMP)
    async with fetching(engine, clock, tmp_path, shelf) as rounds:
        row = await until(engine, lambda row: row.error == "busy")
        assert row.due_at == clock() + timedelta(seconds=40)
        [message] = await rows(engine, messages)
        assert message.due_at == NOON + TURN_WAITS  # by then the worker takes it, and the bot says that it is loading
        clock.forward(seconds=41)
        rounds.look_again()
        await until(engine, lambda row: row.state == "stored")
    assert shelf.asked == ["secret-7", "secret-7"]


async def test_a_fault_of_ours_loses_nothing(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> None:
    await accepted(engine, says("Alice", PICTURE), clock())
    async with fetching(engine, clock, tmp_path, Shelf(RuntimeError("a bug"), LAMP)) as rounds:
        await until(engine, lambda row: row.attempts == 1)
        clock.forward(seconds=LEASE.total_seconds() + 1)
        rounds.look_again()
        row = await until(engine, lambda row: row.state == "stored")
    assert row.attempts == 2


async def test_one_gateway_fetches_what_another_has_not_claimed(engine: AsyncEngine, clock: Clock) -> None:
    await accepted(engine, says("Alice", PICTURE), clock())
    async with transaction(engine) as connection:
        assert len(await claim_wanted(connection, ["telegram"], clock(), limit=5)) == 1
    async with transaction(engine) as connection:
        assert await claim_wanted(connection, ["telegram"], clock(), limit=5) == []
