"""Children that end by themselves are started again, others are left alone, and in the end none is left."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from bot.gateway.supervise import Ends, Rhythm, in_words
from sandbox.journeys.stack import ROOT

# Of use is who has left a file with its number; `broken` makes a child end without.
CHILD = """
import os, signal, sys
from pathlib import Path
name, folder = sys.argv[1], Path(sys.argv[2])
if (folder / f"{name}.broken").exists():
    sys.exit("the setting KETTLE is wrong")
if (folder / f"{name}.parent").exists() and os.fork() == 0:
    signal.pause()
print(f"child {os.getpid()}.", flush=True)
(folder / f"{os.getpid()}.ready").touch()
signal.pause()
"""
SUPERVISED = """
import asyncio, sys
from pathlib import Path
from bot.gateway.supervise import Program, Rhythm, supervise
folder, first_pause, child = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3]

async def ready(process):
    return (folder / f"{process}.ready").exists()

def program(name):
    return Program(name=name, command=[sys.executable, "-c", child, name, folder], environment={}, ready=ready)

rhythm = Rhythm(first_pause=first_pause, longest_pause=4 * first_pause)
programs = [program(name) for name in sys.argv[4:]]
sys.exit(asyncio.run(supervise(programs, lambda: print("all are ready", flush=True), rhythm)))
"""


@dataclass(kw_only=True)
class Roof:
    """The process that keeps the children, and what it has said."""

    process: asyncio.subprocess.Process
    folder: Path
    said: list[str] = field(default_factory=list)

    async def says(self, words: str) -> str:
        """The next line that holds the words."""
        assert self.process.stdout
        async with asyncio.timeout(60):
            while line := (await self.process.stdout.readline()).decode():
                self.said.append(line)
                if words in line:
                    return line
        raise AssertionError(f"{words!r} was not said: {self.said}")

    async def child(self, name: str) -> int:
        """The number of the child whose start is told next."""
        return int((await self.says(f"{name} | child")).split()[-1].rstrip("."))

    def children(self) -> dict[str, int]:
        """The number of each child that was started until now, by its name."""
        started = (line.split() for line in self.said if " | child " in line)
        return {words[0]: int(words[-1].rstrip(".")) for words in started}

    def tell(self, what: str) -> None:
        (self.folder / what).touch()

    async def ends(self) -> int:
        output, _ = await asyncio.wait_for(self.process.communicate(), 60)
        self.said += output.decode().splitlines(keepends=True)
        assert self.process.returncode is not None
        return self.process.returncode

    def sentences(self) -> list[str]:
        return [line.strip() for line in self.said if line.startswith("throughline: ")]


@asynccontextmanager
async def roof(folder: Path, names: Sequence[str], first_pause: float = 0.01) -> AsyncIterator[Roof]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SUPERVISED, str(folder), str(first_pause), CHILD, *names),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield Roof(process=process, folder=folder)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 60)


def runs(process: int) -> bool:
    return psutil.pid_exists(process) and psutil.Process(process).status() != psutil.STATUS_ZOMBIE


def left_of(folder: Path) -> list[int]:
    """The children that still run."""
    return [number for number in (int(path.stem) for path in folder.glob("*.ready")) if runs(number)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_child_that_is_killed_is_started_again_and_the_others_are_left_alone(tmp_path: Path) -> None:
    async with roof(tmp_path, ["alice"]) as roof_of_one:
        killed = await roof_of_one.child("alice")
        await roof_of_one.says("all are ready")
        os.kill(killed, signal.SIGKILL)
        line = await roof_of_one.says("throughline: alice")
        assert line == (
            "throughline: alice was ended by SIGKILL (memory may have run out, or somebody killed it); "
            "starting it again in 0.01 s\n"
        )
        again = await roof_of_one.child("alice")
        await roof_of_one.says("throughline: alice is ready again")
        assert (runs(killed), runs(again)) == (False, True)


async def test_the_others_do_not_notice(tmp_path: Path) -> None:
    async with roof(tmp_path, ["alice", "bob"]) as both:
        await both.says("all are ready")
        started = both.children()
        os.kill(started["bob"], signal.SIGSEGV)
        await both.says("bob was ended by SIGSEGV (Segmentation fault); starting it again in 0.01 s")
        await both.says("bob is ready again")
        assert runs(started["alice"])
        both.process.send_signal(signal.SIGTERM)
        assert await both.ends() == 0
        assert not runs(started["alice"])


async def test_who_ends_before_all_are_ready_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "bob.broken").touch()
    async with roof(tmp_path, ["alice", "bob"]) as both:
        assert await both.ends() == 1
    assert any("bob | the setting KETTLE is wrong" in line for line in both.said)
    assert both.sentences() == [
        "throughline: bob ended by itself with status 1, before all was ready; its reason stands above. "
        "Stopping the others"
    ]
    assert left_of(tmp_path) == []


async def test_who_cannot_be_started_again_is_given_up_after_five_times(tmp_path: Path) -> None:
    async with roof(tmp_path, ["alice", "bob"]) as both:
        await both.says("all are ready")
        started = both.children()
        both.tell("bob.broken")
        os.kill(started["bob"], signal.SIGKILL)
        assert await both.ends() == 1
    refused = "throughline: bob ended by itself with status 1"
    assert [line.partition("starting it again in ")[2] for line in both.sentences()[:-1]] == [
        *("0.01 s", "0.02 s", "0.04 s", "0.04 s", "0.04 s")
    ]
    assert both.sentences()[-1] == (
        f"{refused}, as it did 5 times in a row without getting ready: see its lines above, and `throughline doctor`. "
        "Stopping the others"
    )
    assert not runs(started["alice"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_in_the_middle_of_a_pause_all_of_it_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    async with roof(tmp_path, ["alice", "bob"], first_pause=3600) as both:
        await both.says("all are ready")
        started = both.children()
        os.kill(started["bob"], signal.SIGKILL)
        await both.says("starting it again in 3600 s")
        both.process.send_signal(number)
        assert await both.ends() == 0
    assert left_of(tmp_path) == []


async def test_what_a_dead_child_had_started_itself_does_not_stand_in_the_way_of_the_next(tmp_path: Path) -> None:
    (tmp_path / "alice.parent").touch()
    async with roof(tmp_path, ["alice"]) as roof_of_one:
        killed = await roof_of_one.child("alice")
        await roof_of_one.says("all are ready")
        [orphan] = psutil.Process(killed).children()
        os.kill(killed, signal.SIGKILL)
        await roof_of_one.says("alice is ready again")
        await until(lambda: not runs(orphan.pid))


def test_pauses_grow_to_the_longest_and_are_forgotten_once_it_has_been_well_for_a_while() -> None:
    ends = Ends(Rhythm())
    assert [ends.pause_after(of_use_for=10.0) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert [ends.pause_after(of_use_for=60.0), ends.pause_after(of_use_for=59.0)] == [1, 2]


def test_who_was_of_use_for_a_moment_is_never_given_up_and_who_never_was_is() -> None:
    ends = Ends(Rhythm())
    assert None not in [ends.pause_after(of_use_for=0.1) for _ in range(2000)]
    in_vain = [ends.pause_after(of_use_for=None) for _ in range(4)]
    assert [*in_vain, ends.pause_after(of_use_for=0.1)] == [30.0] * 5
    assert [ends.pause_after(of_use_for=None) for _ in range(5)] == [30.0, 30.0, 30.0, 30.0, None]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ended by itself with status 0"),
        (2, "ended by itself with status 2"),
        (-6, "was ended by SIGABRT (Aborted)"),
        (-9, "was ended by SIGKILL (memory may have run out, or somebody killed it)"),
        (-40, "was ended by signal 40"),
    ],
)
def test_an_exit_status_is_said_in_words(status: int, words: str) -> None:
    assert in_words(status) == words
