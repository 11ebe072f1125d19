"""What an operator decides of a message that is stuck, and what workers make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import reading, transaction
from bot.store.tables import conversations, messages
from bot.store.unsticking import NotStuck, park, retry
from tests.core.playing import Actions, eventually
from tests.core.test_worker import Office, now


@pytest.fixture
def office(engine: AsyncEngine, url: URL, model: Path, endpoints: Path) -> Office:
    return Office(engine, url, model, endpoints)


async def give_up(office: Office, message: int, *, silently: bool = False) -> None:
    async with transaction(office.engine) as connection:
        await park(connection, message, now(), silently=silently)


async def try_again(office: Office, message: int) -> None:
    async with transaction(office.engine) as connection:
        await retry(connection, message, now())


async def tried_often(office: Office, message: int) -> None:
    """So that the next attempt that fails is the last."""
    async with transaction(office.engine) as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == message).values(attempts=8))


async def one(office: Office, message: int) -> Any:
    async with reading(office.engine) as connection:
        return (await connection.execute(sa.select(messages).where(messages.c.id == message))).one()


async def epoch(office: Office) -> int:
    async with reading(office.engine) as connection:
        return int((await connection.execute(sa.select(conversations.c.epoch))).scalar_one())


@pytest.mark.parametrize("silently", [False, True])
async def test_a_message_that_is_parked_is_given_up_and_its_conversation_goes_on(
    office: Office, actions: Actions, silently: bool
) -> None:
    """In the middle of its turn, which cannot be committed any more."""
    people = office.people
    actions.hold("alice")
    number = await people.says("alice", "look up", channel="telegram")
    behind = await people.says("alice", "faq")
    async with office.worker():
        await eventually(lambda: bool(actions.calls))
        await give_up(office, number, silently=silently)
        await people.waits_for(number, behind)
        actions.let_go()
    apology = [] if silently else ["Something is broken on Telegram"]
    assert [row.content["text"] for row in await people.replies("alice")] == [*apology, "Returns are free"]
    row = await one(office, number)
    assert (row.state, row.error) == ("failed", "parked by an operator")
    assert len(actions.calls) == 1


async def test_a_message_is_parked_before_its_turn_has_come(office: Office, actions: Actions) -> None:
    people = office.people
    actions.hold("alice")
    number = await people.says("alice", "look up")
    behind = await people.says("alice", "faq")
    async with office.worker():
        await eventually(lambda: bool(actions.calls))
        before = await epoch(office)
        await give_up(office, behind, silently=True)
        assert await epoch(office) == before  # whoever has the first one's turn may commit it
        actions.let_go()
        await people.waits_for(number, behind)
    assert [(await one(office, message)).state for message in (number, behind)] == ["done", "failed"]
    assert len(await people.replies("alice")) == 1


async def test_a_turn_that_was_given_up_is_taken_after_all_at_the_end(office: Office, actions: Actions) -> None:
    people = office.people
    actions.status = 500
    number = await people.says("alice", "look up", channel="telegram")
    await tried_often(office, number)
    async with office.worker():
        await people.waits_for(number, await people.says("alice", "faq"))
        actions.status = 200
        await try_again(office, number)
        await people.waits_for(number)
    replies = await people.replies("alice")
    assert [row.content["text"] for row in replies[:2]] == ["Something is broken on Telegram", "Returns are free"]
    assert (replies[-1].cause_id, replies[-1].channel) == (number, "telegram")
    row = await one(office, number)
    assert (row.state, row.error, row.attempts) == ("done", None, 0)
    assert replies[1].seq < row.seq < replies[-1].seq
    with pytest.raises(NotStuck, match="had its turn"):
        await try_again(office, number)


async def test_one_that_was_parked_is_tried_again_as_if_it_had_not_been(office: Office, actions: Actions) -> None:
    people = office.people
    number = await people.says("alice", "faq")
    await give_up(office, number)
    async with office.worker():
        await people.waits_for(number)
        await try_again(office, number)
        await people.waits_for(number)
    assert [row.content["text"] for row in await people.replies("alice")][-1] == "Returns are free"
    assert (await one(office, number)).state == "done"
