"""How fast a bot may write to one conversation:
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/rate-limit#per-bot-per-thread-limit
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Window:
    seconds: float
    operations: int


PER_THREAD = (
    Window(seconds=1, operations=7),
    Window(seconds=2, operations=8),
    Window(seconds=30, operations=60),
    Window(seconds=3600, operations=1800),
)


@dataclass(kw_only=True)
class Throttle:
    windows: Sequence[Window]
    monotonic: Callable[[], float]
    _sent: dict[str, deque[float]] = field(default_factory=dict)

    def wait(self, conversation: str) -> int:
        """Count one operation and return 0, or count nothing and return the whole seconds to wait."""
        sent, now = self._sent.setdefault(conversation, deque(maxlen=2000)), self.monotonic()
        wait = max((_wait(window, sent, now) for window in self.windows), default=0.0)
        if wait <= 0:
            sent.append(now)
            return 0
        return math.ceil(wait)


def _wait(window: Window, sent: deque[float], now: float) -> float:
    """Until the oldest of as many as are allowed has left the window."""
    if len(sent) < window.operations:
        return 0.0
    return sent[-window.operations] + window.seconds - now
