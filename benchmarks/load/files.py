"""Room for many connections: each is an open file, and a shell allows 1,024."""

from __future__ import annotations

import resource

_OTHERS = 500


def room_for_connections(count: int) -> None:
    """For this process and those that it starts from now on. Raises SystemExit where the system forbids it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _OTHERS
    if soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except ValueError:
        raise SystemExit(f"{wanted} open files are needed and {hard} allowed: see `ulimit -Hn`") from None
