"""Waking the sockets of a visitor, at whichever gateway they are connected.

A gateway that has sent something wakes its own sockets and whispers to the others whose visitor it was. A whisper may
be lost; looking.py finds what it would have told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, Protocol

from bot.store.whispers import Whispers

_TOPIC = "webchat"
_AT_ONCE = 150
"""Visitors in one whisper, which has room for 7,000 bytes."""
_NEWS, _TYPING = "news", "typing"


class Ear(Protocol):
    """A socket, as those see it who wake it. Both calls return at once."""

    visitor: str
    token_hash: str
    cursor: int
    """The last message that was shown."""
    watched: set[int]
    """Messages that were shown and may look different later."""

    def wake(self) -> None:
        """There may be something new."""

    def show_typing(self) -> None:
        """An answer is being made."""


class Hub:
    """All sockets of this gateway, to iterate over, and word to those of the others. `name`: this gateway's."""

    def __init__(self, whispers: Whispers, name: str) -> None:
        self._whispers = whispers
        self._name = name
        self._ears: dict[str, set[Ear]] = {}
        self._unsaid: set[tuple[str, str]] = set()
        self._saying: asyncio.Task[None] | None = None
        whispers.hear(_TOPIC, self._heard)

    def __iter__(self) -> Iterator[Ear]:
        return (ear for ears in self._ears.values() for ear in ears)

    def push(self, visitor: str) -> None:
        """There is something new for this visitor."""
        self._wake(visitor)
        self._say(_NEWS, visitor)

    def typing(self, visitor: str) -> None:
        """An answer to this visitor is being made."""
        self._show_typing(visitor)
        self._say(_TYPING, visitor)

    def join(self, ear: Ear) -> None:
        self._ears.setdefault(ear.visitor, set()).add(ear)

    def leave(self, ear: Ear) -> None:
        ears = self._ears[ear.visitor]
        ears.discard(ear)
        if not ears:
            del self._ears[ear.visitor]

    def _wake(self, visitor: str) -> None:
        for ear in self._ears.get(visitor, ()):
            ear.wake()

    def _show_typing(self, visitor: str) -> None:
        for ear in self._ears.get(visitor, ()):
            ear.show_typing()

    def _say(self, what: str, visitor: str) -> None:
        self._unsaid.add((what, visitor))
        if self._saying is None:
            self._saying = asyncio.create_task(self._say_all())

    async def _say_all(self) -> None:
        """What comes while a whisper is under way is said together in the next one."""
        try:
            while self._unsaid:
                said = [self._unsaid.pop() for _ in range(min(_AT_ONCE, len(self._unsaid)))]
                about = {topic: [visitor for what, visitor in said if what == topic] for topic in (_NEWS, _TYPING)}
                await self._whispers.say(_TOPIC, {"by": self._name, **about})
        finally:
            self._saying = None

    def _heard(self, said: dict[str, Any]) -> None:
        if said["by"] == self._name:
            return
        for visitor in said[_TYPING]:
            self._show_typing(visitor)
        for visitor in said[_NEWS]:
            self._wake(visitor)
