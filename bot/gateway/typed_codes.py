"""A code that was typed instead of words: whose it is, and what it does."""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.gateway import metrics
from bot.gateway.codes import Typed
from bot.gateway.customers import Known
from bot.gateway.guessing import all_guess_too_much, guesses_too_much, note_wrong
from bot.gateway.linking import Linked, Refused, redeem_typed
from bot.gateway.verification import Verified, redeem_sent

log = structlog.get_logger()

Outcome = Linked | Verified | Refused


async def take_code(
    connection: AsyncConnection, typed: Typed, known: Known, channel: str, now: datetime
) -> Outcome | None:
    """What the code does for whoever typed it; None if it is no code, and so the customer's words."""
    outcome = await _look_up(connection, typed.code, known, now)
    if isinstance(outcome, Refused):
        log.warning("code.refused", identity=known.identity, channel=channel, problem=outcome.problem)
    metrics.codes.labels(_label(outcome)).inc()
    if isinstance(outcome, Refused) and outcome.problem in ("unknown", "too_many") and not typed.surely:
        return None  # an article's number, say
    return outcome


async def _look_up(connection: AsyncConnection, code: str, known: Known, now: datetime) -> Outcome:
    if await guesses_too_much(connection, known.identity, now):
        return Refused(problem="too_many")
    # What was sent to this very person comes first: others' guesses cannot keep them from it.
    sent = await redeem_sent(connection, code, known=known, now=now)
    if sent is not None:
        return sent
    if await all_guess_too_much(connection, now):
        return Refused(problem="too_many")
    linked = await redeem_typed(connection, code, known=known, now=now)
    if linked is not None:
        return linked
    await note_wrong(connection, known.identity, now)
    return Refused(problem="unknown")


def _label(outcome: Outcome) -> str:
    if isinstance(outcome, Refused):
        return outcome.problem
    return "linked" if isinstance(outcome, Linked) else "verified"
