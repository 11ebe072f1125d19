"""What happens in a storm, and when. Pure: one seed decides all of it, each concern by random numbers of its own."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

CHANNELS = ("webchat", "telegram", "whatsapp", "teams")
_FIRST_NUMBER = 1_000_000
_LINKED = 0.3
"""Of all customers; the others keep to one channel."""
_IN_ONE_BREATH = 0.25
"""Messages that come right behind the one before, on whatever channel that customer has."""
_BREATH = 0.05

# Ways to ask that the shop's model understands with and without an open form. The order is in the answer, too.
_QUESTIONS = ("where is my order {}?", "where is my order {}", "track order {} please")

Trouble = Literal["away", "full"]
_AWAY: Trouble = "away"
_FULL: Trouble = "full"
_LASTS = {_AWAY: (2.0, 6.0), _FULL: (4.0, 10.0)}
"""Seconds, in a storm of half a minute or more: a full disk lets some things through for a while."""
_KINDS = ("gateway", "core", "actions")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large the storm is. `seconds`: for so long people speak, the rest of the time is for what then waits."""

    messages: int
    customers: int
    kills: int
    seconds: float
    away: int = 1
    """Times that the database is away."""
    full: int = 1
    """Times that its disk is full."""
    gateways: int = 2
    workers: int = 2


@dataclass(frozen=True, kw_only=True)
class Step:
    """Somebody says something: `mark` is the number in it, which nobody else says and nobody says twice."""

    at: float
    channel: str
    text: str
    mark: str


@dataclass(frozen=True, kw_only=True)
class Link:
    """Somebody goes on elsewhere: asks for a link in the web chat, and follows it on another channel."""

    at: float
    channel: str


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One person with a phone on each of these channels; a deep link joins each of the others to the first."""

    name: str
    channels: tuple[str, ...]
    steps: tuple[Step, ...]
    links: tuple[Link, ...]


@dataclass(frozen=True, kw_only=True)
class Kill:
    at: float
    process: str


@dataclass(frozen=True, kw_only=True)
class Outage:
    """Something is wrong with the database for some seconds."""

    at: float
    trouble: Trouble
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    seed: int
    size: Size
    customers: tuple[Customer, ...]
    kills: tuple[Kill, ...]
    outages: tuple[Outage, ...]

    def dice(self, concern: str) -> random.Random:
        """Random numbers for what only happens in the storm."""
        return random.Random(f"{self.seed} {concern}")  # noqa: S311  # nothing is kept secret by them


def make_plan(seed: int, size: Size) -> Plan:
    """The same storm for the same seed and size."""
    return Plan(
        seed=seed,
        size=size,
        customers=tuple(_customers(seed, size)),
        kills=tuple(_kills(seed, size)),
        outages=tuple(_outages(seed, size)),
    )


def names(size: Size) -> list[str]:
    """The processes that may be killed."""
    gateways = [f"gateway-{number}" for number in range(1, size.gateways + 1)]
    return [*gateways, *(f"core-{number}" for number in range(1, size.workers + 1)), "actions"]


def _customers(seed: int, size: Size) -> Iterator[Customer]:
    dice = random.Random(f"{seed} customers")  # noqa: S311
    numbers = itertools.count(_FIRST_NUMBER)
    for place in range(size.customers):
        share = size.messages // size.customers + (place < size.messages % size.customers)
        channels = _channels(dice, place)[:share]
        yield Customer(
            name=f"Customer {place + 1}",
            channels=channels,
            steps=tuple(_steps(dice, channels, share, size.seconds, numbers)),
            links=tuple(Link(at=dice.uniform(0, size.seconds / 2), channel=other) for other in channels[1:]),
        )


def _channels(dice: random.Random, place: int) -> tuple[str, ...]:
    """Links are given out in the web chat, so whoever has several channels begins there."""
    if dice.random() >= _LINKED:
        return (CHANNELS[place % len(CHANNELS)],)
    others = dice.sample(CHANNELS[1:], dice.randint(1, len(CHANNELS) - 1))
    return (CHANNELS[0], *others)


def _steps(
    dice: random.Random, channels: Sequence[str], share: int, seconds: float, numbers: Iterator[int]
) -> Iterator[Step]:
    """On every channel something is said: by it, the address is known."""
    at = 0.0
    where = [*channels, *dice.choices(channels, k=share - len(channels))]
    dice.shuffle(where)
    for moment, channel in zip(sorted(dice.uniform(0, seconds) for _ in where), where, strict=True):
        at = at + _BREATH if at and dice.random() < _IN_ONE_BREATH else max(at, moment)
        mark = str(next(numbers))
        yield Step(at=at, channel=channel, text=dice.choice(_QUESTIONS).format(mark), mark=mark)


def _kills(seed: int, size: Size) -> list[Kill]:
    """Gateways oftener than the others: what they hold, a send under way, is what cannot be taken back."""
    dice = random.Random(f"{seed} kills")  # noqa: S311
    processes = names(size)
    weights = [2.0 if name.startswith("gateway") else 1.5 for name in processes]
    of_each_kind = [dice.choice([name for name in processes if name.startswith(kind)]) for kind in _KINDS]
    chosen = [*of_each_kind, *dice.choices(processes, weights, k=size.kills)][: size.kills]
    dice.shuffle(chosen)
    moments = sorted(dice.uniform(0.02, 0.95) * size.seconds for _ in chosen)
    return [Kill(at=at, process=process) for at, process in zip(moments, chosen, strict=True)]


def _outages(seed: int, size: Size) -> list[Outage]:
    """Spread over the storm, so that one is over before the next begins."""
    dice = random.Random(f"{seed} outages")  # noqa: S311
    troubles: list[Trouble] = [*(_AWAY,) * size.away, *(_FULL,) * size.full]
    dice.shuffle(troubles)
    slot = 0.8 * size.seconds / max(1, len(troubles))
    outages = []
    for place, trouble in enumerate(troubles):
        lasts = dice.uniform(*_LASTS[trouble]) * min(1.0, size.seconds / 30)
        at = 0.1 * size.seconds + (place + dice.uniform(0, 0.5)) * slot
        outages.append(Outage(at=at, trouble=trouble, seconds=lasts))
    return outages
