"""Conversations that a worker served lately, as they were after their last turn, so that the next one need not read and
rebuild them.

Every claim of a conversation takes a new epoch, and so does whoever changes its events without a claim. What is
remembered is therefore the latest there is exactly if the claim's epoch follows the one under which it was committed.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from rasa.shared.core.trackers import DialogueStateTracker

from bot.core.stored import StoredHistory

MOST = 1000
"""Conversations; about 100 KB each where a customer has a lot to say."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """A conversation's tracker, and where its events stand in the table."""

    tracker: DialogueStateTracker
    snapshot: int
    """How many of the tracker's events stand for all before the tail."""
    first_seq: int
    """Number of the tail's first event."""

    @classmethod
    def of(cls, history: StoredHistory, tracker: DialogueStateTracker) -> Past:
        return cls(tracker=tracker, snapshot=len(history.snapshot), first_seq=history.first_seq)

    @property
    def next_seq(self) -> int:
        return self.first_seq + self.tail

    @property
    def tail(self) -> int:
        """How many events the tail has."""
        return len(self.tracker.events) - self.snapshot


class Recent:
    """The last `most` conversations."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[int, Past]] = OrderedDict()

    def keep(self, conversation: str, epoch: int, past: Past) -> None:
        """As it is now, committed under the claim with this epoch."""
        self._kept[conversation] = (epoch, past)
        self._kept.move_to_end(conversation)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def has(self, conversation: str, epoch: int) -> bool:
        """Whether a claim with this epoch may go on from what is kept. If not, it is kept no longer."""
        known, _ = self._kept.get(conversation, (None, None))
        if known in (epoch, epoch - 1):
            return True
        self._kept.pop(conversation, None)
        return False

    def take(self, conversation: str) -> Past:
        """Hand it over to a turn, which will change it. Raises KeyError."""
        return self._kept.pop(conversation)[1]

    def __contains__(self, conversation: str) -> bool:
        return conversation in self._kept
