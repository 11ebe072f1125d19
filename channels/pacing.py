"""Keeping a platform's limits before it has to say so: how many calls may begin within how many seconds.

A call that is due within a moment waits here; one that has to wait longer is handed back as a SendError that says when,
so that a slow recipient holds up nobody else. It knows the calls of this process only.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from channels.contract import SendError

_MOMENT = 1.5
"""Seconds that a call may wait here, where nothing else waits for it but its own recipient."""
_RECIPIENTS_MAX = 20_000


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most `calls` begin within any `seconds`."""

    calls: int
    seconds: float


class Pace:
    """The limits of one account with one platform.

    overall:  for all calls together
    each:     for the calls to one recipient
    """

    def __init__(
        self,
        *,
        overall: Sequence[Limit] = (),
        each: Sequence[Limit] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._each = tuple(each)
        self._clock = clock
        self._all = _Window(tuple(overall))
        self._recipients: OrderedDict[str, _Window] = OrderedDict()

    async def turn(self, recipient: str, *, patience: float = _MOMENT) -> None:
        """Return when a call to the recipient may begin; it then counts as begun. Raises SendError, with nothing
        counted, if that is more than `patience` seconds away."""
        while True:
            theirs = self._window(recipient)
            now = self._clock()
            wait = max(self._all.wait(now), theirs.wait(now))
            if wait <= 0:
                self._all.begin(now)
                theirs.begin(now)
                return
            if wait > patience:
                raise SendError("held back to keep the platform's limits", retry_after=wait, held_back=True)
            patience -= wait
            await asyncio.sleep(wait)

    def hold(self, recipient: str, seconds: float) -> None:
        """The platform asked for a pause with this recipient."""
        self._window(recipient).hold(self._clock() + seconds)

    def hold_all(self, seconds: float) -> None:
        """The platform asked for a pause altogether."""
        self._all.hold(self._clock() + seconds)

    def _window(self, recipient: str) -> _Window:
        """The recipients that were not written to for the longest time are forgotten, beyond a number that fits into
        memory with ease."""
        window = self._recipients.setdefault(recipient, _Window(self._each))
        self._recipients.move_to_end(recipient)
        if len(self._recipients) > _RECIPIENTS_MAX:
            self._recipients.popitem(last=False)
        return window


class _Window:
    """When calls began, as far back as the longest limit looks."""

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self._limits = limits
        self._began: deque[float] = deque(maxlen=max((limit.calls for limit in limits), default=0))
        self._held_until = 0.0

    def wait(self, now: float) -> float:
        """Seconds until one more may begin; 0 or less: now."""
        waits = [self._held_until - now]
        for limit in self._limits:
            if len(self._began) >= limit.calls:
                waits.append(self._began[-limit.calls] + limit.seconds - now)
        return max(waits)

    def begin(self, now: float) -> None:
        self._began.append(now)

    def hold(self, until: float) -> None:
        self._held_until = max(self._held_until, until)
