"""Sending what is due: claim, one attempt, record, for many addresses side by side."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.outbox import Due, claim_due, is_due, record_failure, record_sent, settle_abandoned
from bot.gateway.retry import Over, after_failure
from bot.gateway.rounds import Rounds
from bot.store.database import reading, transaction
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
        self.rounds = Rounds(look=self._look, at_once=_CONCURRENCY)

    async def _look(self) -> None:
        await self._settle_abandoned()
        try:
            for due in await self._claim(self.rounds.free):
                self.rounds.start(self._deliver(due))
        except POSSIBLE as error:
            log.error("outbox.unavailable", error=type(error).__name__)

    async def _claim(self, limit: int) -> list[Due]:
        """Looks before it writes: mostly there is nothing."""
        async with reading(self._engine) as connection:
            if not await is_due(connection, self._clock()):
                return []
        async with transaction(self._engine) as connection:
            return await claim_due(connection, list(self._channels), self._clock(), limit=limit)

    async def _deliver(self, due: Due) -> None:
        try:
            outcome = await self._attempt(due)
            await self._record(due, outcome)
        except Exception as error:
            # The lease ends and the message is settled as abandoned: a fault of ours must not stop the others.
            log.error("send.broke", message=due.message.id, channel=due.channel, error=type(error).__name__)

    async def _attempt(self, due: Due) -> Sent | SendError:
        with metrics.send_seconds.labels(due.channel).time():
            try:
                return await self._channels[due.channel].send(await self._fill(due.message))
            except SendError as error:
                return error

    async def _record(self, due: Due, outcome: Sent | SendError) -> None:
        async with transaction(self._engine) as connection:
            if isinstance(outcome, Sent):
                await record_sent(connection, due, outcome, self._clock())
                metrics.sends.labels(due.channel, "sent").inc()
                return
            repeatable = self._channels[due.channel].repeatable
            decision = after_failure(outcome, attempts=due.attempts, repeatable=repeatable)
            await record_failure(connection, due.message.id, decision, outcome.reason, self._clock())
        state = decision.state if isinstance(decision, Over) else "again"
        if outcome.held_back:
            state = "held_back"
        metrics.sends.labels(due.channel, state).inc()
        log.warning("send.failed", message=due.message.id, channel=due.channel, then=state, reason=outcome.reason)

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
