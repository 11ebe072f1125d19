"""A yes while no form is open."""

from __future__ import annotations

import json
import re
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.links import ActionUndo, unlink
from actions.parked import ActionResumeParked
from actions.texts import DomainDict

PAYLOAD = re.compile(r"/(?P<intent>\w+)(?P<entities>\{.*\})?")


class ActionYes(Action):  # type: ignore[misc]
    """Yes to what was proposed just before, in whatever words; a yes to nothing gets the menu."""

    def name(self) -> str:
        return "action_yes"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        intent, entities = _proposed(tracker)
        if intent == "unlink_confirmed":
            return unlink(dispatcher, tracker, domain, entities.get("channel"))
        if intent in ("undo_confirmed", "resume_parked"):
            action = ActionUndo() if intent == "undo_confirmed" else ActionResumeParked()
            events: list[EventType] = await action.run(dispatcher, tracker, domain)
            return events
        dispatcher.utter_message(response="utter_what_about_it")
        return []


def _proposed(tracker: Tracker) -> tuple[str, dict[str, Any]]:
    """What the first button of the last answer does: its intent and entities; an empty intent without such a button."""
    payload = PAYLOAD.fullmatch(_first_button(tracker))
    return (payload["intent"], json.loads(payload["entities"] or "{}")) if payload else ("", {})


def _first_button(tracker: Tracker) -> str:
    users = 0
    for event in reversed(tracker.events):
        users += event["event"] == "user"
        buttons = (event.get("data") or {}).get("buttons") if event["event"] == "bot" else None
        if users > 1:
            break
        if users == 1 and buttons:
            return str(buttons[0].get("payload") or "")
    return ""
