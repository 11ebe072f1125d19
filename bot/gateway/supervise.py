"""`throughline run`: all processes of one machine under one roof, for trying it out and for small shops.

Each child leads a process group of its own, so that a Ctrl-C in the terminal reaches only this process, which then ends
the children in its own order and leaves none behind.

A child that ends by itself is started again, after a pause that grows: a shop goes on when memory ran out in one of its
processes. Two ends are for good, or a wrong setting would go round for ever: one before everything was ready for the
first time, and several in a row without having been of use. A child that refuses to start, in whatever words, counts as
one of these: what it refuses may pass (a database that is away, a port that is not free yet) or not (a setting that was
changed meanwhile), and nobody here can tell.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import IO, Any

# Longer than the gateway and the worker wait for what is under way.
_GRACE = 45.0
_GIVE_UP = 180.0
_TOLD_EVERY = 5.0
_TOLD_AGAIN_EVERY = 30.0
_LOOK_EVERY = 0.2
_ANSWERS_WITHIN = 2.0
_LAST_WORDS_WITHIN = 2.0
_LONGEST_LINE = 1024 * 1024

Ready = Callable[[int], Awaitable[bool]]
"""Whether the process of this number is of use by now. Raises nothing."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One process to keep running."""

    name: str
    command: Sequence[str]
    environment: dict[str, str]
    ready: Ready
    waits_for: str | None = None
    """What takes its time until then, for the one who waits; the program's name if nothing is said."""


@dataclass(frozen=True, kw_only=True)
class Rhythm:
    """How those that end by themselves are started again. Times in seconds."""

    first_pause: float = 1.0
    longest_pause: float = 30.0
    """Each pause is twice the one before, up to this."""
    well_after: float = 60.0
    """Who was of use for so long has its earlier ends forgotten."""
    tries: int = 5
    """Who ends so often in a row without having been of use is given up, and all with it."""


