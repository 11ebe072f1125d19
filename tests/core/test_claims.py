"""Claiming conversations and committing turns, on real databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core import claims
from bot.core.claims import Claim, ClaimLost
from bot.core.deaths import BEHIND, SUSPECT
from bot.core.stored import read_history
from bot.core.turn import Message, Reply, Snapshot, Turn
from bot.store.database import reading, transaction
from bot.store.tables import conversations, events, messages, snapshots
from channels.contract import Content, Option
from tests.core.playing import NOON, Clock, People

LEASE = timedelta(seconds=30)


@pytest.fixture
def people(engine: AsyncEngine, clock: Clock) -> People:
    return People(engine, clock)


async def claim(engine: AsyncEngine, clock: Clock, worker: str = "w1") -> Claim | None:
    async with transaction(engine) as connection:
        return next(iter(await claims.claim_waiting(connection, worker, clock(), LEASE, most=1)), None)


async def must_claim(engine: AsyncEngine, clock: Clock, worker: str = "w1") -> tuple[Claim, Message]:
    held = await claim(engine, clock, worker)
    assert held is not None
    async with reading(engine) as connection:
        message = await claims.next_message(connection, held)
    assert message is not None
    return held, message


async def commit(
    engine: AsyncEngine, clock: Clock, held: Claim, message: Message, turn: Turn, keep: timedelta | None = None
) -> Claim | None:
    async with transaction(engine) as connection:
        return await claims.commit_turn(connection, held, message, turn, clock(), keep=keep)


def turn(*words: str, first_event: int = 1, **more: Any) -> Turn:
    said = tuple({"event": "bot", "timestamp": 1.5, "text": word} for word in words)
    replies = tuple(Reply(content=Content(text=word)) for word in words)
    return Turn(first_event=first_event, events=said, replies=replies, language="en", **more)


async def count(engine: AsyncEngine, table: Any) -> int:
    async with reading(engine) as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(table))).scalar_one())


async def conversation(engine: AsyncEngine, name: str) -> Any:
    async with reading(engine) as connection:
        return (await connection.execute(sa.select(conversations).where(conversations.c.id == name))).one()


async def test_the_conversation_that_has_waited_longest_is_claimed_first(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await people.says("bob", "one")
    clock.forward(seconds=1)
    await people.says("alice", "two")
    claimed = [await claim(engine, clock) for _ in range(3)]
    assert [held and held.conversation for held in claimed] == ["bob", "alice", None]


async def test_two_workers_never_hold_the_same_conversation(engine: AsyncEngine, clock: Clock, people: People) -> None:
    await people.says("alice", "one")
    assert await claim(engine, clock, "w1") is not None
    await people.says("alice", "two")
    assert await claim(engine, clock, "w2") is None


async def test_a_turn_is_one_commit_of_events_replies_and_done(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    number = await people.says("alice", "one", channel="telegram")
    held, message = await must_claim(engine, clock)
    asked = Turn(
        first_event=1,
        events=({"event": "bot", "timestamp": 1.5, "text": "Which?"},),
        replies=(
            Reply(content=Content(text="Which?", options=(Option(title="Lamp", payload="lamp"),)), asks="item"),
            Reply(content=Content(text="Say so")),
        ),
        language="zh",
        snapshot=Snapshot(seq=1, events=()),
    )
    assert await commit(engine, clock, held, message, asked) is None
    rows = await people.rows("alice")
    assert [
        (row.seq, row.direction, row.author, row.channel, row.address, row.state, row.cause_id, row.asks, row.language)
        for row in rows
    ] == [
        (1, "in", "customer", "telegram", "telegram:alice", "done", None, None, None),
        (2, "out", "bot", "telegram", "telegram:alice", "queued", number, "item", "zh"),
        (3, "out", "bot", "telegram", "telegram:alice", "queued", number, None, "zh"),
    ]
    assert rows[1].content == {"text": "Which?", "options": [{"title": "Lamp", "payload": "lamp"}]}
    row = await conversation(engine, "alice")
    assert (row.done_seq, row.waiting_since, row.claimed_by, row.lease_until) == (1, None, None, None)
    assert [await count(engine, table) for table in (events, snapshots)] == [1, 1]


LAMP = Content(text="Which?", options=(Option(title="Lamp", payload="lamp"),))


async def turns(
    engine: AsyncEngine, clock: Clock, people: People, *taken: Turn, channel: str = "telegram", name: str = "alice"
) -> None:
    """One after the other, on that channel."""
    for number, each in enumerate(taken):
        await people.says(name, f"{number}", channel=channel)
        held, message = await must_claim(engine, clock)
        await commit(engine, clock, held, message, each)


def asking(slot: str | None, *, closes: bool = False) -> Turn:
    """A turn after which the form asks for that slot."""
    replies = (Reply(content=LAMP, asks=slot),) if slot else (Reply(content=Content(text="Done")),)
    return Turn(first_event=1, replies=replies, asks=slot, closes=closes)


async def withdrawals(people: People, name: str = "alice") -> list[tuple[str, str | None, str | None]]:
    return [(row.channel, row.asks, row.withdrawal) for row in await people.replies(name)]


async def test_the_buttons_of_an_answered_question_are_to_be_withdrawn(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    menu = Turn(first_event=1, replies=(Reply(content=LAMP),))
    await turns(engine, clock, people, menu, asking("item"), asking("reason", closes=True))
    assert await withdrawals(people) == [
        ("telegram", None, None),
        ("telegram", "item", "due"),
        ("telegram", "reason", None),
    ]
    await turns(engine, clock, people, asking(None, closes=True))
    assert [due for *_, due in await withdrawals(people)] == [None, "due", "due", None]


async def test_a_question_that_is_asked_again_keeps_only_its_newest_buttons_at_each_address(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await turns(engine, clock, people, asking("item"), asking("item", closes=True))
    await turns(engine, clock, people, asking("item", closes=True), channel="webchat")
    assert await withdrawals(people) == [
        ("telegram", "item", "due"),
        ("telegram", "item", None),
        ("webchat", "item", None),
    ]


async def test_only_this_conversations_open_questions_that_reached_somebody_are_withdrawn(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await turns(engine, clock, people, asking("item"), name="bob")
    await turns(engine, clock, people, asking("item"), asking("item", closes=True))
    failed, first, *_ = reversed(await people.replies("alice"))
    async with transaction(engine) as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == failed.id).values(state="failed"))
        await connection.execute(sa.update(messages).where(messages.c.id == first.id).values(withdrawal="done"))
    await turns(engine, clock, people, asking(None, closes=True))
    assert [due for *_, due in await withdrawals(people)] == ["done", None, None]
    assert await withdrawals(people, "bob") == [("telegram", "item", None)]


async def test_a_turn_that_moves_no_form_looks_at_no_question(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await turns(engine, clock, people, asking("item"))
    asked: list[str] = []
    sa.event.listen(engine.sync_engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    await turns(engine, clock, people, turn("an aside"))
    assert [statement for statement in asked if "withdrawal" in statement and statement.startswith("UPDATE")] == []
    assert [due for *_, due in await withdrawals(people)] == [None, None]


async def test_messages_are_taken_in_order(engine: AsyncEngine, clock: Clock, people: People) -> None:
    for words in ("one", "two", "three"):
        await people.says("alice", words)
    taken = []
    for _ in range(3):
        held, message = await must_claim(engine, clock)
        taken.append(message.said["text"])
        await commit(engine, clock, held, message, turn(first_event=1))
    assert taken == ["one", "two", "three"]
    assert await claim(engine, clock) is None


async def test_a_claim_can_be_kept_while_more_messages_wait(engine: AsyncEngine, clock: Clock, people: People) -> None:
    await people.says("alice", "one")
    await people.says("alice", "two")
    held, message = await must_claim(engine, clock)
    kept = await commit(engine, clock, held, message, turn("1"), keep=LEASE)
    assert kept is not None
    assert await claim(engine, clock, "w2") is None
    async with reading(engine) as connection:
        second = await claims.next_message(connection, kept)
    assert second is not None
    assert await commit(engine, clock, kept, second, turn("2", first_event=2), keep=LEASE) is None
    assert (await conversation(engine, "alice")).waiting_since is None


async def test_a_worker_that_slept_too_long_cannot_write(engine: AsyncEngine, clock: Clock, people: People) -> None:
    await people.says("alice", "one")
    slow, message = await must_claim(engine, clock, "slow")
    clock.forward(seconds=31)
    quick, again = await must_claim(engine, clock, "quick")
    assert again.id == message.id
    with pytest.raises(ClaimLost):
        await commit(engine, clock, slow, message, turn("from the slow one"))
    await commit(engine, clock, quick, again, turn("from the quick one"))
    assert await people.transcript("alice") == [("in", "one"), ("out", "from the quick one")]
    assert await count(engine, events) == 1


async def test_a_commit_that_is_repeated_writes_nothing(engine: AsyncEngine, clock: Clock, people: People) -> None:
    await people.says("alice", "one")
    await people.says("alice", "two")
    held, message = await must_claim(engine, clock)
    await commit(engine, clock, held, message, turn("1"), keep=LEASE)
    with pytest.raises(ClaimLost):
        await commit(engine, clock, held, message, turn("1"), keep=LEASE)
    assert len(await people.replies("alice")) == 1


async def test_a_commit_that_fails_half_way_leaves_nothing(engine: AsyncEngine, clock: Clock, people: People) -> None:
    await people.says("alice", "one")
    held, message = await must_claim(engine, clock)
    await commit(engine, clock, held, message, turn("1"))
    await people.says("alice", "two")
    held, message = await must_claim(engine, clock)
    with pytest.raises(IntegrityError):
        await commit(engine, clock, held, message, turn("2", first_event=1))  # that number is taken
    row = await conversation(engine, "alice")
    assert (row.done_seq, row.claimed_by) == (1, "w1")
    assert [state.state for state in await people.rows("alice")] == ["done", "queued", "waiting"]


async def test_a_failed_turn_waits_and_holds_up_what_is_behind_it(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    number = await people.says("alice", "one")
    held, message = await must_claim(engine, clock)
    async with transaction(engine) as connection:
        await claims.postpone(connection, held, message, NOON + timedelta(seconds=4), "the action server answered 500")
    await people.says("alice", "two")
    clock.forward(seconds=3)
    assert await claim(engine, clock) is None
    clock.forward(seconds=1)
    _, again = await must_claim(engine, clock)
    assert (again.id, again.attempts) == (number, 1)


async def test_a_turn_that_was_begun_and_never_ended_is_counted_until_one_is_committed(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await people.says("alice", "one")
    await people.says("alice", "two")
    for deaths in range(3):
        held, message = await must_claim(engine, clock, f"w{deaths}")
        assert held.deaths == deaths
        clock.forward(seconds=31)
    held, message = await must_claim(engine, clock)
    kept = await commit(engine, clock, held, message, turn("1"), keep=LEASE)
    assert kept is not None
    assert kept.deaths == 0
    clock.forward(seconds=31)
    assert (await must_claim(engine, clock))[0].deaths == 1  # of the second message, under the claim that was kept


async def test_a_turn_that_was_given_back_is_not_counted(engine: AsyncEngine, clock: Clock, people: People) -> None:
    await people.says("alice", "one")
    await must_claim(engine, clock)
    clock.forward(seconds=31)
    held, message = await must_claim(engine, clock)
    async with transaction(engine) as connection:
        await claims.release(connection, held, waiting_since=clock())
    held, message = await must_claim(engine, clock)
    async with transaction(engine) as connection:
        await claims.postpone(connection, held, message, clock(), "the action server answered 500")
    held, message = await must_claim(engine, clock)
    assert held.deaths == 1
    async with transaction(engine) as connection:
        await claims.postpone(connection, held, message, clock(), "the action server went away", died=True)
    assert (await must_claim(engine, clock))[0].deaths == 2


async def begun_before(engine: AsyncEngine, deaths: int, *names: str) -> None:
    async with transaction(engine) as connection:
        theirs = conversations.c.id.in_(names)
        await connection.execute(sa.update(conversations).where(theirs).values(begun=deaths))


async def claim_some(engine: AsyncEngine, clock: Clock, **how: Any) -> list[str]:
    async with transaction(engine) as connection:
        claimed = await claims.claim_waiting(connection, "w1", clock(), LEASE, most=8, **how)
    return [held.conversation for held in claimed]


async def test_a_suspect_is_claimed_alone_by_a_worker_that_has_nothing_else(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    for name in ("alice", "bob", "carol", "dave", "erin"):
        await people.says(name, "one")
        clock.forward(seconds=1)
    await begun_before(engine, SUSPECT - 1, "bob")
    await begun_before(engine, SUSPECT, "carol", "dave")
    assert await claim_some(engine, clock) == ["alice", "bob"]
    async with reading(engine) as connection:
        assert await claims.when_to_claim(connection, "w1", clock(), idle=False)  # not now
        assert await claims.when_to_claim(connection, "w1", clock(), idle=True) == timedelta()
    assert await claim_some(engine, clock, idle=False) == []
    assert await claim_some(engine, clock, idle=True) == ["carol"]
    assert await claim_some(engine, clock, idle=True) == ["dave"]
    assert await claim_some(engine, clock, idle=False) == ["erin"]


async def test_who_has_come_meanwhile_is_served_before_a_turn_that_was_not_survived_twice(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await people.says("alice", "one")
    await must_claim(engine, clock)
    clock.forward(seconds=31)
    await people.says("bob", "one")
    assert await claim_some(engine, clock) == ["alice", "bob"]  # one death may be chance
    async with transaction(engine) as connection:  # as the gateway does for the dead
        await connection.execute(sa.update(conversations).values(claimed_by=None, lease_until=None, served_by=None))
    clock.forward(seconds=5)
    await people.says("carol", "one")
    assert await claim_some(engine, clock) == ["bob", "carol"]
    clock.forward(seconds=BEHIND.total_seconds())
    assert await claim_some(engine, clock) == ["alice"]


async def test_a_lease_is_renewed_only_by_its_holder(engine: AsyncEngine, clock: Clock, people: People) -> None:
    await people.says("alice", "one")
    held = await claim(engine, clock)
    assert held is not None
    clock.forward(seconds=20)
    async with transaction(engine) as connection:
        assert await claims.renew(connection, held, clock(), LEASE)
    clock.forward(seconds=20)
    assert await claim(engine, clock, "w2") is None
    clock.forward(seconds=11)
    assert await claim(engine, clock, "w2") is not None
    async with transaction(engine) as connection:
        assert not await claims.renew(connection, held, clock(), LEASE)
        await claims.release(connection, held, waiting_since=None)
    assert (await conversation(engine, "alice")).claimed_by == "w2"


async def test_a_released_conversation_can_be_claimed_at_once_by_whoever_remembers_it_and_soon_by_others(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await people.says("alice", "one")
    for _ in range(2):
        held = await claim(engine, clock)
        assert held is not None
        async with transaction(engine) as connection:
            await claims.release(connection, held, waiting_since=clock())
    async with reading(engine) as connection:
        assert await claims.when_to_claim(connection, "w2", clock()) == claims.PREFERENCE
    assert await claim(engine, clock, "w2") is None
    clock.forward(seconds=claims.PREFERENCE.total_seconds())
    assert await claim(engine, clock, "w2") is not None


@pytest.mark.parametrize(("waited", "order"), [(2.9, ["alice", "bob"]), (3.0, ["bob", "alice"])])
async def test_a_worker_does_first_what_it_remembers_unless_others_have_waited_too_long(
    engine: AsyncEngine, clock: Clock, people: People, waited: float, order: list[str]
) -> None:
    for name, worker in (("alice", "w1"), ("bob", "w2")):
        await people.says(name, "one")
        held, message = await must_claim(engine, clock, worker)
        await commit(engine, clock, held, message, turn("yes"))
    await people.says("bob", "two")
    clock.forward(seconds=waited)
    await people.says("alice", "two")
    claimed = [await claim(engine, clock, "w1") for _ in order]
    assert [held and held.conversation for held in claimed] == order


async def test_a_message_that_got_an_apology_is_failed_with_its_reason(
    engine: AsyncEngine, clock: Clock, people: People
) -> None:
    await people.says("alice", "one")
    held, message = await must_claim(engine, clock)
    sorry = Turn(
        first_event=1, replies=(Reply(content=Content(text="Sorry")),), failure="the action server answered 500"
    )
    await commit(engine, clock, held, message, sorry)
    row = (await people.rows("alice"))[0]
    assert (row.state, row.error, row.attempts) == ("failed", "the action server answered 500", 1)
    assert messages.c.error.comment


@pytest.mark.parametrize("changed", [{"data": [{"event": "slot", "name": "item", "value": "sofa"}]}, {"seq": 1}])
async def test_a_snapshot_that_is_not_as_it_was_written_is_not_believed(
    engine: AsyncEngine, clock: Clock, people: People, changed: dict[str, Any]
) -> None:
    await people.says("alice", "one")
    held, message = await must_claim(engine, clock)
    kept = {"event": "slot", "name": "item", "value": "lamp", "timestamp": 1.25}
    await commit(engine, clock, held, message, turn("yes", "no", snapshot=Snapshot(seq=2, events=(kept,))))
    assert await snapshot_of(engine, "alice") == (kept,)
    async with transaction(engine) as connection:
        await connection.execute(sa.update(snapshots).values(**changed))
    assert await snapshot_of(engine, "alice") == (None,)


async def snapshot_of(engine: AsyncEngine, conversation: str) -> tuple[Any, ...]:
    async with reading(engine) as connection:
        return (await read_history(connection, conversation)).snapshot
