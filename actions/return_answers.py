"""What a message gives to a return: pure reading, no database, nothing uttered.

Customers answer out of order, several things at once, and change their minds later; so every message is read for every
part of the return, whatever was asked. Only questions about something else are left alone.
"""

from __future__ import annotations

from typing import Any

from actions.conversation import Said
from actions.orders import named_order

ASIDE = frozenset(
    (
        *("ask_hours", "check_stock", "track_order", "talk_to_human", "continue_elsewhere"),
        *("greet", "goodbye", "thank", "help", "cancel"),
        *("channel_linked", "link_refused", "stale_choice"),
        *("media_received", "location_shared", "unsupported_message"),
    )
)
"""Intents that are about something else, even when they name a product or a store."""

REASON_INTENTS = {
    "reason_damaged": "damaged",
    "reason_wrong_item": "wrong_item",
    "reason_not_as_expected": "not_as_expected",
    "reason_changed_mind": "changed_mind",
}
PARTS = {
    "order": "return_order",
    "item": "return_sku",
    "reason": "return_reason",
    "resolution": "return_resolution",
    "method": "return_method",
}
AT_THE_END = ("return_confirmed", "return_change")

Answer = dict[str, Any]


def read_answer(message: Said, slots: dict[str, Any]) -> Answer:
    """Slots to set, in the order in which they must be validated; `return_sku` holds a description of the item."""
    if message.intent in ASIDE and not message.bare:
        return {}
    asked = slots.get("requested_slot")
    answer = _given(message, slots, asked)
    if answer:
        return {**answer, **_ask_again(slots)}
    if asked in AT_THE_END:
        return _verdict(message, asked)
    return {}


def item_wish(message: Said) -> dict[str, list[str]]:
    """How the message describes an item: by product, kind or colour."""
    kinds = {"product": "products", "product_kind": "kinds", "colour": "colours"}
    return {wish: message.entities[entity] for entity, wish in kinds.items() if message.entities.get(entity)}


def _given(message: Said, slots: dict[str, Any], asked: str | None) -> Answer:
    answer: Answer = {}
    order = named_order(message, asked=asked == "return_order")
    if order and order != slots.get("return_order"):
        answer["return_order"] = order
    wish = item_wish(message)
    if wish and not _describes_the_replacement(message, slots, asked):
        answer["return_sku"] = wish
    answer.update(_reason(message, slots, asked))
    resolution = message.first("resolution")
    if resolution and _is_decided(message):
        answer["return_resolution"] = resolution
    answer.update(_way_back(message))
    return answer


def _describes_the_replacement(message: Said, slots: dict[str, Any], asked: str | None) -> bool:
    """ "Swap it for the red one": the item is known, and red is what the customer would rather have."""
    known = slots.get("return_sku") is not None and asked != "return_sku"
    return known and message.first("resolution") == "exchange"


def _is_decided(message: Said) -> bool:
    """ "Refund or exchange" names both and decides nothing."""
    return len(set(message.entities.get("resolution", []))) == 1


def _reason(message: Said, slots: dict[str, Any], asked: str | None) -> Answer:
    """A reason that has been given is only replaced by one that is named outright, not by what a remark resembles."""
    open_to_any = asked == "return_reason" or slots.get("return_reason") is None
    reason = (REASON_INTENTS.get(message.intent) if open_to_any else None) or message.first("reason")
    if reason == "other" and asked != "return_reason":
        return {}
    if reason:
        return {"return_reason": reason, "return_note": None}
    if asked == "return_reason" and message.intent in ("nlu_fallback", "out_of_scope"):
        return {"return_reason": "other", "return_note": message.text}
    return {}


def _way_back(message: Said) -> Answer:
    store, method = message.first("store"), message.first("return_method")
    if store:
        return {"return_method": "store", "return_store": store}
    if method == "post":
        return {"return_method": "post", "return_store": None}
    return {"return_method": method} if method else {}


def _ask_again(slots: dict[str, Any]) -> Answer:
    """Whatever changes after the summary is summed up again."""
    return {slot: None for slot in AT_THE_END if slots.get(slot) is not None}


def _verdict(message: Said, asked: str) -> Answer:
    """An answer to "Shall I register this return?" or to "What should I change?"."""
    part = PARTS.get(message.first("part") or "")
    if part:
        return {part: None, "return_confirmed": None, "return_change": None}
    if asked == "return_confirmed" and message.intent in ("affirm", "deny"):
        return {"return_confirmed": message.intent == "affirm"}
    if asked == "return_change" and message.intent == "deny":
        return {"return_confirmed": None, "return_change": None}
    return {}
