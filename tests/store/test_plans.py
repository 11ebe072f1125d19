"""Every statement on a message's way is served by an index, as the databases' own planners say.

The product is played on a database with some thousands of rows: a real gateway with its webhook, its web chat, its desk
and all that it does by itself, and a worker's part. Whatever was asked of the database meanwhile is then explained. On
these tables, which grow without end, nothing may be read from one end to the other.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core import claims, stored
from bot.core.turn import Reply, Snapshot, Turn
from bot.gateway import stuck
from bot.gateway.retention import Retention
from bot.gateway.settings import Settings
from bot.store.database import reading, transaction
from bot.store.handoffs import where_last_heard
from bot.store.reaching import where_to_reach
from bot.store.tables import conversations, customers, events, identities, media, messages, metadata, snapshots
from channels.contract import Content, Option
from tests.database import NOON, Clock
from tests.gateway.desk.office import Office
from tests.gateway.people import conversation_of, customer_of
from tests.gateway.running import Gateway, running_gateway
from tests.gateway.test_webchat import connected, new_token
from tests.gateway.test_webhooks import post, update

PEOPLE, EACH = 1500, 6
BUSY = 3000
"""Messages of the one customer who has said most."""

GROWING = {"customers", "identities", "conversations", "messages", "events", "media", "search_terms", "sent_parts"}


@dataclass(frozen=True)
class Asked:
    statement: str
    parameters: Any

    @property
    def short(self) -> str:
        return " ".join(self.statement.split())


@contextmanager
def listening() -> Iterator[dict[str, Asked]]:
    """All statements that any engine of this process is given meanwhile, each once."""
    heard: dict[str, Asked] = {}

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        heard.setdefault(statement, Asked(statement, parameters[0] if many else parameters))

    sa.event.listen(sa.engine.Engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        sa.event.remove(sa.engine.Engine, "before_cursor_execute", hear)


# --- A database that has been in use for long -------------------------------------------------------------------------


async def fill(engine: AsyncEngine) -> None:
    then = NOON - timedelta(days=10)
    people = range(1, PEOPLE + 1)
    said = [(who, seq) for who in people for seq in range(1, (BUSY if who == 1 else EACH) + 1)]
    rows: dict[sa.Table, list[dict[str, Any]]] = {
        customers: [{"id": f"c{who}", "created_at": then} for who in people],
        identities: [
            {
                "id": who,
                "channel": ("telegram", "whatsapp", "webchat")[who % 3],
                "external_id": f"e{who}",
                "customer_id": f"c{who}",
                "address": f"a{who}",
                "assurance": "none",
                "linked_how": "first_contact",
                "linked_at": then,
            }
            for who in people
        ],
        conversations: [
            {
                "id": f"v{who}",
                "customer_id": f"c{who}",
                "owner": "bot",
                "last_seq": BUSY if who == 1 else EACH,
                "inbound_seq": BUSY if who == 1 else EACH,
                "done_seq": BUSY if who == 1 else EACH,
                "epoch": 1,
                "created_at": then,
            }
            for who in people
        ],
        messages: [
            {
                "id": number,
                "conversation_id": f"v{who}",
                "seq": seq,
                "direction": "in" if seq % 2 else "out",
                "author": "customer" if seq % 2 else "bot",
                "channel": ("telegram", "whatsapp", "webchat")[who % 3],
                "address": f"a{who}",
                "content": {"type": "text", "text": "a lamp"},
                "identity_id": who,
                "dedupe_key": f"telegram:{number}",
                "platform_id": f"p{number}",
                "state": ("done" if seq % 2 else "sent") if number % 100 else "failed",
                "attempts": 1,
                "due_at": then,
                "created_at": then,
                "finished_at": then,
            }
            for number, (who, seq) in enumerate(said, 1)
        ],
        events: [
            {
                "conversation_id": f"v{who}",
                "seq": seq,
                "type": "user" if seq > 1 else "session_started",
                "timestamp": then.timestamp(),
                "message_id": number,
                "data": {"event": "user"},
            }
            for number, (who, seq) in enumerate(said, 1)
        ],
        snapshots: [{"conversation_id": f"v{who}", "seq": 2, "data": []} for who in people if who % 2],
        media: [
            {
                "id": f"m{number}",
                "message_id": number,
                "channel": "telegram",
                "kind": "picture",
                "state": "stored",
                "attempts": 1,
                "due_at": then,
                "sha256": f"{number:064x}",
                "created_at": then,
            }
            for number in range(1, 2000)
        ],
    }
    async with transaction(engine) as connection:
        for table, values in rows.items():
            await connection.execute(sa.insert(table), values)
        await connection.execute(sa.insert(metadata.tables["search_progress"]).values(id=1, message_id=len(said)))
        if connection.dialect.name == "postgresql":
            for table in (messages, identities):
                await connection.execute(
                    sa.select(sa.func.setval(f"{table.name}_id_seq", sa.func.max(table.c.id))).select_from(table)
                )
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.exec_driver_sql("ANALYZE")


# --- What is done with it ---------------------------------------------------------------------------------------------


@pytest.fixture
async def gateway(engine: AsyncEngine, tmp_path: Path, clock: Clock) -> AsyncIterator[Gateway]:
    await fill(engine)
    url = engine.url.render_as_string(hide_password=False)
    async with running_gateway(tmp_path, database_url=url, clock=clock) as gateway:
        yield gateway


async def hear(gateway: Gateway) -> None:
    """New people and known ones, once and twice, and what a platform tells of them."""
    for _ in range(2):
        assert await post(gateway, update("hello")) == 200
    assert await post(gateway, update("hello again", number=2)) == 200
    assert await post(gateway, update("all of you", number=3, chat={"id": -9, "type": "group", "title": "us"})) == 200


async def answer(engine: AsyncEngine, clock: Clock) -> None:
    """All that waits, as a worker does it."""
    lease = timedelta(seconds=15)
    number = 0
    async with reading(engine) as connection:
        await claims.when_to_claim(connection, "w1", clock())
    clock.forward(seconds=1)
    while True:
        async with transaction(engine) as connection:
            held = await claims.claim_waiting(connection, "w1", clock(), lease, most=4)
        if not held:
            return
        for claim in held:
            async with reading(engine) as connection:
                message = await claims.next_message(connection, claim)
                assert message is not None
                message = await stored.placed(connection, message)
                history = await stored.read_history(connection, claim.conversation)
                await stored.read_session(connection, claim.conversation)
                await stored.read_given(connection, message, history)
            number += 1
            async with transaction(engine) as connection:
                assert await claims.renew(connection, claim, clock(), lease)
                if number == 1:
                    await claims.postpone(connection, claim, message, clock(), "try again")
                    continue
                turn = Turn(
                    first_event=history.next_seq,
                    events=({"event": "user", "timestamp": clock().timestamp()},),
                    replies=(
                        Reply(content=Content(text="which?", options=(Option(title="a", payload="b"),)), asks="item"),
                    ),
                    snapshot=Snapshot(seq=history.next_seq, events=()),
                    asks="item",
                    closes=True,
                )
                await claims.commit_turn(connection, claim, message, turn, clock(), publish=True)


async def chat(gateway: Gateway, clock: Clock) -> None:
    """On the web, where what is said comes back and is read."""
    token = await new_token(gateway)
    async with connected(gateway, token) as widget:
        await widget.until_ready()
        await widget.say("hello")
        await widget.next("message")
        await answer(gateway.engine, clock)
        said = await widget.next("message")
        await widget.send(type="read", seq=said["seq"])
        await widget.send(type="typing")
    async with connected(gateway, token, cursor=1) as widget:
        await widget.until_ready()


async def serve(office: Office) -> None:
    """At the desk, where one window is open."""
    waiting = await office.asks_for_people("e1")
    maya = await office.comes("maya")
    async with office.window(maya) as window:
        await window.hears("hello")
        await window.say("open", conversation=waiting, after=0)
        await window.hears("lines")
        heard = await office.writes("e1", "are you there?")
        await window.hears_line(waiting, id=heard.message)
        for view in ("queue", "mine", "team", "all", "closed"):
            assert (await maya.get(f"/desk/api/conversations?view={view}"))[0] == 200
        assert (await maya.get(f"/desk/api/conversations/{waiting}"))[0] == 200


async def ask_how_it_is(gateway: Gateway) -> None:
    for path in ("/readyz", "/healthz", "/metrics"):
        async with gateway.http.get(f"{gateway.url}{path}") as said:
            await said.read()


@pytest.fixture
async def heard(gateway: Gateway, engine: AsyncEngine, clock: Clock) -> dict[str, Asked]:
    """What the database was asked."""
    settings = Settings(database_url=engine.url.render_as_string(hide_password=False))
    with listening() as heard:
        await hear(gateway)
        await answer(engine, clock)
        await chat(gateway, clock)
        await ask_how_it_is(gateway)
        await stuck.look(settings, over=timedelta(), since=timedelta(days=1))
        async with reading(engine) as connection:
            await where_to_reach(connection, await customer_of(engine, "501", "telegram"))
            await where_last_heard(connection, await conversation_of(engine, "501", "telegram"))
        office = Office(gateway=gateway, engine=engine, clock=clock)
        await serve(office)
        await office.goes_home()
        assert await Retention(engine=engine, days=5, clock=clock, rest=0).round() > 1000
    return heard


async def test_no_statement_on_a_messages_way_reads_a_whole_table(heard: dict[str, Asked], engine: AsyncEngine) -> None:
    faults = []
    explain = _explain_sqlite if engine.dialect.name == "sqlite" else _explain_postgresql
    asked = [one for one in heard.values() if _touches(one)]
    assert len(asked) > 60
    for one in asked:
        for step in await explain(engine, one):
            if not any(excused in one.short and table in step for excused, table in EXCUSED):
                faults.append(f"{step}\n    {one.short}")
    assert not faults, "\n\n".join(faults)


EXCUSED = [
    # The desk's list of all conversations, a page at a time: back from the newest message until the page is full.
    ("ORDER BY messages.id DESC LIMIT", "messages"),
    # How long that list is, counted up to a bound.
    ("SELECT count(*) AS count_1 FROM (SELECT", "conversations"),
    ("SELECT count(*) AS count_1 FROM (SELECT", "customers"),
]
"""Parts of statements, and the table that they walk through until they have enough."""


def _touches(asked: Asked) -> bool:
    verb = asked.short.split(" ", 1)[0].upper()
    is_plain_insert = verb == "INSERT" and "SELECT" not in asked.short
    return verb in ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH") and not is_plain_insert


async def _explain_sqlite(engine: AsyncEngine, asked: Asked) -> list[str]:
    """The steps that read a growing table from one end to the other. A partial index holds only what waits.
    https://www.sqlite.org/eqp.html"""
    async with engine.connect() as connection:
        found = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked.statement}", asked.parameters)
        steps = [str(row.detail) for row in found]
        await connection.rollback()
    return [step for step in steps if _is_scan(step, asked)]


