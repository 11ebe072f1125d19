"""Sending what is due: claim, one attempt, record, for many addresses side by side."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.outbox import Due, claim_due, record_failure, record_sent, settle_abandoned
from bot.gateway.retry import Over, after_failure
from bot.store.database import transaction
from bot.store.outage import POSSIBLE
from bot.store.wake import Wake
from channels.contract import Channel, SendError, Sent

log = structlog.get_logger()

_CONCURRENCY = 32
_SLOW_POLL = 1.0
_SETTLE_EVERY = 5.0
_GRACE = 10.0


class Sender:
    """The gateway's half of the outbox: `run` goes on until `stop`, and then lets the attempts under way finish.

    Nothing here is cancelled, since a transaction that is cut in the middle leaves its connection in doubt.
    """

    def __init__(
        self, *, engine: AsyncEngine, channels: Mapping[str, Channel], wake: Wake, clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._wake = wake
        self._clock = clock
        self._look_again = asyncio.Event()
        self._stopping = False
        self._under_way: set[asyncio.Task[None]] = set()
        self._settled_at = -_SETTLE_EVERY

    async def run(self) -> None:
        watching = asyncio.create_task(self._watch())
        while not self._stopping:
            self._look_again.clear()
            await self._settle_abandoned()
            await self._start_what_is_due()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_again.wait(), _SLOW_POLL)
        watching.cancel()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE)

    def stop(self) -> None:
        self._stopping = True
        self._look_again.set()

    async def _start_what_is_due(self) -> None:
        free = _CONCURRENCY - len(self._under_way)
        if free <= 0:
            return
        try:
            async with transaction(self._engine) as connection:
                claimed = await claim_due(connection, list(self._channels), self._clock(), limit=free)
        except POSSIBLE as error:
            log.error("outbox.unavailable", error=type(error).__name__)
            return
        for due in claimed:
            task = asyncio.create_task(self._deliver(due))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _deliver(self, due: Due) -> None:
        try:
            outcome = await self._attempt(due)
            await self._record(due, outcome)
        except Exception as error:
            # The lease ends and the message is settled as abandoned: a fault of ours must not stop the others.
            log.error("send.broke", message=due.message.id, channel=due.channel, error=type(error).__name__)
        finally:
            self._look_again.set()

    async def _attempt(self, due: Due) -> Sent | SendError:
        with metrics.send_seconds.labels(due.channel).time():
            try:
                return await self._channels[due.channel].send(due.message)
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
        metrics.sends.labels(due.channel, state).inc()
        log.warning("send.failed", message=due.message.id, channel=due.channel, then=state, reason=outcome.reason)

    async def _watch(self) -> None:
        while True:
            await self._wake.wait(_SLOW_POLL)
            self._look_again.set()

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
