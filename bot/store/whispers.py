"""What gateways tell each other in passing: that a visitor's message was sent, that an agent is typing.

Nothing that must not be lost: a whisper reaches who is listening at that moment, this process included. On PostgreSQL
it is a NOTIFY with its content; SQLite has one gateway, which talks to itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Protocol

from sqlalchemy.engine import URL

from bot.store.outage import POSSIBLE

Json = dict[str, Any]
Handler = Callable[[Json], None]

_CHANNEL = "throughline_whispers"
# PostgreSQL takes 8000 bytes.
_LARGEST = 7000
_TRY_AGAIN_EVERY = 1.0


class Whispers(Protocol):
    """Close it with `close`."""

    def hear(self, topic: str, handler: Handler) -> None:
        """Have the handler called with all that is said of the topic from now on."""

    def missed(self, handler: Callable[[], None]) -> None:
        """Have the handler called when something may have been said that was not heard."""

    async def say(self, topic: str, what: Json) -> None:
        """Tell all who listen. Raises ValueError for what is too long; is silent where the database is away."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...


def whispers_of(url: URL) -> Whispers:
    """The way of whispering that this database has. To be started once there is an event loop."""
    return OwnWhispers() if url.drivername.startswith("sqlite") else PostgresWhispers(url)


class _Ears:
    def __init__(self) -> None:
        self._handlers: defaultdict[str, list[Handler]] = defaultdict(list)
        self._on_missed: list[Callable[[], None]] = []

    def hear(self, topic: str, handler: Handler) -> None:
        self._handlers[topic].append(handler)

    def missed(self, handler: Callable[[], None]) -> None:
        self._on_missed.append(handler)

    def _heard(self, topic: str, what: Json) -> None:
        for handler in self._handlers.get(topic, ()):
            handler(what)


class OwnWhispers(_Ears):
    """Within this process."""

    async def say(self, topic: str, what: Json) -> None:
        self._heard(topic, what)

    async def start(self) -> None:
        return

    async def close(self) -> None:
        return


class PostgresWhispers(_Ears):
    """LISTEN and NOTIFY on a connection of its own, made again whenever it is lost."""

    def __init__(self, url: URL) -> None:
        super().__init__()
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: Any = None
        self._turn = asyncio.Lock()
        self._keeping: asyncio.Task[None] | None = None

    async def say(self, topic: str, what: Json) -> None:
        text = json.dumps([topic, what], separators=(",", ":"))
        if len(text.encode()) > _LARGEST:
            raise ValueError(f"a whisper about {topic} is too long")
        with contextlib.suppress(*POSSIBLE):
            async with self._turn:
                if self._connection is not None and not self._connection.is_closed():
                    await self._connection.execute("SELECT pg_notify($1, $2)", _CHANNEL, text, timeout=5)

    async def start(self) -> None:
        await self._connect()
        self._keeping = asyncio.create_task(self._keep())

    async def close(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        if self._connection is not None:
            await self._connection.close()

    async def _connect(self) -> None:
        import asyncpg

        connection = await asyncpg.connect(self._address, timeout=5)
        await connection.add_listener(_CHANNEL, lambda *heard: self._take(heard[-1]))
        self._connection = connection

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_TRY_AGAIN_EVERY)
            if not self._connection.is_closed():
                continue
            with contextlib.suppress(*POSSIBLE):
                await self._connect()
                for handler in self._on_missed:
                    handler()

    def _take(self, text: str) -> None:
        topic, what = json.loads(text)
        self._heard(topic, what)
