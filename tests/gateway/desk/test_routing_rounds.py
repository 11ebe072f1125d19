"""What is asked for when conversations wait, agents come and go, and time passes; on both databases.

The core's part, deciding in the conversation's own queue, is played with the real state machine."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.access.staff import change_agent
from bot.gateway.desk.access.teams import add_team, change_team, join_team
from bot.gateway.desk.routing.presence import beat
from bot.gateway.desk.routing.router import Router
from bot.store.database import reading, transaction
from bot.store.desk_tables import agents, handoffs
from bot.store.handoffs import Change, ask_desk, read_open, settle
from bot.store.ownership import ASK, Doing, Ownership, Refused, after
from bot.store.people import begin_conversation
from bot.store.tables import conversations, messages
from tests.database import NOON, Clock
from tests.gateway.desk.staff import hire
from tests.gateway.people import rows


class Floor:
    """A desk with agents and teams, conversations that wait, and a core that takes its turns when it is told to."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self.engine = engine
        self.clock = clock
        self.router = Router(engine=engine, clock=clock)

    async def team(self, *members: str, name: str = "Care", **values: Any) -> int:
        async with transaction(self.engine) as connection:
            return await add_team(connection, name, values, members=members, by="operator", now=NOON)

    async def hire(self, name: str, **more: Any) -> str:
        """Somebody whose desk is connected."""
        agent = await hire(self.engine, name, **more)
        await self.beat(agent)
        return agent

    async def beat(self, *who: str) -> None:
        async with transaction(self.engine) as connection:
            for agent in who:
                await beat(connection, agent, self.clock.now)

    async def waits(self, team: int | None, **started: Any) -> str:
        """A conversation that has asked for people."""
        self.clock.forward(seconds=1)
        async with transaction(self.engine) as connection:
            conversation = await begin_conversation(connection, None, self.clock.now)
            change = Change(now=Ownership("queued", team=team), doing=Doing(ASK, "bot", team=team))
            await settle(connection, conversation, change, self.clock.now, why="asked", **started)
        return conversation

    async def asked(self) -> list[tuple[str, dict[str, Any]]]:
        """What has not had its turn."""
        found = await rows(self.engine, messages, state="waiting")
        assert all((row.author, row.channel, row.content["type"]) == ("product", "product", "desk") for row in found)
        return [(row.conversation_id, {k: v for k, v in row.content.items() if k != "type"}) for row in found]

    async def turns(self) -> list[str]:
        """Let the core do what was asked; what became of each."""
        return [await self._turn(row) for row in await rows(self.engine, messages, state="waiting")]

    async def route(self) -> None:
        """Look and let the core do it, until there is nothing to do."""
        for _ in range(20):
            if not await self.router.route():
                return
            await self.turns()
        pytest.fail("it goes on and on")

    async def do(self, conversation: str, **doing: Any) -> str:
        async with transaction(self.engine) as connection:
            await ask_desk(connection, conversation, doing, agent=doing["by"], now=self.clock.now)
        [became] = await self.turns()
        return became

    async def answer(self, conversation: str) -> None:
        async with transaction(self.engine) as connection:
            handoff = await read_open(connection, conversation)
            assert handoff is not None
            await settle(connection, conversation, Change(now=handoff.ownership, answered=True), self.clock.now)

    async def owner(self, conversation: str) -> str:
        [row] = await rows(self.engine, conversations, id=conversation)
        return str(row.owner)

    async def _turn(self, row: Any) -> str:
        said, now = row.content, self.clock.now
        until = datetime.fromisoformat(said["until"]) if said.get("until") else None
        over, agent, team = bool(said.get("over")), said.get("agent"), said.get("team")
        doing = Doing(said["do"], said["by"], agent=agent, team=team, over=over, until=until)
        async with transaction(self.engine) as connection:
            handoff = await read_open(connection, row.conversation_id)
            decided = after(handoff.ownership if handoff else Ownership(), doing)
            if isinstance(decided, Refused):
                became = {"state": "refused", "error": decided.reason}
            else:
                became = {"state": "done"}
                await settle(connection, row.conversation_id, Change(now=decided, doing=doing), now)
            await connection.execute(sa.update(messages).where(messages.c.id == row.id).values(**became))
            done = {"done_seq": row.seq, "waiting_since": None}
            mine = conversations.c.id == row.conversation_id
            await connection.execute(sa.update(conversations).where(mine).values(**done))
        return became.get("error", "done")


