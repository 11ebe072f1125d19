"""What the dead had in hand goes on elsewhere.

A worker that was killed leaves claims, a gateway leaves messages that it was just sending. Leases end after a while by
themselves; but that a process is dead is known at once (bot/store/lives.py), and nobody has to wait.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway import metrics
from bot.gateway.outbox import UnderWay, give_back, settle_abandoned, under_way
from bot.store.database import reading, transaction
from bot.store.lives import Lives
from bot.store.outage import POSSIBLE
from bot.store.tables import conversations, messages, workers
from bot.store.wake import notify
from channels.contract import Channel

log = structlog.get_logger()

_LOOK_EVERY = 1.0
_UNSEEN_FOR = timedelta(seconds=3)
"""A worker of the version before does not show that it lives but by its row, which it writes every two seconds."""


class Takeover:
    """Looks for the dead until it is stopped.

    name:     of this gateway
    claimed:  the messages that it is sending itself
    """

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        lives: Lives,
        name: str,
        channels: Mapping[str, Channel],
        claimed: Callable[[], Collection[int]],
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._lives = lives
        self._name = name
        self._channels = channels
        self._claimed = claimed
        self._clock = clock
        self._over = asyncio.Event()

    async def run(self) -> None:
        while not self._over.is_set():
            try:
                await self.look()
            except POSSIBLE as error:
                log.error("takeover.unavailable", error=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), _LOOK_EVERY)

    def stop(self) -> None:
        self._over.set()

    async def look(self) -> None:
        """Once."""
        await self._lives.keep()
        async with reading(self._engine) as connection:
            attempts = await under_way(connection, self._clock())
            unseen = await _unseen_workers(connection, self._clock() - _UNSEEN_FOR)
        sending = {one.gateway for one in attempts if one.gateway is not None}
        living = {self._name, *await self._lives.living({*sending, *unseen})}
        # A claim whose commit was cut off may have come through without this gateway knowing.
        untried = [one for one in attempts if one.gateway == self._name and one.message not in self._claimed()]
        abandoned = [
            one
            for one in attempts
            if one not in untried and (one.lease_over or (one.gateway or self._name) not in living)
        ]
        dead = sorted(set(unseen) - living)
        if abandoned or untried or dead:
            await self._take_over(abandoned, untried, dead)

    async def _take_over(self, abandoned: Sequence[UnderWay], untried: Sequence[UnderWay], dead: Sequence[str]) -> None:
        repeatable = [name for name, channel in self._channels.items() if channel.repeatable]
        uncertain = Counter[str]()
        async with transaction(self._engine) as connection:
            if abandoned:
                uncertain = await _not_repeatable(connection, abandoned, repeatable)
                await settle_abandoned(connection, abandoned, repeatable, self._clock())
            if untried:
                await give_back(connection, untried)
            if dead:
                await _release(connection, dead)
            await notify(connection)
        for channel, count in uncertain.items():
            metrics.sends.labels(channel, "uncertain").inc(count)
        log.warning("takeover.done", sends=len(abandoned), untried=len(untried), workers=dead)


async def _not_repeatable(
    connection: AsyncConnection, abandoned: Sequence[UnderWay], repeatable: Collection[str]
) -> Counter[str]:
    """How many of them are about to be uncertain, by channel. They are held until this transaction is over: of several
    gateways that take over from the same dead one, each counts those that it is first with."""
    known = {(one.message, one.attempts, one.gateway) for one in abandoned}
    columns = (messages.c.id, messages.c.attempts, messages.c.sent_by, messages.c.channel)
    found = await connection.execute(
        sa.select(*columns)
        .where(
            messages.c.id.in_([one.message for one in abandoned]),
            messages.c.state == "sending",
            messages.c.channel.not_in(repeatable),
        )
        .order_by(messages.c.id)
        .with_for_update()
    )
    return Counter(row.channel for row in found if (row.id, row.attempts, row.sent_by) in known)


async def _unseen_workers(connection: AsyncConnection, since: datetime) -> list[str]:
    found = await connection.execute(sa.select(workers.c.id).where(workers.c.seen_at < since))
    return [str(id) for id in found.scalars()]


async def _release(connection: AsyncConnection, dead: Sequence[str]) -> None:
    """Their claims are anybody's; should one of them rise again, it finds that it has none."""
    await connection.execute(
        sa.update(conversations)
        .where(conversations.c.waiting_since.isnot(None), conversations.c.claimed_by.in_(dead))
        .values(claimed_by=None, lease_until=None, served_by=None)
    )
    await connection.execute(sa.delete(workers).where(workers.c.id.in_(dead)))
