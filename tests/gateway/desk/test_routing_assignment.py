"""Who is given what waits: decided from values alone."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.gateway.desk.routing.assignment import Free, Waiting, assignments, primary
from tests.database import NOON

CARE, RETURNS = 1, 2


def waits(
    id: int,
    *,
    minutes: float = 1,
    priority: int = 0,
    language: str | None = None,
    topic: str | None = None,
    team: int = CARE,
    missed_by: frozenset[str] = frozenset(),
) -> Waiting:
    return Waiting(
        id=id,
        conversation=f"c{id}",
        team=team,
        priority=priority,
        queued_at=NOON - timedelta(minutes=minutes),
        language=language,
        topic=topic,
        missed_by=missed_by,
    )


def agent(
    name: str,
    *,
    open: int = 0,
    capacity: int = 1,
    languages: tuple[str, ...] = (),
    topics: tuple[str, ...] = (),
    teams: frozenset[int] = frozenset({CARE}),
    idle: float | None = None,
) -> Free:
    return Free(
        agent=name,
        teams=teams,
        languages=languages,
        topics=topics,
        capacity=capacity,
        open=open,
        given_at=None if idle is None else NOON - timedelta(minutes=idle),
    )


def test_the_longest_waiting_comes_first_and_priority_before_all() -> None:
    queue = [waits(1, minutes=1), waits(2, minutes=9), waits(3, minutes=5), waits(4, minutes=0, priority=1)]
    assert assignments(queue, [agent("maya", capacity=3)]) == [("c4", "maya"), ("c2", "maya"), ("c3", "maya")]


def test_of_those_queued_in_one_instant_the_first_comes_first() -> None:
    assert assignments([waits(2), waits(1)], [agent("maya")]) == [("c1", "maya")]


def test_who_has_least_in_hand_is_given_it_and_of_those_who_was_idle_longest() -> None:
    maya, sam, lin = (
        agent("maya", open=1, capacity=5),
        agent("sam", capacity=5, idle=3),
        agent("lin", capacity=5, idle=9),
    )
    given = assignments([waits(n, minutes=9 - n) for n in range(1, 6)], [maya, sam, lin])
    assert [one for _, one in given] == ["lin", "sam", "maya", "lin", "sam"]


def test_who_was_never_given_anything_was_idle_longest() -> None:
    assert assignments([waits(1)], [agent("maya", idle=600), agent("sam")]) == [("c1", "sam")]


@pytest.mark.parametrize(
    ("one", "who", "fits"),
    [
        (waits(1, language="zh"), agent("lin", languages=("zh-Hans",)), True),
        (waits(1, language="zh-TW"), agent("lin", languages=("en", "zh")), True),
        (waits(1, language="zh"), agent("maya", languages=("en",)), False),
        (waits(1, language="zh"), agent("maya"), True),
        (waits(1), agent("maya", languages=("en",)), True),
        (waits(1, topic="returns"), agent("maya", topics=("returns", "orders")), True),
        (waits(1, topic="returns"), agent("maya", topics=("orders",)), False),
        (waits(1, topic="returns"), agent("maya"), True),
        (waits(1), agent("maya", topics=("orders",)), True),
        (waits(1, team=RETURNS), agent("maya"), False),
        (waits(1), agent("maya", capacity=0), False),
        (waits(1), agent("maya", open=3, capacity=2), False),
        (waits(1, missed_by=frozenset({"maya"})), agent("maya"), False),
        (waits(1, missed_by=frozenset({"sam"})), agent("maya"), True),
    ],
)
def test_it_is_given_to_whom_it_fits(one: Waiting, who: Free, fits: bool) -> None:
    assert assignments([one], [who]) == ([("c1", who.agent)] if fits else [])


def test_what_fits_nobody_holds_nobody_up() -> None:
    queue = [waits(1, minutes=9, language="zh"), waits(2)]
    assert assignments(queue, [agent("maya", languages=("en",))]) == [("c2", "maya")]


LANGUAGES = (None, "en", "zh", "zh-Hant", "fr")
TOPICS = (None, "returns", "orders")

queues = some.lists(
    some.builds(
        waits,
        some.integers(1, 10_000),
        minutes=some.integers(0, 5),
        priority=some.integers(0, 2),
        language=some.sampled_from(LANGUAGES),
        topic=some.sampled_from(TOPICS),
        team=some.sampled_from([CARE, RETURNS]),
        missed_by=some.frozensets(some.sampled_from(["maya", "sam"]), max_size=1),
    ),
    max_size=25,
    unique_by=lambda one: one.id,
)
staffs = some.lists(
    some.builds(
        agent,
        some.sampled_from(["maya", "sam", "lin", "ada", "kim"]),
        open=some.integers(0, 3),
        capacity=some.integers(0, 5),
        languages=some.lists(some.sampled_from(["en", "zh", "fr"]), max_size=2, unique=True).map(tuple),
        topics=some.lists(some.sampled_from(["returns", "orders"]), max_size=1).map(tuple),
        teams=some.frozensets(some.sampled_from([CARE, RETURNS]), min_size=1),
        idle=some.none() | some.integers(0, 50),
    ),
    max_size=5,
    unique_by=lambda one: one.agent,
)


def may(one: Waiting, who: Free) -> bool:
    """The rule once more, in other words."""
    speaks = one.language is None or not who.languages or one.language.split("-")[0] in who.languages
    knows = one.topic is None or who.topics == () or one.topic in who.topics
    return speaks and knows and one.team in who.teams and who.agent not in one.missed_by


@given(queue=queues, staff=staffs)
def test_whatever_waits_and_whoever_is_here(queue: list[Waiting], staff: list[Free]) -> None:
    pairs = assignments(queue, staff)
    by_conversation = {one.conversation: one for one in queue}
    by_agent = {one.agent: one for one in staff}

    assert len({conversation for conversation, _ in pairs}) == len(pairs), "nothing is given twice"
    assert all(may(by_conversation[conversation], by_agent[who]) for conversation, who in pairs)
    load = Counter({one.agent: one.open for one in staff})
    for conversation, who in pairs:
        one = by_conversation[conversation]
        room = [other for other in staff if load[other.agent] < other.capacity and may(one, other)]
        assert load[who] == min(load[other.agent] for other in room), "nobody with less in hand was passed over"
        load[who] += 1
    assert all(load[one.agent] <= max(one.capacity, one.open) for one in staff), "never above capacity"

    rank = {one.conversation: (-one.priority, one.queued_at, one.id) for one in queue}
    assert [rank[conversation] for conversation, _ in pairs] == sorted(rank[conversation] for conversation, _ in pairs)
    given_to = dict(pairs)
    for left in (one for one in queue if one.conversation not in given_to):
        full = [one.agent for one in staff if may(left, one) and load[one.agent] < one.capacity]
        assert full == [], "what is left fits nobody who has room"
        # Nobody who fits was given something that came after it.
        for conversation, who in pairs:
            if rank[conversation] > rank[left.conversation]:
                assert not may(left, by_agent[who]), "of equals the longest waiting comes first"


@given(queue=queues, staff=staffs, random=some.randoms())
def test_in_whatever_order_the_database_tells_it(queue: list[Waiting], staff: list[Free], random: Random) -> None:
    shuffled, other = list(queue), list(staff)
    random.shuffle(shuffled)
    random.shuffle(other)
    assert assignments(shuffled, other) == assignments(queue, staff)


def test_a_language_is_its_first_part() -> None:
    assert [primary(one) for one in ("zh-Hant-TW", "EN", "en_GB", "")] == ["zh", "en", "en", ""]
