"""Custom actions as bot builders write them: a form's validation, buttons, pictures, cards, a followed-up action."""

from __future__ import annotations

import os
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.forms import FormValidationAction
from rasa_sdk.types import DomainDict

SIZES = ("small", "large")
SITE = os.environ.get("PIZZERIA_URL", "https://pizzeria.example.com")


class AskSize(Action):
    def name(self) -> str:
        return "action_ask_size"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        buttons = [{"title": size.title(), "payload": f'/inform{{"size": "{size}"}}'} for size in SIZES]
        dispatcher.utter_message(text="Which size?", buttons=buttons)
        return []


class ValidatePizzaForm(FormValidationAction):
    def name(self) -> str:
        return "validate_pizza_form"

    async def required_slots(
        self, domain_slots: list[str], dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[str]:
        return [slot for slot in domain_slots if slot != "street" or tracker.get_slot("delivery")]

    def validate_size(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        if str(value).lower() in SIZES:
            return {"size": str(value).lower()}
        dispatcher.utter_message(text="We do not bake that size.")
        return {"size": None}

    def validate_delivery(
        self, value: Any, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        return {"delivery": "bring" in str(value)}


class TakeOrder(Action):
    def name(self) -> str:
        return "action_take_order"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        where = f"to {tracker.get_slot('street')}" if tracker.get_slot("delivery") else "for you to fetch"
        channel = tracker.get_latest_input_channel()
        dispatcher.utter_message(text=f"One {tracker.get_slot('size')} pizza {where}, ordered on {channel}.")
        cleared = [SlotSet(slot, None) for slot in ("size", "delivery", "street")]
        return [*cleared, FollowupAction("action_say_thanks")]


class SayThanks(Action):
    def name(self) -> str:
        return "action_say_thanks"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        dispatcher.utter_message(text="Thank you!")
        return []


class ShowMenu(Action):
    def name(self) -> str:
        return "action_show_menu"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        dispatcher.utter_message(text="This is our menu:", image=f"{SITE}/products/pan.png")
        dispatcher.utter_message(text="And as a file:", attachment=f"{SITE}/documents/return-label.pdf")
        cards = [
            {
                "title": f"A {size} pizza",
                "subtitle": "With what you like",
                "buttons": [{"title": f"{size.title()}, please", "type": "postback", "payload": "/order_pizza"}],
            }
            for size in SIZES
        ]
        dispatcher.utter_message(elements=cards)
        return []
