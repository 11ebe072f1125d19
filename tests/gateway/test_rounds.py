"""Work that waits in the database is looked for again and again, whatever happens in between."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa

from bot.gateway.rounds import Rounds


async def test_a_fault_of_ours_does_not_end_the_rounds() -> None:
    looked = 0

    async def look() -> None:
        nonlocal looked
        looked += 1
        if looked == 1:
            raise LookupError("a bug")
        rounds.stop()

    rounds = Rounds(waits=sa.true(), look=look, at_once=1)
    running = asyncio.create_task(rounds.run())
    async with asyncio.timeout(30):
        while looked == 0:
            await asyncio.sleep(0)
        rounds.look_again()
        await running
    assert looked == 2


async def test_no_more_is_started_than_there_is_room_for_and_what_runs_may_end() -> None:
    done, gate = [], asyncio.Event()

    async def work() -> None:
        await gate.wait()
        done.append(1)

    async def look() -> None:
        rounds.start(work())

    rounds = Rounds(waits=sa.true(), look=look, at_once=2)
    running = asyncio.create_task(rounds.run())
    async with asyncio.timeout(30):
        while rounds.free:
            rounds.look_again()
            await asyncio.sleep(0)
        rounds.look_again()
        rounds.stop()
        gate.set()
        await running
    assert done == [1, 1]
