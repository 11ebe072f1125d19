"""The core worker's process: claims conversations, lets Rasa take their turns, commits.

`python -m bot.core.worker` from the project's root. It opens no port; all it knows of the world is the database, the
model and the action server.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import sqlalchemy as sa
import uvloop
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core import claims
from bot.core.claims import Claim
from bot.core.counting import Counts
from bot.core.logs import configure_logging, get_logger
from bot.core.models import Shelf
from bot.core.outage import insist
from bot.core.shares import Shares
from bot.core.turns import TurnTaker
from bot.store.awaiting import UNUSABLE, answering, trouble
from bot.store.clock import OFF_BY, DatabaseClock
from bot.store.database import connect, database_url, reading, transaction
from bot.store.disks import check_disk
from bot.store.fitness import NEEDED, Unfit, check_use, is_behind, version_of
from bot.store.lines import Style
from bot.store.lives import Lives, lives_of, process_name
from bot.store.outage import is_outage
from bot.store.tables import workers
from bot.store.wake import About, Wake, open_wake

if TYPE_CHECKING:
    from bot.core.dialogue import Dialogue

_log = get_logger()

LEASE = timedelta(seconds=15)
_HEARTBEAT_EVERY = 2.0
_SHOWN_EVERY = 1.0
_POLL_EVERY = 1.0
# How long the end of the process waits for the turns that are under way.
_GRACE = 10.0
# A turn can wait, a platform that delivers a webhook gives up: where both want the processor, a gateway goes first.
_NICENESS = 10


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The worker's environment."""

    database: URL
    models: Path
    endpoints: Path
    concurrency: int
    style: Style

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Raises ValueError with the setting's name."""
        concurrency = environment.get("WORKER_CONCURRENCY") or "16"
        if not concurrency.isdecimal() or not 1 <= int(concurrency) <= 1000:
            raise ValueError("WORKER_CONCURRENCY is not a number from 1 to 1000")
        return cls(
            database=database_url(environment.get("DATABASE_URL")),
            models=Path(environment.get("MODELS_DIR") or "models"),
            endpoints=Path(environment.get("ENDPOINTS") or "endpoints.yml"),
            concurrency=int(concurrency),
            style=Style.read(environment),
        )


# One thread each: a turn's matrices are small, several workers share a machine, and waiting threads cost CPU time.
_MODEST = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_INTRA_OP_PARALLELISM_THREADS": "1",
    "TF_INTER_OP_PARALLELISM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
}


def main() -> int:
    """Run until SIGTERM or SIGINT. Returns the exit code."""
    os.environ.update({name: value for name, value in _MODEST.items() if name not in os.environ})
    try:
        settings = Settings.read(os.environ)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    configure_logging(settings.style)
    uvloop.install()
    try:
        asyncio.run(_run_until_signalled(settings))
    except Unfit as error:
        print(f"core: {error}.", file=sys.stderr)
        return 2
    return 0


