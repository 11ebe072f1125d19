"""Which agents look at what, and are typing, at the other gateways.

Each gateway whispers what is so at its own windows: at once when it changes, and again and again while it is so. What
is not repeated is over: a gateway that died leaves nobody behind.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.store.whispers import Whispers

REPEAT_EVERY = 2.0
_OVER_AFTER = 6.0
_PEOPLE, _TOUCHED = "desk.people", "desk.touched"
_LARGEST = 6_000
_AGENTS_MAX = 80
"""Of one conversation's that are told elsewhere."""


@dataclass(frozen=True)
class People:
    """Ids of agents, at one conversation."""

    viewers: frozenset[str] = frozenset()
    typing: frozenset[str] = frozenset()

    def __or__(self, other: People) -> People:
        return People(self.viewers | other.viewers, self.typing | other.typing)


@dataclass(kw_only=True)
class _Heard:
    people: People
    until: float


class Elsewhere:
    """name:     this gateway's
    here:     who is at a conversation by this gateway's windows
    changed:  called with a conversation when that is different at another gateway
    touched:  called with a conversation that looks different in the lists for another gateway's doing
    """

    def __init__(
        self,
        whispers: Whispers,
        name: str,
        *,
        here: Callable[[str], People],
        changed: Callable[[str], None],
        touched: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._whispers = whispers
        self._name = name
        self._here = here
        self._changed = changed
        self._on_touched = touched
        self._clock = clock
        self._heard: dict[tuple[str, str], _Heard] = {}
        """By conversation and gateway."""
        self._unsaid: set[str] = set()
        self._saying: asyncio.Task[None] | None = None
        self._repeated_at = clock()
        whispers.hear(_PEOPLE, self._hear_people)
        whispers.hear(_TOUCHED, self._hear_touched)

    def people(self, conversation: str) -> People:
        """Who is there by the windows of all other gateways."""
        found = People()
        for (id, _), heard in self._heard.items():
            if id == conversation and heard.until > self._clock():
                found |= heard.people
        return found

    def say(self, *conversations: str) -> None:
        """What is so here now, soon."""
        self._unsaid.update(conversations)
        if self._unsaid and self._saying is None:
            self._saying = asyncio.create_task(self._say_all())

    async def touched(self, conversation: str) -> None:
        """It looks different in the lists."""
        await self._whispers.say(_TOUCHED, {"by": self._name, "conversation": conversation})

    def repeat(self, conversations: Collection[str]) -> None:
        """These are looked at here. To be called now and then; most calls do nothing."""
        if self._clock() >= self._repeated_at + REPEAT_EVERY:
            self._repeated_at = self._clock()
            self.say(*conversations)

    def forget(self) -> None:
        """What was not repeated is over. To be called now and then."""
        over = [key for key, heard in self._heard.items() if heard.until <= self._clock()]
        for key in over:
            del self._heard[key]
        for conversation in {conversation for conversation, _ in over}:
            self._changed(conversation)

    async def _say_all(self) -> None:
        try:
            while self._unsaid:
                now, self._unsaid = {id: _json(self._here(id)) for id in self._unsaid}, set()
                for some in _that_fit(now):
                    await self._whispers.say(_PEOPLE, {"by": self._name, "people": some})
        finally:
            self._saying = None

    def _hear_people(self, said: dict[str, Any]) -> None:
        if said["by"] == self._name:
            return
        for conversation, (viewers, typing) in said["people"].items():
            self._note(conversation, said["by"], People(frozenset(viewers), frozenset(typing)))

    def _note(self, conversation: str, gateway: str, people: People) -> None:
        before = self._heard.pop((conversation, gateway), None)
        if people != People():
            self._heard[conversation, gateway] = _Heard(people=people, until=self._clock() + _OVER_AFTER)
        if people != (before.people if before else People()):
            self._changed(conversation)

    def _hear_touched(self, said: dict[str, Any]) -> None:
        if said["by"] != self._name:
            self._on_touched(said["conversation"])


def _json(people: People) -> list[list[str]]:
    return [sorted(people.viewers)[:_AGENTS_MAX], sorted(people.typing)[:_AGENTS_MAX]]


def _that_fit(people: Mapping[str, list[list[str]]]) -> Iterator[dict[str, list[list[str]]]]:
    """In as many whispers as it takes."""
    some: dict[str, list[list[str]]] = {}
    room = _LARGEST
    for conversation, who in people.items():
        size = len(json.dumps({conversation: who}))
        if some and size > room:
            yield some
            some, room = {}, _LARGEST
        some[conversation] = who
        room -= size
    if some:
        yield some
