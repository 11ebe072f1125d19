"""What reaches a person on any platform, one thing after the other: for tests that wait for it, and for screens."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Json = dict[str, Any]
Kind = TypeVar("Kind", bound=str)


@dataclass(frozen=True, kw_only=True)
class Event(Generic[Kind]):
    """Something that a person's screen shows. Each platform says which kinds there are and what their data is."""

    kind: Kind
    data: Json


class Feed(Generic[Kind]):
    """Everything that happened to one person. What nobody has asked for yet waits."""

    def __init__(self) -> None:
        self._unread: dict[str, deque[Json]] = defaultdict(deque)
        self._arrived = asyncio.Event()
        self._screens: list[asyncio.Queue[Event[Kind]]] = []

    async def next_message(self, timeout: float = 10) -> Json:
        """The first message to this person that this was not called for yet. Raises TimeoutError."""
        return await self._next("message", timeout)

    async def next_event(self, kind: Kind, timeout: float = 10) -> Json:
        """The first event of the kind that this was not called for yet. Raises TimeoutError."""
        return await self._next(kind, timeout)

    @contextlib.contextmanager
    def phone(self) -> Iterator[asyncio.Queue[Event[Kind]]]:
        """Every event from now on, for a screen."""
        screen: asyncio.Queue[Event[Kind]] = asyncio.Queue()
        self._screens.append(screen)
        try:
            yield screen
        finally:
            self._screens.remove(screen)

    def notify(self, kind: Kind, data: Json) -> None:
        """Show something to this person; for the server."""
        self._unread[kind].append(data)
        self._arrived.set()
        for screen in self._screens:
            screen.put_nowait(Event(kind=kind, data=data))

    async def _next(self, kind: str, timeout: float) -> Json:
        async with asyncio.timeout(timeout):
            while not self._unread[kind]:
                self._arrived.clear()
                await self._arrived.wait()
        return self._unread[kind].popleft()
