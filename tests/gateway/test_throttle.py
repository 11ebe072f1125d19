"""Who knocks, and how often they may."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from bot.gateway.throttle import Throttles, peer_of

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def test_each_peer_has_its_own_pace() -> None:
    now = 0.0
    throttles = Throttles(at_once=2, a_second=0.5, clock=lambda: now)
    assert [throttles.allows("alice") for _ in range(3)] == [True, True, False]
    assert throttles.allows("bob")
    now = 2.0
    assert [throttles.allows("alice") for _ in range(2)] == [True, False]
    assert throttles.retry_after == 2


@pytest.mark.parametrize(
    ("remote", "forwarded", "peer"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        # Only our own proxies are believed, and only what they have added themselves.
        ("198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["nonsense"], ""),
        ("::ffff:10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("fd00::1", ["2001:db8:1:2::9"], "2001:db8:1:2::/64"),
        (None, [], ""),
    ],
)
def test_the_peer_is_the_nearest_address_that_is_not_ours(remote: str | None, forwarded: list[str], peer: str) -> None:
    assert peer_of(remote, forwarded, PROXIES) == peer
