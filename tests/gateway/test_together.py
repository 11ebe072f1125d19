"""Who comes alone goes alone; who comes meanwhile goes together; a fault of one is not the others'."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bot.gateway.together import Together


class Work:
    """Doubles numbers, when it is let; a negative one is a fault."""

    def __init__(self) -> None:
        self.done: list[list[int]] = []
        self.begun = asyncio.Event()
        self.let = asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.begun.set()
        await self.let.wait()
        self.done.append(list(numbers))
        if any(number < 0 for number in numbers):
            raise ValueError(f"{numbers}")
        return [2 * number for number in numbers]


async def test_those_who_come_meanwhile_go_together_in_their_order() -> None:
    work = Work()
    together = Together(work, most=3, alone=lambda _: True)
    results = [asyncio.create_task(together.do(number)) for number in range(1)]
    await work.begun.wait()
    results += [asyncio.create_task(together.do(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    work.let.set()
    assert await asyncio.gather(*results) == [0, 2, 4, 6, 8, 10]
    assert work.done == [[0], [1, 2, 3], [4, 5]]
    assert await together.do(9) == 18  # and after a rest


@pytest.mark.parametrize("alone", [True, False])
async def test_a_fault_is_its_own_where_one_may_be_tried_alone(alone: bool) -> None:
    work = Work()
    together = Together(work, most=9, alone=lambda _: alone)
    results = [asyncio.create_task(together.do(number)) for number in (1, 2, -3, 4)]
    await asyncio.sleep(0)
    work.let.set()
    outcomes = await asyncio.gather(*results, return_exceptions=True)
    if alone:
        assert outcomes[:2] + outcomes[3:] == [2, 4, 8]
        assert isinstance(outcomes[2], ValueError)
    else:
        assert all(isinstance(outcome, ValueError) for outcome in outcomes)


async def test_who_does_not_wait_any_more_is_served_all_the_same() -> None:
    work = Work()
    together = Together(work, most=9, alone=lambda _: True)
    leaving, staying = asyncio.create_task(together.do(1)), asyncio.create_task(together.do(2))
    await work.begun.wait()
    leaving.cancel()
    work.let.set()
    assert await staying == 4
    assert work.done == [[1, 2]]
