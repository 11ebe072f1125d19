"""How a side is loaded, on a side that answers at once."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict

from benchmarks.loads import grow, talk
from benchmarks.sides import NotAnswered
from benchmarks.words import Line


class Echo:
    """Five events a turn, a hundredth of a second of CPU, and a time that says how long the conversation was."""

    name = "echo"

    def __init__(self) -> None:
        self.said: dict[int, list[str]] = defaultdict(list)
        self.under_way = Counter[int]()

    async def say(self, customer: int, line: Line) -> float:
        if line.text == "silence":
            raise NotAnswered("nothing came")
        self.said[customer].append(line.text)
        return self.events(customer) / 1000

    def cpu(self) -> float:
        return sum(len(own) for own in self.said.values()) / 100

    def memory(self) -> int:
        return 0

    def events(self, customer: int) -> int:
        return 5 * len(self.said[customer])


def lines(*texts: str) -> list[Line]:
    return [Line(text=text, last=None) for text in texts]


async def test_each_conversation_has_a_customer_of_its_own() -> None:
    echo = Echo()

    load = await talk(echo, [lines("a", "b"), lines("c", "d"), lines("e", "f")], at_once=2)

    assert sorted(echo.said.values()) == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert load.turns == 6
    assert load.cpu_a_turn == 0.01


async def test_what_follows_an_unanswered_message_is_not_said() -> None:
    echo = Echo()

    load = await talk(echo, [lines("a", "silence", "b"), lines("c")], at_once=1)

    assert sorted(echo.said.values()) == [["a"], ["c"]]
    assert (load.turns, load.failed) == (2, 1)


async def test_growing_compares_the_long_conversation_with_short_ones() -> None:
    progress: list[str] = []
    endless = (Line(text=str(number), last=None) for number in itertools.count())

    growth = await grow(Echo(), endless, events=500, pairs=3, each=50, progress=progress.append)

    assert growth.long_events == 500
    assert [stretch.events for stretch in growth.curve] == [125, 375]
    assert [stretch.cpu_a_turn for stretch in growth.curve] == [0.01, 0.01]
    assert growth.long == (0.505, 0.51, 0.515)
    assert growth.short == (0.025, 0.025, 0.025)  # the turn after 20 events
    assert len(progress) == 2


async def test_growing_ends_after_so_many_turns_however_few_the_events() -> None:
    endless = (Line(text=str(number), last=None) for number in itertools.count())

    growth = await grow(Echo(), endless, events=20_000, turns=100, pairs=1, progress=lambda _: None)

    assert growth.long_events == 500
