"""How often one peer may knock: token buckets."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_PEERS_MAX = 20_000

Networks = Sequence[IPv4Network | IPv6Network]


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


class Throttles:
    """One for each peer, of as many as fit into memory with ease: who was not heard of for the longest time is
    forgotten."""

    def __init__(self, *, at_once: int, a_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._a_second = a_second
        self._clock = clock
        self._peers: OrderedDict[str, Throttle] = OrderedDict()

    @property
    def retry_after(self) -> int:
        """Whole seconds after which one more surely passes."""
        return max(1, math.ceil(1 / self._a_second))

    def allows(self, peer: str) -> bool:
        """Whether one more of this peer's may pass now; if so it is counted."""
        throttle = self._peers.get(peer) or Throttle(at_once=self._at_once, a_second=self._a_second, clock=self._clock)
        self._peers[peer] = throttle
        self._peers.move_to_end(peer)
        if len(self._peers) > _PEERS_MAX:
            self._peers.popitem(last=False)
        return throttle.allows()


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
