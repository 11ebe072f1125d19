"""How much a business may send: https://developers.facebook.com/documentation/business-messaging/whatsapp/throughput"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Messages a second, after a burst of `burst`."""

    per_second: float
    burst: int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The server's limits; None switches one off. Seconds throughout."""

    pair: Rate | None = Rate(per_second=1 / 6, burst=45)
    """Of one number to one person."""
    overall: Rate | None = Rate(per_second=80, burst=80)
    window: float | None = 24 * 3600.0
    """How long after a person's last message the business may write freely."""
    retry_base: float = 1.0
    """First wait before a refused webhook is delivered again; it doubles up to `retry_max`."""
    retry_max: float = 3600.0
    webhook_timeout: float = 10.0
    webhook_life: float = 7 * 24 * 3600.0
    media_url_life: float = 300.0
    told_later: frozenset[int] = frozenset({131053})
    """Codes of refusals that the call hears nothing of: it succeeds, and a `failed` status tells. Meta does either with
    131026 and 131047, and fetches pictures and files after it has answered."""


UNLIMITED = Limits(pair=None, overall=None, window=None)
"""For benchmarks of something else."""


@dataclass(kw_only=True)
class _Bucket:
    rate: Rate
    tokens: float
    at: float

    def refill(self, now: float) -> bool:
        """Whether one message is allowed now."""
        self.tokens = min(self.rate.burst, self.tokens + (now - self.at) * self.rate.per_second)
        self.at = now
        return self.tokens > 1 - 1e-6


@dataclass(kw_only=True)
class Flood:
    """The messages that one number sent of late."""

    limits: Limits
    monotonic: Callable[[], float]
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def exceeded(self, person: str) -> str | None:
        """Count a message to a person and return None, or count nothing and return which limit it would break."""
        now = self.monotonic()
        rates = {"overall": ("", self.limits.overall), "pair": (person, self.limits.pair)}
        buckets = {kind: self._bucket(key, rate, now) for kind, (key, rate) in rates.items() if rate is not None}
        for kind, bucket in buckets.items():
            if not bucket.refill(now):
                return kind
        for bucket in buckets.values():
            bucket.tokens -= 1
        return None

    def _bucket(self, key: str, rate: Rate, now: float) -> _Bucket:
        return self._buckets.setdefault(key, _Bucket(rate=rate, tokens=rate.burst, at=now))
