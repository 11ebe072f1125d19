"""Rasa's event broker gets every event that was committed, in order, and no turn waits for it."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.utils.endpoints import EndpointConfig
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core import feed
from bot.core.broker import BrokerFailed, Feed, Publisher, feeding
from bot.core.claims import event_rows
from bot.core.turn import Json
from bot.store.database import connect, reading, transaction
from bot.store.tables import conversations, events, unpublished
from tests.core.playing import NOON, People, eventually
from tests.core.test_process import Starter

LEASE = timedelta(seconds=60)


class Heard(EventBroker):  # type: ignore[misc]  # Rasa's class is untyped here
    """A broker as bot builders write their own. It publishes in the background, as Rasa's own for RabbitMQ does."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        self.refuses: set[str] = set()
        self.ready = True
        self._tasks: set[asyncio.Task[None]] = set()

    def publish(self, event: Json) -> None:
        self._tasks.add(asyncio.get_running_loop().create_task(self._publish(event)))

    async def _publish(self, event: Json) -> None:
        await asyncio.sleep(0)
        if event["sender_id"] in self.refuses:
            raise ConnectionResetError
        self.bodies.append(event)

    def is_ready(self) -> bool:
        return self.ready

    def numbers(self, conversation: str) -> list[int]:
        return [body["seq"] for body in self.bodies if body["sender_id"] == conversation]


class Committed:
    """A conversation whose events are committed as a turn commits them."""

    def __init__(self, engine: AsyncEngine, conversation: str) -> None:
        self._engine = engine
        self._conversation = conversation
        self._count = 0

    async def begin(self) -> Committed:
        async with transaction(self._engine) as connection:
            await connection.execute(
                sa.insert(conversations).values(
                    id=self._conversation, owner="bot", last_seq=0, inbound_seq=0, done_seq=0, epoch=0, created_at=NOON
                )
            )
        return self

    async def add(self, count: int) -> None:
        async with transaction(self._engine) as connection:
            await self.write(connection, count)

    async def write(self, connection: Any, count: int) -> None:
        first = self._count + 1
        said = [event(number) for number in range(first, first + count)]
        await connection.execute(sa.insert(events), event_rows(self._conversation, first, said, None))
        await feed.mark(connection, self._conversation, first, count, NOON)
        self._count += count


def event(number: int) -> Json:
    return {"event": "slot", "timestamp": float(number), "name": "item", "value": number}


def feed_of(engine: AsyncEngine, broker: EventBroker, name: str = "w1") -> Feed:
    publisher = Publisher(EndpointConfig(type="unused"))
    publisher._broker = broker
    return Feed(engine, publisher, name, threading.Event())


async def all_of(feeding: Feed) -> None:
    while await feeding.once():
        pass


async def left(engine: AsyncEngine) -> list[Any]:
    async with reading(engine) as connection:
        return list((await connection.execute(sa.select(unpublished))).all())


async def test_events_are_published_in_order_as_stock_rasa_does(engine: AsyncEngine) -> None:
    alice = await Committed(engine, "alice").begin()
    await alice.add(feed.MOST + 50)
    await alice.add(3)
    broker = Heard()
    await all_of(feed_of(engine, broker))
    assert broker.numbers("alice") == list(range(1, feed.MOST + 54))
    assert broker.bodies[1] == {"sender_id": "alice", **event(2), "seq": 2}
    assert await left(engine) == []


async def test_what_is_committed_meanwhile_is_not_skipped(engine: AsyncEngine) -> None:
    alice = await Committed(engine, "alice").begin()
    await alice.add(2)
    feeding = feed_of(engine, Heard())
    behind = await feeding._claim()
    assert behind is not None
    published = await feeding._publish(behind)
    await alice.add(1)
    async with transaction(engine) as connection:
        await feed.advance(connection, behind, published, NOON)
    [row] = await left(engine)
    assert (row.next_seq, row.end_seq) == (3, 4)
    broker = Heard()
    await all_of(feed_of(engine, broker))
    assert broker.numbers("alice") == [3]


async def test_a_commit_under_way_is_not_skipped(engine: AsyncEngine, url: URL) -> None:
    """The feed finishes while a turn that has written its events has not committed yet."""
    if not url.drivername.startswith("postgresql"):
        pytest.skip("SQLite has one writer at a time")
    alice = await Committed(engine, "alice").begin()
    await alice.add(2)
    feeding = feed_of(engine, Heard())
    behind = await feeding._claim()
    assert behind is not None
    published = await feeding._publish(behind)

    async def finish() -> None:
        async with transaction(engine) as connection:
            await feed.advance(connection, behind, published, NOON)

    async with transaction(engine) as connection:
        await alice.write(connection, 1)
        finishing = asyncio.create_task(finish())
        await until_somebody_waits_for_a_lock(engine)
    await finishing
    broker = Heard()
    await all_of(feed_of(engine, broker))
    assert broker.numbers("alice") == [3]


