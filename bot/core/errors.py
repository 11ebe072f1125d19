"""Why a turn can fail, in words that hold nothing of what was said."""

from __future__ import annotations


class TurnFailed(Exception):
    """The turn could not be finished; trying again later may help."""


class CutOff(TurnFailed):
    """A server that has a part in the turn went away under it, and may have been brought down by it."""


class NobodyThere(TurnFailed):
    """The action server is away: every turn that needs it fails alike, by no fault of the message.

    how:  how that shows
    """

    AWAY = "the action server is away"
    """How the reason begins, by which messages that wait for it are known."""

    def __init__(self, how: str) -> None:
        super().__init__(f"{self.AWAY}: {how}")
