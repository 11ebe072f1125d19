"""The storm's counting sees what is wrong, and its plan is decided by its seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.chaos.counting import LINKED, Counts, Heard, Row, Said, Taken, count
from benchmarks.chaos.plan import CHANNELS, Size, make_plan, names
from benchmarks.chaos.report import Report

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SIZE = Size(messages=200, customers=20, kills=12, seconds=60.0)
ALICE, BOB = ("telegram", "1"), ("whatsapp", "2")
PHONES = {ALICE: "Alice on telegram", BOB: "Bob on whatsapp"}


@dataclass
class World:
    """What a storm leaves behind. As made, Alice and Bob have asked twice each and were answered with two messages
    every time, of which the second is always in the same words."""

    said: list[Said] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)

    def ask(self, place: tuple[str, str], mark: str, *, linked: bool = False) -> None:
        phone, conversation = PHONES[place], f"of {PHONES[place]}"
        number, seq = self._next(), self._next()
        self.said.append(Said(phone=phone, mark=mark, acknowledged=True))
        asked = Row(
            id=number,
            conversation=conversation,
            seq=seq,
            direction="in",
            author="customer",
            channel=place[0],
            address=place[1],
            state="done",
            mark=mark,
        )
        self.rows.append(asked)
        self.heard.append(Heard(conversation=conversation, seq=seq, message=number, mark=None if linked else mark))
        first = "Welcome" if linked else f"I cannot find {mark}."
        for text in (first, "Which order is it?"):
            number = self._next()
            row = replace(
                asked,
                id=number,
                seq=number,
                direction="out",
                author="bot",
                state="sent",
                cause=asked.id,
                ids=(f"platform {number}",),
                text=text,
                mark=None if linked else _mark(text),
            )
            self.rows.append(row)
            self.arrive(row)

    def arrive(self, row: Row, **changed: object) -> None:
        taken = Taken(phone=PHONES[row.place], id=row.ids[0] if row.ids else "?", text=row.text, mark=row.mark, at=NOON)
        self.taken.append(replace(taken, **changed))  # type: ignore[arg-type]

    def change(self, row: Row, **changed: object) -> Row:
        new = replace(row, **changed)  # type: ignore[arg-type]
        self.rows[self.rows.index(row)] = new
        return new

    def reply(self, place: int) -> Row:
        return [row for row in self.rows if row.direction == "out"][place]

    def message(self, place: int) -> Row:
        return [row for row in self.rows if row.direction == "in"][place]

    def count(self) -> Counts:
        return count(self.said, self.taken, self.rows, self.heard)

    def _next(self) -> int:
        return 2 * len(self.rows) + len(self.heard) + 1


@pytest.fixture
def world() -> World:
    world = World()
    for mark in ("1000001", "1000003"):
        world.ask(ALICE, mark)
        world.ask(BOB, str(int(mark) + 1))
    return world


def wrong(counts: Counts) -> dict[str, int]:
    """The kinds of wrong that there are."""
    keys = ("lost", "doubled_turns", "misordered", "misrouted", "repeated_replies", "repeated_unmarked")
    return {key: len(getattr(counts, key)) for key in keys if getattr(counts, key)}


def test_nothing_is_wrong_where_everything_is_right(world: World) -> None:
    world.ask(ALICE, LINKED, linked=True)
    counts = world.count()

    assert wrong(counts) == {}
    assert (counts.messages, counts.replies, counts.unacknowledged, counts.uncertain) == (4, 10, 0, 0)


def test_acknowledged_and_not_in_the_database_is_lost(world: World) -> None:
    world.said.append(Said(phone="Alice on telegram", mark="1000009", acknowledged=True))
    assert wrong(world.count()) == {"lost": 1}


def test_not_acknowledged_is_not_lost(world: World) -> None:
    world.said.append(Said(phone="Alice on telegram", mark="1000009", acknowledged=False))
    counts = world.count()
    assert wrong(counts) == {}
    assert counts.unacknowledged == 1


def test_a_message_without_its_turn_is_lost(world: World) -> None:
    world.change(world.message(3), state="waiting")
    assert wrong(world.count()) == {"lost": 1}


def test_a_message_without_a_reply_is_lost(world: World) -> None:
    answered = world.message(3)
    world.rows = [row for row in world.rows if row.cause != answered.id]
    world.taken = [one for one in world.taken if one.mark != answered.mark][:-1]
    assert wrong(world.count()) == {"lost": 1}


def test_a_kind_word_to_somebody_who_waits_is_no_reply(world: World) -> None:
    for reply in (world.reply(-1), world.reply(-2)):
        world.change(reply, author="product")
    assert wrong(world.count()) == {"lost": 1}


def test_a_reply_that_is_still_to_be_sent_is_lost(world: World) -> None:
    world.change(world.reply(-1), state="queued", ids=())
    del world.taken[-1]
    assert wrong(world.count()) == {"lost": 1}


def test_a_reply_that_counts_as_sent_and_never_arrived_is_lost(world: World) -> None:
    del world.taken[-1]
    assert wrong(world.count()) == {"lost": 1}


def test_a_reply_that_may_have_arrived_and_did_not_is_not_lost_but_unheard(world: World) -> None:
    world.change(world.reply(-1), state="uncertain", ids=(), uncertain_since=NOON)
    del world.taken[-1]
    counts = world.count()
    assert wrong(counts) == {}
    assert (counts.uncertain, counts.unheard) == (1, 1)


def test_a_reply_that_may_have_arrived_and_did_is_known_by_its_words(world: World) -> None:
    world.change(world.reply(-1), state="uncertain", ids=(), uncertain_since=NOON)
    counts = world.count()
    assert wrong(counts) == {}
    assert (counts.uncertain, counts.unheard) == (1, 0)


def test_of_replies_in_the_same_words_the_one_that_is_missing_has_come(world: World) -> None:
    """Alice's first question in these words did not arrive, and her second did; nobody was told its id."""
    first, second = (row for row in world.rows if row.place == ALICE and row.text.startswith("Which"))
    world.taken = [one for one in world.taken if one.id not in first.ids]
    world.change(first, state="uncertain", ids=(), uncertain_since=NOON)
    world.change(second, state="uncertain", ids=(), uncertain_since=NOON)
    counts = world.count()
    assert wrong(counts) == {}
    assert counts.unheard == 1


