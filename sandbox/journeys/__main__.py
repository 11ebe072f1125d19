"""`python -m sandbox.journeys`: play journeys, as `throughline journeys` does."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from .language import Journey
from .parser import FORMS, NotUnderstood, read_journey
from .play import JourneyFailed, Stage, play
from .stack import CORE_PYTHON, ROOT, NotReady
from .stage import running_stage

DEFAULT = Path("tests/journeys")
SUFFIX = ".journey"

_DESCRIPTION = "Play conversations over several channels and people on the real gateway, core worker and action server."


def main(arguments: Sequence[str] | None = None) -> int:
    """0: all went as written; 1: some did not, or cannot be read; 2: nothing could be played."""
    chosen = _parser().parse_args(arguments)
    if chosen.grammar:
        print(FORMS)
        return 0
    try:
        journeys = [read_journey(file) for file in _files(chosen.files)]
    except NotUnderstood as error:
        return _complain(str(error), 1)
    except OSError as error:
        return _complain(f"{error.filename} cannot be read: {error.strerror}.", 2)
    if not journeys:
        return _complain(f"there is no *{SUFFIX} here.", 2)
    if chosen.list:
        for journey in journeys:
            print(f"{journey.file}  {journey.language}  {journey.title}")
        return 0
    return _play_all(journeys, chosen.keep)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="throughline journeys", description=_DESCRIPTION)
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help=f"*{SUFFIX} or folders with such (default: {DEFAULT})"
    )
    parser.add_argument("--list", action="store_true", help="only say which there are")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="leave the databases and logs in this new folder, to look into them"
    )
    parser.add_argument("--grammar", action="store_true", help="only say what a line can be")
    return parser


def _files(chosen: Sequence[Path]) -> Iterator[Path]:
    for path in chosen or [DEFAULT]:
        if path.is_dir():
            yield from sorted(path.rglob(f"*{SUFFIX}"))
        else:
            yield path


def _play_all(journeys: Sequence[Journey], keep: Path | None) -> int:
    if not CORE_PYTHON.exists() or not any((ROOT / "models").glob("*.tar.gz")):
        return _complain("there is no trained model, or no Rasa. Run `make train`.", 2)
    with contextlib.ExitStack() as cleaning:
        folder = keep or Path(cleaning.enter_context(tempfile.TemporaryDirectory(prefix="journeys-")))
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            if any(keep.iterdir()):
                return _complain(f"{keep} is not empty.", 2)
        try:
            return asyncio.run(_play_in(folder.resolve(), journeys))
        except NotReady as error:
            return _complain(f"the product did not start: {error}", 2)


async def _play_in(folder: Path, journeys: Sequence[Journey]) -> int:
    failed = 0
    print("Starting the product …", flush=True)
    async with running_stage(folder) as stage:
        begun = time.monotonic()
        for journey in journeys:
            failed += not await _goes_as_written(stage, journey)
        print(f"{len(journeys) - failed} of {len(journeys)} journeys went as written, in {_took(begun).strip()}.")
    return 1 if failed else 0


async def _goes_as_written(stage: Stage, journey: Journey) -> bool:
    begun = time.monotonic()
    try:
        await play(stage, journey)
    except JourneyFailed as error:
        print(f"FAILED  {_took(begun)}  {journey.title}\n{error}", flush=True)
        return False
    print(f"ok      {_took(begun)}  {journey.title}", flush=True)
    return True


def _took(since: float) -> str:
    return f"{time.monotonic() - since:5.1f} s"


def _complain(what: str, status: int) -> int:
    sys.stderr.write(f"throughline journeys: {what}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main())
