"""The start of a conversation."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, EventType, SessionStarted, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.texts import DomainDict

SUPPORTED_LANGUAGES = ("en", "zh")


class ActionSessionStart(Action):  # type: ignore[misc]
    """Takes up the customer's language from what the channel knows, so that even the first greeting is in it, and notes
    a group's conversation."""

    def name(self) -> str:
        return "action_session_start"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        events: list[EventType] = [SessionStarted()]
        events += [SlotSet(name, value) for name, value in tracker.slots.items() if value is not None]
        metadata = tracker.get_slot("session_started_metadata") or {}
        in_group = metadata.get("audience") is True
        hint = _language(metadata) or ("en" if in_group else None)
        if hint and not tracker.get_slot("language"):
            events.append(SlotSet("language", hint))
        if in_group:
            events.append(SlotSet("audience", True))
        return [*events, ActionExecuted("action_listen")]


def _language(metadata: dict[str, Any]) -> str | None:
    """`zh-Hant` and `zh-CN` are Chinese as well."""
    tag = str(metadata.get("language") or "").lower().replace("_", "-").split("-")[0]
    return tag if tag in SUPPORTED_LANGUAGES else None
