"""How fast a bot may send: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this

Telegram publishes about 1 message a second in a chat, 20 a minute in a group and 30 a second overall, and no bursts;
the bursts allowed here are a guess, and settings. Who obeys `retry_after` need not know any of the numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Calls a second, after a burst of `burst`."""

    per_second: float
    burst: int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The server's limits; None switches one off. Seconds throughout."""

    per_chat: Rate | None = Rate(per_second=1, burst=20)
    per_group: Rate | None = Rate(per_second=20 / 60, burst=20)
    overall: Rate | None = Rate(per_second=30, burst=30)
    retry_base: float = 1.0
    """First wait before a refused update is delivered again; it doubles up to `retry_max`."""
    retry_max: float = 60.0
    webhook_timeout: float = 60.0
    """How long the webhook may take to answer."""
    update_life: float = 24 * 3600.0
    callback_life: float = 150.0
    """How long a tap is delivered, and can be answered. Telegram publishes neither; its server's code has 150 s for
    the first."""


UNLIMITED = Limits(per_chat=None, per_group=None, overall=None)
"""No flood limits, for benchmarks of something else."""


@dataclass(kw_only=True)
class _Bucket:
    rate: Rate
    tokens: float
    at: float

    def refill(self, now: float) -> None:
        self.tokens = min(self.rate.burst, self.tokens + (now - self.at) * self.rate.per_second)
        self.at = now

    def wait(self) -> float:
        """Seconds until one call is allowed; 0 if it is now."""
        return 0.0 if self.tokens >= 1 else (1 - self.tokens) / self.rate.per_second


@dataclass(kw_only=True)
class Flood:
    limits: Limits
    monotonic: Callable[[], float]
    _buckets: dict[int, _Bucket] = field(default_factory=dict)

    def wait(self, chat_id: int) -> float:
        """Count one message to the chat and return 0, or count nothing and return how long to wait."""
        rates = {chat_id: self.limits.per_chat if chat_id > 0 else self.limits.per_group, 0: self.limits.overall}
        buckets = [self._bucket(key, rate) for key, rate in rates.items() if rate is not None]
        wait = max((bucket.wait() for bucket in buckets), default=0.0)
        if wait == 0:
            for bucket in buckets:
                bucket.tokens -= 1
        return wait

    def _bucket(self, key: int, rate: Rate) -> _Bucket:
        now = self.monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(rate=rate, tokens=rate.burst, at=now))
        bucket.refill(now)
        return bucket
