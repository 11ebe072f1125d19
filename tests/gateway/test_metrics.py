"""What `GET /metrics` tells, read with Prometheus' own parser: how much of everything, and of whom nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from prometheus_client import Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.gauges import Families, Gauges
from bot.store.database import transaction
from bot.store.tables import conversations, gateways, messages, workers
from tests.database import NOON, Clock
from tests.gateway.people import accepted, bot_says, says
from tests.gateway.running import Gateway
from tests.gateway.talking import talking

LABELS = {"channel", "outcome", "word", "repeated", "kind", "to_channel", "of", "worker", "le"}

COUNTS = {
    "bounds": [0.1, 1.0],
    "turns": [["telegram", "done", 3], ["telegram", "parked", 1]],
    "took": [["telegram", 0.9, [2, 1, 1]]],
    "waited": [["telegram", 7.5, [0, 0, 4]]],
}


def parsed(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(families: Families, name: str) -> dict[tuple[str, ...], float]:
    """By the values of the labels, these in the order of their names."""
    family = parsed(generate_latest(families).decode())[name]
    return {tuple(value for _, value in sorted(one.labels.items())): one.value for one in family.samples}


def gauges(engine: AsyncEngine, clock: Clock) -> Gauges:
    return Gauges(engine=engine, clock=clock, channels=("telegram", "whatsapp"))


async def change(engine: AsyncEngine, table: sa.Table, **what: Any) -> None:
    async with transaction(engine) as connection:
        await connection.execute(sa.update(table).values(**what))


async def test_the_queue_is_told_by_channel_with_the_age_of_its_oldest(engine: AsyncEngine, clock: Clock) -> None:
    await accepted(engine, says("alice", "hello"), clock())
    await accepted(engine, says("bob", "hello"), clock() + timedelta(seconds=50))
    clock.forward(seconds=90)
    found = await gauges(engine, clock).read()
    assert values(found, "throughline_queue_conversations") == {("telegram",): 2, ("whatsapp",): 0}
    assert values(found, "throughline_queue_age_seconds") == {("telegram",): 90, ("whatsapp",): 0}


async def test_a_turn_that_is_tried_again_later_has_waited_all_the_same(engine: AsyncEngine, clock: Clock) -> None:
    await accepted(engine, says("alice", "hello"), clock())
    await change(engine, conversations, waiting_since=clock() + timedelta(seconds=100))
    clock.forward(seconds=40)
    assert values(await gauges(engine, clock).read(), "throughline_queue_age_seconds")["telegram",] == 40


async def test_the_outbox_is_told_by_channel_with_the_age_of_its_oldest(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("alice", "hello"), clock())
    for text in ("one", "two"):
        await bot_says(engine, asked, text, clock())
        clock.forward(seconds=5)
    found = await gauges(engine, clock).read()
    assert values(found, "throughline_outbox_messages") == {("telegram",): 2, ("whatsapp",): 0}
    assert values(found, "throughline_outbox_age_seconds") == {("telegram",): 10, ("whatsapp",): 0}


async def test_what_came_to_a_bad_end_is_told_for_a_day(engine: AsyncEngine, clock: Clock) -> None:
    asked = await accepted(engine, says("alice", "hello"), clock())
    sent = await bot_says(engine, asked, "one", clock())
    async with transaction(engine) as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == sent).values(state="uncertain"))
        await connection.execute(sa.update(messages).where(messages.c.id == asked.message).values(state="failed"))
    found = values(await gauges(engine, clock).read(), "throughline_troubled_messages")
    assert found == {
        ("telegram", "parked"): 1,
        ("telegram", "failed"): 0,
        ("telegram", "uncertain"): 1,
        ("whatsapp", "parked"): 0,
        ("whatsapp", "failed"): 0,
        ("whatsapp", "uncertain"): 0,
    }
    clock.forward(hours=25)
    assert set(values(await gauges(engine, clock).read(), "throughline_troubled_messages").values()) == {0}


async def test_what_workers_count_is_told_for_those_that_live(engine: AsyncEngine, clock: Clock) -> None:
    async with transaction(engine) as connection:
        for name, seen, counts in (("w1", 1, COUNTS), ("old", 1, None), ("dead", 60, COUNTS)):
            row = {"id": name, "model": "m", "started_at": NOON, "counts": counts}
            await connection.execute(sa.insert(workers).values(**row, seen_at=clock() - timedelta(seconds=seen)))
        row = {"id": "g1", "version": "1", "settings": {}, "started_at": NOON}
        await connection.execute(sa.insert(gateways).values(**row, seen_at=clock()))
    found = await gauges(engine, clock).read()
    assert values(found, "throughline_workers_alive") == {(): 2}
    assert values(found, "throughline_gateways_alive") == {(): 1}
    assert values(found, "throughline_turns") == {("telegram", "done", "w1"): 3, ("telegram", "parked", "w1"): 1}
    took = parsed(generate_latest(found).decode())["throughline_turn_seconds"]
    assert [(sample.name.rpartition("_")[2], sample.labels.get("le"), sample.value) for sample in took.samples] == [
        ("bucket", "0.1", 2),
        ("bucket", "1.0", 3),
        ("bucket", "+Inf", 4),
        ("count", None, 4),
        ("sum", None, 0.9),
    ]


async def test_the_database_is_asked_once_a_second_however_often_one_scrapes(engine: AsyncEngine, clock: Clock) -> None:
    asked = 0

    def count(*_: Any) -> None:
        nonlocal asked
        asked += 1

    told = gauges(engine, clock)
    sa.event.listen(engine.sync_engine, "after_cursor_execute", count)
    first = await told.read()
    once = asked
    assert all([await told.read() is first for _ in range(20)])
    assert (asked, once <= 6) == (once, True)


async def test_every_gauge_is_read_by_an_index(engine: AsyncEngine, clock: Clock) -> None:
    """SQLite says so by itself; PostgreSQL, which prefers to read small tables whole, where it may not."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    await gauges(engine, clock).read()
    sa.event.remove(engine.sync_engine, "before_cursor_execute", note)
    postgres = engine.dialect.name == "postgresql"
    plans = []
    async with engine.connect() as connection:
        if postgres:
            await connection.exec_driver_sql("SET enable_seqscan = off")
        for statement, parameters in statements:
            if re.search(r"\sFROM (messages|conversations)\s", statement):
                explain = "EXPLAIN " if postgres else "EXPLAIN QUERY PLAN "
                found = await connection.exec_driver_sql(explain + statement, parameters)
                plans.append("\n".join(str(row) for row in found))
    assert len(plans) == 3
    for plan, index in zip(plans, ("waiting_channel", "messages_unsent", "messages_trouble"), strict=True):
        assert index in plan, plan


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_database_that_is_away_is_said_to_be(engine: AsyncEngine, clock: Clock) -> None:
    async with engine.begin() as connection:
        await connection.execute(sa.text("DROP TABLE gateways"))
    assert values(await gauges(engine, clock).read(), "throughline_database_up") == {(): 0}


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with talking(tmp_path) as talk:
        await talk.alice.start(talk.bot)
        await talk.asks("where is the white rabbit?")
        yield talk.gateway


async def scraped(gateway: Gateway) -> str:
    async with gateway.http.get(f"{gateway.url}/metrics") as answer:
        assert answer.status == 200
        return await answer.text()


async def test_every_family_has_its_help_its_type_and_no_label_of_a_person(gateway: Gateway) -> None:
    text = await scraped(gateway)
    families = parsed(text)
    assert families["throughline_messages_accepted"].samples
    for name, family in families.items():
        assert name.startswith("throughline_")
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            assert set(sample.labels) <= LABELS, sample
    kinds = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
    assert len(kinds) == len(set(kinds))
    assert "Alice" not in text
    assert "rabbit" not in text
