"""Limits are kept before a platform has to say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.contract import SendError
from channels.pacing import Limit, OwnBook, Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def wait_of(pace: Pace, recipient: str) -> float:
    """Seconds that the recipient would have to wait; 0 if its call began."""
    try:
        await pace.turn(recipient, patience=0)
    except SendError as error:
        return error.retry_after or 0.0
    return 0.0


async def test_one_recipient_has_its_own_limit(clock: Clock) -> None:
    pace = Pace(each=[Limit(calls=2, seconds=10)], book=OwnBook(clock))
    assert [await wait_of(pace, "Alice") for _ in range(3)] == [0, 0, 10]
    assert await wait_of(pace, "Bob") == 0
    clock.now += 10
    assert await wait_of(pace, "Alice") == 0


async def test_all_together_have_theirs(clock: Clock) -> None:
    pace = Pace(overall=[Limit(calls=2, seconds=1)], book=OwnBook(clock))
    assert [await wait_of(pace, who) for who in ("Alice", "Bob", "Carol")] == [0, 0, 1]


async def test_every_limit_counts(clock: Clock) -> None:
    pace = Pace(each=[Limit(calls=2, seconds=1), Limit(calls=3, seconds=10)], book=OwnBook(clock))
    assert [await wait_of(pace, "Alice") for _ in range(2)] == [0, 0]
    clock.now += 1
    assert await wait_of(pace, "Alice") == 0
    clock.now += 1
    assert await wait_of(pace, "Alice") == 8


async def test_what_is_held_back_does_not_count(clock: Clock) -> None:
    pace = Pace(each=[Limit(calls=1, seconds=10)], book=OwnBook(clock))
    assert [await wait_of(pace, "Alice") for _ in range(5)] == [0, 10, 10, 10, 10]
    clock.now += 10
    assert await wait_of(pace, "Alice") == 0


async def test_a_pause_that_the_platform_asked_for_is_kept(clock: Clock) -> None:
    pace = Pace(book=OwnBook(clock))
    await pace.hold("Alice", 30)
    assert await wait_of(pace, "Alice") == 30
    assert await wait_of(pace, "Bob") == 0
    await pace.hold_all(5)
    assert await wait_of(pace, "Bob") == 5


async def test_what_is_held_back_says_that_nothing_was_tried(clock: Clock) -> None:
    pace = Pace(book=OwnBook(clock))
    await pace.hold_all(60)
    with pytest.raises(SendError) as held:
        await pace.turn("Alice")
    assert held.value.held_back
    assert not held.value.permanent
    assert held.value.retry_after == 60


async def test_a_moment_is_waited_for() -> None:
    pace = Pace(each=[Limit(calls=1, seconds=0.01)])
    await pace.turn("Alice")
    await pace.turn("Alice")


@given(st.lists(st.floats(min_value=0, max_value=3), max_size=60))
async def test_no_window_ever_holds_more_calls_than_its_limit(steps: list[float]) -> None:
    clock = Clock()
    limits = [Limit(calls=3, seconds=1), Limit(calls=5, seconds=4)]
    pace = Pace(each=limits, book=OwnBook(clock))
    began = []
    for step in steps:
        clock.now += step
        if await wait_of(pace, "Alice") == 0:
            began.append(clock.now)
    for limit in limits:
        for start in began:
            assert sum(start <= one < start + limit.seconds - 1e-9 for one in began) <= limit.calls
