"""Nothing that the benchmark starts outlives it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import psutil

from benchmarks.processes import processes
from sandbox.journeys.stack import until


class Interrupted(Exception):
    pass


async def test_processes_are_ended_whatever_happens(tmp_path: Path) -> None:
    with contextlib.suppress(Interrupted):
        async with processes(tmp_path / "side", {"GREETING": "hello"}) as running:
            waits = "import os, time; print(os.environ['GREETING'], flush=True); time.sleep(600)"
            process = await running.start("waiting", [sys.executable, "-c", waits])
            await process.says("hello")
            assert running.pids == [process.pid]
            raise Interrupted

    assert not psutil.pid_exists(process.pid)
    assert running.pids == []


async def test_the_ends_of_the_logs_tell_why_a_start_failed(tmp_path: Path) -> None:
    async with processes(tmp_path / "side", {}) as running:
        process = await running.start("broken", [sys.executable, "-c", "raise SystemExit('no model')"])
        await until(lambda: process.said("no model"), "its last words")

    assert running.last_words() == "--- broken\nno model\n"
