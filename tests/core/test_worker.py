"""The worker as one object: the queue, several conversations side by side, failures, new models."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.dialogue import Dialogue
from bot.core.models import Shelf
from bot.core.outage import insist
from bot.core.worker import Worker
from bot.store.database import connect, reading, transaction
from bot.store.tables import conversations, events, messages, workers
from bot.store.wake import open_wake
from tests.core.playing import Actions, People, eventually


def now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass
class Office:
    """Workers over one database and the customers who write to it."""

    engine: AsyncEngine
    url: URL
    model: Path
    endpoints: Path
    shelves: list[Shelf] = field(default_factory=list)
    stops: dict[str, asyncio.Event] = field(default_factory=dict)
    """By worker: tells it to stop."""

    @property
    def people(self) -> People:
        return People(self.engine, now)

    async def count(self, table: Any) -> int:
        async with reading(self.engine) as connection:
            return int((await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())

    async def counts(self, name: str) -> Any:
        async with reading(self.engine) as connection:
            return (await connection.execute(sa.select(workers.c.counts).where(workers.c.id == name))).scalar_one()

    @asynccontextmanager
    async def worker(
        self, name: str = "w1", *, slots: int = 4, lease: timedelta = timedelta(seconds=30), grace: float = 10.0
    ) -> AsyncIterator[Worker]:
        stop = self.stops[name] = asyncio.Event()
        shelf = Shelf(self.model.parent, lambda path: Dialogue.load(path, self.endpoints))
        shelf.dialogue = Dialogue.load(self.model, self.endpoints)
        wake = await open_wake(self.url)
        worker = Worker(
            engine=self.engine,
            wake=wake,
            shelf=shelf,
            clock=now,
            name=name,
            slots=slots,
            stop=stop,
            lease=lease,
            grace=grace,
        )
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            stop.set()
            await running
            await wake.close()


@pytest.fixture
def office(engine: AsyncEngine, url: URL, model: Path, endpoints: Path) -> Office:
    return Office(engine, url, model, endpoints)


async def test_every_message_is_answered_once_and_in_order(office: Office) -> None:
    people = office.people
    said = [("alice", "good day"), ("bob", "faq"), ("alice", "faq"), ("alice", "hi there"), ("bob", "good day")]
    numbers = [await people.says(name, words) for name, words in said]
    async with office.worker():
        await people.waits_for(*numbers)
    assert [words for _, words in await people.transcript("alice")] == [
        "good day",
        "faq",
        "hi there",
        "Hi",
        "Returns are free",
        "Hi",
    ]
    assert [row.cause_id for row in await people.replies("alice")] == [numbers[0], numbers[2], numbers[3]]
    assert [words for _, words in await people.transcript("bob")] == ["faq", "good day", "Returns are free", "Hi"]
    assert [row.seq for row in await people.rows("alice")] == [1, 2, 3, 4, 5, 6]


async def test_a_failing_action_is_tried_again_until_it_works(office: Office, actions: Actions) -> None:
    people = office.people
    actions.status = 500
    first = await people.says("alice", "look up")
    second = await people.says("alice", "faq")
    async with office.worker():
        await asyncio.sleep(1.5)
        assert await people.replies("alice") == []
        assert await office.count(events) == 0
        actions.status = 200
        await people.waits_for(first, second)
    assert [words for _, words in await people.transcript("alice")] == [
        "look up",
        "faq",
        "Found it",
        "Returns are free",
    ]
    row = (await people.rows("alice"))[0]
    assert (row.state, row.attempts >= 1, row.error) == ("done", True, None)


@pytest.mark.parametrize(
    ("body", "status"),
    [(None, 500), (None, 404), ("nonsense", 200), ({"events": [{"event": "unheard of"}], "responses": []}, 200)],
)
async def test_an_answer_that_never_comes_becomes_an_apology(
    office: Office, actions: Actions, body: Any, status: int
) -> None:
    people = office.people
    actions.body, actions.status = body, status
    number = await people.says("alice", "look up", channel="telegram")
    behind = await people.says("alice", "faq")
    async with transaction(office.engine) as connection:  # it has been tried often enough
        await connection.execute(sa.update(messages).where(messages.c.id == number).values(attempts=8))
    async with office.worker():
        await people.waits_for(number, behind)
    assert [words for _, words in await people.transcript("alice")] == [
        "look up",
        "faq",
        "Something is broken on Telegram",
        "Returns are free",
    ]
    row = (await people.rows("alice"))[0]
    assert (row.state, row.attempts, bool(row.error)) == ("failed", 9, True)


async def test_an_action_server_that_is_not_there_is_noticed(office: Office, actions: Actions) -> None:
    office.endpoints.write_text("action_endpoint:\n  url: http://127.0.0.1:9/webhook\n")
    people = office.people
    number = await people.says("alice", "look up")
    async with transaction(office.engine) as connection:
        long_ago = {"attempts": 8, "created_at": now() - timedelta(hours=1)}
        await connection.execute(sa.update(messages).where(messages.c.id == number).values(**long_ago))
    async with office.worker():
        await people.waits_for(number)
    row = (await people.rows("alice"))[0]
    assert row.error == "the action server is away: ClientConnectorError"


async def test_a_slow_action_holds_up_only_its_own_conversation(office: Office, actions: Actions) -> None:
    people = office.people
    actions.hold("alice")
    slow = await people.says("alice", "look up")
    behind = await people.says("alice", "faq")
    quick = [await people.says(name, "look up") for name in ("bob", "carol", "dave", "erin", "frank")]
    async with office.worker(slots=2):
        await people.waits_for(*quick)
        assert [await people.state_of(number) for number in (slow, behind)] == ["waiting", "waiting"]
        actions.let_go()
        await people.waits_for(slow, behind)
    assert [words for _, words in await people.transcript("alice")][2:] == ["Found it", "Returns are free"]


async def test_two_workers_share_the_queue(office: Office) -> None:
    people = office.people
    names = ["alice", "bob", "carol"]
    numbers = []
    async with office.worker("w1"), office.worker("w2"):
        for round_ in range(6):
            numbers += [await people.says(name, "faq" if round_ % 2 else "good day") for name in names]
        await people.waits_for(*numbers)
    for name in names:
        replies = await people.replies(name)
        assert [row.content["text"] for row in replies] == ["Hi", "Returns are free"] * 3
    async with reading(office.engine) as connection:
        found = await connection.execute(
            sa.select(events.c.conversation_id, events.c.seq).order_by(events.c.conversation_id, events.c.seq)
        )
        by_name: dict[str, list[int]] = {}
        for row in found:
            by_name.setdefault(row.conversation_id, []).append(row.seq)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in by_name.values())


async def test_a_claim_that_is_lost_writes_nothing_and_the_next_worker_answers(
    office: Office, actions: Actions
) -> None:
    people = office.people
    actions.hold("alice")
    number = await people.says("alice", "look up")
    async with office.worker(lease=timedelta(seconds=0.6)):
        await eventually(lambda: bool(actions.calls))
        async with transaction(office.engine) as connection:  # another worker claims it
            await connection.execute(
                sa.update(conversations)
                .where(conversations.c.id == "alice")
                .values(epoch=conversations.c.epoch + 1, claimed_by="other", lease_until=now() + timedelta(seconds=1))
            )
        await asyncio.sleep(0.5)
        actions.let_go()
        await people.waits_for(number)
    assert len(await people.replies("alice")) == 1


async def test_a_lease_is_renewed_while_a_turn_takes_long(office: Office, actions: Actions) -> None:
    people = office.people
    actions.hold("alice")
    number = await people.says("alice", "look up")
    async with office.worker("w1", lease=timedelta(seconds=0.6)), office.worker("w2", lease=timedelta(seconds=0.6)):
        await asyncio.sleep(1.5)
        actions.let_go()
        await people.waits_for(number)
    assert len(actions.calls) == 1


async def test_a_conversation_with_a_corrupt_event_goes_on(office: Office, url: URL) -> None:
    people = office.people
    corrupt: Any = {"event": "nonsense"}
    if url.drivername.startswith("sqlite"):  # which checks nothing
        corrupt = sa.text("'{\"event\": '")
    async with office.worker():
        await people.waits_for(await people.says("alice", "return"), await people.says("alice", "lamp"))
        async with transaction(office.engine) as connection:
            said = sa.select(sa.func.max(events.c.seq)).where(events.c.type == "bot").scalar_subquery()
            await connection.execute(sa.update(events).where(events.c.seq == said).values(data=corrupt))
        last = await people.says("alice", "too large")
        await people.waits_for(last)
    assert await people.state_of(last) == "done"
    assert (await people.replies("alice"))[-1].content["text"] == "lamp goes back"


async def test_a_worker_shows_that_it_is_alive_and_leaves_no_trace(office: Office) -> None:
    async with office.worker("w1"):
        while not await office.count(workers):
            await asyncio.sleep(0.02)
        async with reading(office.engine) as connection:
            row = (await connection.execute(sa.select(workers))).one()
        assert (row.id, row.model) == ("w1", office.model.name)
    assert await office.count(workers) == 0


async def test_taps_and_typed_numbers_answer_the_open_question(office: Office) -> None:
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "return"))
        asked = (await people.replies("alice"))[-1]
        assert asked.asks == "item"
        await people.waits_for(await people.says("alice", "2", channel="telegram"))
        why = (await people.replies("alice"))[-1]
        assert (why.channel, why.asks) == ("telegram", "reason")
        late = {"type": "choice", "message": asked.id, "option": 0, "label": "Lamp"}
        await people.waits_for(await people.says("alice", late))
        assert (await people.replies("alice"))[-2].content["text"] == "That is over"
        await people.waits_for(
            await people.says("alice", {"type": "choice", "message": why.id, "option": 0, "label": ""})
        )
        assert (await people.replies("alice"))[-1].content["text"] == "chair goes back"
    assert [(row.asks, row.withdrawal) for row in await people.replies("alice") if row.asks] == [
        ("item", "due"),
        ("reason", "due"),  # asked on Telegram, and once more on the web where the late tap came from
        ("reason", "due"),
    ]


async def test_a_tap_on_a_question_that_was_asked_again_still_answers_it(office: Office) -> None:
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "return"))
        first = (await people.replies("alice"))[-1]
        await people.waits_for(await people.says("alice", "faq"))
        assert [row.withdrawal for row in await people.replies("alice") if row.asks] == ["due", None]
        tap = {"type": "choice", "message": first.id, "option": 1, "label": "Chair"}
        await people.waits_for(await people.says("alice", tap))
        assert (await people.replies("alice"))[-1].content["text"] == "Why?"


async def test_words_beside_a_picture_answer_the_open_question(office: Office) -> None:
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "return"))
        picture = {"type": "media", "kind": "picture", "outcome": "stored", "text": "the second one"}
        await people.waits_for(await people.says("alice", picture))
        await people.waits_for(await people.says("alice", "too large"))
    assert (await people.replies("alice"))[-1].content["text"] == "chair goes back"


async def test_nobody_can_tap_another_customers_options(office: Office) -> None:
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "menu"))
        menu = (await people.replies("alice"))[-1]
        tap = {"type": "choice", "message": menu.id, "option": 1, "label": "Questions"}
        await people.waits_for(await people.says("mallory", tap), await people.says("alice", tap))
    assert [row.content["text"] for row in await people.replies("mallory")] == ["That is over"]
    assert [row.content["text"] for row in await people.replies("alice")] == ["What next?", "Returns are free"]


async def test_a_paused_conversation_is_recorded_and_not_answered(office: Office) -> None:
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "menu"))
        async with transaction(office.engine) as connection:
            last = (await connection.execute(sa.select(sa.func.max(events.c.seq)))).scalar_one()
            pause = {"event": "pause", "timestamp": 1.0}
            await connection.execute(
                sa.insert(events).values(conversation_id="alice", seq=last + 1, type="pause", timestamp=1.0, data=pause)
            )
        await people.waits_for(await people.says("alice", "faq"))
    assert len(await people.replies("alice")) == 1
    assert await office.count(events) == last + 2


async def test_a_new_model_is_taken_up_between_turns(office: Office, actions: Actions, tmp_path: Path) -> None:
    people = office.people
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(office.model, folder / "first.tar.gz")
    office.model = folder / "first.tar.gz"
    actions.hold("alice")
    slow = await people.says("alice", "look up")
    async with office.worker() as worker:
        watching = asyncio.create_task(worker._shelf.watch(asyncio.Event()))
        await eventually(lambda: bool(actions.calls))
        (folder / "broken.tar.gz").write_bytes(b"not a model")
        await asyncio.sleep(4)
        assert worker._shelf.current.name == "first.tar.gz"
        shutil.copyfile(office.model, folder / "second.tar.gz")
        os.utime(folder / "second.tar.gz")
        await eventually(lambda: worker._shelf.current.name == "second.tar.gz", seconds=30)
        quick = await people.says("bob", "faq")
        await people.waits_for(quick)
        actions.let_go()
        await people.waits_for(slow)
        watching.cancel()
    assert [words for _, words in await people.transcript("alice")] == ["look up", "Found it"]


async def test_connections_that_break_are_made_again(office: Office, url: URL) -> None:
    if not url.drivername.startswith("postgresql"):
        pytest.skip("SQLite has no connections to lose")
    people = office.people
    async with office.worker():
        await people.waits_for(await people.says("alice", "faq"))
        other = connect(url)
        async with other.connect() as connection:
            await connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND pid <> pg_backend_pid()"
                )
            )
        await other.dispose()
        number = await eventually_says(people)
        await people.waits_for(number)
    assert [words for _, words in await people.transcript("alice")] == ["faq", "Returns are free"] * 2


async def eventually_says(people: People) -> int:
    return await insist(lambda: people.says("alice", "faq"))


async def test_a_reply_has_its_messages_trace_and_the_turn_is_timed_and_counted(office: Office) -> None:
    people, trace = office.people, "0123456789abcdef" * 2
    number = await people.says("alice", "faq", trace=trace)
    async with office.worker("counting"):
        await people.waits_for(number)
        asked, *replies = await people.rows("alice")
        assert {reply.trace for reply in replies} == {trace}
        assert asked.created_at <= asked.taken_at <= asked.finished_at
        while not (counts := await office.counts("counting"))["turns"]:  # with the next heartbeat
            await asyncio.sleep(0.05)
    assert counts["turns"] == [["webchat", "done", 1]]


async def test_what_a_worker_has_not_begun_when_it_is_told_to_stop_is_anybodys_at_once(
    office: Office, actions: Actions
) -> None:
    people = office.people
    actions.hold("alice")
    begun = await people.says("alice", "look up")
    async with office.worker("leaving"):
        await eventually(lambda: bool(actions.calls))
        behind = [await people.says("alice", "faq") for _ in range(3)]
        office.stops["leaving"].set()
        actions.let_go()
    assert [await people.state_of(number) for number in (begun, *behind)] == ["done", *["waiting"] * 3]
    async with reading(office.engine) as connection:
        row = (await connection.execute(sa.select(conversations))).one()
    assert (row.claimed_by, row.lease_until) == (None, None)
    assert row.waiting_since <= now()


async def test_a_turn_that_takes_too_long_to_be_waited_for_is_anybodys_at_once(
    office: Office, actions: Actions
) -> None:
    people = office.people
    actions.hold("alice")
    number = await people.says("alice", "look up")
    async with office.worker("leaving", grace=0.1):
        await eventually(lambda: bool(actions.calls))
    assert await people.replies("alice") == []
    async with reading(office.engine) as connection:
        row = (await connection.execute(sa.select(conversations))).one()
    assert (row.claimed_by, row.lease_until) == (None, None)
    assert row.waiting_since <= now()
    actions.let_go()
    async with office.worker("next"):
        await people.waits_for(number)
    assert [words for _, words in await people.transcript("alice")] == ["look up", "Found it"]
