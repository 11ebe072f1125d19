"""What happens to a message after an attempt that failed: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from channels.contract import SendError

MAX_ATTEMPTS = 15
_LONGEST_WAIT = 600.0


@dataclass(frozen=True, kw_only=True)
class Again:
    """Try again after `wait`."""

    wait: timedelta
    counts: bool = True
    """Whether there was an attempt at all."""


@dataclass(frozen=True, kw_only=True)
class Over:
    """No further attempt: `state` is `failed` or `uncertain`."""

    state: str


def after_failure(error: SendError, *, attempts: int, repeatable: bool) -> Again | Over:
    """`attempts` counts the one that just failed; `repeatable` says that a doubled send would show once."""
    if error.held_back:
        return Again(wait=timedelta(seconds=error.retry_after or 0.0), counts=False)
    if error.uncertain and not repeatable:
        return Over(state="uncertain")
    if error.permanent or attempts >= MAX_ATTEMPTS:
        return Over(state="failed")
    return Again(wait=timedelta(seconds=max(backoff(attempts), error.retry_after or 0.0)))


def backoff(attempts: int) -> float:
    """Seconds: 1, 2, 4, … up to ten minutes; fifteen attempts span about an hour."""
    return float(min(2 ** (attempts - 1), _LONGEST_WAIT))
