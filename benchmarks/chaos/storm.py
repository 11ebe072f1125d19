"""Everything at once: people speak, processes die, vendors and the network are in a bad way, the database is away or
full; then quiet, until nothing waits any more, and the counting."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.chaos import evidence
from benchmarks.chaos.counting import Row, Said, count
from benchmarks.chaos.databases import Database
from benchmarks.chaos.fleet import Fleet
from benchmarks.chaos.front import Front
from benchmarks.chaos.phones import Phone, WebPhone
from benchmarks.chaos.plan import Customer, Link, Outage, Plan, Step
from benchmarks.chaos.platforms import Platforms
from benchmarks.chaos.report import Report
from bot.store.outage import POSSIBLE

Say = Callable[[str], None]
Phones = Mapping[tuple[str, str], Phone]
"""By customer and channel."""

_LOOK_EVERY = 1.0
_PROGRESS_EVERY = 5.0


class Storm:
    """One storm over one product. `patience`: seconds that may pass, after the last trouble, until nothing waits."""

    def __init__(
        self,
        plan: Plan,
        *,
        database: Database,
        engine: AsyncEngine,
        fleet: Fleet,
        platforms: Platforms,
        front: Front,
        phones: Phones,
        patience: float,
        say: Say,
    ) -> None:
        self._plan = plan
        self._database = database
        self._engine = engine
        self._fleet = fleet
        self._platforms = platforms
        self._front = front
        self._phones = phones
        self._patience = patience
        self._say = say
        self._begun = time.monotonic()
        self._waiting: dict[str, int] = {}
        self._uncertain: dict[int, datetime] = {}
        self._met = Counter[str]()

    async def run(self) -> Report:
        self._begun = time.monotonic()
        self._platforms.let_loose()
        looking = asyncio.create_task(self._look())
        showing = asyncio.create_task(self._show())
        speaking = [asyncio.create_task(self._play(customer)) for customer in self._plan.customers]
        try:
            await asyncio.gather(self._kill_all(), self._break_database(), self._until(self._plan.size.seconds))
            self._say("all is said and nobody dies any more: waiting until nothing waits")
            left = await self._settle(speaking)
            if left:
                self._say(f"still waiting: {left}\n{self._fleet.last_words()}")
        finally:
            await ended(looking, showing, *speaking)
        return await self._report(left)

    # --- what people do -------------------------------------------------------------------------------------------

    async def _play(self, customer: Customer) -> None:
        """Each thing at its time, whatever became of the one before."""
        doing: list[asyncio.Task[None]] = []
        things: list[Step | Link] = [*customer.steps, *customer.links]
        for thing in sorted(things, key=lambda thing: thing.at):
            await self._until(thing.at)
            doing.append(asyncio.create_task(self._do(customer, thing)))
        await asyncio.gather(*doing)

    async def _do(self, customer: Customer, thing: Step | Link) -> None:
        phone = self._phones[customer.name, thing.channel]
        if isinstance(thing, Step):
            await phone.say(thing.text, thing.mark)
            return
        first = self._phones[customer.name, customer.channels[0]]
        assert isinstance(first, WebPhone), "links are given out in the web chat"
        await phone.follow(await first.link(thing.channel))

    # --- what goes wrong ------------------------------------------------------------------------------------------

    async def _kill_all(self) -> None:
        for kill in self._plan.kills:
            await self._until(kill.at)
            await self._fleet.kill(kill.process)
            self._met[f"kill -9 of {kill.process}"] += 1

    async def _break_database(self) -> None:
        for outage in self._plan.outages:
            await self._until(outage.at)
            if outage.trouble == "full" and not self._database.can_be_full:
                continue
            self._say(f"the database: {outage.trouble} for {outage.seconds:.1f} s")
            await self._break(outage)
            self._met[f"database: {outage.trouble}"] += 1

    async def _break(self, outage: Outage) -> None:
        if outage.trouble == "full":
            await self._database.be_full(outage.seconds)
        else:
            await self._database.be_away(outage.seconds)

    # --- until it is over -----------------------------------------------------------------------------------------

    async def _settle(self, speaking: list[asyncio.Task[None]]) -> str:
        """Empty once nothing waits; else what still does."""
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            if all(task.done() for task in speaking):
                for task in speaking:
                    task.result()
                if await self._is_quiet():
                    return ""
            await asyncio.sleep(_LOOK_EVERY / 4)
        return self._left()

    async def _is_quiet(self) -> bool:
        try:
            self._waiting = await evidence.waiting(self._engine)
            if any(self._waiting.values()):
                return False
            rows = await evidence.all_messages(self._engine, {})
        except POSSIBLE:
            return False
        self._waiting["web chats that are behind"] = self._behind(rows)
        return not any(self._waiting.values())

    def _behind(self, rows: list[Row]) -> int:
        """Browsers that do not show yet what the transcript holds."""
        shown = {one.id for phone in self._phones.values() if isinstance(phone, WebPhone) for one in phone.taken}
        theirs = {row.id for row in rows if row.channel == "webchat" and row.direction == "out"}
        return len(theirs - {int(id) for id in shown})

    def _left(self) -> str:
        unacknowledged = sum(1 for one in self._said() if not one.acknowledged)
        waits = {"acknowledgements": unacknowledged, **self._waiting}
        return ", ".join(f"{number} {what}" for what, number in waits.items() if number)

    async def _look(self) -> None:
        """What is marked as maybe sent, while it is: also what is repeated later."""
        while True:
            try:
                self._uncertain = await evidence.uncertain(self._engine) | self._uncertain
                self._waiting = await evidence.waiting(self._engine)
            except POSSIBLE:
                self._waiting = {"answers of the database": 1}
            await asyncio.sleep(_LOOK_EVERY)

    async def _show(self) -> None:
        while True:
            await asyncio.sleep(_PROGRESS_EVERY)
            said = self._said()
            reached = sum(len(phone.taken) for phone in self._phones.values())
            waits = ", ".join(f"{number} {what}" for what, number in self._waiting.items())
            self._say(
                f"said {len(said)}/{self._plan.size.messages}, acknowledged {sum(one.acknowledged for one in said)}, "
                f"{reached} replies on phones, {self._fleet.kills}/{self._plan.size.kills} kills, waiting: {waits}"
            )

    async def _report(self, left: str) -> Report:
        rows = await evidence.all_messages(self._engine, self._uncertain)
        taken = [one for phone in self._phones.values() for one in phone.taken]
        met = self._met + self._platforms.forecast.met
        met += Counter({f"webhook {what}": times for what, times in self._front.met.items()})
        met += Counter({f"webhook answered {status}": times for status, times in self._front.statuses.items()})
        met += Counter({f"died by itself: {name}": times for name, times in self._fleet.died.items()})
        visitors = [phone.visitor for phone in self._phones.values() if isinstance(phone, WebPhone)]
        met += Counter({"web chat reconnected": sum(visitor.reconnected for visitor in visitors)})
        met += Counter({"web chat's session lost": sum(visitor.restarted for visitor in visitors)})
        met += Counter({"unread webhooks": await evidence.unread(self._engine)})
        full = any(outage.trouble == "full" for outage in self._plan.outages)
        return Report(
            seed=self._plan.seed,
            database=self._database.kind,
            kills=self._fleet.kills,
            counts=count(self._said(), taken, rows, await evidence.all_heard(self._engine)),
            took=time.monotonic() - self._begun,
            met=met,
            acknowledged_within=self._front.acknowledged_within,
            left=left,
            skipped={"disk full": self._database.why_not} if full and not self._database.can_be_full else {},
        )

    def _said(self) -> list[Said]:
        return [one for phone in self._phones.values() for one in phone.said]

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, self._begun + at - time.monotonic()))


async def ended(*tasks: asyncio.Task[None]) -> None:
    """Stop them. Raises what one of them had failed with before."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