async def until_somebody_waits_for_a_lock(engine: AsyncEngine) -> None:
    waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while True:
        async with reading(engine) as connection:
            if (await connection.execute(waiting)).scalar_one():
                return
        await asyncio.sleep(0.01)


async def test_one_worker_at_a_time_feeds_a_conversation(engine: AsyncEngine) -> None:
    for name in ("alice", "bob"):
        await (await Committed(engine, name).begin()).add(2)
    first, second, third = (feed_of(engine, Heard(), name) for name in ("w1", "w2", "w3"))
    claimed = [await one._claim() for one in (first, second, third)]
    assert sorted(one.conversation for one in claimed if one is not None) == ["alice", "bob"]
    assert claimed[2] is None


async def test_a_feeder_that_lost_its_claim_moves_nothing(engine: AsyncEngine) -> None:
    alice = await Committed(engine, "alice").begin()
    await alice.add(2)
    slow = feed_of(engine, Heard(), "slow")
    behind = await slow._claim()
    assert behind is not None
    async with transaction(engine) as connection:  # its lease is over
        later = datetime.now(timezone.utc) + timedelta(minutes=5)
        assert await feed.claim_behind(connection, "quick", later, LEASE) is not None
    async with transaction(engine) as connection:
        await feed.advance(connection, behind, [1, 2], NOON)
    [row] = await left(engine)
    assert (row.next_seq, row.claimed_by) == (1, "quick")


async def test_a_broker_that_refuses_one_conversation_holds_up_no_other(engine: AsyncEngine) -> None:
    await (await Committed(engine, "alice").begin()).add(2)
    await (await Committed(engine, "bob").begin()).add(2)
    broker = Heard()
    broker.refuses = {"alice"}
    feeding = feed_of(engine, broker)
    with pytest.raises(ConnectionResetError):
        await feeding.once()
    await all_of(feeding)
    assert broker.numbers("bob") == [1, 2]
    [row] = await left(engine)
    assert (row.conversation_id, row.next_seq, row.claimed_by) == ("alice", 1, None)
    assert row.due_at > datetime.now(timezone.utc)


async def test_a_broker_that_is_not_connected_is_told_nothing(engine: AsyncEngine) -> None:
    await (await Committed(engine, "alice").begin()).add(1)
    broker = Heard()
    broker.ready = False
    with pytest.raises(BrokerFailed, match="not connected"):
        await feed_of(engine, broker).once()
    assert broker.bodies == []


async def test_an_event_that_is_no_json_is_passed_over_and_named(
    engine: AsyncEngine, url: URL, capsys: pytest.CaptureFixture[str]
) -> None:
    if not url.drivername.startswith("sqlite"):
        pytest.skip("PostgreSQL takes no such value")
    await (await Committed(engine, "alice").begin()).add(3)
    async with transaction(engine) as connection:
        await connection.execute(sa.text('UPDATE events SET data = \'{"event": "verysecret\' WHERE seq = 2'))
    broker = Heard()
    await all_of(feed_of(engine, broker))
    assert broker.numbers("alice") == [1, 3]
    said = capsys.readouterr().err
    assert "event.unpublishable" in said
    assert "verysecret" not in said


async def test_nothing_is_done_where_no_broker_is_configured(url: URL, tmp_path: Path) -> None:
    endpoints = tmp_path / "endpoints.yml"
    before = threading.active_count()
    async with feeding(url, endpoints, "w1") as publish:
        assert not publish
    endpoints.write_text("action_endpoint:\n  url: http://127.0.0.1:5055/webhook\n")
    async with feeding(url, endpoints, "w1") as publish:
        assert not publish
        assert threading.active_count() == before


# --- Rasa's own brokers -----------------------------------------------------------------------------------------------


@asynccontextmanager
async def fed(url: URL, folder: Path, broker: str) -> AsyncIterator[None]:
    endpoints = folder / "endpoints.yml"
    endpoints.write_text(f"event_broker:\n{broker}")
    async with feeding(url, endpoints, "w1") as publish:
        assert publish
        yield


async def test_rasas_file_broker(engine: AsyncEngine, url: URL, tmp_path: Path) -> None:
    alice = await Committed(engine, "alice").begin()
    log = tmp_path / "later" / "events.log"
    async with fed(url, tmp_path, f"  type: file\n  path: {log}\n"):
        await alice.add(2)
        log.parent.mkdir()  # before that, it could not even be made
        await eventually(lambda: log.exists() and log.read_text().count("\n") == 2, seconds=60)
        await alice.add(1)
        await eventually(lambda: log.read_text().count("\n") == 3, seconds=60)
    found = [json.loads(line) for line in log.read_text().splitlines()]
    assert found == [{"sender_id": "alice", **event(number), "seq": number} for number in (1, 2, 3)]


