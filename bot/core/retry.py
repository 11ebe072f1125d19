"""What happens to a message whose turn failed: a pure decision."""

from __future__ import annotations

from datetime import timedelta

_LONGEST_WAIT = 30.0
_MOST_ATTEMPTS = 9
_FEWEST_ATTEMPTS = 4
_PATIENCE = timedelta(minutes=2)


def wait_before_retry(attempts: int, waited: timedelta) -> timedelta | None:
    """How long until the next attempt: 1, 2, 4, … 30 seconds; None where the customer gets an apology now.

    `attempts` counts the one that has just failed. `waited` is how long ago the message came: a message that is old
    because no worker was running still gets a few attempts of its own.
    """
    if attempts >= _MOST_ATTEMPTS or (attempts >= _FEWEST_ATTEMPTS and waited >= _PATIENCE):
        return None
    return timedelta(seconds=min(2.0 ** (attempts - 1), _LONGEST_WAIT))
