"""How sure it is that an identity is the holder of an account with the company, and which level is above which.

This is the one place that compares levels: whoever asks for one is told which ones are met.

    none       whoever wrote
    confirmed  a number that their platform vouches for is on file with the account, and they said that it is theirs
    code       they brought a code that only the account's holder was shown
    signed_in  the company's own server vouched for them
"""

from __future__ import annotations

from typing import Optional

LEVELS = ("none", "confirmed", "code", "signed_in")
"""The weakest first."""


def met_by(assurance: Optional[str]) -> tuple[str, ...]:
    """The levels that somebody meets who has this one. What is no level meets none but the weakest."""
    reached = LEVELS.index(assurance) if assurance in LEVELS else 0
    return LEVELS[: reached + 1]


def at_least(level: str) -> tuple[str, ...]:
    """The levels that meet this one. Raises ValueError for what is none."""
    return LEVELS[LEVELS.index(level) :]


SHOWN = at_least("code")
"""With these, an account was shown to be somebody's, and not only said to be."""