@pytest.fixture
def floor(engine: AsyncEngine, clock: Clock) -> Floor:
    return Floor(engine, clock)


async def later(floor: Floor, seconds: float, *, here: Collection[str] = ()) -> None:
    """Time passes, in which the desks of these are connected."""
    until = floor.clock.now + timedelta(seconds=seconds)
    while floor.clock.now < until:
        floor.clock.forward(seconds=min(10.0, (until - floor.clock.now).total_seconds()))
        await floor.beat(*here)


# --- Giving what waits ------------------------------------------------------------------------------------------------


async def test_what_waits_is_given_to_who_is_here(floor: Floor) -> None:
    maya = await floor.hire("maya")
    conversation = await floor.waits(await floor.team(maya))
    assert await floor.router.route() == 1
    assert await floor.asked() == [(conversation, {"do": "assign", "by": "product", "agent": maya})]
    assert await floor.turns() == ["done"]
    assert await floor.owner(conversation) == maya


async def test_what_is_asked_for_is_not_asked_for_twice(floor: Floor, engine: AsyncEngine, clock: Clock) -> None:
    maya = await floor.hire("maya")
    await floor.waits(await floor.team(maya))
    other = Router(engine=engine, clock=clock)
    assert [await floor.router.route(), await floor.router.route(), await other.route()] == [1, 0, 0]


async def test_gateways_side_by_side_give_nobody_more_than_there_is_room_for(
    floor: Floor, engine: AsyncEngine, clock: Clock
) -> None:
    maya, sam = await floor.hire("maya", capacity=3), await floor.hire("sam", capacity=2)
    team = await floor.team(maya, sam)
    for _ in range(12):
        await floor.waits(team)
    await asyncio.gather(*(Router(engine=engine, clock=clock).route() for _ in range(4)))
    await floor.turns()
    await floor.route()
    held = [row.agent_id for row in await rows(engine, handoffs, state="agent")]
    assert (held.count(maya), held.count(sam)) == (3, 2)
    assert len(await rows(engine, messages)) == 5, "nothing was asked for twice"


async def test_what_was_asked_for_counts_before_it_is_done(floor: Floor) -> None:
    maya = await floor.hire("maya", capacity=1)
    team = await floor.team(maya)
    await floor.waits(team)
    assert await floor.router.route() == 1
    await floor.waits(team)
    assert await floor.router.route() == 0


async def test_skills_priority_and_waiting_time_are_read_from_the_database(floor: Floor) -> None:
    maya = await floor.hire("maya", languages=["en"], topics=["orders"], capacity=1)
    lin = await floor.hire("lin", languages=["zh"], capacity=2)
    team = await floor.team(maya, lin)
    chinese = await floor.waits(team, language="zh-Hans")
    returns = await floor.waits(team, language="en", topic="returns")
    orders = await floor.waits(team, language="en", topic="orders")
    urgent = await floor.waits(team, language="en", topic="orders", priority=1)
    await floor.route()
    assert [await floor.owner(one) for one in (chinese, returns, orders, urgent)] == [lin, "queue", "queue", maya]


