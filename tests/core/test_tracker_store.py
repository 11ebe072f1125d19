"""Conversations through Rasa's own tools' eyes."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from rasa.core.agent import Agent
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SlotSet, UserUttered
from rasa.shared.core.trackers import EventVerbosity
from rasa.utils.endpoints import EndpointConfig, read_endpoint_config
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.show_tracker import main as show_tracker
from bot.core.tracker_store import ConversationMovedOn, ConversationTrackerStore
from bot.store.database import reading, transaction
from bot.store.tables import conversations, customers, events
from tests.core.playing import NOON


@pytest.fixture
def domain() -> Domain:
    return Domain.load(str(Path(__file__).parent / "assistant" / "domain.yml"))


@pytest.fixture
def store(url: URL, domain: Domain) -> TrackerStore:
    endpoint = EndpointConfig(
        type="bot.core.tracker_store.ConversationTrackerStore", url=url.render_as_string(hide_password=False)
    )
    return TrackerStore.create(endpoint, domain=domain)


def test_rasa_creates_it_from_endpoints_yml(store: TrackerStore) -> None:
    assert type(store) is ConversationTrackerStore


async def test_a_conversation_of_rasas_tools_is_kept(store: TrackerStore, model: Path, engine: AsyncEngine) -> None:
    agent = Agent.load(model, tracker_store=store)
    for words in ("/return_item", "lamp"):
        await agent.handle_text(words, sender_id="shell")
    tracker = await store.retrieve("shell")
    assert tracker is not None
    assert (tracker.get_slot("item"), tracker.active_loop_name) == ("lamp", "return_form")
    assert list(await store.keys()) == ["shell"]
    async with reading(engine) as connection:
        row = (await connection.execute(sa.select(conversations))).one()
        numbers = (await connection.execute(sa.select(events.c.seq).order_by(events.c.seq))).scalars().all()
    assert (row.customer_id, row.owner) == (None, "bot")
    assert numbers == list(range(1, len(tracker.events) + 2))  # one came before the session started


async def test_a_second_writer_fails(store: TrackerStore, engine: AsyncEngine) -> None:
    await store.save(await store.get_or_create_tracker("alice"))
    async with transaction(engine) as connection:
        await connection.execute(sa.insert(customers).values(id="c", created_at=NOON))
        await connection.execute(sa.update(conversations).values(customer_id="c"))
    mine, theirs = await store.retrieve("alice"), await store.retrieve("alice")
    assert mine is not None
    assert theirs is not None
    theirs.update(UserUttered("hello"))
    await store.save(theirs)
    mine.update(UserUttered("good bye"))
    with pytest.raises(ConversationMovedOn):
        await store.save(mine)
    kept = await store.retrieve_full_tracker("alice")
    assert kept is not None
    assert [event.text for event in kept.events if isinstance(event, UserUttered)] == ["hello"]


async def test_rasa_interactive_may_take_events_back(store: TrackerStore) -> None:
    tracker = await store.get_or_create_tracker("shell")
    tracker.update(SlotSet("item", "lamp"))
    await store.save(tracker)
    shorter = await store.retrieve("shell")
    assert shorter is not None
    shorter.events.pop()
    await store.save(shorter)
    kept = await store.retrieve("shell")
    assert kept is not None
    assert kept.get_slot("item") is None


async def test_it_serves_several_event_loops(store: TrackerStore) -> None:
    await store.save(await store.get_or_create_tracker("alice"))
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(store.retrieve("alice"))))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert found[0] is not None


def test_a_tracker_can_be_shown(
    store: TrackerStore,
    url: URL,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asyncio.run(_begin(store))
    (tmp_path / "domain.yml").write_text((Path(__file__).parent / "assistant" / "domain.yml").read_text())
    endpoints = tmp_path / "endpoints.yml"
    endpoints.write_text(
        "tracker_store:\n  type: bot.core.tracker_store.ConversationTrackerStore\n  url: ${DATABASE_URL}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    assert read_endpoint_config(str(endpoints), "tracker_store") is not None
    assert show_tracker(["alice", "--endpoints", str(endpoints)]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["sender_id"], shown["slots"]["item"]) == ("alice", "lamp")
    assert show_tracker(["bob", "--endpoints", str(endpoints)]) == 1
    assert EventVerbosity.ALL


async def _begin(store: TrackerStore) -> None:
    tracker = await store.get_or_create_tracker("alice")
    tracker.update(SlotSet("item", "lamp"))
    await store.save(tracker)
