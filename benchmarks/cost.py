"""What processes cost: CPU time and memory, as the operating system counts them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a stretch of time cost, in seconds: `took` by the clock; CPU of one side, of the benchmark itself, and of
    everything else on the machine."""

    took: float
    side: float
    driver: float
    others: float


class Meter:
    """Runs from its creation on.

    side: CPU seconds of the measured side so far
    """

    def __init__(self, side: Callable[[], float]) -> None:
        self._side = side
        self._before = self._now()

    def read(self) -> Cost:
        took, side, driver, machine = (now - then for now, then in zip(self._now(), self._before, strict=True))
        return Cost(took=took, side=side, driver=driver, others=max(0.0, machine - side - driver))

    def _now(self) -> tuple[float, float, float, float]:
        return time.perf_counter(), self._side(), _own(psutil.Process()), _machine()


def cpu_of(pids: Iterable[int]) -> float:
    """CPU seconds of the processes, and of their children that still run."""
    return sum(_own(each) for pid in pids for each in _family(pid))


def memory_of(pid: int) -> int:
    """Resident bytes of a process and its children."""
    return sum(_resident(each) for each in _family(pid))


def machine() -> dict[str, object]:
    """What the figures were measured on; they mean little elsewhere."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
    }


def _family(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _own(process: psutil.Process) -> float:
    """Nothing for one that has ended since it was listed: what it spent stands with its parent now."""
    try:
        spent = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(spent.user + spent.system)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _machine() -> float:
    """CPU seconds of everything that runs here. What the host takes from a virtual machine is not in it."""
    spent = psutil.cpu_times()
    return float(sum(getattr(spent, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq")))


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
