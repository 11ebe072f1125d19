"""Where others listen: what is not for them is talked about in private."""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import channel_of
from actions.texts import DomainDict


class ActionPrivateMatter(Action):  # type: ignore[misc]
    """The way to the private chat on the same channel. What is public, endpoints.yml says."""

    def name(self) -> str:
        return "action_private_matter"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        way = {"type": "continue", "channel": channel_of(tracker)}
        dispatcher.utter_message(response="utter_private_matter", json_message=way)
        return []
