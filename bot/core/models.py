"""The model in use: finding the newest, loading it beside the running turns, and taking up its successor."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.core.logs import described, get_logger

if TYPE_CHECKING:  # importing Rasa takes seconds and is left to the thread that loads the model
    from bot.core.dialogue import Dialogue

_log = get_logger()

_LOOK_EVERY = 1.0


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model file as it was when looked at: a file that is still being written differs the next time."""

    path: Path
    modified: int
    size: int


def newest(directory: Path) -> ModelFile | None:
    """The newest model in the directory, as Rasa itself chooses it."""
    found = []
    for path in directory.glob("*.tar.gz"):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # removed while we looked
        found.append(ModelFile(path=path, modified=status.st_mtime_ns, size=status.st_size))
    return max(found, key=lambda file: (file.modified, file.path.name), default=None)


class Shelf:
    """Holds the model in use. A turn takes it once and keeps it to its end, whatever arrives meanwhile."""

    def __init__(self, directory: Path, load: Callable[[Path], Dialogue]) -> None:
        self._directory = directory
        self._load = load
        self._taken: ModelFile | None = None
        self.dialogue: Dialogue | None = None

    @property
    def current(self) -> Dialogue:
        """The model in use, once there is one."""
        assert self.dialogue is not None, "no model has been loaded yet"
        return self.dialogue

    async def watch(self, loaded: asyncio.Event) -> None:
        """Take up every new model; sets `loaded` once there is one. Runs until it is cancelled."""
        if newest(self._directory) is None:
            _log.warning("model.missing", hint=f"No model in {self._directory}/: run `make train`")
        seen: ModelFile | None = None
        while True:
            found = newest(self._directory)
            # Rasa writes a model in place: only a file that has come to rest, or the one that was there at the start,
            # is worth a try.
            if found is not None and found != self._taken and found == seen:
                await self._take(found)
                if self.dialogue is not None:
                    loaded.set()
            seen = found
            await asyncio.sleep(_LOOK_EVERY if self.dialogue is not None else 0.2)

    async def _take(self, file: ModelFile) -> None:
        self._taken = file
        try:
            self.dialogue = await _in_thread(lambda: self._load(file.path))
        except Exception as error:  # whatever a broken file makes Rasa raise: the old model stays
            _log.error("model.broken", model=file.path.name, **described(error))
        else:
            _leave_alone_what_stays()
            _log.info("model.loaded", model=file.path.name)


def _leave_alone_what_stays() -> None:
    """A model is some millions of objects that stay. Looking through them for garbage would stop every customer's turn
    for a third of a second, again and again."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


async def _in_thread(load: Callable[[], Dialogue]) -> Dialogue:
    """A thread that does not hold up the end of the process, as one of asyncio's own would."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Dialogue] = loop.create_future()

    def settle(result: Dialogue | None, error: Exception | None) -> None:
        if done.cancelled():
            return
        if error is not None:
            done.set_exception(error)
        elif result is not None:
            done.set_result(result)

    def run() -> None:
        try:
            result, error = load(), None
        except Exception as problem:  # handed to whoever waits
            result, error = None, problem
        loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="load model", daemon=True).start()
    return await done
