"""Machines that are none: a share of this one's cores for the processes of each.

A control group with a quota of CPU time where the system has them (version 1) and lets us; otherwise a core for each.
https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup/cpu")
_PERIOD_US = 20_000


@dataclass(frozen=True, kw_only=True)
class Machine:
    """`prefix`: a command that starts another one there. `kind`: for people."""

    prefix: Sequence[str]
    kind: str
    group: Path | None = None

    def limit(self, share: float) -> None:
        """It has this share of a core from now on; to start what runs on it, it may have more."""
        if self.group is not None:
            (self.group / "cpu.cfs_quota_us").write_text(str(round(share * _PERIOD_US)), encoding="ascii")


@contextlib.contextmanager
def machines(count: int) -> Iterator[list[Machine]]:
    """They end with the block; nothing may run on them any more by then."""
    with contextlib.ExitStack() as stack:
        try:
            groups = [stack.enter_context(_group()) for _ in range(count)]
        except OSError:
            yield [_core(number) for number in range(count)]
            return
        yield [Machine(prefix=_into(group), kind="a control group with a quota", group=group) for group in groups]


@contextlib.contextmanager
def _group() -> Iterator[Path]:
    """Raises OSError."""
    group = _GROUPS / f"throughline-load-{secrets.token_hex(4)}"
    group.mkdir()
    try:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US), encoding="ascii")
        yield group
    finally:
        group.rmdir()


def _into(group: Path) -> Sequence[str]:
    return ("sh", "-c", f'echo $$ > {group}/tasks && exec "$@"', "sh")


def _core(number: int) -> Machine:
    core = sorted(os.sched_getaffinity(0))[number]
    return Machine(prefix=("taskset", "-c", str(core)), kind="a pinned core")
