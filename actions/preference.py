"""Where the customer would rather be written to: kept with the customer, whatever channel they say it on.

It is for messages that answer nothing, an agent's or a notification's; answers go where the question came from. The
product keeps it, at the custom reply `prefer`.
"""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.channels import ALSO_DEVICES, CHANNELS
from actions.conversation import channel_of, linked_channels, open_channels, said
from actions.payloads import payload
from actions.texts import DomainDict, texts_for


class ActionPreferChannel(Action):  # type: ignore[misc]
    """Notes the channel that was named, or asks which one. One that is not linked yet is offered to be."""

    def name(self) -> str:
        return "action_prefer_channel"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts, wanted, served = texts_for(tracker, domain), _wanted(tracker), open_channels(tracker) or CHANNELS
        choices = [channel for channel in CHANNELS if channel in served]
        if wanted is None or wanted not in choices:
            buttons = [
                {"title": texts(f"utter_choose_{channel}"), "payload": payload("prefer_channel", channel=channel)}
                for channel in choices
            ]
            dispatcher.utter_message(response="utter_ask_preferred_channel", buttons=buttons)
            return []
        dispatcher.utter_message(json_message={"type": "prefer", "channel": wanted})
        name, linked = texts(f"utter_choose_{wanted}"), wanted in linked_channels(tracker)
        link = {"title": texts("utter_link_it_now"), "payload": payload("continue_elsewhere", channel=wanted)}
        if linked:
            dispatcher.utter_message(response="utter_preferred_channel", channel=name)
        else:
            dispatcher.utter_message(response="utter_preferred_channel_later", channel=name, buttons=[link])
        return []


def _wanted(tracker: Tracker) -> str | None:
    """Of several: not the one that the message comes from, and an app before a device; or the chat itself."""
    here, message = channel_of(tracker), said(tracker)
    named = [channel for channel in message.entities.get("channel", []) if channel in CHANNELS]
    if not named and message.first("this_chat"):
        return here
    return min(named, key=lambda channel: (channel == here, channel in ALSO_DEVICES), default=None)
