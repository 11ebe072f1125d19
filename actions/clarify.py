"""What to say to a name or a number that answers no question."""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import is_in_group, said
from actions.groups import ActionPrivateMatter
from actions.orders import payload
from actions.stock import ActionCheckStock
from actions.stores import ActionOpeningHours
from actions.texts import DomainDict, texts_for


class ActionClarify(Action):  # type: ignore[misc]
    """An order number: what about it? A product: its stock. A store or a day: its hours. Anything else: the menu."""

    def name(self) -> str:
        return "action_clarify"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        message = said(tracker)
        order = message.first("order_number")
        if order and is_in_group(tracker):
            private: list[EventType] = await ActionPrivateMatter().run(dispatcher, tracker, domain)
            return private
        if order:
            texts = texts_for(tracker, domain)
            buttons = [
                {"title": texts("utter_track_this_order"), "payload": payload("track_order", order_number=order)},
                {"title": texts("utter_return_from_this_order"), "payload": payload("return_item", order_number=order)},
            ]
            dispatcher.utter_message(response="utter_what_about_order", order=order, buttons=buttons)
            return [SlotSet("order_number", order)]
        if any(message.first(entity) for entity in ("product", "product_kind", "colour")):
            events: list[EventType] = await ActionCheckStock().run(dispatcher, tracker, domain)
            return events
        if message.first("store") or message.first("day"):
            hours: list[EventType] = await ActionOpeningHours().run(dispatcher, tracker, domain)
            return hours
        dispatcher.utter_message(response="utter_what_about_it")
        return []
