"""Something was committed: told to everybody at the desk who waits for it, by one listener for all of them.

It listens only while somebody waits. Whoever looks keeps the beat of before the look, so that nothing is missed that is
committed meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine

import structlog

from bot.store.outage import POSSIBLE
from bot.store.wake import Wake

log = structlog.get_logger()

_SLOW_POLL = 1.0


class Pulse:
    """Use it within `listening`, and `close` it at the end."""

    def __init__(self, open_wake: Callable[[], Coroutine[None, None, Wake]]) -> None:
        self._open_wake = open_wake
        self._wake: Wake | None = None
        self._beaten = asyncio.Condition()
        self._listeners = 0
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.beat = 0

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Pulse]:
        self._listeners += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())
        try:
            yield self
        finally:
            self._listeners -= 1

    async def after(self, beat: int, timeout: float) -> int:
        """The newest beat, as soon as it is another one than `beat`, or after `timeout` seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout), self._beaten:
                await self._beaten.wait_for(lambda: self.beat != beat or self._closing)
        return self.beat

    async def tell(self) -> None:
        """Something that is in no database has changed."""
        async with self._beaten:
            self.beat += 1
            self._beaten.notify_all()

    async def close(self) -> None:
        self._closing = True
        await self.tell()
        if self._task is not None:
            self._task.cancel()  # it waits, and uses no connection of ours
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._wake is not None:
            await self._wake.close()

    async def _listen(self) -> None:
        while self._listeners and not self._closing:
            try:
                self._wake = self._wake or await self._open_wake()
                await self._wake.wait(_SLOW_POLL)
            except POSSIBLE as error:
                log.error("desk.not_woken", error=type(error).__name__)
                await asyncio.sleep(_SLOW_POLL)
            await self.tell()