def _is_scan(step: str, asked: Asked) -> bool:
    words = step.split()
    if words[0] != "SCAN" or _table_of(words[1], asked) not in GROWING:
        return False
    return not any(index in words for index in PARTIAL)


def _table_of(name: str, asked: Asked) -> str:
    """SQLite tells the alias."""
    for table in GROWING:
        if f"{table} AS {name}" in asked.short or name == table:
            return table
    return name


PARTIAL = {
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["sqlite"]["where"] is not None
}


async def _explain_postgresql(engine: AsyncEngine, asked: Asked) -> list[str]:
    """The same. A scan that is made although it is forbidden has no index that would serve; and a walk through a whole
    index is no better. https://www.postgresql.org/docs/15/using-explain.html"""
    async with engine.connect() as connection:
        # What is left are indexes, one row after the other, wherever they serve: as it is with a million rows.
        for other in ("seqscan", "mergejoin", "hashjoin"):
            await connection.exec_driver_sql(f"SET enable_{other} = off")
        found = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {asked.statement}", asked.parameters)
        told = found.scalar_one()
        await connection.rollback()
    plan = json.loads(told) if isinstance(told, str) else told
    return list(_scans(plan[0]["Plan"], first_only=False))


def _scans(plan: dict[str, Any], *, first_only: bool) -> Iterator[str]:
    """`first_only`: whoever asks for it stops at the first row that fits."""
    table, kind = plan.get("Relation Name"), plan["Node Type"]
    if table in GROWING and kind in ("Seq Scan", "Index Scan", "Index Only Scan") and "Index Cond" not in plan:
        walks = plan.get("Index Name")
        at_once = first_only and walks is not None and "Filter" not in plan
        if walks not in PARTIAL and not at_once:
            yield f"{kind} on {table} {walks or ''} {plan.get('Filter', '')}"
    for part in plan.get("Plans", ()):
        yield from _scans(part, first_only=kind == "Limit")
