"""The benchmark's own arithmetic, on numbers that can be checked by hand."""

from __future__ import annotations

import pytest

from benchmarks.figures import Growth, Load, Stretch, added, percentile, stretches, together


def load(*times: float, took: float = 1.0, cpu: float = 0.0, failed: int = 0) -> Load:
    return Load(times=times, took=took, cpu=cpu, driver=0.0, others=0.0, failed=failed)


def test_a_load_s_figures_are_per_turn_and_per_second() -> None:
    four = load(0.1, 0.2, 0.3, 0.4, took=0.5, cpu=0.08)

    assert four.turns == 4
    assert four.turns_a_second == 8
    assert four.cpu_a_turn == pytest.approx(0.02)
    assert four.p50 == pytest.approx(0.25)


def test_rounds_of_a_load_are_pooled_and_not_averaged() -> None:
    short, long = load(0.1, took=1, cpu=0.01, failed=1), load(0.2, 0.3, 0.4, took=2, cpu=0.07)

    pooled = together([short, long])

    assert pooled == load(0.1, 0.2, 0.3, 0.4, took=3, cpu=0.08, failed=1)
    assert pooled.turns_a_second == pytest.approx(4 / 3)


def test_the_99th_percentile_of_a_hundred_and_one_values_is_the_hundredth() -> None:
    assert percentile(list(range(101)), 99) == 99


def test_a_percentile_lies_within_the_values() -> None:
    assert 1 <= percentile([1, 2], 99) <= 2
    assert percentile([7], 99) == 7


def test_growth_is_what_a_turn_in_the_long_conversation_takes_over_one_in_the_short() -> None:
    growth = Growth(curve=(), long_events=20_000, long=(0.3, 0.1, 0.2), short_events=20, short=(0.1, 0.1, 0.5))

    assert growth.ratio == pytest.approx(2)


def test_a_curve_s_points_lie_in_the_middle_of_their_turns() -> None:
    curve = stretches([1, 2, 3, 10, 20, 30], [5, 8, 14], events=60, each=3)

    assert curve == (
        Stretch(events=15, p50=2, cpu_a_turn=1),
        Stretch(events=45, p50=20, cpu_a_turn=2),
    )


def test_the_last_turns_of_a_curve_may_be_fewer() -> None:
    curve = stretches([1, 1, 1, 4], [0, 3, 7], events=40, each=3)

    assert curve[1] == Stretch(events=35, p50=4, cpu_a_turn=4)


def test_what_is_around_rasa_is_taken_turn_by_turn() -> None:
    assert added([10, 20, 30], [9, 15, 10]) == 5


def test_times_of_different_turns_are_not_taken_from_each_other() -> None:
    with pytest.raises(ValueError, match="zip"):
        added([10, 20], [9])
