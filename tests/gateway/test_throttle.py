"""Who knocks, and how often they may."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from bot.gateway.throttle import Throttle, Throttles, peer_of
from channels.pacing import OwnBook

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


async def test_each_peer_has_its_own_pace() -> None:
    now = 0.0
    throttles = Throttles(at_once=2, a_second=0.5, book=OwnBook(lambda: now))
    assert [await throttles.allows("alice") for _ in range(3)] == [True, True, False]
    assert await throttles.allows("bob")
    now = 2.0
    assert [await throttles.allows("alice") for _ in range(2)] == [True, False]
    assert throttles.retry_after == 2


async def test_what_is_throttled_under_another_name_is_counted_apart() -> None:
    book = OwnBook(lambda: 0.0)
    doors = [Throttles(name=name, at_once=1, a_second=1, book=book) for name in ("files", "sessions")]
    assert [await door.allows("alice") for door in doors] == [True, True]
    assert [await door.allows("alice") for door in doors] == [False, False]


@pytest.mark.parametrize("now", [0.0, 1_795_341_600.123])
def test_as_many_as_may_pass_at_once_and_then_one_in_so_many_seconds(now: float) -> None:
    throttle = Throttle(at_once=120, a_second=3, clock=lambda: now)
    assert sum(throttle.allows() for _ in range(200)) == 120
    now += 1
    assert sum(throttle.allows() for _ in range(200)) == 3
    now += 3600
    assert sum(throttle.allows() for _ in range(200)) == 120


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
