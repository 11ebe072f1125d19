"""The place of a stored event that cannot be read: corrupt, or of a type that this version of Rasa does not know.

A customer's dialogue goes on without what that one event said. It keeps its place, so that numbers still fit, and its
data, so that whoever writes the conversation on (`rasa interactive`) changes nothing of it.
"""

from __future__ import annotations

from typing import Any

from rasa.shared.core.events import Event, SkipEventInMDStoryMixin

from bot.core.turn import Json


class Unreadable(SkipEventInMDStoryMixin):  # type: ignore[misc]  # Rasa's class is untyped here
    """An event that does nothing to a tracker."""

    type_name = "unreadable"

    def __init__(self, data: Any) -> None:
        """`data`: as it is stored, whatever that is."""
        self._data: Json = data if isinstance(data, dict) else {}
        timestamp = self._data.get("timestamp")
        super().__init__()
        # The same whenever it is read: by their times, events are known again.
        self.timestamp = float(timestamp) if isinstance(timestamp, (int, float)) else 0.0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unreadable) and other._data == self._data

    def __hash__(self) -> int:
        return hash(self.timestamp)

    def as_dict(self) -> Json:
        """As it is stored; with a type and a time, which every event has."""
        return {"event": self.type_name, "timestamp": self.timestamp, **self._data}

    @classmethod
    def _from_parameters(cls, parameters: Json) -> Unreadable:
        return cls(parameters)


def read_event(data: Any) -> Event:
    """Rasa's event of what is stored. Raises ValueError with the reason, which holds nothing of it."""
    if not isinstance(data, dict):
        raise ValueError("no JSON object")
    try:
        event = Event.from_parameters(data)
    except Exception as error:  # whatever a foreign row makes Rasa raise
        raise ValueError(type(error).__name__) from None
    if event is None or isinstance(event, Unreadable):
        raise ValueError("no event of Rasa's")
    return event
