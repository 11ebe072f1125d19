"""A conversation that has lost one of its events goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SlotSet
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.stored import read_everything, read_history, read_session
from bot.core.tracker_store import ConversationTrackerStore
from bot.store.database import reading, transaction
from bot.store.tables import events, snapshots
from tests.core.conftest import ASSISTANT
from tests.core.test_worker import Office


@pytest.fixture
def office(engine: AsyncEngine, url: URL, model: Path, endpoints: Path) -> Office:
    return Office(engine, url, model, endpoints)


async def numbers_of(engine: AsyncEngine) -> list[int]:
    async with reading(engine) as connection:
        found = await connection.execute(
            sa.select(events.c.seq).where(events.c.conversation_id == "alice").order_by(events.c.seq)
        )
        return list(found.scalars())


async def lose(engine: AsyncEngine, *, of_type: str) -> int:
    """The conversation's last event of this type; gives its number."""
    async with transaction(engine) as connection:
        theirs = sa.and_(events.c.conversation_id == "alice", events.c.type == of_type)
        seq = (await connection.execute(sa.select(sa.func.max(events.c.seq)).where(theirs))).scalar_one()
        await connection.execute(sa.delete(events).where(theirs, events.c.seq == seq))
        return int(seq)


async def test_a_conversation_that_has_lost_an_event_goes_on(office: Office) -> None:
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "return"))
        await people.waits_for(await people.says("alice", "lamp"))
    last = (await numbers_of(office.engine))[-1]
    lost = await lose(office.engine, of_type="bot")
    async with office.worker():  # a new one, that remembers nothing
        await people.waits_for(await people.says("alice", "too large"))
    assert [row.content["text"] for row in await people.replies("alice")] == ["Which item?", "Why?", "lamp goes back"]
    numbers = await numbers_of(office.engine)
    assert lost not in numbers
    assert [*numbers[: last - 1], lost] != numbers  # nothing has taken its place
    assert [number for number in numbers if number > last] == list(range(last + 1, numbers[-1] + 1))


async def test_a_cut_of_a_conversation_that_has_lost_an_event_is_at_the_events_number(office: Office) -> None:
    people = office.people
    async with office.worker():
        for _ in range(8):
            await people.waits_for(await people.says("alice", "faq"))
    await lose(office.engine, of_type="bot")
    async with office.worker():
        for _ in range(30):
            await people.waits_for(await people.says("alice", "faq"))
    async with reading(office.engine) as connection:
        [cut] = (await connection.execute(sa.select(snapshots.c.seq))).scalars()
        found = await connection.execute(
            sa.select(events.c.type).where(events.c.conversation_id == "alice", events.c.seq == cut)
        )
        assert found.scalar_one() == "user"


async def test_each_event_is_read_at_its_own_number(office: Office) -> None:
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "faq"))
    numbers = await numbers_of(office.engine)
    lost = await lose(office.engine, of_type="bot")
    async with reading(office.engine) as connection:
        for read in (read_history, read_session, read_everything):
            history = await read(connection, "alice")
            assert history.next_seq == numbers[-1] + 1
            assert history.events[lost - history.first_seq] is None


async def test_rasas_tools_go_on_in_it(office: Office, url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "faq"))
    last = (await numbers_of(office.engine))[-1]
    await lose(office.engine, of_type="bot")
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    store = ConversationTrackerStore(Domain.load(str(ASSISTANT / "domain.yml")))
    tracker = await store.retrieve("alice")
    assert tracker is not None
    tracker.update(SlotSet("item", "lamp"))
    await store.save(tracker)
    assert (await numbers_of(office.engine))[-1] == last + 1