def test_formatting_is_no_difference(world: World) -> None:
    reply = world.change(world.reply(0), state="uncertain", ids=(), uncertain_since=NOON)
    world.taken[0] = replace(world.taken[0], id="another", text=reply.text.replace("cannot", "*cannot*"))
    assert wrong(world.count()) == {}


@pytest.mark.parametrize(
    "planted",
    [
        Heard(conversation="of Alice on telegram", seq=900, message=1, mark="1000001"),
        Heard(conversation="another", seq=1, message=None, mark="1000001"),
    ],
    ids=["by its message", "by its number"],
)
def test_a_second_turn_is_seen(world: World, planted: Heard) -> None:
    world.heard.append(replace(planted, message=planted.message and world.message(0).id))
    assert wrong(world.count())["doubled_turns"] == 1


def test_the_same_words_as_two_messages_are_a_doubled_turn(world: World) -> None:
    asked = world.message(0)
    world.rows.append(replace(asked, id=900, seq=900))
    world.rows.append(replace(world.reply(0), id=901, seq=901, cause=900, state="failed", ids=()))
    assert wrong(world.count()) == {"doubled_turns": 1}


def test_replies_that_arrive_in_another_order_are_seen(world: World) -> None:
    hers = [place for place, one in enumerate(world.taken) if one.phone == "Alice on telegram"]
    world.taken[hers[0]], world.taken[hers[1]] = world.taken[hers[1]], world.taken[hers[0]]
    assert wrong(world.count()) == {"misordered": 1}


def test_turns_in_another_order_than_accepted_are_seen(world: World) -> None:
    first, second = (event for event in world.heard if event.conversation == "of Bob on whatsapp")
    world.heard[world.heard.index(first)] = replace(first, seq=second.seq + 1)
    assert wrong(world.count()) == {"misordered": 1}


def test_replies_numbered_in_another_order_than_their_messages_are_seen(world: World) -> None:
    first, second = (row for row in world.rows if row.place == ALICE and row.text.startswith("I cannot"))
    world.change(first, seq=second.seq + 1)
    assert "misordered" in wrong(world.count())


def test_an_answer_on_somebody_elses_phone_is_seen(world: World) -> None:
    world.taken[-2] = replace(world.taken[-2], phone="Alice on telegram")
    assert wrong(world.count())["misrouted"] == 1


def test_what_nobody_was_to_be_told_is_seen(world: World) -> None:
    world.taken.append(Taken(phone="Bob on whatsapp", id="?", text="Anything", mark=None, at=NOON))
    assert wrong(world.count()) == {"misrouted": 1}


def test_a_reply_addressed_elsewhere_than_its_cause_is_seen(world: World) -> None:
    """Bob's phone shows what Alice asked: the database, and the number in it, say so."""
    first, *_ = (row for row in world.rows if row.place == ALICE and row.direction == "out")
    world.change(first, channel=BOB[0], address=BOB[1])
    world.taken[0] = replace(world.taken[0], phone="Bob on whatsapp")
    assert wrong(world.count())["misrouted"] == 2


