"""`throughline stuck`: what operators are shown of what waits, on both databases."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import stuck, unsticking
from bot.gateway.outbox import claim_due, record_failure, record_sent
from bot.gateway.retry import Again, Over
from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings
from bot.gateway.stuck import Stuck
from bot.store.clock import DatabaseClock
from bot.store.database import transaction
from bot.store.desk_tables import audit
from bot.store.tables import conversations, messages, sent_parts, workers
from channels.contract import Sent
from tests.gateway.people import accepted, bot_says, conversation_of, rows, says
from tests.gateway.test_merging import Town

WORDS = "my card number is 4000"
BEFORE = timedelta(minutes=5)


@pytest.fixture
def settings(engine: AsyncEngine) -> Settings:
    return Settings(database_url=engine.url.render_as_string(hide_password=False))


class Counter:
    """Where messages wait, by the database's own time, as the command looks at it."""

    def __init__(self, engine: AsyncEngine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.now = DatabaseClock(engine)()

    async def hears(self, who: str, text: str = WORDS, *, ago: timedelta = BEFORE) -> int:
        return (await accepted(self.engine, says(who, text), self.now - ago)).message

    async def is_to_say(self, who: str, *, ago: timedelta = BEFORE) -> int:
        """A reply that waits, to a message that had its turn."""
        asked = await accepted(self.engine, says(who, WORDS), self.now - ago)
        await self.change(messages, asked.message, state="done")
        await self.change(conversations, asked.conversation, waiting_since=None, done_seq=1)
        return await bot_says(self.engine, asked, WORDS, self.now - ago)

    async def attempt(self, outcome: Again | Over | Sent, *, reason: str = "Telegram answered 500") -> None:
        """At every message that is due."""
        async with transaction(self.engine) as connection:
            for due in await claim_due(connection, ["telegram"], self.now, limit=10):
                if isinstance(outcome, Sent):
                    await record_sent(connection, due, outcome, self.now)
                else:
                    await record_failure(connection, due.message.id, outcome, reason, self.now)

    async def change(self, table: sa.Table, key: object, **values: object) -> None:
        async with transaction(self.engine) as connection:
            await connection.execute(sa.update(table).where(table.c.id == key).values(**values))

    async def look(self) -> Stuck:
        return await stuck.look(self.settings, over=timedelta(seconds=10), since=timedelta(hours=1))

    async def lists(self) -> str:
        said = stuck.listed(await self.look())
        assert "4000" not in said
        assert "@telegram" not in said
        assert "4000" not in json.dumps(stuck.as_json(await self.look()))
        return said


@pytest.fixture
def counter(engine: AsyncEngine, settings: Settings) -> Counter:
    return Counter(engine, settings)


async def test_where_nothing_waits_nothing_is_stuck(counter: Counter) -> None:
    await counter.hears("alice", ago=timedelta())
    found = await counter.look()
    assert not found
    assert stuck.listed(found) == "Nothing is stuck."


async def test_a_conversation_that_no_worker_takes(counter: Counter) -> None:
    first = await counter.hears("alice")
    await counter.hears("alice", ago=timedelta())
    [turn] = (await counter.look()).turns
    assert (turn.message, turn.behind, turn.attempts, turn.claimed_by) == (first, 1, 0, None)
    assert turn.since == counter.now - BEFORE
    said = await counter.lists()
    assert "No core worker is alive" in said
    assert "no worker has taken it" in said
    assert "5 min" in said


async def test_a_turn_that_fails_again_and_again_says_why_and_when_it_is_tried(counter: Counter) -> None:
    message = await counter.hears("alice")
    [row] = await rows(counter.engine, messages)
    later = counter.now + timedelta(seconds=30)
    await counter.change(messages, message, attempts=5, due_at=later, error="the action server answered 500")
    await counter.change(conversations, row.conversation_id, waiting_since=later)
    said = await counter.lists()
    assert f"tried again at {later:%H:%M:%S}; last: the action server answered 500" in said


@pytest.mark.parametrize(("until", "why"), [(10, "w1 has it until"), (-10, "and nobody has taken it since")])
async def test_who_holds_the_claim_and_until_when(counter: Counter, until: int, why: str) -> None:
    await counter.hears("alice")
    [row] = await rows(counter.engine, conversations)
    lease = counter.now + timedelta(seconds=until)
    await counter.change(conversations, row.id, claimed_by="w1", lease_until=lease)
    async with transaction(counter.engine) as connection:
        await connection.execute(
            sa.insert(workers).values(id="w1", model="m", started_at=counter.now, seen_at=counter.now)
        )
    said = await counter.lists()
    assert why in said
    assert "No core worker" not in said


@pytest.mark.parametrize(
    ("begun", "holder", "why"),
    [(1, None, "deaths of a process during it: 1"), (3, "w1", "deaths of a process during it: 2"), (1, "w1", None)],
)
async def test_a_turn_that_was_not_survived_says_so(
    counter: Counter, begun: int, holder: str | None, why: str | None
) -> None:
    await counter.hears("alice")
    [row] = await rows(counter.engine, conversations)
    lease = holder and counter.now + timedelta(seconds=10)
    await counter.change(conversations, row.id, begun=begun, claimed_by=holder, lease_until=lease)
    said = await counter.lists()
    assert why in said if why else "deaths" not in said


async def test_a_turn_that_was_given_up_is_shown_with_its_reason(counter: Counter) -> None:
    message = await counter.hears("alice")
    [row] = await rows(counter.engine, conversations)
    await counter.change(
        messages, message, state="failed", attempts=9, error="the action server answered 500", finished_at=counter.now
    )
    await counter.change(conversations, row.id, waiting_since=None, done_seq=1)
    [over] = (await counter.look()).over
    assert (over.message, over.direction, over.state, over.attempts) == (message, "in", "failed", 9)
    assert "the action server answered 500" in await counter.lists()


async def test_what_waits_behind_a_message_that_is_retried(counter: Counter) -> None:
    first = await counter.is_to_say("alice")
    [row] = await rows(counter.engine, conversations)
    await counter.attempt(Again(wait=timedelta(minutes=10)))
    await bot_says(
        counter.engine, (await accepted(counter.engine, says("alice", WORDS), counter.now)), "2", counter.now
    )
    [sending] = (await counter.look()).sending
    assert (sending.message, sending.conversation, sending.state) == (first, row.id, "queued")
    assert (sending.attempts, sending.behind) == (1, 1)
    assert "last: Telegram answered 500" in await counter.lists()


@pytest.mark.parametrize("state", ["failed", "uncertain"])
async def test_what_was_not_sent_or_may_not_have_been(counter: Counter, state: str) -> None:
    message = await counter.is_to_say("alice")
    await counter.attempt(Over(state=state))
    [over] = (await counter.look()).over
    assert (over.message, over.direction, over.state, over.error) == (message, "out", state, "Telegram answered 500")
    title = "could not be sent" if state == "failed" else "nobody knows whether they were sent"
    assert title in await counter.lists()


# --- retry, park ------------------------------------------------------------------------------------------------------


async def test_a_failed_message_is_sent_again_whole(counter: Counter) -> None:
    message = await counter.is_to_say("alice")
    await counter.attempt(Sent(platform_ids=("p1", "p2")))
    await counter.change(messages, message, state="failed", error="could not be delivered after all")
    await unsticking.retry(counter.settings, message, even_uncertain=False)
    counter.now += timedelta(minutes=1)
    await counter.attempt(Sent(platform_ids=("p3", "p4")))
    [row] = await rows(counter.engine, messages, id=message)
    assert (row.state, row.platform_id, row.error, row.attempts) == ("sent", "p3", None, 1)
    assert [part.platform_id for part in await rows(counter.engine, sent_parts)] == ["p4"]
    assert [(row.who, row.what, row.detail) for row in await rows(counter.engine, audit)] == [
        ("operator", "send_again", {"message": message})
    ]


async def test_one_that_may_have_been_sent_is_sent_again_only_where_that_is_wanted(counter: Counter) -> None:
    message = await counter.is_to_say("alice")
    await counter.attempt(Over(state="uncertain"))
    with pytest.raises(CannotRun, match="the customer may see it twice"):
        await unsticking.retry(counter.settings, message, even_uncertain=False)
    [row] = await rows(counter.engine, messages, id=message)
    assert row.state == "uncertain"
    said = await unsticking.retry(counter.settings, message, even_uncertain=True)
    assert "may see it twice" in said
    [row] = await rows(counter.engine, messages, id=message)
    assert row.state == "queued"


@pytest.mark.parametrize(("state", "why"), [("sent", "was sent"), ("queued", "waits to be sent"), ("sending", "waits")])
async def test_what_is_not_stuck_is_not_sent_again(counter: Counter, state: str, why: str) -> None:
    message = await counter.is_to_say("alice")
    await counter.change(messages, message, state=state)
    with pytest.raises(CannotRun, match=why):
        await unsticking.retry(counter.settings, message, even_uncertain=True)
    [row] = await rows(counter.engine, messages, id=message)
    assert row.state == state


async def test_what_cannot_be_done_is_said(counter: Counter) -> None:
    waiting = await counter.hears("alice")
    with pytest.raises(CannotRun, match="waits for its turn already"):
        await unsticking.retry(counter.settings, waiting, even_uncertain=False)
    await counter.change(messages, waiting, state="done")
    for tried in (
        unsticking.retry(counter.settings, waiting, even_uncertain=False),
        unsticking.park(counter.settings, waiting, silently=False),
    ):
        with pytest.raises(CannotRun, match="done"):
            await tried
    with pytest.raises(CannotRun, match="there is no message 77"):
        await unsticking.park(counter.settings, 77, silently=False)


async def test_a_turn_is_not_taken_where_the_dialogue_is_not_the_same_any_more(
    engine: AsyncEngine, settings: Settings
) -> None:
    """Bob's conversation has become one with Alice's since."""
    town = Town(engine)
    await town.say("alice", "hello", "webchat")
    await town.say("bob", "hello", "telegram")
    alone = await conversation_of(engine, "bob", "telegram")
    [message] = await rows(engine, messages, conversation_id=alone, direction="in")
    await town.link("bob", "telegram", "alice", "webchat")
    async with transaction(engine) as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == message.id).values(state="failed"))
    with pytest.raises(CannotRun, match="has become one with another since"):
        await unsticking.retry(settings, message.id, even_uncertain=False)
    [row] = await rows(engine, messages, id=message.id)
    assert (row.state, row.seq) == ("failed", message.seq)
