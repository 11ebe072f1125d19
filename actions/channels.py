"""One conversation on every channel: going on elsewhere, and picking up the thread there."""

from __future__ import annotations

import asyncio

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import channel_of, said
from actions.shop import open_shop
from actions.texts import DomainDict, texts_for

CHANNELS = ("telegram", "webchat", "whatsapp", "teams")
REACHABLE = ("telegram", "webchat")
"""Channels that the product can hand a conversation over to by a link."""

LINK_PROBLEMS = ("expired", "used")


class ActionContinueElsewhere(Action):  # type: ignore[misc]
    """Offers the way to the channel that was named, or to the other one. The link itself is the gateway's to make."""

    def name(self) -> str:
        return "action_continue_elsewhere"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        here, wanted = channel_of(tracker), said(tracker).first("channel")
        if wanted in REACHABLE and wanted == here:
            channel = texts_for(tracker, domain)(f"utter_channel_{here}")
            dispatcher.utter_message(response="utter_already_here", channel=channel)
            return []
        target = wanted if wanted in REACHABLE else _other_than(here)
        dispatcher.utter_message(response=f"utter_continue_on_{target}")
        return []


class ActionCatchUp(Action):  # type: ignore[misc]
    """One line that says where the customer was, from the tracker; an open form asks its question after it."""

    def name(self) -> str:
        return "action_catch_up"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts = texts_for(tracker, domain)
        here = channel_of(tracker)
        where = f"utter_channel_{here}" if here in CHANNELS else "utter_channel_webchat"
        response, values = await _thread(tracker, texts.language)
        dispatcher.utter_message(response=response, channel=texts(where), **values)
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


def _other_than(channel: str | None) -> str:
    return "webchat" if channel == "telegram" else "telegram"


async def _thread(tracker: Tracker, language: str) -> tuple[str, dict[str, str]]:
    """What the customer was doing: a response of the domain and its values."""
    if tracker.active_loop_name == "track_order_form":
        return "utter_catch_up_track", {}
    if tracker.active_loop_name != "return_form":
        return "utter_catch_up", {}
    order, sku = tracker.get_slot("return_order"), tracker.get_slot("return_sku")
    if order is None:
        return "utter_catch_up_return", {}
    product = await asyncio.to_thread(open_shop().product, sku) if sku else None
    if product is None:
        return "utter_catch_up_return_order", {"order": order}
    return "utter_catch_up_return_item", {"order": order, "item": product.short.in_language(language)}