async def supervise(programs: Sequence[Program], announce: Callable[[], None], rhythm: Rhythm | None = None) -> int:
    """Run all of them until Ctrl-C, SIGTERM or SIGHUP, or until one cannot be kept running; `announce` is called once
    all are ready. Returns the exit status."""
    asked, begun, over = _stop_on_signals(), asyncio.Event(), asyncio.Event()
    children = [_Child(program, rhythm or Rhythm(), begun, over) for program in programs]
    keeping = [asyncio.create_task(child.keep()) for child in children]
    starting = asyncio.create_task(_all_of_use(children))
    stopping = asyncio.create_task(asked.wait())
    try:
        await asyncio.wait([*keeping, stopping, starting], return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and starting.result():
            begun.set()
            announce()
            await asyncio.wait([*keeping, stopping], return_when=asyncio.FIRST_COMPLETED)
    finally:
        starting.cancel()
        stopping.cancel()
        over.set()
        await asyncio.wait(keeping)
    await asyncio.gather(*keeping)
    return 0 if asked.is_set() else 1


class Ends:
    """The ends of one program so far, and what follows from the next one."""

    def __init__(self, rhythm: Rhythm) -> None:
        self._rhythm = rhythm
        self._pause = rhythm.first_pause
        self.in_vain = 0
        """So often in a row it was never of use."""

    def pause_after(self, of_use_for: float | None) -> float | None:
        """It has ended once more: the seconds until it is started again; None: there is no use in it.

        of_use_for: seconds; None: it never was
        """
        self.in_vain = self.in_vain + 1 if of_use_for is None else 0
        if self.in_vain >= self._rhythm.tries:
            return None
        if of_use_for is not None and of_use_for >= self._rhythm.well_after:
            self._pause = self._rhythm.first_pause
        pause, self._pause = self._pause, min(2 * self._pause, self._rhythm.longest_pause)
        return pause


@dataclass(frozen=True, kw_only=True)
class _Life:
    """One process of a program, which has ended."""

    end: str
    of_use_for: float | None


class _Child:
    """A program that is kept running.

    begun:  everything was ready once
    over:   everything has to end
    """

    def __init__(self, program: Program, rhythm: Rhythm, begun: asyncio.Event, over: asyncio.Event) -> None:
        self.program = program
        self._rhythm = rhythm
        self._begun = begun
        self._over = over
        self.of_use = asyncio.Event()
        self._of_use_since: float | None = None

    async def keep(self) -> None:
        """Until everything has to end; earlier if it cannot be kept running, and then why has been said."""
        name, ends = self.program.name, Ends(self._rhythm)
        while True:
            life = await self._live()
            if self._over.is_set():
                return
            if not self._begun.is_set():
                _say(f"{name} {life.end}, before all was ready; its reason stands above. Stopping the others")
                return
            pause = ends.pause_after(life.of_use_for)
            if pause is None:
                _say(
                    f"{name} {life.end}, as it did {ends.in_vain} times in a row without getting ready: see its lines "
                    "above, and `throughline doctor`. Stopping the others"
                )
                return
            _say(f"{name} {life.end}; starting it again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), pause)
                return

    async def _live(self) -> _Life:
        """One process, from its start to its end."""
        self._of_use_since = None
        try:
            process, relaying = await self._start()
        except OSError as error:
            return _Life(end=f"could not be started ({error.strerror})", of_use_for=None)
        watching = asyncio.create_task(self._watch(process))
        await _first_of(process.wait(), self._over.wait())
        watching.cancel()
        of_use_for = None if self._of_use_since is None else time.monotonic() - self._of_use_since
        if process.returncode is None:
            await self._stop(process)
        # What the child may have started itself ends with it.
        _signal(process, signal.SIGKILL)
        await asyncio.wait([relaying], timeout=_LAST_WORDS_WITHIN)
        relaying.cancel()
        assert process.returncode is not None
        return _Life(end=in_words(process.returncode), of_use_for=of_use_for)

    async def _start(self) -> tuple[asyncio.subprocess.Process, asyncio.Task[None]]:
        """The process, and what shows its output. Raises OSError."""
        # A pipe of our own: with asyncio's a process counts as running while anybody whom it started has that open.
        output, written = _pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *self.program.command,
                env={**os.environ, **self.program.environment, "PYTHONUNBUFFERED": "1"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=written,
                stderr=asyncio.subprocess.STDOUT,
                # Not a session: Linux may share the processor among sessions first, and a worker yields to the gateway.
                process_group=0,
            )
        except OSError:
            output.close()
            raise
        finally:
            os.close(written)
        return process, asyncio.create_task(self._relay(output))

    async def _stop(self, process: asyncio.subprocess.Process) -> None:
        _signal(process, signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _GRACE)
        except TimeoutError:
            _say(f"{self.program.name} does not end, killing it")
            _signal(process, signal.SIGKILL)
            await process.wait()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Until it is of use. At the first start `_all_of_use` speaks for all."""
        again, begun = self._begun.is_set(), time.monotonic()
        told = begun
        while not await _within(self.program.ready(process.pid)):
            now = time.monotonic()
            if again and now - told > _TOLD_AGAIN_EVERY:
                told = now
                _say(f"{self.program.name} is not ready yet ({now - begun:.0f} s)")
            await asyncio.sleep(_LOOK_EVERY)
        self._of_use_since = time.monotonic()
        self.of_use.set()
        if again:
            _say(f"{self.program.name} is ready again")

    async def _relay(self, output: IO[bytes]) -> None:
        """Until nobody has the pipe open any more."""
        lines = asyncio.StreamReader(limit=_LONGEST_LINE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), output
        )
        with contextlib.closing(transport):
            while True:
                try:
                    line = await lines.readline()
                except ValueError:
                    continue  # a line longer than the buffer
                if not line:
                    return
                sys.stdout.write(f"{self.program.name:>8} | {line.decode(errors='replace').rstrip()}\n")
                sys.stdout.flush()


def in_words(status: int) -> str:
    """How a process ended, by its exit status as `subprocess` has it."""
    if status >= 0:
        return f"ended by itself with status {status}"
    if -status == signal.SIGKILL:
        return "was ended by SIGKILL (memory may have run out, or somebody killed it)"
    try:
        return f"was ended by {signal.Signals(-status).name} ({signal.strsignal(-status)})"
    except ValueError:
        return f"was ended by signal {-status}"


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _all_of_use(children: Sequence[_Child]) -> bool:
    """Wait until they are, for the first time; False: it takes too long."""
    begun = told = time.monotonic()
    while waiting := [child.program for child in children if not child.of_use.is_set()]:
        names = ", ".join(program.waits_for or program.name for program in waiting)
        now = time.monotonic()
        if now - told > _TOLD_EVERY:
            told = now
            _say(f"waiting for {names} ({now - begun:.0f} s)")
        if now - begun > _GIVE_UP:
            _say(f"{names} did not get ready; see the lines above")
            return False
        await asyncio.sleep(_LOOK_EVERY)
    return True


async def _within(asking: Awaitable[bool]) -> bool:
    """Who does not answer in time is not of use."""
    try:
        return await asyncio.wait_for(asking, _ANSWERS_WITHIN)
    except TimeoutError:
        return False


async def _first_of(*every: Coroutine[Any, Any, Any]) -> None:
    """Wait for one of them; the others are ended."""
    tasks = [asyncio.create_task(one) for one in every]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def _pipe() -> tuple[IO[bytes], int]:
    """An end to read from, and one to write to."""
    output, written = os.pipe()
    return os.fdopen(output, "rb", buffering=0), written


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _say(sentence: str) -> None:
    print(f"throughline: {sentence}", flush=True)
