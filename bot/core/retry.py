"""What happens to a message whose turn failed: a pure decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_LONGEST_WAIT = 30.0
_MOST_ATTEMPTS = 9
_FEWEST_ATTEMPTS = 4
_PATIENCE = timedelta(minutes=2)
_LONGEST_OUTAGE = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class Again:
    """The turn is tried once more."""

    wait: timedelta
    counts: bool = True
    """Whether the attempt that has failed was one of those that a message has."""
    died: bool = False
    """Whether it was a death; see deaths.py."""


def again_after(attempts: int, waited: timedelta, *, nobody_there: bool = False) -> Again | None:
    """Once more after 1, 2, 4, … 30 seconds; None where the customer gets an apology now.

    `attempts` counts the one that has just failed. `waited` is how long ago the message came: a message that is old
    because no worker was running still gets a few attempts of its own. Where `nobody_there` answers, it is no fault of
    the message, which is kept for as long as an answer may still be of use, with all its attempts: whoever comes back
    may stumble over the first calls.
    """
    if nobody_there and waited < _LONGEST_OUTAGE:
        return Again(wait=timedelta(seconds=min(max(1.0, waited.total_seconds() / 4), _LONGEST_WAIT)), counts=False)
    if attempts >= _MOST_ATTEMPTS or (attempts >= _FEWEST_ATTEMPTS and waited >= _PATIENCE):
        return None
    return Again(wait=timedelta(seconds=min(2.0 ** (attempts - 1), _LONGEST_WAIT)))
