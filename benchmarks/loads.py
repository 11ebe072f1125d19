"""Loads on a running side: customers who talk, one message after the other, each waiting for the bot's answers."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from benchmarks.cost import Meter
from benchmarks.figures import Growth, Load, stretches
from benchmarks.sides import NotAnswered, Side
from benchmarks.words import Conversation, Line

Progress = Callable[[str], None]

# Customers' numbers, so that no two loads meet in one conversation; the smallest are the sides' own.
_customers = itertools.count(1000)


async def talk(side: Side, conversations: Sequence[Conversation], *, at_once: int) -> Load:
    """The conversations, `at_once` of them side by side, each with a customer of its own."""
    waiting, times, failed = iter(conversations), list[float](), 0

    async def one_after_the_other() -> None:
        nonlocal failed
        for conversation in waiting:
            customer = next(_customers)
            try:
                for line in conversation:
                    times.append(await side.say(customer, line))
            except NotAnswered:
                failed += 1  # nor is the rest of the conversation what was meant to be measured

    meter = Meter(side.cpu)
    await asyncio.gather(*(one_after_the_other() for _ in range(at_once)))
    cost = meter.read()
    return Load(
        times=tuple(times), took=cost.took, cpu=cost.side, driver=cost.driver, others=cost.others, failed=failed
    )


async def grow(
    side: Side,
    lines: Iterator[Line],
    *,
    events: int,
    turns: int | None = None,
    short: int = 20,
    pairs: int = 60,
    each: int = 50,
    progress: Progress,
) -> Growth:
    """One conversation until it has about `events` events or had `turns` turns; then single turns in it, by turns with
    single turns in conversations of about `short` events."""
    customer = next(_customers)
    times, cpu, so_far = list[float](), [side.cpu()], 0
    while so_far < events and (turns is None or len(times) < turns):
        times += [await _timed(side, customer, line) for line in itertools.islice(lines, each)]
        cpu.append(side.cpu())
        so_far = side.events(customer)
        progress(f"{side.name}: {so_far} events, {1000 * statistics.median(times[-each:]):.0f} ms a turn")
    curve = stretches(times, cpu, events=so_far, each=each)
    a_turn = so_far / len(times)
    long, brief = list[float](), list[float]()
    for _ in range(pairs):
        newcomer = await _with_events(side, lines, max(1, round(short / a_turn)))
        brief.append(await _timed(side, newcomer, next(lines)))
        long.append(await _timed(side, customer, next(lines)))
    return Growth(
        curve=curve,
        long_events=so_far,
        long=tuple(long),
        short_events=side.events(newcomer),
        short=tuple(brief),
    )


async def _timed(side: Side, customer: int, line: Line) -> float:
    """Seconds of a turn, whatever was answered: in a very long conversation stock Rasa says nothing now and then."""
    begun = time.perf_counter()
    with contextlib.suppress(NotAnswered):
        return await side.say(customer, line)
    return time.perf_counter() - begun


async def _with_events(side: Side, lines: Iterator[Line], turns: int) -> int:
    customer = next(_customers)
    for line in itertools.islice(lines, turns):
        await _timed(side, customer, line)
    return customer
