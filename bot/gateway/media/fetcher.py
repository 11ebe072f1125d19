"""Fetching what customers sent: claim, fetch, check, keep, for several files side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.media.contents import LARGEST, NotTaken, check
from bot.gateway.media.intake import WAITS, Missing, Stored, Wanted, claim_wanted, settle, try_later
from bot.gateway.media.vault import Vault
from bot.gateway.rounds import Rounds
from bot.store.database import transaction
from bot.store.outage import POSSIBLE
from channels.contract import Channel, FetchError

log = structlog.get_logger()

_CONCURRENCY = 4
"""Files are held in memory while they are checked: at most four times 20 MB."""
_GIVE_UP_AFTER = timedelta(minutes=30)
_LONGEST_WAIT = 300.0


class Fetcher:
    """Its `rounds` go on until they are stopped."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        channels: Mapping[str, Channel],
        vault: Vault,
        clock: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._vault = vault
        self._clock = clock
        self.rounds = Rounds(waits=WAITS, look=self._look, at_once=_CONCURRENCY)

    async def _look(self) -> None:
        try:
            for wanted in await self._claim(self.rounds.free):
                self.rounds.start(self._fetch(wanted))
        except POSSIBLE as error:
            log.error("media.unavailable", error=type(error).__name__)

    async def _claim(self, limit: int) -> list[Wanted]:
        async with transaction(self._engine) as connection:
            return await claim_wanted(connection, list(self._channels), self._clock(), limit=limit)

    async def _fetch(self, wanted: Wanted) -> None:
        try:
            await self._record(wanted, await self._attempt(wanted))
        except Exception as error:
            # The lease ends and it is tried again: a fault of ours must not stop the others.
            log.error("media.broke", message=wanted.message, channel=wanted.channel, error=type(error).__name__)

    async def _attempt(self, wanted: Wanted) -> Stored | Missing | FetchError:
        try:
            body = await self._channels[wanted.channel].fetch(wanted.ref, limit=LARGEST)
            checked = await asyncio.to_thread(check, body, wanted.kind)
            return Stored(sha256=await self._vault.put(body), size=len(body), type=checked.type)
        except NotTaken as problem:
            return Missing(state="refused", problem=str(problem), reason=f"not taken: {problem}")
        except FetchError as error:
            if error.too_large:
                return Missing(state="refused", problem="too_large", reason=error.reason)
            if error.permanent or self._clock() - wanted.since > _GIVE_UP_AFTER:
                return Missing(state="lost", problem="lost", reason=error.reason)
            return error

    async def _record(self, wanted: Wanted, outcome: Stored | Missing | FetchError) -> None:
        now = self._clock()
        async with transaction(self._engine) as connection:
            if isinstance(outcome, FetchError):
                wait = max(outcome.retry_after or 0.0, min(2.0 ** (wanted.attempts - 1), _LONGEST_WAIT))
                await try_later(connection, wanted, now + timedelta(seconds=wait), outcome.reason)
            else:
                await settle(connection, wanted, outcome, now)
        became = "again" if isinstance(outcome, FetchError) else "stored"
        if isinstance(outcome, Missing):
            became = outcome.state
        metrics.media.labels(wanted.channel, became).inc()
        if not isinstance(outcome, Stored):
            log.warning(
                "media.missing", message=wanted.message, channel=wanted.channel, then=became, why=outcome.reason
            )
