"""How often one peer may knock: a token bucket."""

from __future__ import annotations

import time
from collections.abc import Callable


class Throttle:
    """Lets `at_once` through at once and `a_second` in the long run."""

    def __init__(self, *, at_once: int, a_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._a_second = a_second
        self._clock = clock
        self._left = float(at_once)
        self._at = clock()

    def allows(self) -> bool:
        """Whether one more may pass now; if so it is counted."""
        now = self._clock()
        self._left = min(self._at_once, self._left + (now - self._at) * self._a_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
