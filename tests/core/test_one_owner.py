"""Whatever customers, agents, links and undone links do, in any order, late or twice: a conversation has one owner, who
is written down alike in all places, and the bot is silent exactly while it is not the bot's."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core import claims
from bot.core.counting import Counts
from bot.core.dialogue import Dialogue
from bot.core.history import tracker_of
from bot.core.stored import read_history
from bot.core.turns import TurnTaker
from bot.store.content import content_to_json
from bot.store.database import connect, reading, transaction
from bot.store.desk_tables import agents, handoffs
from bot.store.handoffs import ask_desk
from bot.store.merging import join_customers, latest_merge, turn_of_merge
from bot.store.numbering import take_numbers
from bot.store.people import begin_customer, unlink
from bot.store.separating import ask_to_separate
from bot.store.tables import conversations, identities, messages, metadata, open_channels
from channels.contract import Content, Option
from tests.core.playing import People

NOON = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
CHANNELS = ("webchat", "telegram")
AGENTS = ("maya", "sam")

who = st.sampled_from(CHANNELS)
doing = st.builds(
    lambda do, by, other, over: ("desk", do, by, other, over),
    st.sampled_from(
        ["take", "assign", "transfer", "team", "requeue", "hand_back", "snooze", "wake", "close", "say", "set_slot"]
    ),
    st.sampled_from(AGENTS),
    st.sampled_from(AGENTS),
    st.booleans(),
)
words = st.sampled_from(["good day", "return", "the lamp", "leave", "leave", "back"])
steps = st.one_of(
    st.tuples(st.just("says"), who, words),
    st.tuples(st.sampled_from(["does", "does", "twice"]), who, doing),
    st.tuples(st.sampled_from(["links", "links", "undoes", "undoes", "unlinks"]), who, st.none()),
)


@pytest.fixture(scope="module")
def dialogue(model: Path) -> Dialogue:
    return Dialogue.load(model, Path("there are no endpoints"))


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@example(done=[("says", "webchat", "leave"), ("links", "webchat", None), ("undoes", "webchat", None)], at_once=1)
@example(done=[("says", "webchat", "leave"), ("links", "telegram", None), ("undoes", "telegram", None)], at_once=1)
@given(done=st.lists(steps, min_size=4, max_size=14), at_once=st.integers(1, 4))
def test_there_is_one_owner(dialogue: Dialogue, done: Sequence[Any], at_once: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(dialogue, f"sqlite:///{folder}/town.db", done, at_once))


async def _play(dialogue: Dialogue, url: str, done: Sequence[Any], at_once: int) -> None:
    engine = connect(url)
    town = Town(engine, dialogue)
    try:
        await town.begin()
        for number, (what, channel, how) in enumerate(done, 1):
            await getattr(town, what)(channel, how)
            if number % at_once == 0:
                await town.works()
                await town.is_in_order()
        await town.works()
        await town.is_in_order()
        await town.the_bot_answers_exactly_where_it_has_it()
        await town.is_in_order()
    finally:
        await engine.dispose()


class Town:
    """Two people, or one with two channels, two agents, and a worker."""

    def __init__(self, engine: AsyncEngine, dialogue: Dialogue) -> None:
        self._engine = engine
        self._dialogue = dialogue
        self._people = People(engine, lambda: NOON)
        self._identities: dict[str, int] = {}
        shelf: Any = type("Shelf", (), {"current": dialogue})
        self._taker = TurnTaker(
            engine=engine,
            shelf=shelf,
            clock=lambda: NOON,
            lease=timedelta(minutes=5),
            stop=asyncio.Event(),
            counts=Counts(),
        )

    async def begin(self) -> None:
        async with transaction(self._engine) as connection:
            await connection.run_sync(metadata.create_all)
            for agent in AGENTS:
                await connection.execute(sa.insert(agents).values(**_agent(agent)))
            for channel in CHANNELS:
                await connection.execute(sa.insert(open_channels).values(name=channel, opened_at=NOON))
                customer, _ = await begin_customer(connection, None, NOON)
                result = await connection.execute(
                    sa.insert(identities).values(
                        channel=channel,
                        external_id=channel,
                        customer_id=customer,
                        address=channel,
                        assurance="none",
                        linked_how="first_contact",
                        linked_at=NOON,
                    )
                )
                self._identities[channel] = int(result.inserted_primary_key[0])

    async def says(self, channel: str, words: str) -> None:
        tap = {"type": "text", "text": words}
        if words == "leave":
            tap = await self._tap(channel, "/leave_message")
        elif words == "back":
            tap = await self._tap(channel, "/handed_back")
        identity = self._identities[channel]
        await self._people.says((await self._whose(channel))[1], tap, channel=channel, identity=identity)

    async def does(self, channel: str, doing: Any) -> None:
        """Something the desk wants, whatever it thinks of who has the conversation."""
        async with transaction(self._engine) as connection:
            await ask_desk(connection, (await self._whose(channel))[1], _doing(doing), agent=doing[2], now=NOON)

    async def twice(self, channel: str, doing: Any) -> None:
        await self.does(channel, doing)
        await self.does(channel, doing)

    async def links(self, channel: str, _: object) -> None:
        """This channel joins the other."""
        await self.works()  # what accept does with dialogues that have no turn yet, its own tests show
        one, *_rest = await self._whose(channel)
        into, *_rest = await self._whose(_other(channel))
        async with transaction(self._engine) as connection:
            merge = await join_customers(connection, one=one, into=into, now=NOON)
        if merge is None:
            return
        said = {"type": "linked", "from": _other(channel), "merge": merge}
        message = await self._people.says(
            (await self._whose(channel))[1], said, channel=channel, identity=self._identities[channel]
        )
        async with transaction(self._engine) as connection:
            await turn_of_merge(connection, merge, message)

    async def undoes(self, channel: str, _: None) -> None:
        async with transaction(self._engine) as connection:
            merge = await latest_merge(connection, self._identities[channel], since=NOON - timedelta(days=1))
            if merge is not None:
                await ask_to_separate(connection, merge, by="operator", now=NOON)

    async def unlinks(self, channel: str, _: None) -> None:
        await self.works()
        async with transaction(self._engine) as connection:
            await unlink(connection, self._identities[channel], NOON)

    async def works(self) -> None:
        """Until nothing waits."""
        while True:
            async with transaction(self._engine) as connection:
                claimed = await claims.claim_waiting(connection, "w", NOON, timedelta(minutes=5), most=8)
            if not claimed:
                return
            for claim in claimed:
                await self._taker.take(claim)

    async def is_in_order(self) -> None:
        async with reading(self._engine) as connection:
            owners = {row.id: row.owner for row in (await connection.execute(sa.select(conversations))).all()}
            rows = (await connection.execute(sa.select(handoffs).where(handoffs.c.ended_at.is_(None)))).all()
            stretches = {row.conversation_id: row for row in rows}
            assert len(stretches) == len(rows), "more than one stretch"
            for conversation, owner in owners.items():
                _agree(owner, stretches.get(conversation))

    async def the_bot_answers_exactly_where_it_has_it(self) -> None:
        for channel in CHANNELS:
            conversation = (await self._whose(channel))[1]
            owner = (await self._row(conversation)).owner
            asked = await self._people.says(conversation, "faq", channel=channel, identity=self._identities[channel])
            await self.works()
            answers = [
                row.content.get("text") for row in await self._people.replies(conversation) if row.cause_id == asked
            ]
            assert ("Returns are free" in answers) == (owner == "bot"), (owner, answers)
            async with reading(self._engine) as connection:
                tracker = tracker_of(await read_history(connection, conversation), self._dialogue.domain)
            assert tracker.is_paused() == (owner != "bot")

    async def _row(self, conversation: str) -> Any:
        async with reading(self._engine) as connection:
            found = await connection.execute(sa.select(conversations).where(conversations.c.id == conversation))
            return found.one()

    async def _whose(self, channel: str) -> tuple[str, str]:
        async with reading(self._engine) as connection:
            found = await connection.execute(
                sa.select(identities.c.customer_id, conversations.c.id)
                .join(conversations, conversations.c.customer_id == identities.c.customer_id)
                .where(identities.c.id == self._identities[channel])
            )
            row = found.one()
            return row.customer_id, row.id

    async def _tap(self, channel: str, payload: str) -> dict[str, Any]:
        return {"type": "choice", "message": await self._offer(channel, payload), "option": 0, "label": "tapped"}

    async def _offer(self, channel: str, payload: str) -> int:
        """A button that the bot had offered."""
        conversation = (await self._whose(channel))[1]
        content = content_to_json(Content(text="?", options=(Option(title="tapped", payload=payload),)))
        async with transaction(self._engine) as connection:
            seq = await take_numbers(connection, conversation)
            result = await connection.execute(
                sa.insert(messages).values(
                    conversation_id=conversation,
                    seq=seq,
                    direction="out",
                    author="bot",
                    channel=channel,
                    address=channel,
                    identity_id=self._identities[channel],
                    content=content,
                    state="sent",
                    attempts=1,
                    due_at=NOON,
                    created_at=NOON,
                )
            )
            return int(result.inserted_primary_key[0])


def _agree(owner: str, stretch: Any) -> None:
    """The conversation's row and its stretch say the same."""
    if stretch is None:
        assert owner == "bot"
    elif stretch.state == "queued":
        assert (owner, stretch.agent_id) == ("queue", None)
    else:
        assert stretch.state in ("agent", "snoozed")
        assert owner == stretch.agent_id in AGENTS
        assert (stretch.snoozed_until is not None) == (stretch.state == "snoozed")


def _doing(drawn: Any) -> dict[str, Any]:
    _, do, by, other, over = drawn
    until = NOON + timedelta(hours=1)
    more: dict[str, Any] = {
        "take": {"agent": by},
        "assign": {"agent": other, "by": "product"},
        "transfer": {"agent": other},
        "team": {"do": "transfer", "team": None},
        "requeue": {"agent": other, "by": "product"},
        "snooze": {"until": until.isoformat()},
        "wake": {"agent": other, "until": until.isoformat(), "by": "product"},
        "close": {"reason": "solved", "ask_rating": over},
        "say": {"agent": by, "content": content_to_json(Content(text="Good day"))},
        "set_slot": {"name": "item", "value": "the chair"},
    }.get(do, {})
    return {"do": do, "by": by, "over": over, **more}


def _agent(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "login": name,
        "name": name.title(),
        "role": "agent",
        "languages": [],
        "topics": [],
        "capacity": 5,
        "availability": "available",
        "seen_at": NOON,
        "created_at": NOON,
    }


def _other(channel: str) -> str:
    return next(other for other in CHANNELS if other != channel)
