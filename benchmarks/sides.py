"""What the loads know of a side: somebody says something, and the bot's turn is over when its last answer is there."""

from __future__ import annotations

from typing import Protocol

from benchmarks.words import Line

PATIENCE = 60.0
"""Seconds for one turn. Whatever takes longer counts as not answered."""
START = 300.0
"""Seconds that a start may take on a busy machine."""


class NotAnswered(Exception):
    """The bot's turn did not end as its stories have it."""


class Side(Protocol):
    """A running product with the bot in it. Customers are numbers; a new number is a new conversation."""

    @property
    def name(self) -> str: ...

    async def say(self, customer: int, line: Line) -> float:
        """Seconds until the last answer was there. Raises NotAnswered."""
        ...

    def cpu(self) -> float:
        """CPU seconds of all its processes so far."""
        ...

    def memory(self) -> int:
        """Resident bytes of the process that holds the model."""
        ...

    def events(self, customer: int) -> int:
        """How many events the customer's conversation has in the side's own store."""
        ...
