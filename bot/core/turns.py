"""Taking the turns of one claimed conversation: read, let Rasa answer, commit; or try again later; or say sorry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core import claims
from bot.core.claims import Claim, ClaimLost
from bot.core.errors import HistoryUnreadable, TurnFailed
from bot.core.logs import described, get_logger
from bot.core.models import Shelf
from bot.core.outage import insist
from bot.core.retry import wait_before_retry
from bot.core.stored import Given, StoredHistory, read_given, read_session
from bot.core.turn import Message, Turn
from bot.store.database import reading, transaction
from bot.store.outage import is_outage

_log = get_logger()
_T = TypeVar("_T")

# Until a dialogue that becomes one with this one has had its own turns.
_A_MOMENT = timedelta(seconds=0.2)

# Turns in a row for one conversation, before the others have their chance again.
_IN_A_ROW = 4


class TurnTaker:
    """Works off claims, any number of them side by side."""

    def __init__(
        self,
        *,
        engine: AsyncEngine,
        shelf: Shelf,
        clock: Callable[[], datetime],
        lease: timedelta,
        stop: asyncio.Event,
    ) -> None:
        self._engine = engine
        self._shelf = shelf
        self._clock = clock
        self._lease = lease
        self._stop = stop

    async def take(self, claim: Claim) -> None:
        """Take the conversation's turns and give the claim up. The one place where every error ends."""
        with structlog.contextvars.bound_contextvars(conversation=claim.conversation):
            lease = asyncio.create_task(self._keep_lease(claim, asyncio.current_task()))
            try:
                await self._take_turns(claim)
            except ClaimLost:
                _log.warning("claim.lost", epoch=claim.epoch)
            except asyncio.CancelledError:
                await self._abandon(claim)
            except Exception as error:
                # The lease runs out, and the conversation is claimed again.
                _log.error("claim.broken", epoch=claim.epoch, **described(error))
            finally:
                lease.cancel()

    async def _take_turns(self, claim: Claim) -> None:
        kept: Claim | None = claim
        for left in reversed(range(_IN_A_ROW)):
            if kept is None:
                return
            message = await self._next(kept)
            if message is None or message.due_at > self._clock():
                await self._release(kept, None if message is None else message.due_at)
                return
            kept = await self._take_turn(kept, message, keep=self._lease if left and not self._stop.is_set() else None)

    async def _take_turn(self, claim: Claim, message: Message, keep: timedelta | None) -> Claim | None:
        given = await self._read(message)
        if given.other is not None and given.other.under_way:
            await self._release(claim, self._clock() + _A_MOMENT)
            return None
        dialogue = self._shelf.current  # this one to the turn's end, even if a new model arrives meanwhile
        try:
            turn = await dialogue.turn(message, given, lambda: self._read_session(message))
            _log.info("turn.answered", message=message.id, replies=len(turn.replies))
            return await self._commit(claim, message, turn, keep)
        except ClaimLost:
            raise
        except Exception as error:
            if isinstance(error, DBAPIError) and is_outage(error):
                raise
            wait = self._wait_after(error, message)
            self._log_failure(error, message, wait)
            if wait is not None:
                await self._postpone(claim, message, self._clock() + wait, _reason(error))
                return None
            return await self._commit(claim, message, await dialogue.apology(message, given, _reason(error)), keep)

    def _wait_after(self, error: Exception, message: Message) -> timedelta | None:
        if isinstance(error, HistoryUnreadable):
            return None  # waiting does not make it readable
        return wait_before_retry(message.attempts + 1, self._clock() - message.created_at)

    def _log_failure(self, error: Exception, message: Message, wait: timedelta | None) -> None:
        _log.error(
            "turn.failed",
            message=message.id,
            attempt=message.attempts + 1,
            reason=_reason(error),
            retry_in=None if wait is None else wait.total_seconds(),
            **described(error),
        )

    async def _keep_lease(self, claim: Claim, working: asyncio.Task[Any] | None) -> None:
        """While a turn takes long. A worker that lost its claim stops thinking at once; it could not write anyway."""
        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                held = await self._renew(claim)
            except Exception as error:  # the commit's fence decides in the end
                _log.warning("lease.not_renewed", epoch=claim.epoch, **described(error))
                continue
            if not held:
                _log.warning("claim.lost", epoch=claim.epoch)
                if working is not None:
                    working.cancel()
                return

    async def _abandon(self, claim: Claim) -> None:
        """Let another worker go on at once, rather than when the lease is over."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._release(claim, self._clock()), 2)

    # Single transactions, repeated while the database is out.

    async def _next(self, claim: Claim) -> Message | None:
        async def read() -> Message | None:
            async with reading(self._engine) as connection:
                return await claims.next_message(connection, claim)

        return await self._insist(read)

    async def _read(self, message: Message) -> Given:
        async def read() -> Given:
            async with reading(self._engine) as connection:
                return await read_given(connection, message)

        return await self._insist(read)

    async def _read_session(self, message: Message) -> StoredHistory:
        async def read() -> StoredHistory:
            async with reading(self._engine) as connection:
                return await read_session(connection, message.conversation)

        return await self._insist(read)

    async def _commit(self, claim: Claim, message: Message, turn: Turn, keep: timedelta | None) -> Claim | None:
        async def write() -> Claim | None:
            async with transaction(self._engine) as connection:
                return await claims.commit_turn(connection, claim, message, turn, self._clock(), keep=keep)

        kept = await self._insist(write)
        _log.info("turn.committed", message=message.id, events=len(turn.events), failed=turn.failure is not None)
        return kept

    async def _postpone(self, claim: Claim, message: Message, due: datetime, reason: str) -> None:
        async def write() -> None:
            async with transaction(self._engine) as connection:
                await claims.postpone(connection, claim, message, due, reason)

        await self._insist(write)

    async def _release(self, claim: Claim, waiting_since: datetime | None) -> None:
        async def write() -> None:
            async with transaction(self._engine) as connection:
                await claims.release(connection, claim, waiting_since=waiting_since)

        await self._insist(write)

    async def _renew(self, claim: Claim) -> bool:
        async with transaction(self._engine) as connection:
            return await claims.renew(connection, claim, self._clock(), self._lease)

    async def _insist(self, operation: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        return await insist(operation, until=self._stop.is_set)


def _reason(error: Exception) -> str:
    """For people who operate this. Only our own errors are known to hold none of the customer's words."""
    return str(error) if isinstance(error, (HistoryUnreadable, TurnFailed)) else type(error).__name__
