"""Tracking an order."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from typing import Any

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.assurance import order_meant, shows, step_up
from actions.conversation import Said, open_channels, said
from actions.parked import offer_parked
from actions.payloads import payload
from actions.shop import Order, open_shop
from actions.suggestions import may_be_suggested
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
        self, value: str | None, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> dict[str, Any]:
        if value is None:  # a form that was put aside before it was answered goes on
            return {"order_number": None}
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
        number = order_meant(tracker)
        order = await asyncio.to_thread(open_shop().order, number) if number else None
        if order is None:
            unknown = "utter_order_unknown" if number else "utter_ask_order_number"
            dispatcher.utter_message(response=unknown, order=number)
            return [SlotSet("order_number", None)]
        account = await asyncio.to_thread(open_shop().account_of, order.number)
        sure = [level for level in ("confirmed", "code") if account and shows(tracker, account.number, level)]
        _utter_status(dispatcher, order, texts_for(tracker, domain), tracker, sure)
        if _ends_form(tracker):
            await offer_parked(dispatcher, tracker, domain)
        events = [SlotSet("order_number", None), SlotSet("recent_order", order.number)]
        if account and not sure and await asyncio.to_thread(may_be_suggested, tracker, account):
            again = payload("track_order", order_number=order.number)
            events += step_up(dispatcher, tracker, account, "confirmed", order=order.number, then=again)
        return events


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


def _utter_status(
    dispatcher: CollectingDispatcher, order: Order, texts: Texts, tracker: Tracker, sure: list[str]
) -> None:
    """What is in it, to whom it surely belongs; when it comes, to whoever has confirmed it; to others, the state."""
    language = texts.language
    items = listed([_item(item.product.name.in_language(language), item.quantity) for item in order.items], language)
    dispatcher.utter_message(
        response=f"utter_order_{order.status}" + ("" if sure else "_brief"),
        buttons=_buttons(order, texts, tracker, sure),
        order=order.number,
        carrier=order.carrier,
        expected=full_day(order.expected_on, language),
        delivered=full_day(order.delivered_on, language) if order.delivered_on else "",
        items=texts("utter_order_items", items=items) if "code" in sure else "",
    )


def _buttons(order: Order, texts: Texts, tracker: Tracker, sure: list[str]) -> list[dict[str, str]]:
    number = {"order_number": order.number}
    buttons = []
    if order.status == "delivered" and not tracker.active_loop_name:
        buttons.append({"title": texts("utter_return_from_this_order"), "payload": payload("return_item", **number)})
    if "code" not in sure and open_channels(tracker):
        buttons.append({"title": texts("utter_show_details"), "payload": payload("order_details", **number)})
    return buttons


def _item(name: str, quantity: int) -> str:
    return name if quantity == 1 else f"{name} × {quantity}"
