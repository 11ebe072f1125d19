"""Ports for servers that are started a moment later, in another process."""

from __future__ import annotations

import contextlib
import secrets
import socket

# Below those that systems hand out by themselves (from 32768 on Linux, from 49152 elsewhere): nobody's connection, and
# nobody's server on "any port", gets one of these between being found free here and being listened on.
_FIRST, _LAST = 10_000, 29_999


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    [port] = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """Different ports of loopback that nobody listens on."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        while len(found) < count:
            # From the system, since whoever seeds the generator of `random` in several processes gets the same ports.
            port = _FIRST + secrets.randbelow(_LAST - _FIRST + 1)
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found