async def test_what_suits_nobody_does_not_stand_in_front_of_the_rest(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.gateway.desk.routing.queue._AT_A_TIME", 2)
    maya = await floor.hire("maya", languages=["en"])
    team = await floor.team(maya)
    french = [await floor.waits(team, language="fr", topic=topic) for topic in (None, "orders", "orders")]
    english = await floor.waits(team, language="en")
    await floor.route()
    assert [await floor.owner(one) for one in (*french, english)] == ["queue", "queue", "queue", maya]


@pytest.mark.parametrize(
    "absent",
    [
        {"availability": "away"},
        {"disabled_at": NOON},
        {"seen_at": NOON - timedelta(seconds=30)},
        {"seen_at": None},
        {"capacity": 0},
    ],
)
async def test_who_is_not_here_is_given_nothing(floor: Floor, absent: dict[str, Any]) -> None:
    maya = await floor.hire("maya")
    sam = await floor.hire("sam")  # so that the team is somebody's
    team = await floor.team(maya, sam)
    async with transaction(floor.engine) as connection:
        await connection.execute(sa.update(agents).where(agents.c.id == maya).values(**absent))
        await connection.execute(sa.update(agents).where(agents.c.id == sam).values(availability="away"))
    conversation = await floor.waits(team)
    assert await floor.router.route() == 0
    assert await floor.owner(conversation) == "queue"


async def test_what_agents_pull_themselves_and_what_is_anybodys_is_given_to_nobody(floor: Floor) -> None:
    maya = await floor.hire("maya")
    await floor.waits(await floor.team(maya, assignment="pulled"))
    await floor.waits(None)
    assert await floor.router.route() == 0


async def test_who_is_no_member_is_given_nothing(floor: Floor) -> None:
    maya, sam = await floor.hire("maya"), await floor.hire("sam")
    await floor.team(maya, name="Care")
    returns = await floor.team(sam, name="Returns")
    conversation = await floor.waits(returns)
    await floor.route()
    assert await floor.owner(conversation) == sam


# --- Putting back -----------------------------------------------------------------------------------------------------


async def test_what_somebody_has_who_is_gone_waits_for_others_and_keeps_its_place(floor: Floor) -> None:
    maya = await floor.hire("maya")
    conversation = await floor.waits(await floor.team(maya))
    queued_at = floor.clock.now
    await floor.route()
    await floor.answer(conversation)
    await later(floor, 59)
    assert await floor.router.route() == 0
    await later(floor, 2)
    assert await floor.router.route() == 1
    assert await floor.asked() == [(conversation, {"do": "requeue", "by": "product", "agent": maya, "why": "gone"})]
    await floor.turns()
    [row] = await rows(floor.engine, handoffs)
    assert (row.state, row.agent_id, row.queued_at) == ("queued", None, queued_at)
    await floor.beat(maya)
    await floor.route()
    assert await floor.owner(conversation) == maya, "who is back may be given it again"


async def test_who_is_connected_and_away_keeps_what_they_have(floor: Floor) -> None:
    maya = await floor.hire("maya")
    conversation = await floor.waits(await floor.team(maya))
    await floor.route()
    await floor.answer(conversation)
    async with transaction(floor.engine) as connection:
        await connection.execute(sa.update(agents).values(availability="away"))
    await later(floor, 600, here=[maya])
    assert await floor.router.route() == 0


async def test_after_a_restart_the_desks_have_time_to_come_back(floor: Floor, clock: Clock) -> None:
    maya = await floor.hire("maya")
    conversation = await floor.waits(await floor.team(maya))
    await floor.route()
    await floor.answer(conversation)
    await later(floor, 3600)
    floor.router = Router(engine=floor.engine, clock=clock)
    assert await floor.router.route() == 0
    await later(floor, 20)
    await later(floor, 60, here=[maya])
    assert await floor.router.route() == 0
    assert await floor.owner(conversation) == maya


async def test_what_somebody_has_who_is_disabled_waits_at_once(floor: Floor) -> None:
    maya = await floor.hire("maya")
    sam = await floor.hire("sam", role="admin")
    team = await floor.team(maya)
    conversation = await floor.waits(team)
    await floor.route()
    async with transaction(floor.engine) as connection:
        await join_team(connection, team, sam)
        await change_agent(connection, maya, {"disabled_at": floor.clock.now}, by="operator", now=floor.clock.now)
    await floor.route()
    assert await floor.owner(conversation) == sam


async def test_who_works_at_another_desk_is_never_gone(floor: Floor) -> None:
    elsewhere = await hire(floor.engine, "elsewhere", password=None)
    conversation = await floor.waits(None)
    assert await floor.do(conversation, do="take", by=elsewhere, agent=elsewhere) == "done"
    await later(floor, 3600)
    assert await floor.router.route() == 0


async def test_who_was_given_it_and_does_not_answer_loses_it_to_somebody_else(floor: Floor) -> None:
    maya = await floor.hire("maya")
    team = await floor.team(maya, answer_within=90)
    conversation = await floor.waits(team)
    await floor.route()
    await later(floor, 89, here=[maya])
    assert await floor.router.route() == 0
    await later(floor, 1, here=[maya])
    assert await floor.router.route() == 1
    asked = {"do": "requeue", "by": "product", "agent": maya, "why": "no_answer"}
    assert await floor.asked() == [(conversation, asked)]
    await floor.turns()
    await floor.route()
    assert await floor.owner(conversation) == "queue", "not to the same one again"
    sam = await floor.hire("sam")
    async with transaction(floor.engine) as connection:
        await join_team(connection, team, sam)
    await floor.route()
    assert await floor.owner(conversation) == sam


@pytest.mark.parametrize("how", ["answered", "taken", "transferred"])
async def test_who_answered_or_took_it_themselves_keeps_it(floor: Floor, how: str) -> None:
    maya, sam = await floor.hire("maya"), await floor.hire("sam", role="supervisor")
    pulled = "pulled" if how == "taken" else "automatic"
    conversation = await floor.waits(await floor.team(maya, assignment=pulled))
    await floor.route()
    if how == "answered":
        await floor.answer(conversation)
    if how == "taken":
        await floor.do(conversation, do="take", by=maya, agent=maya)
    if how == "transferred":
        await floor.do(conversation, do="transfer", by=maya, agent=sam)
    owner = await floor.owner(conversation)
    await later(floor, 600, here=[maya, sam])
    assert await floor.router.route() == 0
    assert await floor.owner(conversation) == owner


async def test_who_answers_at_the_last_moment_is_asked_for_nothing_that_is_done(floor: Floor) -> None:
    """The customer's next words, or a hand-back, came before the doing: it is refused, and not asked for again and
    again."""
    maya = await floor.hire("maya")
    conversation = await floor.waits(await floor.team(maya))
    await floor.route()
    await later(floor, 120, here=[maya])
    assert await floor.router.route() == 1
    [(_, asked)] = await floor.asked()
    async with transaction(floor.engine) as connection:
        handoff = await read_open(connection, conversation)
        assert handoff is not None
        decided = after(handoff.ownership, Doing("hand_back", maya))
        assert isinstance(decided, Ownership)
        await settle(connection, conversation, Change(now=decided, doing=Doing("hand_back", maya)), floor.clock.now)
    assert (asked["why"], await floor.turns()) == ("no_answer", ["not_yours"])
    assert await floor.router.route() == 0
    assert await floor.owner(conversation) == "bot"


# --- Waking, and queues of nobody -------------------------------------------------------------------------------------


async def test_what_was_snoozed_comes_back_when_it_is_time(floor: Floor) -> None:
    maya = await floor.hire("maya")
    conversation = await floor.waits(await floor.team(maya))
    await floor.route()
    await floor.answer(conversation)
    until = floor.clock.now + timedelta(hours=2)
    await floor.do(conversation, do="snooze", by=maya, until=until.isoformat())
    await later(floor, 7199)
    assert await floor.router.route() == 0, "nor is it anybody else's while they sleep"
    await floor.beat(maya)
    await later(floor, 1, here=[maya])
    await floor.route()
    [row] = await rows(floor.engine, handoffs)
    assert (row.state, row.agent_id) == ("agent", maya)


async def test_what_was_snoozed_by_somebody_who_is_disabled_waits_for_others(floor: Floor) -> None:
    maya = await floor.hire("maya")
    sam = await floor.hire("sam", role="admin")
    team = await floor.team(maya)
    conversation = await floor.waits(team)
    await floor.route()
    await floor.do(conversation, do="snooze", by=maya, until=(floor.clock.now + timedelta(days=9)).isoformat())
    async with transaction(floor.engine) as connection:
        await change_team(connection, team, {}, members=[maya, sam], by="operator", now=floor.clock.now)
        await change_agent(connection, maya, {"disabled_at": floor.clock.now}, by="operator", now=floor.clock.now)
    await floor.route()
    assert await floor.owner(conversation) == sam


@pytest.mark.parametrize("how", ["empty", "all disabled"])
async def test_a_queue_that_is_nobodys_is_anybodys(floor: Floor, how: str) -> None:
    maya = await floor.hire("maya")
    await floor.hire("sam", role="admin")
    team = await floor.team(maya, assignment="pulled")
    conversation = await floor.waits(team)
    assert await floor.router.route() == 0
    async with transaction(floor.engine) as connection:
        if how == "empty":
            await change_team(connection, team, {}, members=[], by="operator", now=floor.clock.now)
        else:
            await change_agent(connection, maya, {"disabled_at": floor.clock.now}, by="operator", now=floor.clock.now)
    await floor.route()
    [row] = await rows(floor.engine, handoffs)
    assert (row.state, row.team_id, await floor.owner(conversation)) == ("queued", None, "queue")


async def test_what_is_refused_again_and_again_is_asked_for_now_and_then(floor: Floor) -> None:
    maya = await floor.hire("maya")
    await floor.waits(await floor.team(maya))
    for _ in range(3):
        assert await floor.router.route() == 1
        async with transaction(floor.engine) as connection:
            await connection.execute(sa.update(messages).values(state="refused", error="unknown"))
            await connection.execute(sa.update(conversations).values(waiting_since=None))
        assert [await floor.router.route() for _ in range(3)] == [0, 0, 0]
        await later(floor, 10, here=[maya])


# --- Presence, and the rounds themselves ------------------------------------------------------------------------------


async def test_a_beat_that_comes_late_takes_nothing_back(floor: Floor) -> None:
    maya = await floor.hire("maya")
    async with transaction(floor.engine) as connection:
        await beat(connection, maya, NOON - timedelta(minutes=5))
        await beat(connection, "nobody", NOON)
    [row] = await rows(floor.engine, agents)
    assert row.seen_at == NOON


async def test_the_rounds_give_what_waits_and_stop_when_they_are_told_to(floor: Floor) -> None:
    maya = await floor.hire("maya")
    conversation = await floor.waits(await floor.team(maya))
    running = asyncio.create_task(floor.router.rounds.run())
    async with asyncio.timeout(20):
        while not await floor.asked():
            await asyncio.sleep(0.01)
        floor.router.rounds.stop()
        await running
    assert [one for one, _ in await floor.asked()] == [conversation]


async def test_the_glance_tells_whether_anybody_is_with_people(floor: Floor) -> None:
    async def glance() -> bool:
        async with reading(floor.engine) as connection:
            return bool((await connection.execute(sa.select(floor.router.rounds.waits))).scalar_one())

    assert not await glance()
    await floor.waits(None)
    assert await glance()
    async with transaction(floor.engine) as connection:
        await connection.execute(sa.update(handoffs).values(ended_at=NOON, state="closed"))
    assert not await glance()
