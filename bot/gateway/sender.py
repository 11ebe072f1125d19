"""Sending what is due: claim, one attempt, record, for many addresses side by side."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway import metrics
from bot.gateway.outbox import WAITS, Due, claim_behind, claim_due, record_all_sent, record_failure
from bot.gateway.retry import Again, Over, after_failure
from bot.gateway.rounds import Rounds
from bot.gateway.together import Together
from bot.gateway.tracing import Traces, Untraced
from bot.store.database import transaction
from bot.store.outage import POSSIBLE, is_outage
from channels.contract import Channel, Outbound, SendError, Sent

log = structlog.get_logger()

_OF_A_CHANNEL = 16
"""Sends at once for one channel, so that a platform that hangs holds up nobody but its own people."""
_CLAIMED_AT_ONCE = 16
_RECORDED_AT_ONCE = 64
_MOST = 256
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0

Fill = Callable[[Outbound], Awaitable[Outbound]]
"""Puts into a message what is made when it is sent, and kept nowhere. Raises SendError."""


async def _as_it_is(message: Outbound) -> Outbound:
    return message


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """An attempt that is over, and what follows."""

    due: Due
    outcome: Sent | SendError
    decision: Again | Over | None
    """None: it was sent."""


class Sender:
    """The gateway's half of the outbox. Its `rounds` go on until they are stopped."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        channels: Mapping[str, Channel],
        clock: Callable[[], datetime],
        fill: Fill = _as_it_is,
        traces: Traces | None = None,
        name: str | None = None,
    ) -> None:
        self._engine = engine
        self._fill = fill
        self._channels = channels
        self._clock = clock
        self._traces = traces or Untraced()
        self._name = name
        self._claimed: set[int] = set()
        self._of_channel = Counter[str]()
        self._recording = Together(self._record_all, most=_RECORDED_AT_ONCE, alone=lambda error: not is_outage(error))
        self.rounds = Rounds(waits=WAITS, look=self._look, at_once=_MOST)

    @property
    def claimed(self) -> Collection[int]:
        """The messages that this gateway is about to send, or has sent without having recorded it yet."""
        return self._claimed

    async def _look(self) -> None:
        free = [name for name in self._channels if self._of_channel[name] < _OF_A_CHANNEL]
        if not free:
            return  # whoever comes free looks again
        try:
            found = await self._claim(free)
        except POSSIBLE as error:
            log.error("outbox.unavailable", error=type(error).__name__)
            return
        for due in found:
            self.rounds.start(self._deliver(due))
        if len(found) == _CLAIMED_AT_ONCE:
            self.rounds.look_again()

    async def _claim(self, channels: Sequence[str]) -> list[Due]:
        found: list[Due] = []
        try:
            async with transaction(self._engine) as connection:
                found = await claim_due(connection, channels, self._clock(), limit=_CLAIMED_AT_ONCE, gateway=self._name)
                self._hold(found)
        except BaseException:
            self._never_mind(found)
            raise
        return found

    async def _deliver(self, first: Due) -> None:
        """Send it, and what waits behind it at the same address."""
        due: Due | None = first
        while due is not None:
            with structlog.contextvars.bound_contextvars(trace=due.trace):
                due = await self._deliver_one(due)

    async def _deliver_one(self, due: Due) -> Due | None:
        began = time.time_ns()
        try:
            outcome = await self._attempt(due)
            ended = time.time_ns()
            behind = await self._record(due, outcome)
            self._traces.sent(due.message.id, _outcome(outcome), began, ended)
            self._claimed.discard(due.message.id)
            return behind
        except Exception as error:
            # It stays claimed until the lease ends, and is settled as abandoned: it may have been sent. A fault of ours
            # must not stop the others.
            log.error("send.broke", message=due.message.id, channel=due.channel, error=type(error).__name__)
            return None
        finally:
            self._free_slots([due])

    async def _attempt(self, due: Due) -> Sent | SendError:
        with metrics.send_seconds.labels(due.channel).time():
            try:
                return await self._channels[due.channel].send(await self._fill(due.message))
            except SendError as error:
                return error

    async def _record(self, due: Due, outcome: Sent | SendError) -> Due | None:
        """Returns the next one for the address, claimed, unless the gateway is about to stop."""
        decision = self._decide(due, outcome)
        tried = _Tried(due=due, outcome=outcome, decision=decision)
        behind = await self._insist_on_recording(tried)
        if isinstance(outcome, Sent):
            metrics.sends.labels(due.channel, "sent").inc()
            log.info("send.sent", message=due.message.id, channel=due.channel, attempt=due.attempts)
        else:
            state = decision.state if isinstance(decision, Over) else "held_back" if outcome.held_back else "again"
            metrics.sends.labels(due.channel, state).inc()
            log.warning("send.failed", message=due.message.id, channel=due.channel, then=state, reason=outcome.reason)
        return behind

    def _decide(self, due: Due, outcome: Sent | SendError) -> Again | Over | None:
        if isinstance(outcome, Sent):
            return None
        return after_failure(outcome, attempts=due.attempts, repeatable=self._channels[due.channel].repeatable)

    async def _insist_on_recording(self, tried: _Tried) -> Due | None:
        """What is known of a send must not be lost with the database away for a while: to repeat a record does no
        harm, to repeat a send does."""
        wait = _FIRST_WAIT
        while True:
            try:
                return await self._recording.do(tried)
            except POSSIBLE as error:
                if not is_outage(error):
                    raise
                if wait == _FIRST_WAIT:
                    log.error("outbox.unavailable", message=tried.due.message.id, error=type(error).__name__)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    async def _record_all(self, tried: Sequence[_Tried]) -> list[Due | None]:
        behind: Mapping[tuple[str, str], Due] = {}
        try:
            async with transaction(self._engine) as connection:
                await self._record_each(connection, tried)
                if not self.rounds.stopping:
                    places = [one.due for one in tried]
                    behind = await claim_behind(connection, places, self._clock(), gateway=self._name)
                    self._hold(behind.values())
        except BaseException:
            self._never_mind(behind.values())
            raise
        return [behind.get((one.due.channel, one.due.message.address)) for one in tried]

    async def _record_each(self, connection: AsyncConnection, tried: Sequence[_Tried]) -> None:
        now = self._clock()
        sent = [(one.due, one.outcome) for one in tried if isinstance(one.outcome, Sent)]
        if sent:
            await record_all_sent(connection, sent, now)
        for one in tried:
            if one.decision is not None and isinstance(one.outcome, SendError):
                await record_failure(connection, one.due.message.id, one.decision, one.outcome.reason, now)

    def _hold(self, due: Collection[Due]) -> None:
        """Before the claim is committed, so that nobody sees a claim of this gateway that it does not know of."""
        self._claimed |= {one.message.id for one in due}
        self._of_channel.update(one.channel for one in due)

    def _never_mind(self, due: Collection[Due]) -> None:
        """The claim was not committed, or it is not known."""
        self._claimed -= {one.message.id for one in due}
        self._free_slots(due)

    def _free_slots(self, due: Collection[Due]) -> None:
        was_full = [one.channel for one in due if self._of_channel[one.channel] >= _OF_A_CHANNEL]
        self._of_channel.subtract(one.channel for one in due)
        if was_full:
            self.rounds.look_again()


def _outcome(outcome: Sent | SendError) -> str:
    if isinstance(outcome, Sent):
        return "sent"
    return "held_back" if outcome.held_back else "uncertain" if outcome.uncertain else "failed"
