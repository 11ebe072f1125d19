"""One conversation on every channel: going on elsewhere, and picking up the thread there."""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import channel_of, has_just_joined, open_channels, said
from actions.payloads import payload
from actions.texts import DomainDict, Texts, texts_for
from actions.thread import thread_of

CHANNELS = ("telegram", "whatsapp", "teams", "webchat")
"""In the order in which they are offered."""

ALSO_DEVICES = ("telegram", "webchat")
"""Channels that "my phone" and "my computer" stand for, so that "WhatsApp on my phone" names two of them."""

LINK_PROBLEMS = ("expired", "used", "other_account", "too_many", "code_unknown", "code_expired", "code_used")


class ActionContinueElsewhere(Action):  # type: ignore[misc]
    """Offers the way to the channel that was named, or asks which one. The link itself is the gateway's to make."""

    def name(self) -> str:
        return "action_continue_elsewhere"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts = texts_for(tracker, domain)
        here, wanted, others = channel_of(tracker), _wanted(tracker), _others(tracker)
        if wanted == here or not others:
            dispatcher.utter_message(response="utter_already_here", channel=texts(f"utter_channel_{here or 'webchat'}"))
        elif wanted in others or len(others) == 1:
            dispatcher.utter_message(response=f"utter_continue_on_{wanted if wanted in others else others[0]}")
        else:
            buttons = [_choose(channel, texts) for channel in others]
            dispatcher.utter_message(response="utter_ask_where_to_continue", buttons=buttons)
        return []


class ActionCatchUp(Action):  # type: ignore[misc]
    """Says where the customer was, from the tracker, and whether two conversations have become one; an open form asks
    its question after it."""

    def name(self) -> str:
        return "action_catch_up"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts = texts_for(tracker, domain)
        here = channel_of(tracker)
        where = f"utter_channel_{here}" if here in CHANNELS else "utter_channel_webchat"
        thread = await thread_of(tracker.active_loop_name, tracker.slots, texts.language)
        joined = f"\n{texts('utter_joined')}" if has_just_joined(tracker) else ""
        dispatcher.utter_message(
            response=f"utter_catch_up{thread.kind}", channel=texts(where), joined=joined, **thread.values
        )
        return []


class ActionLinkRefused(Action):  # type: ignore[misc]
    """The customer opened a link that leads nowhere: why, and how to get a new one."""

    def name(self) -> str:
        return "action_link_refused"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        problem = said(tracker).first("link_problem")
        known = problem if problem in LINK_PROBLEMS else "unknown"
        dispatcher.utter_message(response=f"utter_link_{known}")
        return []


def _others(tracker: Tracker) -> list[str]:
    """Where else this shop can be talked to."""
    here, served = channel_of(tracker), open_channels(tracker) or CHANNELS
    return [channel for channel in CHANNELS if channel in served and channel != here]


def _wanted(tracker: Tracker) -> str | None:
    """The channel that the message names. Of several: not the one it comes from, and an app before a device."""
    here = channel_of(tracker)
    named = [channel for channel in said(tracker).entities.get("channel", []) if channel in CHANNELS]
    return min(named, key=lambda channel: (channel == here, channel in ALSO_DEVICES), default=None)


def _choose(channel: str, texts: Texts) -> dict[str, str]:
    return {"title": texts(f"utter_choose_{channel}"), "payload": payload("continue_elsewhere", channel=channel)}
