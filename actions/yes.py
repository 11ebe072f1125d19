"""A yes while no form is open."""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.links import ActionUndo, unlink
from actions.parked import ActionResumeParked
from actions.payloads import read_payload
from actions.suggestions import ActionConfirmSuggestion
from actions.texts import DomainDict

PROPOSED: dict[str, type[Action]] = {
    "undo_confirmed": ActionUndo,
    "resume_parked": ActionResumeParked,
    "confirm_suggestion": ActionConfirmSuggestion,
}
"""What a yes does where a button with this intent came first."""


class ActionYes(Action):  # type: ignore[misc]
    """Yes to what was proposed just before, in whatever words; a yes to nothing gets the menu."""

    def name(self) -> str:
        return "action_yes"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        intent, entities = _proposed(tracker)
        if intent == "unlink_confirmed":
            return unlink(dispatcher, tracker, domain, entities.get("channel"))
        if intent in PROPOSED:
            events: list[EventType] = await PROPOSED[intent]().run(dispatcher, tracker, domain)
            return events
        dispatcher.utter_message(response="utter_what_about_it")
        return []


def _proposed(tracker: Tracker) -> tuple[str, dict[str, str]]:
    """What the first button of the last answer does: its intent and entities; an empty intent without such a button."""
    return read_payload(_first_button(tracker)) or ("", {})


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
