"""Tracking an order."""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from typing import Any

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import Said, said
from actions.parked import offer_parked
from actions.shop import Order, open_shop
from actions.texts import DomainDict, Texts, full_day, listed, texts_for

ONLY_DIGITS = re.compile(r"#?\s*(\d{1,10})")


def named_order(message: Said, *, asked: bool) -> str | None:
    """The order number in a message; when it was asked for, any number counts, so that a wrong one is called wrong."""
    named = message.first("order_number")
    if named or not asked:
        return named
    digits = ONLY_DIGITS.fullmatch(unicodedata.normalize("NFKC", message.text).strip())
    return digits[1] if digits else None


class ValidateTrackOrderForm(FormValidationAction):  # type: ignore[misc]
    def name(self) -> str:
        return "validate_track_order_form"

    async def extract_order_number(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        asked = tracker.get_slot("requested_slot") == "order_number"
        number = named_order(said(tracker), asked=asked)
        return {"order_number": number} if number else {}

    async def validate_order_number(
        self, value: str, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        if await asyncio.to_thread(open_shop().order, value):
            return {"order_number": value}
        dispatcher.utter_message(response="utter_order_unknown", order=value)
        return {"order_number": None}


class ActionAskOrderNumber(Action):  # type: ignore[misc]
    """The question, with the order that was last talked about at hand."""

    def name(self) -> str:
        return "action_ask_order_number"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        recent = tracker.get_slot("recent_order")
        buttons = [{"title": recent, "payload": payload("inform", order_number=recent)}] if recent else []
        dispatcher.utter_message(response="utter_ask_order_number", buttons=buttons)
        return []


class ActionOrderStatus(Action):  # type: ignore[misc]
    """Says where an order is: the one that the message names, else the one in hand."""

    def name(self) -> str:
        return "action_order_status"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        number = (
            said(tracker).first("order_number")
            or tracker.get_slot("order_number")
            or tracker.get_slot("return_order")
            or tracker.get_slot("recent_order")
        )
        order = await asyncio.to_thread(open_shop().order, number) if number else None
        if order is None:
            unknown = "utter_order_unknown" if number else "utter_ask_order_number"
            dispatcher.utter_message(response=unknown, order=number)
            return [SlotSet("order_number", None)]
        _utter_status(dispatcher, order, texts_for(tracker, domain), returning=bool(tracker.active_loop_name))
        if _ends_form(tracker):
            await offer_parked(dispatcher, tracker, domain)
        return [SlotSet("order_number", None), SlotSet("recent_order", order.number)]


class ActionStopTracking(Action):  # type: ignore[misc]
    """The customer has stopped looking up an order."""

    def name(self) -> str:
        return "action_stop_tracking"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        dispatcher.utter_message(response="utter_tracking_stopped")
        await offer_parked(dispatcher, tracker, domain)
        return []


def _ends_form(tracker: Tracker) -> bool:
    """Whether a form has ended in this turn; "and 1043?" afterwards ends none."""
    kinds = (event["event"] for event in reversed(tracker.events))
    return next((kind for kind in kinds if kind in ("active_loop", "user")), None) == "active_loop" and (
        not tracker.active_loop_name
    )


def _utter_status(dispatcher: CollectingDispatcher, order: Order, texts: Texts, *, returning: bool) -> None:
    language = texts.language
    delivered = full_day(order.delivered_on, language) if order.delivered_on else ""
    buttons = []
    if order.status == "delivered" and not returning:
        again = payload("return_item", order_number=order.number)
        buttons.append({"title": texts("utter_return_from_this_order"), "payload": again})
    dispatcher.utter_message(
        response=f"utter_order_{order.status}",
        buttons=buttons,
        order=order.number,
        carrier=order.carrier,
        expected=full_day(order.expected_on, language),
        delivered=delivered,
        items=listed([_item(item.product.name.in_language(language), item.quantity) for item in order.items], language),
    )


def _item(name: str, quantity: int) -> str:
    return name if quantity == 1 else f"{name} × {quantity}"


def payload(intent: str, **entities: str) -> str:
    """What a button sends: an intent and its entities, as Rasa reads them."""
    return f"/{intent}{json.dumps(entities, ensure_ascii=False)}" if entities else f"/{intent}"
