"""`throughline run`: all processes of one machine under one roof, for trying it out and for small shops.

Each child leads a process group of its own, so that a Ctrl-C in the terminal reaches only this process, which then ends
the children in its own order and leaves none behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

_GRACE = 8.0
_GIVE_UP = 180.0


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process to keep running, and the address that answers 200 once it is of use."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    ready: str | None = None
    waits_for: str | None = None
    """What takes its time until then, for the one who waits; the program's name if nothing is said."""


async def supervise(programs: Sequence[Program], announce: Callable[[], None]) -> int:
    """Run all of them until Ctrl-C, SIGTERM or the first that ends by itself; `announce` is called once all are ready.
    Returns the exit status."""
    stop = _stop_on_signals()
    children = [await _Child.start(program) for program in programs]
    ended = [asyncio.create_task(child.ended()) for child in children]
    ready = asyncio.create_task(_announce_when_ready(programs, announce))
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([*ended, stopping, ready], return_when=asyncio.FIRST_COMPLETED)
        if ready in done and ready.result():
            done, _ = await asyncio.wait([*ended, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        ready.cancel()
        stopping.cancel()
        await asyncio.gather(*(child.stop() for child in children))
    return 0 if stop.is_set() else 1


class _Child:
    def __init__(self, program: Program, process: asyncio.subprocess.Process) -> None:
        self._program = program
        self._process = process
        self._relaying = asyncio.create_task(self._relay())
        self._stopped_by_us = False

    @classmethod
    async def start(cls, program: Program) -> _Child:
        process = await asyncio.create_subprocess_exec(
            *program.command,
            env={**os.environ, **program.environment, "PYTHONUNBUFFERED": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=1024 * 1024,
        )
        return cls(program, process)

    async def ended(self) -> None:
        status = await self._process.wait()
        if not self._stopped_by_us:
            await self._relaying
            print(
                f"throughline: {self._program.name} ended by itself (status {status}); stopping the others", flush=True
            )

    async def stop(self) -> None:
        self._stopped_by_us = True
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _GRACE)
        except TimeoutError:
            print(f"throughline: {self._program.name} does not end, killing it", flush=True)
        # What the child may have started itself ends with it.
        self._signal(signal.SIGKILL)
        await self._process.wait()
        self._relaying.cancel()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    async def _relay(self) -> None:
        output = self._process.stdout
        assert output is not None
        while True:
            try:
                line = await output.readline()
            except ValueError:
                continue  # a line longer than the buffer
            if not line:
                return
            sys.stdout.write(f"{self._program.name:>8} | {line.decode(errors='replace').rstrip()}\n")
            sys.stdout.flush()


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _announce_when_ready(programs: Sequence[Program], announce: Callable[[], None]) -> bool:
    waiting = {program.waits_for or program.name: program.ready for program in programs if program.ready}
    begun = told = time.monotonic()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
        while waiting:
            for name, url in list(waiting.items()):
                if await _answers(session, url):
                    del waiting[name]
            if time.monotonic() - told > 5 and waiting:
                told = time.monotonic()
                print(f"throughline: waiting for {', '.join(waiting)} ({told - begun:.0f} s)", flush=True)
            if time.monotonic() - begun > _GIVE_UP:
                print(f"throughline: {', '.join(waiting)} did not get ready; see the lines above", flush=True)
                return False
            await asyncio.sleep(0.1)
    announce()
    return True


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
