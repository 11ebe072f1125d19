"""Sending what is due: claim, one attempt, record, for many addresses side by side."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.outbox import WAITS, Due, claim_due, claim_next, record_failure, record_sent, settle_abandoned
from bot.gateway.retry import Over, after_failure
from bot.gateway.rounds import Rounds
from bot.store.database import transaction
from bot.store.outage import POSSIBLE
from channels.contract import Channel, Outbound, SendError, Sent

log = structlog.get_logger()

_CONCURRENCY = 32
_SETTLE_EVERY = 5.0

Fill = Callable[[Outbound], Awaitable[Outbound]]
"""Puts into a message what is made when it is sent, and kept nowhere. Raises SendError."""


async def _as_it_is(message: Outbound) -> Outbound:
    return message


class Sender:
    """The gateway's half of the outbox. Its `rounds` go on until they are stopped."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        channels: Mapping[str, Channel],
        clock: Callable[[], datetime],
        fill: Fill = _as_it_is,
    ) -> None:
        self._engine = engine
        self._fill = fill
        self._channels = channels
        self._clock = clock
        self._settled_at = -_SETTLE_EVERY
        self.rounds = Rounds(waits=WAITS, look=self._look, at_once=_CONCURRENCY)

    async def _look(self) -> None:
        await self._settle_abandoned()
        try:
            for due in await self._claim(self.rounds.free):
                self.rounds.start(self._deliver(due))
        except POSSIBLE as error:
            log.error("outbox.unavailable", error=type(error).__name__)

    async def _claim(self, limit: int) -> list[Due]:
        async with transaction(self._engine) as connection:
            return await claim_due(connection, list(self._channels), self._clock(), limit=limit)

    async def _deliver(self, first: Due) -> None:
        """Send it, and what waits behind it at the same address."""
        due: Due | None = first
        while due is not None:
            due = await self._deliver_one(due)

    async def _deliver_one(self, due: Due) -> Due | None:
        try:
            return await self._record(due, await self._attempt(due))
        except Exception as error:
            # The lease ends and the message is settled as abandoned: a fault of ours must not stop the others.
            log.error("send.broke", message=due.message.id, channel=due.channel, error=type(error).__name__)
            return None

    async def _attempt(self, due: Due) -> Sent | SendError:
        with metrics.send_seconds.labels(due.channel).time():
            try:
                return await self._channels[due.channel].send(await self._fill(due.message))
            except SendError as error:
                return error

    async def _record(self, due: Due, outcome: Sent | SendError) -> Due | None:
        """Returns the next one for the address, claimed, unless the gateway is about to stop."""
        if isinstance(outcome, SendError):
            return await self._record_failure(due, outcome)
        async with transaction(self._engine) as connection:
            await record_sent(connection, due, outcome, self._clock())
            behind = None if self.rounds.stopping else await claim_next(connection, due, self._clock())
        metrics.sends.labels(due.channel, "sent").inc()
        return behind

    async def _record_failure(self, due: Due, outcome: SendError) -> Due | None:
        repeatable = self._channels[due.channel].repeatable
        decision = after_failure(outcome, attempts=due.attempts, repeatable=repeatable)
        async with transaction(self._engine) as connection:
            await record_failure(connection, due.message.id, decision, outcome.reason, self._clock())
            behind = None if self.rounds.stopping else await claim_next(connection, due, self._clock())
        state = decision.state if isinstance(decision, Over) else "again"
        if outcome.held_back:
            state = "held_back"
        metrics.sends.labels(due.channel, state).inc()
        log.warning("send.failed", message=due.message.id, channel=due.channel, then=state, reason=outcome.reason)
        return behind

    async def _settle_abandoned(self) -> None:
        if time.monotonic() - self._settled_at < _SETTLE_EVERY:
            return
        self._settled_at = time.monotonic()
        repeatable = [name for name, channel in self._channels.items() if channel.repeatable]
        try:
            async with transaction(self._engine) as connection:
                settled = await settle_abandoned(connection, repeatable, self._clock())
        except POSSIBLE as error:
            log.error("outbox.unavailable", error=type(error).__name__)
            return
        if settled:
            log.warning("send.abandoned", messages=settled)
