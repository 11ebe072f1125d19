"""Going on with what had to wait until the customer had shown, or said, who they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import ActionExecuted, EventType, FollowupAction, SlotSet

from actions.conversation import message_id_of
from actions.payloads import payload, read_payload


def go_on_with(tracker: Tracker, told: Mapping[str, Any] | None = None) -> list[EventType]:
    """The events that take up what the slot `after_verification` holds: a payload, as if it had been said just now, or
    a form. `told`: what is known of the customer by now, beside what the product told."""
    then = tracker.get_slot("after_verification")
    if not then:
        return []
    said = read_payload(then)
    further = _as_if_said(tracker, *said, told or {}) if said else [FollowupAction(then)]
    return [SlotSet("after_verification", None), *further]


def _as_if_said(tracker: Tracker, intent: str, entities: Mapping[str, str], told: Mapping[str, Any]) -> list[EventType]:
    """The events of a message with this intent, in the place of the one that is being answered."""
    found = [{"entity": entity, "value": value} for entity, value in entities.items()]
    parsed = {"intent": {"name": intent, "confidence": 1.0}, "entities": found}
    message: dict[str, Any] = {
        "event": "user",
        "timestamp": None,
        "text": payload(intent, **entities),
        "parse_data": {**parsed, "message_id": message_id_of(tracker)},
        "input_channel": tracker.get_latest_input_channel(),
        "message_id": message_id_of(tracker),
        "metadata": {**(tracker.latest_message.get("metadata") or {}), **told},
    }
    return [ActionExecuted("action_listen"), message]
