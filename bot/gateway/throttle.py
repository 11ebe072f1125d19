"""How often one peer may knock: token buckets."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from channels.pacing import Book, Line, OwnBook

_ROUNDING = 0.001
"""Seconds that sums of times may be off."""

Networks = Sequence[IPv4Network | IPv6Network]


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """Lets `at_once` through at once and `a_second` in the long run. Kept, as a rule of channels/pacing.py, is when the
    bucket is full again."""

    at_once: int
    a_second: float

    def wait(self, times: Sequence[float], now: float) -> float:
        return self._full_at(times, now) - (self.at_once - 1) / self.a_second - now - _ROUNDING

    def begin(self, times: Sequence[float], now: float) -> list[float]:
        return [self._full_at(times, now) + 1 / self.a_second]

    def until(self, times: Sequence[float]) -> float:
        return max(times, default=0.0)

    def _full_at(self, times: Sequence[float], now: float) -> float:
        return max([now, *times])


class Throttle:
    """One bucket, of this process."""

    def __init__(self, *, at_once: int, a_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._bucket = Bucket(at_once=at_once, a_second=a_second)
        self._clock = clock
        self._times: list[float] = []

    def allows(self) -> bool:
        """Whether one more may pass now; if so it is counted."""
        now = self._clock()
        if self._bucket.wait(self._times, now) > 0:
            return False
        self._times = self._bucket.begin(self._times, now)
        return True


class Throttles:
    """A bucket for each peer.

    name:  of what is throttled, in the book
    book:  what all gateways share, where a limit protects all of them; this process's own, unless one is given
    """

    def __init__(self, *, at_once: int, a_second: float, name: str = "", book: Book | None = None) -> None:
        self._bucket = Bucket(at_once=at_once, a_second=a_second)
        self._name = name
        self._book = book or OwnBook()

    @property
    def retry_after(self) -> int:
        """Whole seconds after which one more surely passes."""
        return max(1, math.ceil(1 / self._bucket.a_second))

    async def allows(self, peer: str) -> bool:
        """Whether one more of this peer's may pass now; if so it is counted."""
        return await self._book.begin([Line(name=self._name, who=peer, rule=self._bucket)]) == 0


def peer_of(remote: str | None, forwarded: Sequence[str], trusted: Networks) -> str:
    """Who is at the other end: `remote`, or, where that is a proxy of our own, the nearest address in front of it.

    forwarded: the values of `X-Forwarded-For`, in order. Whoever connects can write anything there; only what our own
    proxies have added at its end counts.
    """
    hops = [hop.strip() for value in forwarded for hop in value.split(",")]
    peer = _address(remote or "")
    while hops and peer is not None and any(peer in network for network in trusted):
        peer = _address(hops.pop())
    return "" if peer is None else _holder(peer)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _holder(address: IPv4Address | IPv6Address) -> str:
    """One household has 2^64 addresses of IPv6 to choose from."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address)
