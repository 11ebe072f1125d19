"""Taking the turns of one claimed conversation: read, let Rasa answer, commit; or try again later; or say sorry."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core import claims
from bot.core.claims import Claim, ClaimLost
from bot.core.counting import Counts
from bot.core.deaths import MOST, reason_for, wait_after_death
from bot.core.errors import CutOff, NobodyThere, TurnFailed
from bot.core.logs import described, get_logger
from bot.core.models import Shelf
from bot.core.outage import insist
from bot.core.retry import Again, again_after
from bot.core.stored import Given, StoredHistory, are_people_wanted, placed, read_given, read_history, read_session
from bot.core.turn import Message, Turn
from bot.store.database import reading, transaction
from bot.store.outage import is_outage

if TYPE_CHECKING:  # importing Rasa takes seconds and is left to the thread that loads the model
    from bot.core.dialogue import Dialogue

_log = get_logger()
_T = TypeVar("_T")

# Until a dialogue that becomes one with this one has had its own turns.
_A_MOMENT = timedelta(seconds=0.2)

# Messages in whose turns a conversation's events change otherwise than by growing.
_CHANGES_THE_PAST = ("separate",)

# Why a message has failed that an operator has given up.
_PARKED = "parked by an operator"

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
        counts: Counts,
        publish: bool = False,
    ) -> None:
        self._engine = engine
        self._shelf = shelf
        self._clock = clock
        self._lease = lease
        self._stop = stop
        self._counts = counts
        self._publish = publish

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
            if self._stop.is_set():
                await self._release(kept, self._clock())
                return
            dialogue = self._shelf.current  # this one to the turn's end, even if a new model arrives meanwhile
            message, given = await self._next(kept, dialogue)
            if message is None or given is None:
                await self._release(kept, None if message is None else message.due_at)
                return
            if given.other is not None and given.other.under_way:
                await self._release(kept, self._clock() + _A_MOMENT)
                return
            keep = self._lease if left and not self._stop.is_set() else None
            with structlog.contextvars.bound_contextvars(trace=message.trace):
                kept = await self._take_turn(kept, dialogue, message, given, keep)

    async def _take_turn(
        self, claim: Claim, dialogue: Dialogue, message: Message, given: Given, keep: timedelta | None
    ) -> Claim | None:
        began = self._clock()
        if message.parked is not None:
            return await self._give_up(claim, dialogue, message, given, keep, began, _PARKED)
        if claim.deaths:
            _log.warning("turn.begun_before", message=message.id, deaths=claim.deaths)
        if claim.deaths >= MOST:
            reason = reason_for(claim.deaths, whose="worker")
            return await self._give_up(claim, dialogue, message, given, keep, began, reason, tries=claim.deaths)
        try:
            turn = await dialogue.turn(message, given, lambda: self._read_session(message))
            _log.info(
                "turn.answered",
                message=message.id,
                replies=len(turn.replies),
                events=len(turn.events),
                rasa_ms=round(1000 * turn.rasa_seconds, 1),
            )
            kept = await self._commit(claim, message, turn, keep, began)
            if not turn.commands and given.other is None and message.said.get("type") not in _CHANGES_THE_PAST:
                dialogue.remember(message.conversation, claim.epoch, turn)
            return kept
        except ClaimLost:
            raise
        except Exception as error:
            if isinstance(error, DBAPIError) and is_outage(error):
                raise
            deaths = claim.deaths + isinstance(error, CutOff)
            again = await self._again_after(error, message, deaths)
            self._log_failure(error, message, again)
            if again is not None:
                await self._postpone(claim, message, again, _reason(error))
                self._counts.postponed(message)
                return None
            reason = reason_for(deaths, whose="action server") if deaths >= MOST else _reason(error)
            return await self._give_up(claim, dialogue, message, given, keep, began, reason)

    async def _give_up(
        self,
        claim: Claim,
        dialogue: Dialogue,
        message: Message,
        given: Given,
        keep: timedelta | None,
        began: datetime,
        reason: str,
        *,
        tries: int = 1,
    ) -> Claim | None:
        """No turn is made of the message; the conversation goes on behind it."""
        history = given.history or await self._read_history(message)
        if message.parked == "silent":
            turn = Turn(first_event=history.next_seq, failure=reason)
        else:
            # What not even the assistant's apology has survived is answered without the assistant.
            turn = await dialogue.apology(message, history, reason, plainly=claim.deaths > MOST)
        return await self._commit(claim, message, turn, keep, began, tries)

    async def _again_after(self, error: Exception, message: Message, deaths: int) -> Again | None:
        """None: not any more. Whoever would rather have people by now does not wait for anything else."""
        if await self._are_people_wanted(message):
            return None
        if isinstance(error, CutOff):
            wait = wait_after_death(deaths)
            return None if wait is None else Again(wait=wait, died=True)
        waited = self._clock() - message.created_at
        return again_after(message.attempts + 1, waited, nobody_there=isinstance(error, NobodyThere))

    def _log_failure(self, error: Exception, message: Message, again: Again | None) -> None:
        _log.error(
            "turn.failed",
            message=message.id,
            attempt=message.attempts + 1,
            reason=_reason(error),
            retry_in=None if again is None else again.wait.total_seconds(),
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

    async def _next(self, claim: Claim, dialogue: Dialogue) -> tuple[Message | None, Given | None]:
        """The message whose turn it is, and all that its turn is given; without this where it is due only later."""

        async def read() -> tuple[Message | None, Given | None]:
            async with reading(self._engine) as connection:
                message = await claims.next_message(connection, claim)
                if message is None or not claims.is_due(message.due_at, self._clock()):
                    return message, None
                remembered = dialogue.remembers(claim.conversation, claim.epoch)
                history = None if remembered else await read_history(connection, claim.conversation)
                message = await placed(connection, message)
                return message, await read_given(connection, message, history)

        return await self._insist(read)

    async def _are_people_wanted(self, message: Message) -> bool:
        async def read() -> bool:
            async with reading(self._engine) as connection:
                return await are_people_wanted(connection, message)

        return await self._insist(read)

    async def _read_history(self, message: Message) -> StoredHistory:
        async def read() -> StoredHistory:
            async with reading(self._engine) as connection:
                return await read_history(connection, message.conversation)

        return await self._insist(read)

    async def _read_session(self, message: Message) -> StoredHistory:
        async def read() -> StoredHistory:
            async with reading(self._engine) as connection:
                return await read_session(connection, message.conversation)

        return await self._insist(read)

    async def _commit(
        self, claim: Claim, message: Message, turn: Turn, keep: timedelta | None, began: datetime, tries: int = 1
    ) -> Claim | None:
        async def write() -> Claim | None:
            async with transaction(self._engine) as connection:
                return await claims.commit_turn(
                    connection,
                    claim,
                    message,
                    turn,
                    self._clock(),
                    began=began,
                    tries=tries,
                    keep=keep,
                    publish=self._publish,
                )

        kept = await self._insist(write)
        self._counts.committed(message, turn, began, self._clock())
        return kept

    async def _postpone(self, claim: Claim, message: Message, again: Again, reason: str) -> None:
        due = self._clock() + again.wait

        async def write() -> None:
            async with transaction(self._engine) as connection:
                await claims.postpone(connection, claim, message, due, reason, counts=again.counts, died=again.died)

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
    return str(error) if isinstance(error, TurnFailed) else type(error).__name__
