"""Why a turn can fail, in words that hold nothing of what was said."""

from __future__ import annotations


class TurnFailed(Exception):
    """The turn could not be finished; trying again later may help."""
