"""The parts of one message, sent in order, and what becomes of it when one fails. For any channel.

A message of several parts is one attempt in the contract: trying it again would repeat the parts that arrived. So only
the first part may fail in a way that is tried again later. After it, this waits and tries here, for a bounded time, and
what is still missing then is a permanent or an uncertain error that says how far it got.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from channels.contract import SendError, Sent

_FIRST_WAIT = 1.0
_SOME_PATIENCE = 20.0


class Refused(SendError):
    """The platform does not take this content in this form; another form may do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=True)


class Part(Protocol):
    """One call to the platform."""

    @property
    def instead(self: P) -> Sequence[P] | None:
        """What to send if the platform refuses the content of this part; empty: leave it out."""


P = TypeVar("P", bound=Part)


async def deliver(send: Callable[[P], Awaitable[str]], parts: Sequence[P], *, patience: float) -> Sent:
    """Send every part. Raises SendError.

    send:      sends one part and gives its message id; raises SendError
    patience:  seconds that may be spent waiting, all in all
    """
    left, sent = deque(parts), list[str]()
    budget = _Patience(patience)
    while left:
        part = left.popleft()
        try:
            sent.append(await (_persist(send, part, budget) if sent else send(part)))
        except Refused as error:
            if part.instead is None:
                raise _incomplete(error, sent, left) from None
            left.extendleft(reversed(part.instead))
        except SendError as error:
            raise _incomplete(error, sent, left) from None
    return Sent(platform_ids=tuple(filter(None, sent)))


async def in_its_turn(call: Callable[[], Awaitable[object]]) -> None:
    """Make a call that nobody waits for. Where the platform's rates stand in its way it waits for them, for a bounded
    time. Raises SendError."""
    patience = _Patience(_SOME_PATIENCE)
    while True:
        try:
            await call()
        except SendError as error:
            if not error.held_back or not await patience.wait(error.retry_after or _FIRST_WAIT):
                raise
        else:
            return


class _Patience:
    """Seconds that are left for waiting."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    async def wait(self, seconds: float) -> bool:
        """Wait, or say at once that it would take too long."""
        if seconds > self._left:
            return False
        self._left -= seconds
        await asyncio.sleep(seconds)
        return True


async def _persist(send: Callable[[P], Awaitable[str]], part: P, patience: _Patience) -> str:
    delay = _FIRST_WAIT
    while True:
        try:
            return await send(part)
        except SendError as error:
            if error.permanent or error.uncertain or not await patience.wait(error.retry_after or delay):
                raise
        delay *= 2


def _incomplete(error: SendError, sent: Sequence[str], left: Sequence[object]) -> SendError:
    """Once something was sent, nothing is retryable."""
    if not sent:
        return error
    number, total = len(sent) + 1, len(sent) + 1 + len(left)
    if error.uncertain:
        return SendError(f"part {number} of {total} may not have arrived: {error.reason}", uncertain=True)
    return SendError(f"part {number} of {total} was not sent: {error.reason}", permanent=True)