async def test_rasas_sql_broker_fails_for_a_while(engine: AsyncEngine, url: URL, tmp_path: Path) -> None:
    alice = await Committed(engine, "alice").begin()
    target = tmp_path / "broker.db"
    async with fed(url, tmp_path, f"  type: sql\n  dialect: sqlite\n  db: {target}\n"):
        await alice.add(1)
        await eventually(lambda: published_in(target) == [("alice", 1)], seconds=60)
        with closing(sqlite3.connect(target, isolation_level=None)) as other:
            other.execute("DROP TABLE events")
            await alice.add(2)
            await failed_once(engine)
            other.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, sender_id VARCHAR(255), data TEXT)")
        await eventually(lambda: published_in(target) == [("alice", 2), ("alice", 3)], seconds=60)
        await gone(engine)


def published_in(target: Path) -> list[tuple[str, int]]:
    with closing(sqlite3.connect(target)) as database:
        try:
            rows = database.execute("SELECT sender_id, data FROM events ORDER BY id").fetchall()
        except sqlite3.OperationalError:
            return []
    return [(sender, json.loads(data)["seq"]) for sender, data in rows]


async def failed_once(engine: AsyncEngine) -> None:
    while not [row for row in await left(engine) if row.due_at > NOON]:
        await asyncio.sleep(0.02)


async def gone(engine: AsyncEngine) -> None:
    while await left(engine):
        await asyncio.sleep(0.02)


async def test_rasas_kafka_broker(engine: AsyncEngine, url: URL, tmp_path: Path) -> None:
    """On a real client and librdkafka's own mock of a cluster, which speaks Kafka's protocol on loopback."""
    import confluent_kafka

    cluster = confluent_kafka.Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1})
    [server] = [f"{broker.host}:{broker.port}" for broker in cluster.list_topics(timeout=10).brokers.values()]
    alice = await Committed(engine, "alice").begin()
    broker = f"  type: kafka\n  url: {server}\n  topic: events\n  security_protocol: PLAINTEXT\n"
    broker += "  partition_by_sender: true\n"  # Kafka keeps the order within a partition
    async with fed(url, tmp_path, broker):
        await alice.add(3)
        await asyncio.wait_for(gone(engine), 60)
    assert list(dict.fromkeys(await asyncio.to_thread(consumed, server, 4))) == [1, 2, 3]


def consumed(server: str, count: int) -> list[int]:
    import confluent_kafka

    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": server, "group.id": "tests", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe(["events"])
    try:
        found = [message for message in consumer.consume(count, timeout=30) if message.error() is None]
    finally:
        consumer.close()
    return [json.loads(message.value() or b"")["seq"] for message in found]


async def test_a_class_that_is_not_there_is_said_and_nothing_is_lost(
    engine: AsyncEngine, url: URL, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = await Committed(engine, "alice").begin()
    async with fed(url, tmp_path, "  type: nowhere.Broker\n"):
        await alice.add(1)
        await failed_once(engine)
    assert len(await left(engine)) == 1
    assert "there is no event broker of this type" in capsys.readouterr().err


async def test_the_database_may_be_out_meanwhile(tmp_path: Path) -> None:
    engine = connect("postgresql://nobody@127.0.0.1:9/nothing")
    feeding = feed_of(engine, Heard())
    running = asyncio.create_task(feeding.run())
    await eventually(lambda: feeding._wait > 1.0, seconds=60)
    feeding._stop.set()
    await running
    await engine.dispose()


async def test_a_worker_that_is_killed_between_a_commit_and_publishing_skips_nothing(
    engine: AsyncEngine, url: URL, model: Path, endpoints: Path, tmp_path: Path
) -> None:
    """And the turns are answered all the while that the broker is out."""
    target = tmp_path / "broker.db"
    with endpoints.open("a") as file:
        file.write(f"event_broker:\n  type: sql\n  dialect: sqlite\n  db: {target}\n")
    start = Starter(url, model.parent, endpoints, tmp_path)
    people = People(engine, lambda: datetime.now(timezone.utc))
    with closing(sqlite3.connect(target, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        worker = await start()
        await people.waits_for(await people.says("alice", "good day"), await people.says("bob", "faq"), seconds=180)
        await people.waits_for(await people.says("alice", "faq"), seconds=60)
        worker.signal(signal.SIGKILL)
        await worker.ends()
        other.execute("ROLLBACK")
    worker = await start()
    # What the killed one was publishing is its own for the rest of its lease.
    await asyncio.wait_for(gone(engine), LEASE.total_seconds() + 180)
    worker.signal(signal.SIGTERM)
    assert await worker.ends() == 0
    async with reading(engine) as connection:
        committed = (await connection.execute(sa.select(events.c.conversation_id, events.c.seq))).all()
    published = published_in(target)
    assert sorted(published) == sorted(tuple(row) for row in committed)
    for name in ("alice", "bob"):
        numbers = [seq for sender, seq in published if sender == name]
        assert numbers == sorted(numbers)