@pytest.mark.parametrize("known", [True, False], ids=["both known by id", "neither known by id"])
def test_a_reply_that_came_twice_is_seen(world: World, known: bool) -> None:
    reply = world.reply(-1) if known else world.change(world.reply(-1), ids=())
    world.arrive(reply, id=reply.ids[0] if known else "another")
    assert wrong(world.count()) == {"repeated_replies": 1, "repeated_unmarked": 1}


@pytest.mark.parametrize(("late", "unmarked"), [(timedelta(0), 0), (timedelta(seconds=1), 1)])
def test_a_repeated_reply_had_to_be_marked_beforehand(world: World, late: timedelta, unmarked: int) -> None:
    reply = world.change(world.reply(-1), uncertain_since=NOON + late)
    world.arrive(reply, id="another")
    counts = world.count()
    assert (len(counts.repeated_replies), len(counts.repeated_unmarked)) == (1, unmarked)


def test_a_link_that_was_followed_is_not_to_be_lost(world: World) -> None:
    world.ask(ALICE, LINKED, linked=True)
    world.said.append(Said(phone="Bob on whatsapp", mark=LINKED, acknowledged=True))
    assert wrong(world.count()) == {"lost": 1}


def test_the_same_seed_is_the_same_storm_and_another_one_is_not() -> None:
    assert make_plan(7, SIZE) == make_plan(7, SIZE)
    assert make_plan(7, SIZE) != make_plan(8, SIZE)


def test_everything_that_was_asked_for_happens_within_the_storm() -> None:
    plan = make_plan(7, SIZE)
    steps = [step for customer in plan.customers for step in customer.steps]

    assert len(plan.customers) == SIZE.customers
    assert len(steps) == len({step.mark for step in steps}) == SIZE.messages
    assert {step.channel for step in steps} == set(CHANNELS)
    assert len(plan.kills) == SIZE.kills
    assert {kill.process for kill in plan.kills} <= set(names(SIZE))
    assert {kill.process.partition("-")[0] for kill in plan.kills} == {"gateway", "core", "actions"}
    assert sorted(outage.trouble for outage in plan.outages) == ["away", "full"]
    moments = [*(kill.at for kill in plan.kills), *(outage.at for outage in plan.outages)]
    assert all(0 < moment < SIZE.seconds for moment in moments)


def test_whoever_is_linked_speaks_on_every_channel_of_theirs() -> None:
    linked = [customer for customer in make_plan(7, SIZE).customers if customer.links]
    assert linked
    for customer in linked:
        assert customer.channels[0] == "webchat"
        assert {link.channel for link in customer.links} == set(customer.channels[1:])
        assert {step.channel for step in customer.steps} == set(customer.channels)


@pytest.mark.parametrize(
    ("planted", "missed"),
    [
        ({}, 0),
        ({"lost": ["one"]}, 1),
        ({"misrouted": ["one"], "misordered": ["one"], "doubled_turns": ["one"]}, 3),
        ({"repeated_replies": ["one", "two"]}, 0),
        ({"repeated_replies": ["one", "two", "three"]}, 1),
        ({"repeated_replies": ["one"], "repeated_unmarked": ["one"]}, 1),
        ({"unacknowledged": 1}, 1),
    ],
)
def test_goals_that_are_missed_are_said(planted: dict[str, Sequence[str]], missed: int) -> None:
    report = Report(seed=1, database="sqlite", kills=2, counts=Counts(**planted), took=1.0, met={})  # type: ignore[arg-type]
    assert len(report.missed) == missed
    assert bool(report.evidence()) == any(isinstance(lines, list) for lines in planted.values())


def test_what_still_waits_is_a_goal_missed() -> None:
    report = Report(seed=1, database="sqlite", kills=2, counts=Counts(), took=1.0, met={}, left="2 turns")
    assert report.missed == ["still waiting: 2 turns"]


def test_how_long_webhooks_took_is_said() -> None:
    took = [0.01] * 60 + [0.5] * 40
    report = Report(seed=1, database="sqlite", kills=0, counts=Counts(), took=1.0, met={}, acknowledged_within=took)
    assert {"ack_p50_ms": 10, "ack_p99_ms": 500}.items() <= report.figures().items()
    assert "ack_p99_ms" in report.table()


def _mark(text: str) -> str | None:
    numbers: Iterable[str] = (word.strip(".") for word in text.split())
    return next((number for number in numbers if number.isdecimal()), None)