async def _run_until_signalled(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run(settings, stop)


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Work until `stop` is set."""
    engine = connect(settings.database, pool_size=8)
    shelf = Shelf(settings.models, lambda model: _load(model, settings.endpoints))
    loaded = asyncio.Event()
    try:
        async with _in_background(shelf.watch(loaded)):
            await _first_of(_prepared(engine, loaded), stop)
            if not stop.is_set():
                name, clock = process_name(), DatabaseClock(engine)
                wake = await insist(lambda: open_wake(settings.database, About.TURNS), until=stop.is_set)
                await insist(clock.tune, until=stop.is_set)
                if abs(clock.ahead) > OFF_BY:
                    _log.warning("clock.off", ahead_seconds=round(clock.ahead.total_seconds(), 1))
                async with (
                    _in_background(clock.keep_tuned()),
                    _known_to_live(lives_of(settings.database, name)),
                    _feeding(settings, name) as publish,
                ):
                    # Only now: a model is loaded at full speed. Linux lowers this thread, which is the one that thinks.
                    os.nice(_NICENESS)
                    await Worker(
                        engine=engine,
                        wake=wake,
                        shelf=shelf,
                        clock=clock,
                        name=name,
                        slots=settings.concurrency,
                        stop=stop,
                        publish=publish,
                    ).run()
                await wake.close()
    finally:
        await engine.dispose()
        _log.info("worker.stopped")


class Worker:
    """Takes conversations from the queue, several at a time."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        wake: Wake,
        shelf: Shelf,
        clock: Callable[[], datetime],
        name: str,
        slots: int,
        stop: asyncio.Event,
        lease: timedelta = LEASE,
        grace: float = _GRACE,
        publish: bool = False,
    ) -> None:
        self._engine = engine
        self._wake = wake
        self._shelf = shelf
        self._clock = clock
        self._name = name
        self._slots = slots
        self._lease = lease
        self._grace = grace
        self._stop = stop
        self._counts = Counts()
        self._turns = TurnTaker(
            engine=engine,
            shelf=shelf,
            clock=clock,
            lease=lease,
            stop=stop,
            counts=self._counts,
            publish=publish,
        )
        self._busy: set[asyncio.Task[None]] = set()
        self._alone = False
        self._shares = Shares(slots)

    async def run(self) -> None:
        """Work until `stop` is set; then finish what is under way and give the rest back."""
        started = self._clock()
        async with _in_background(self._show_alive(started)):
            await _first_of(insist(lambda: self._beat(started), until=self._stop.is_set), self._stop)
            _log.info("worker.ready", worker=self._name, model=self._shelf.current.name, slots=self._slots)
            await self._serve()
            await self._finish()
        await self._say_goodbye()

    async def _serve(self) -> None:
        stopped = asyncio.create_task(self._stop.wait())
        woken: asyncio.Task[None] | None = None
        while not self._stop.is_set():
            again_in = await self._fill()
            woken = woken or asyncio.create_task(self._wake.wait(again_in))
            # With no slot free there is nothing to be woken for; a slot that comes free is filled at once.
            await asyncio.wait(
                {stopped, *({woken} if self._has_room else self._busy)},
                return_when=asyncio.FIRST_COMPLETED,
            )
            if woken.done():
                woken.exception()
                woken = None
        for task in (stopped, woken):
            if task is not None:
                task.cancel()

    async def _fill(self) -> float:
        """Claim conversations until every slot has one or none waits. Returns when to look again, in seconds."""
        while self._has_room and not self._stop.is_set():
            try:
                waiting_for, claimed = await insist(self._claim, until=self._stop.is_set)
            except Exception as error:
                if not is_outage(error):
                    raise
                return _POLL_EVERY
            for claim in claimed:
                self._begin(claim)
            if not claimed:
                return waiting_for
        return _POLL_EVERY

    async def _claim(self) -> tuple[float, list[Claim]]:
        now = self._clock()
        async with reading(self._engine) as connection:
            due = await claims.when_to_claim(connection, self._name, now, idle=not self._busy)
        if due is None or due:
            return _POLL_EVERY if due is None else due.total_seconds(), []
        async with transaction(self._engine, durable=False) as connection:
            most, full = self._shares.most, self._shares.full
            return _POLL_EVERY, await claims.claim_waiting(
                connection, self._name, now, self._lease, most=most, full=full, idle=not self._busy
            )

    @property
    def _has_room(self) -> bool:
        """Whether a turn may be begun: not beside one that is taken alone."""
        return len(self._busy) < self._slots and not self._alone

    def _begin(self, claim: Claim) -> None:
        task = asyncio.create_task(self._turns.take(claim))
        self._busy.add(task)
        self._alone = claim.is_suspect
        self._shares.take(claim.channel)
        task.add_done_callback(lambda ended: self._ended(ended, claim))

    def _ended(self, task: asyncio.Task[None], claim: Claim) -> None:
        self._busy.discard(task)
        self._alone = False
        self._shares.give_back(claim.channel)

    async def _finish(self) -> None:
        """Wait a little for the turns under way; those that take longer are taken again by whoever comes next."""
        if self._busy:
            await asyncio.wait(set(self._busy), timeout=self._grace)
        for task in set(self._busy):
            task.cancel()
        await asyncio.gather(*self._busy, return_exceptions=True)

    async def _show_alive(self, started: datetime) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_EVERY)
            await insist(lambda: self._beat(started))

    async def _beat(self, started: datetime) -> None:
        row = {"model": self._shelf.current.name, "seen_at": self._clock(), "counts": self._counts.as_json()}
        async with transaction(self._engine) as connection:
            result = await connection.execute(sa.update(workers).where(workers.c.id == self._name).values(**row))
            if not result.rowcount:
                await connection.execute(sa.insert(workers).values(id=self._name, started_at=started, **row))
                long_gone = workers.c.seen_at < self._clock() - timedelta(hours=1)
                await connection.execute(sa.delete(workers).where(long_gone))

    async def _say_goodbye(self) -> None:
        with contextlib.suppress(Exception):
            async with transaction(self._engine) as connection:
                await connection.execute(sa.delete(workers).where(workers.c.id == self._name))


def _load(model: Path, endpoints: Path) -> Dialogue:
    from bot.core.dialogue import Dialogue

    return Dialogue.load(model, endpoints)


def _feeding(settings: Settings, name: str) -> contextlib.AbstractAsyncContextManager[bool]:
    # Imported as late as Rasa itself.
    from bot.core.broker import feeding

    return feeding(settings.database, settings.endpoints, name)


async def _prepared(engine: AsyncEngine, loaded: asyncio.Event) -> None:
    """Wait for the database, for tables of the version that this code needs, and for a model. Raises Unfit."""
    check_disk(engine.url)
    await _let_in(engine)
    told = False
    while is_behind(version := await insist(lambda: _usable_version(engine))):
        if not told:
            _log.info("database.behind", version=version, needed=NEEDED, hint="waiting for `throughline migrate`")
        told = True
        await asyncio.sleep(0.3)
    if version != NEEDED:
        _log.info("database.newer", version=version, needed=NEEDED)
    await loaded.wait()


async def _let_in(engine: AsyncEngine) -> None:
    def tell(what: str, waited: float) -> None:
        _log.warning("database.awaited", trouble=what, waited=round(waited))

    try:
        await answering(engine, tell)
    except UNUSABLE as error:
        raise Unfit(trouble(engine.url, error)) from None


async def _usable_version(engine: AsyncEngine) -> Optional[str]:
    async with reading(engine) as connection:
        await check_use(connection)
        return await version_of(connection)


async def _first_of(work: Coroutine[Any, Any, Any], stop: asyncio.Event) -> None:
    """Do the work, or stop in the middle of it."""
    task, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        task.result()
    else:
        task.cancel()


@contextlib.asynccontextmanager
async def _known_to_live(lives: Lives) -> Any:
    """So that what this process has claimed is free in the moment of its death."""
    async with _in_background(_keep(lives)):
        yield
    with contextlib.suppress(Exception):
        await lives.close()


async def _keep(lives: Lives) -> None:
    while True:
        await insist(lives.keep)
        await asyncio.sleep(_SHOWN_EVERY)


@contextlib.asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, Any]) -> Any:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


if __name__ == "__main__":
    code = main()
    # TensorFlow's threads and a model still loading would hold the process for seconds; everything is written.
    sys.stderr.flush()
    os._exit(code)
