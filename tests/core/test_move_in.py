"""People of a stock Rasa bot move in, from databases that stock Rasa itself has written."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.core.tracker_store import SQLTrackerStore
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.history import tracker_of
from bot.core.move_in import ORIGINS, OldStore, Origin, Report, main, move_in
from bot.core.stored import read_everything, read_history
from bot.store.database import reading, transaction
from bot.store.people import begin_customer
from bot.store.tables import conversations, customers, events, identities
from tests.core.playing import NOON, Actions, People
from tests.core.test_process import ROOT
from tests.core.test_worker import Office
from tests.postgres import create_database

TELEGRAM = Origin(channel="telegram", input_channel=ORIGINS["telegram"][0], user=re.compile(ORIGINS["telegram"][1]))
ALICE, BOB, GROUP, VISITOR = "471100001", "471100002", "-100471100003", "f00dfeedf00d"


class OldBot:
    """Stock Rasa: its own agent with its own SQL tracker store."""

    def __init__(self, model: Path, url: str) -> None:
        self.url = url
        self.store = SQLTrackerStore(host=url)
        self._agent = Agent.load(model, tracker_store=self.store)
        self.store.domain = self._agent.domain

    async def hears(self, sender: str, *words: str, channel: str = "telegram") -> None:
        for text in words:
            await self._agent.handle_message(
                UserMessage(text, CollectingOutputChannel(), sender, input_channel=channel, message_id="1")
            )


@pytest.fixture
async def old(model: Path, tmp_path_factory: pytest.TempPathFactory) -> OldBot:
    """A bot with two customers, a group, and somebody who came by another way."""
    # Not tmp_path, which may have `postgresql` in its name: Rasa takes any such address for one of PostgreSQL.
    bot = OldBot(model, f"sqlite:///{tmp_path_factory.mktemp('old')}/rasa.db")
    await bot.hears(ALICE, "good day", "return", "lamp")
    await bot.hears(BOB, "faq")
    await bot.hears(GROUP, "faq")
    await bot.hears(VISITOR, "faq", channel="rest")
    return bot


async def moved(engine: AsyncEngine, bot: OldBot, *, dry: bool = False) -> Report:
    store = OldStore(bot.url)
    try:
        return await move_in(engine, store, TELEGRAM, dry=dry)
    finally:
        store.close()


async def conversation_of(engine: AsyncEngine, user: str) -> str:
    async with reading(engine) as connection:
        found = await connection.execute(
            sa.select(conversations.c.id)
            .join(identities, identities.c.customer_id == conversations.c.customer_id)
            .where(identities.c.channel == "telegram", identities.c.external_id == user)
        )
        return str(found.scalar_one())


async def count(engine: AsyncEngine, table: Any) -> int:
    async with reading(engine) as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


async def test_a_form_goes_on_where_it_was(
    engine: AsyncEngine, url: URL, model: Path, endpoints: Path, old: OldBot, actions: Actions
) -> None:
    report = await moved(engine, old)
    assert report.outcomes == {"moved": 2, "nobody": 1, "elsewhere": 1}
    conversation = await conversation_of(engine, ALICE)
    office = Office(engine, url, model, endpoints)
    async with office.worker():
        await office.people.waits_for(await office.people.says(conversation, "too large", channel="telegram"))
    assert [row.content["text"] for row in await office.people.replies(conversation)] == ["lamp goes back"]


async def test_the_tracker_is_the_one_that_rasa_had(engine: AsyncEngine, old: OldBot) -> None:
    await old.hears(ALICE, "/session_start", "/return_item")
    await moved(engine, old)
    domain = old.store.domain
    assert domain is not None
    theirs = await old.store.retrieve(ALICE)
    everything = await old.store.retrieve_full_tracker(ALICE)
    assert theirs is not None
    assert everything is not None
    conversation = await conversation_of(engine, ALICE)
    async with reading(engine) as connection:
        ours = tracker_of(await read_history(connection, conversation), domain)
        whole = await read_everything(connection, conversation)
    assert ours.current_slot_values() == theirs.current_slot_values()
    assert ours.active_loop == theirs.active_loop
    assert ours.latest_message == theirs.latest_message
    assert list(whole.events) == [event.as_dict() for event in everything.events]
    # The session before is there, and a turn does not read it.
    assert len(ours.events) < len(everything.events)


async def test_who_they_are(engine: AsyncEngine, old: OldBot) -> None:
    await moved(engine, old)
    async with reading(engine) as connection:
        rows = (await connection.execute(sa.select(identities).order_by(identities.c.external_id))).all()
    assert [(row.channel, row.external_id, row.address, row.assurance, row.linked_how) for row in rows] == [
        ("telegram", user, user, "none", "moved_in") for user in (ALICE, BOB)
    ]


async def test_the_next_run_brings_up_to_date_whoever_has_not_written_here(
    engine: AsyncEngine, model: Path, old: OldBot
) -> None:
    await moved(engine, old)
    assert (await moved(engine, old)).outcomes == {"there": 2, "nobody": 1, "elsewhere": 1}
    people = People(engine, lambda: datetime.now(timezone.utc))
    await people.says(await conversation_of(engine, BOB), "hello")
    await old.hears(ALICE, "broken")
    await old.hears(BOB, "faq")
    report = await moved(engine, old)
    assert report.outcomes == {"updated": 1, "going_on": 1, "nobody": 1, "elsewhere": 1}
    everything = await old.store.retrieve_full_tracker(ALICE)
    assert everything is not None
    async with reading(engine) as connection:
        whole = await read_everything(connection, await conversation_of(engine, ALICE))
    assert list(whole.events) == [event.as_dict() for event in everything.events]


async def test_whoever_has_begun_here_is_left_alone(engine: AsyncEngine, old: OldBot) -> None:
    async with transaction(engine) as connection:
        customer, _ = await begin_customer(connection, "Alice", NOON)
        await connection.execute(
            sa.insert(identities).values(
                channel="telegram",
                external_id=ALICE,
                customer_id=customer,
                address=ALICE,
                assurance="none",
                linked_how="first_contact",
                linked_at=NOON,
            )
        )
    assert (await moved(engine, old)).outcomes == {"begun": 1, "moved": 1, "nobody": 1, "elsewhere": 1}


async def test_a_dry_run_says_the_same_and_writes_nothing(engine: AsyncEngine, old: OldBot) -> None:
    dry = await moved(engine, old, dry=True)
    assert await count(engine, customers) == 0
    assert dry == await moved(engine, old)


BAD = [
    ('{"event": "user", "text": "verysecret', "no JSON"),
    ('"verysecret"', "no JSON object"),
    ('{"event": "slot", "timestamp": NaN, "name": "item", "value": "verysecret"}', "no JSON"),
    ('{"event": "verysecret", "timestamp": 1.0}', "ValueError"),
    ('{"event": "bot", "text": "verysecret"}', "no time or no type"),
    (None, "no JSON"),
]


async def test_bad_rows_are_named_and_the_others_move_in(
    engine: AsyncEngine, url: URL, old: OldBot, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(old.url.removeprefix("sqlite:///"))) as database, database:
        before = database.execute("SELECT count(*) FROM events WHERE sender_id = ?", (ALICE,)).fetchone()[0]
        numbers = [insert(database, ALICE, data) for data, _ in BAD]
        insert(database, "471100009", "nothing at all")
    monkeypatch.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    assert await asyncio.to_thread(main, [old.url, "--channel", "telegram"]) == 0
    said = capsys.readouterr().out
    assert "7 rows cannot be read" in said
    assert "1 have no event that can be read" in said
    for number in numbers:
        assert str(number) in said
    assert "verysecret" not in said
    async with reading(engine) as connection:
        whole = await read_everything(connection, await conversation_of(engine, ALICE))
    assert len(whole.events) == before


def insert(database: sqlite3.Connection, sender: str, data: Any) -> int:
    number = database.execute(
        "INSERT INTO events (sender_id, type_name, data) VALUES (?, 'slot', ?)", (sender, data)
    ).lastrowid
    assert number is not None
    return number


async def test_a_run_that_is_killed_is_gone_on_with(engine: AsyncEngine, url: URL, old: OldBot) -> None:
    with closing(sqlite3.connect(old.url.removeprefix("sqlite:///"))) as database, database:
        for number in range(400):
            database.execute(
                "INSERT INTO events (sender_id, type_name, timestamp, data)"
                " SELECT ?, type_name, timestamp, data FROM events WHERE sender_id = ? ORDER BY id",
                (str(5_000_000 + number), ALICE),
            )
    environment = {**os.environ, "DATABASE_URL": url.render_as_string(hide_password=False)}
    command = (sys.executable, "-m", "bot.core.move_in", old.url, "--channel", "telegram")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment)
    while process.returncode is None and await count(engine, conversations) == 0:
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert 0 < await count(engine, conversations) < 402
    report = await moved(engine, old)
    assert report.outcomes["moved"] + report.outcomes["there"] == 402
    assert (await count(engine, conversations), await count(engine, identities)) == (402, 402)
    async with reading(engine) as connection:
        lengths = await connection.execute(
            sa.select(sa.func.count()).select_from(events).group_by(events.c.conversation_id)
        )
        by_length = list(lengths.scalars())
    assert len(by_length) == 402
    assert len(set(by_length)) == 2  # all like Alice's but Bob's


async def test_from_postgresql(engine: AsyncEngine, model: Path, postgres_server: str) -> None:
    target = await create_database(postgres_server)
    bot = OldBot(model, target.set(drivername="postgresql").render_as_string(hide_password=False))
    await bot.hears(ALICE, "return")
    assert (await moved(engine, bot)).outcomes == {"moved": 1}
    bot.store.engine.dispose()


@pytest.mark.parametrize(
    ("channel", "sender", "user"),
    [
        ("telegram", "4711", "4711"),
        ("telegram", "-100", None),
        ("telegram", "4711x", None),
        ("whatsapp", "whatsapp:+6591230001", "6591230001"),
        ("whatsapp", "+6591230001", None),  # a text message
        ("teams", "29:1abc-DEF_x", "29:1abc-DEF_x"),
        ("teams", "28:a-bot", None),
    ],
)
def test_who_a_sender_id_is(channel: str, sender: str, user: str | None) -> None:
    input_channel, pattern = ORIGINS[channel]
    origin = Origin(channel=channel, input_channel=input_channel, user=re.compile(pattern))
    assert origin.user_of(sender) == user


@pytest.fixture
def wrong(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "text.db").write_text("no database at all")
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, conversation_id TEXT)")
    return {
        "There is no file": f"sqlite:///{tmp_path}/nowhere.db",
        "cannot be opened": f"sqlite:///{tmp_path}/text.db",
        "no table `events` of Rasa's": f"sqlite:///{tmp_path}/other.db",
        "not a database address": "rasa.db",
        "does not answer|cannot be opened": "postgresql://bob:hunter2@127.0.0.1:9/rasa",
        "has to be installed": "mysql+pymysql://bob:hunter2@127.0.0.1/rasa",
    }


def test_what_is_wrong_is_said_without_the_password(wrong: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for words, address in wrong.items():
        assert main([address, "--channel", "telegram"]) == 1
        said = capsys.readouterr().err
        assert re.search(words, said)
        assert "hunter2" not in said
