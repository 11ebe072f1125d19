"""Why a turn can fail, in words that hold nothing of what was said."""

from __future__ import annotations


class TurnFailed(Exception):
    """The turn could not be finished; trying again later may help."""


class CutOff(TurnFailed):
    """A server that has a part in the turn went away under it, and may have been brought down by it."""


class NobodyThere(TurnFailed):
    """A server that has a part in the turn is away: whatever is tried now fails alike, by no fault of the message."""
