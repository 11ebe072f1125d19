"""Which turns bring their process down: a pure decision.

A turn that ends its worker (a fault in a library, a component that exits, memory that runs out) raises nothing, and
whoever takes it over dies of it as well. So a claim counts itself in its conversation's row (`begun`), by the statement
that makes it, and whoever ends it in order takes that back: what still stands there when the next one comes is a death.
A worker that hangs until its lease is over counts as dead. So does an action server that goes away under a turn's call,
though the turn's worker lives on.

Processes die for reasons of their own, too, with many turns under way, and which of these it was cannot be seen. So

- one death says nothing of a turn. It is taken again like any other, but should that be the second, those who have come
  meanwhile are served first: a process that is brought down each time it starts would serve nobody;
- from the second on a turn is a suspect, and has its worker for itself. Whatever dies then, no other turn is blamed;
- after the fifth it is given up: two that it may have shared, and three of its own.

Of those who were under way when somebody killed a worker, one is given up only if it is hit four more times in a row.
Turns take milliseconds: with as much as a second each, and a worker that is killed every ten seconds, that is 1 in
10,000 of them; with 100 milliseconds, 1 in 100,000,000.
"""

from __future__ import annotations

from datetime import timedelta

SUSPECT = 2
"""From so many deaths on a turn is taken alone."""

MOST = 5
"""After so many there is no further attempt."""

BEHIND = timedelta(seconds=15)
"""For so long others come first, once a turn was taken that had met a death before: longer than a start takes."""


def wait_after_death(deaths: int) -> timedelta | None:
    """How long until the next attempt, where the worker has survived: 3, 9, 27, 81 seconds; None: there is none.

    Two minutes in all, as after any other failure (retry.py), so that an action server which cannot keep itself up for
    some moments costs nobody an answer.

    deaths:  the one that has just happened included
    """
    return None if deaths >= MOST else timedelta(seconds=3.0**deaths)


def reason_for(deaths: int, *, whose: str) -> str:
    """Why the turn was given up, for people; `whose` was the last of the deaths."""
    return f"the {whose} died {deaths} times during this turn"
