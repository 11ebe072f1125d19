"""What should not happen, and does: every message has its answer all the same, once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.utils.endpoints import EndpointConfig
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.meaning import LONGEST_TEXT
from bot.store.database import connect, reading
from bot.store.tables import events
from tests.core.conftest import ASSISTANT
from tests.core.playing import Actions, People, eventually
from tests.core.test_worker import Office, now


@pytest.fixture
def office(engine: AsyncEngine, url: URL, model: Path, endpoints: Path) -> Office:
    return Office(engine, url, model, endpoints)


async def test_a_megabyte_of_text_is_answered_and_rasa_sees_its_beginning(office: Office) -> None:
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "return"))
        await people.waits_for(await people.says("alice", "lamp " * 200_000))
        await people.waits_for(await people.says("alice", "too large"))
    assert [row.content["text"] for row in await people.replies("alice")][1] == "Why?"
    async with reading(office.engine) as connection:
        said = await connection.execute(sa.select(events.c.data).where(events.c.type == "user"))
        assert max(len(event["text"]) for event in said.scalars()) <= LONGEST_TEXT
    assert len((await people.rows("alice"))[2].content["text"]) == 1_000_000


async def test_a_conversation_that_does_not_exist_is_none(url: URL, engine: AsyncEngine) -> None:
    store = TrackerStore.create(
        EndpointConfig(
            type="bot.core.tracker_store.ConversationTrackerStore", url=url.render_as_string(hide_password=False)
        ),
        domain=Domain.load(str(ASSISTANT / "domain.yml")),
    )
    assert await store.retrieve("nobody") is None
    assert await store.retrieve_full_tracker("nobody") is None


async def test_messages_keep_their_order_when_the_clock_jumps_back(office: Office) -> None:
    people = office.people
    earlier = People(office.engine, lambda: now() - timedelta(hours=1))
    numbers = [await people.says("alice", "return"), await earlier.says("alice", "lamp")]
    numbers.append(await people.says("alice", "too large"))
    async with office.worker():
        await people.waits_for(*numbers)
    assert [row.content["text"] for row in await people.replies("alice")] == ["Which item?", "Why?", "lamp goes back"]


async def test_what_was_said_while_the_clock_was_ahead_does_not_wait_until_then(office: Office) -> None:
    ahead = People(office.engine, lambda: now() + timedelta(hours=1))
    number = await ahead.says("alice", "good day")
    async with office.worker():
        await ahead.waits_for(number)
    assert len(await ahead.replies("alice")) == 1


async def test_a_turn_in_which_the_database_is_cut_off_is_committed_once(
    office: Office, url: URL, actions: Actions
) -> None:
    if not url.drivername.startswith("postgresql"):
        pytest.skip("SQLite has no connections to lose")
    people = office.people
    actions.hold("alice")
    async with office.worker():
        number = await people.says("alice", "look up")
        await eventually(lambda: bool(actions.calls))
        await cut_all_connections(url)
        actions.let_go()
        watching = connect(url)  # not by a connection that was cut
        await People(watching, now).waits_for(number)
        await watching.dispose()
    assert [words for _, words in await people.transcript("alice")] == ["look up", "Found it"]
    assert len(actions.calls) == 1


async def cut_all_connections(url: URL) -> None:
    engine = connect(url)
    async with engine.connect() as connection:
        await connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
        )
    await engine.dispose()
