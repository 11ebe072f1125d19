"""Work that waits in the database, done as soon as it is there: looked for when something was committed, and now and
then anyway.

Nothing here is cancelled, since a transaction that is cut in the middle leaves its connection in doubt.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence

import structlog

from bot.store.wake import Wake

log = structlog.get_logger()

_SLOW_POLL = 1.0
_GRACE = 10.0


class Rounds:
    """Calls `look` round after round until `stop`, and then lets what it started finish.

    at_once:  pieces of work that may be under way side by side
    """

    def __init__(self, *, look: Callable[[], Coroutine[None, None, None]], at_once: int) -> None:
        self._look = look
        self._at_once = at_once
        self._again = asyncio.Event()
        self._stopping = False
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def free(self) -> int:
        """How many more may be started now."""
        return self._at_once - len(self._under_way)

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Let it run beside the rounds; when it ends, there may be more to do."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    async def run(self) -> None:
        while not self._stopping:
            self._again.clear()
            if self.free > 0:
                await self._look_once()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._again.wait(), _SLOW_POLL)
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE)

    def look_again(self) -> None:
        """There may be something."""
        self._again.set()

    def stop(self) -> None:
        self._stopping = True
        self._again.set()

    async def _look_once(self) -> None:
        try:
            await self._look()
        except Exception as error:
            # A fault of ours must not end all work of this kind until somebody starts the gateway again.
            log.error("rounds.broke", look=self._look.__qualname__, error=type(error).__name__)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._again.set()


async def run_woken(every: Sequence[Rounds], wake: Wake) -> None:
    """Run them all until each was stopped. They share one `wake`, which tells only one listener."""

    async def watch() -> None:
        while True:
            await wake.wait(_SLOW_POLL)
            for rounds in every:
                rounds.look_again()

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(rounds.run() for rounds in every))
    watching.cancel()
