"""A dialogue whose old events were deleted for their age goes on from what stands for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rasa.shared.core.domain import Domain
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.tracker_store import ConversationTrackerStore
from bot.store.database import reading, transaction
from bot.store.tables import events, snapshots
from tests.core.conftest import ASSISTANT
from tests.core.test_worker import Office


@pytest.fixture
def office(engine: AsyncEngine, url: URL, model: Path, endpoints: Path) -> Office:
    return Office(engine, url, model, endpoints)


async def forget_the_old(engine: AsyncEngine) -> int:
    """As the gateway does; returns how many events."""
    async with transaction(engine) as connection:
        stands_for = sa.select(snapshots.c.seq).where(snapshots.c.conversation_id == "alice").scalar_subquery()
        gone = await connection.execute(
            sa.delete(events).where(events.c.conversation_id == "alice", events.c.seq < stands_for)
        )
        return int(gone.rowcount)


async def slots_of(url: URL, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    store = ConversationTrackerStore(Domain.load(str(ASSISTANT / "domain.yml")))
    tracker = await store.retrieve("alice")
    assert tracker is not None
    return dict(tracker.current_slot_values())


async def test_it_goes_on_with_its_slots(office: Office, url: URL, monkeypatch: pytest.MonkeyPatch) -> None:
    people = office.people
    async with office.worker():
        for words in ("return", "lamp", "too large", *["faq"] * 30):
            await people.waits_for(await people.says("alice", words))
    before = await slots_of(url, monkeypatch)
    assert await forget_the_old(office.engine) > 20
    assert await slots_of(url, monkeypatch) == before
    async with office.worker():  # a new one, that remembers nothing
        await people.waits_for(await people.says("alice", "return"))
    assert (await people.replies("alice"))[-1].content["text"] == "lamp goes back"  # which item, it still knows
    async with reading(office.engine) as connection:
        numbers = list((await connection.execute(sa.select(events.c.seq).order_by(events.c.seq))).scalars())
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert numbers[0] > 1
