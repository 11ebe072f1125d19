"""Other desks are told in order, again after a failure, by one gateway at a time, and for a day."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs

from bot.gateway.desk.outside import events
from bot.gateway.desk.outside.attendance import Attendance
from bot.gateway.desk.outside.delivery import GIVEN_UP_AFTER, LEASE, Deliveries, Undelivered
from bot.gateway.desk.outside.events import Event
from bot.gateway.desk.outside.telling import tell_some
from bot.store.database import transaction
from bot.store.desk_tables import agents
from tests.database import Clock
from tests.gateway.desk.outside import Core, told
from tests.gateway.people import accepted, rows, says


@dataclass
class Wall:
    """Takes what it is told, unless it is to fail."""

    fails: list[Exception] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def tell(self, event: Event) -> None:
        if self.fails:
            raise self.fails.pop(0)
        self.heard.append(event)


async def once(engine: AsyncEngine, wall: Wall, clock: Clock) -> None:
    """All that is due now, and what is due behind it."""
    deliveries = Deliveries(engine=engine, receivers={"webhook": wall}, clock=clock)
    while found := await deliveries._claim(8):
        for event in found:
            await deliveries._deliver(event)


async def to_tell(engine: AsyncEngine, clock: Clock, *names: str, of: Collection[str] = ("webhook",)) -> None:
    """A conversation of each of these people's, with people, and two messages more."""
    core = Core(engine, clock)
    for who in names:
        asked = await accepted(engine, says(who, "a person please"), clock())
        clock.forward(seconds=1)
        await core.begin(asked.conversation)
        for text in ("one", "two"):
            await accepted(engine, says(who, text), clock())
    async with transaction(engine) as connection:
        while await tell_some(connection, of, clock()):
            pass


async def test_what_was_taken_is_forgotten(engine: AsyncEngine, clock: Clock) -> None:
    await to_tell(engine, clock, "alice")
    wall = Wall()
    await once(engine, wall, clock)
    assert [event.type for event in wall.heard] == ["conversation.queued", "message.created", "message.created"]
    assert await told(engine) == []


async def test_what_fails_holds_up_its_own_conversation_and_no_other(engine: AsyncEngine, clock: Clock) -> None:
    await to_tell(engine, clock, "alice", "bob")
    [first, *_] = await told(engine)
    wall = Wall(fails=[Undelivered("answered 500")])
    await once(engine, wall, clock)
    assert {event.stream for event in wall.heard} != {first.stream}
    assert len(wall.heard) == 3
    clock.forward(seconds=1)
    await once(engine, wall, clock)
    theirs = [event for event in wall.heard if event.stream == first.stream]
    assert [event.data.get("message", {}).get("text") for event in theirs] == [None, "one", "two"]
    assert (theirs[0].key, theirs[0].attempts) == (first.key, 2)


async def test_the_time_between_attempts_grows_and_a_wish_of_the_receiver_counts(
    engine: AsyncEngine, clock: Clock
) -> None:
    await to_tell(engine, clock, "alice")
    waits = []
    failures = [Undelivered("answered 500") for _ in range(4)]
    wall = Wall(fails=[*failures, Undelivered("answered 429", retry_after=300)])
    for _ in range(5):
        await once(engine, wall, clock)
        due_at = (await told(engine))[0].due_at
        waits.append((due_at - clock()).total_seconds())
        clock.now = due_at
    assert waits == [1, 2, 4, 8, 300]


async def test_after_a_day_it_is_given_up_and_what_comes_next_is_told(engine: AsyncEngine, clock: Clock) -> None:
    await to_tell(engine, clock, "alice")
    clock.forward(seconds=GIVEN_UP_AFTER.total_seconds())
    wall = Wall(fails=[Undelivered("answered 500")])
    with capture_logs() as logs:
        await once(engine, wall, clock)
    assert [event.type for event in wall.heard] == ["message.created", "message.created"]
    assert [line["event"] for line in logs] == ["outside.given_up"]
    assert "a person please" not in str(logs)


async def test_what_never_will_be_taken_is_given_up_at_once(engine: AsyncEngine, clock: Clock) -> None:
    await to_tell(engine, clock, "alice")
    wall = Wall(fails=[Undelivered("answered 422", permanent=True)])
    await once(engine, wall, clock)
    assert len(wall.heard) == 2
    assert await told(engine) == []


async def test_a_gateway_that_dies_under_way_leaves_it_to_the_next_after_its_lease(
    engine: AsyncEngine, clock: Clock
) -> None:
    await to_tell(engine, clock, "alice")
    async with transaction(engine) as connection:
        [claimed] = await events.claim(connection, ["webhook"], clock(), clock() + LEASE, limit=8)
    wall = Wall()
    await once(engine, wall, clock)
    assert wall.heard == []
    clock.now += LEASE + timedelta(seconds=1)
    await once(engine, wall, clock)
    assert wall.heard[0].key == claimed.key
    assert len(wall.heard) == 3
    async with transaction(engine) as connection:
        await events.settle(connection, claimed)  # the one that was thought dead is late


@pytest.mark.parametrize("fault", [RuntimeError("a person please"), KeyError("x")])
async def test_a_fault_of_ours_stops_nobody_else_and_tells_no_words(
    engine: AsyncEngine, clock: Clock, fault: Exception
) -> None:
    await to_tell(engine, clock, "alice", "bob")
    wall = Wall(fails=[fault])
    with capture_logs() as logs:
        await once(engine, wall, clock)
    assert len(wall.heard) == 3
    assert [line["event"] for line in logs] == ["outside.broke"]
    assert "a person please" not in str(logs)


async def test_nobody_is_there_while_nothing_is_taken(engine: AsyncEngine, clock: Clock) -> None:
    await to_tell(engine, clock, "alice")
    wall = Wall(fails=[Undelivered("answered 500") for _ in range(4)])
    deliveries = Deliveries(engine=engine, receivers={"webhook": wall}, clock=clock)
    attendance = Attendance(engine=engine, desks=["webhook"], takes=deliveries.takes, clock=clock)
    seen = []
    for _ in range(6):
        await attendance.look()
        [itself] = await rows(engine, agents)
        seen.append(itself.seen_at == clock())
        clock.forward(minutes=10)
        for event in await deliveries._claim(8):
            await deliveries._deliver(event)
    assert seen == [True, True, True, True, False, True]


async def test_each_receiver_is_told_by_itself(engine: AsyncEngine, clock: Clock) -> None:
    await to_tell(engine, clock, "alice", of=("webhook", "chatwoot"))
    await once(engine, Wall(), clock)
    left = await told(engine)
    assert [row.receiver for row in left] == ["chatwoot"] * 3
