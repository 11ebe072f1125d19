"""Doing for many at once what costs about as much as for one: a transaction, with its way to the disk and back."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Whoever comes while the work is under way goes with all others who did, as soon as it is done. Nobody waits for
    company: who comes alone goes alone.

    work:   does it for several, in the order in which they came; all or nothing
    most:   how many may go together
    alone:  whether, after this error, each of them is to be tried for itself: the fault may be one's only
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        most: int,
        alone: Callable[[Exception], bool],
    ) -> None:
        self._work = work
        self._most = most
        self._alone = alone
        self._waiting: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def do(self, one: T) -> R:
        """What the work returned for it. Raises what the work raised. It is done even if its caller is cancelled."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((one, done))
        if self._working is None:
            # In a context of its own: what it does is not only its first caller's.
            self._working = asyncio.create_task(self._go_on(), context=Context())
        return await done

    async def _go_on(self) -> None:
        try:
            while self._waiting:
                going = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                await self._do(going)
        finally:
            self._working = None

    async def _do(self, going: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._work([one for one, _ in going])
        except Exception as error:
            if len(going) == 1 or not self._alone(error):
                _settle(going, error)
                return
            for one in going:
                await self._do([one])
        else:
            for (_, done), result in zip(going, results, strict=True):
                if not done.done():
                    done.set_result(result)


def _settle(going: Sequence[tuple[T, asyncio.Future[R]]], error: Exception) -> None:
    for _, done in going:
        if not done.done():
            done.set_exception(error)
