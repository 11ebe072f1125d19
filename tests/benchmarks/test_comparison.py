"""Which side is over which: every ratio once, and what the table says of a goal."""

from __future__ import annotations

from benchmarks.comparison import GOALS, Measured, of_understanding, ratios, table
from benchmarks.figures import Growth, Load


def crowd(*, cpu: float, took: float, slowest: float) -> Load:
    return Load(times=(slowest,) * 10, took=took, cpu=cpu, driver=0, others=0)


def growth(events: int) -> Growth:
    return Growth(curve=(), long_events=events, long=(0.021,), short_events=20, short=(0.02,))


STOCK = Measured(
    training=80.0, started=40.0, memory=1_200_000_000, crowd=crowd(cpu=0.4, took=0.5, slowest=1.2), growth=growth(3000)
)
OURS = Measured(
    training=20.0,
    started=10.0,
    memory=600_000_000,
    crowd=crowd(cpu=0.1, took=0.1, slowest=0.3),
    growth=growth(20_003),
    added=0.0075,
)


def test_the_first_three_are_better_above_one_and_the_others_below() -> None:
    assert ratios(STOCK, OURS) == {
        "cpu_ratio": 4.0,
        "turns_ratio": 5.0,
        "p99_ratio": 4.0,
        "growth_20000": 1.05,
        "gateway_added_ms": 7.5,
        "training_ratio": 0.25,
        "start_ratio": 0.25,
        "rss_ratio": 0.5,
    }


def test_what_was_not_measured_has_no_figure() -> None:
    assert set(ratios(Measured(), OURS).values()) == {None, 1.05, 7.5}
    assert set(ratios(STOCK, Measured()).values()) == {None}


def test_a_conversation_that_did_not_get_long_enough_says_nothing_of_20000_events() -> None:
    assert ratios(STOCK, Measured(growth=growth(19_000)))["growth_20000"] is None


def test_every_ratio_has_a_goal() -> None:
    assert set(ratios(STOCK, OURS)) <= set(GOALS)


def test_the_table_says_of_each_goal_whether_it_was_met() -> None:
    lines = table(STOCK, OURS, {**ratios(STOCK, OURS), "banking77_full": 93.0}).splitlines()
    verdicts = {line.split()[0]: line.rsplit(maxsplit=1)[-1] for line in lines}

    assert verdicts["CPU"] == "MISSED"
    assert verdicts["training,"] == "met"
    assert verdicts["banking77_full"] == "MISSED"


def test_the_table_has_both_sides_figures() -> None:
    training = next(line for line in table(STOCK, OURS, {}).splitlines() if line.startswith("training"))

    assert training.split() == ["training,", "s", "80.0", "20.0"]


def test_a_goal_is_met_at_its_bound() -> None:
    assert GOALS["cpu_ratio"].met(6)
    assert not GOALS["cpu_ratio"].met(5.99)
    assert GOALS["growth_20000"].met(1.1)
    assert not GOALS["growth_20000"].met(1.11)


def test_of_understanding_s_figures_those_with_a_goal_count() -> None:
    figures = {"zh_from_en": 91.5, "banking77_full": None, "shop_en": 99.0}

    assert of_understanding(figures) == {"zh_from_en": 91.5, "banking77_full": None}
