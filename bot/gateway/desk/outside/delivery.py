"""Bringing other desks what they are to be told: in order within one conversation, again and again for a day, and by
one gateway at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.outside import events
from bot.gateway.desk.outside.events import Event
from bot.gateway.retry import backoff
from bot.gateway.rounds import Rounds
from bot.store.database import transaction
from bot.store.outage import POSSIBLE
from bot.store.wake import notify

log = structlog.get_logger()

LEASE = timedelta(seconds=180)
"""Longer than any attempt may take, all its calls together."""
GIVEN_UP_AFTER = timedelta(days=1)

_AT_ONCE = 8
_FAILED_TOO_OFTEN = 4
"""Attempts in a row, at whatever."""


class Undelivered(Exception):
    """The receiver did not take it. The text is for operators, and holds nothing that the receiver or a customer said.

    permanent:    it never will
    retry_after:  seconds that it asks for
    """

    def __init__(self, reason: str, *, permanent: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.retry_after = retry_after


class Receiver(Protocol):
    """Another desk. `tell` may be called twice with the same event."""

    async def start(self) -> None: ...

    async def tell(self, event: Event) -> None:
        """Raises Undelivered. Takes less time than `LEASE`."""

    async def close(self) -> None: ...


class Deliveries:
    """Its `rounds` go on until they are stopped."""

    def __init__(
        self, *, engine: AsyncEngine, receivers: Mapping[str, Receiver], clock: Callable[[], datetime]
    ) -> None:
        self._engine = engine
        self._receivers = receivers
        self._clock = clock
        self._failed = dict.fromkeys(receivers, 0)
        self.rounds = Rounds(waits=events.WAITS, look=self._look, at_once=_AT_ONCE)

    def takes(self, receiver: str) -> bool:
        """Whether it takes what it is told, as far as this gateway knows: one event that it cannot take does not count
        as long as it takes others."""
        return self._failed[receiver] < _FAILED_TOO_OFTEN

    async def _look(self) -> None:
        try:
            for event in await self._claim(self.rounds.free):
                self.rounds.start(self._deliver(event))
        except POSSIBLE as error:
            log.error("outside.unavailable", error=type(error).__name__)

    async def _claim(self, limit: int) -> list[Event]:
        now = self._clock()
        async with transaction(self._engine) as connection:
            return await events.claim(connection, list(self._receivers), now, now + LEASE, limit=limit)

    async def _deliver(self, event: Event) -> None:
        try:
            due_at = await self._attempt(event)
            async with transaction(self._engine) as connection:
                if due_at is None:
                    await events.settle(connection, event)
                else:
                    await events.put_off(connection, event, due_at)
                await notify(connection)
        except Exception as error:
            # The lease ends and it is told again: a fault of ours must not stop the others.
            log.error("outside.broke", key=event.key, receiver=event.receiver, error=type(error).__name__)

    async def _attempt(self, event: Event) -> datetime | None:
        """When it is to be told again; None where that is not to be."""
        about = {"key": event.key, "receiver": event.receiver, "type": event.type, "handoff": event.handoff}
        try:
            await self._receivers[event.receiver].tell(event)
        except Undelivered as failure:
            now = self._clock()
            self._failed[event.receiver] += 1
            if failure.permanent or now - event.at >= GIVEN_UP_AFTER:
                log.error("outside.given_up", **about, attempts=event.attempts, reason=failure.reason)
                return None
            log.warning("outside.not_taken", **about, attempts=event.attempts, reason=failure.reason)
            return now + timedelta(seconds=max(backoff(event.attempts), failure.retry_after))
        self._failed[event.receiver] = 0
        return None
