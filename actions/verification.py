"""What is shown to the holder of an account alone, and how somebody shows that they are that holder.

An action that is about to tell something of that kind asks `needs` first. Where it answers with events, they are the
action's: a code is on its way to the address that the shop has, and once it has been typed here, the conversation goes
on with the payload that was given. Who may see what is decided by what the product tells beside each message (whose
account it is, and how sure that is), never by what the customer says.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import is_in_group, message_id_of, open_channels, said
from actions.groups import ActionPrivateMatter
from actions.orders import payload
from actions.shop import Account, Order, open_shop
from actions.texts import DomainDict, Texts, money, texts_for
from actions.yes import PAYLOAD

LEVELS = ("none", "code", "signed_in")
"""How sure it is that somebody holds the account, the weakest first; as the product's identities have it."""


def shows(tracker: Tracker, account: str, level: str = "code") -> bool:
    """Whether whoever wrote the latest message surely holds the account. Never in a group."""
    told = tracker.latest_message.get("metadata") or {}
    sure = told.get("assurance") if told.get("assurance") in LEVELS else "none"
    held = told.get("account") == account and LEVELS.index(str(sure)) >= LEVELS.index(level)
    return held and not is_in_group(tracker)


def needs(
    dispatcher: CollectingDispatcher, tracker: Tracker, account: Account, level: str = "code", *, order: str, then: str
) -> list[EventType] | None:
    """None if the account's holder is writing; otherwise they are asked to show that they are, and these are the
    events.

    order:  what it is about, for the words around the code
    then:   the payload to go on with once it is shown
    """
    if shows(tracker, account.number, level):
        return None
    told = tracker.latest_message.get("metadata") or {}
    if "email" not in (open_channels(tracker) or ()):
        dispatcher.utter_message(response="utter_verify_off")
        return []
    if not told.get("codes_left"):
        dispatcher.utter_message(response="utter_verify_later")
        return []
    asks = {"type": "verify", "account": account.number, "address": account.email, "order": order}
    dispatcher.utter_message(response="utter_verify_by_email", address=veiled(account.email))
    dispatcher.utter_message(json_message=asks)
    return [SlotSet("after_verification", then)]


def veiled(address: str) -> str:
    """Enough for its owner to know which one is meant: `a•••@example.com`."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}"


class ActionOrderDetails(Action):  # type: ignore[misc]
    """What is in an order, what it came to, and where it goes: for whoever placed it, and nobody else."""

    def name(self) -> str:
        return "action_order_details"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        if is_in_group(tracker):
            private: list[EventType] = await ActionPrivateMatter().run(dispatcher, tracker, domain)
            return private
        number = said(tracker).first("order_number") or tracker.get_slot("recent_order")
        if number is None:
            dispatcher.utter_message(response="utter_which_order_details")
            return []
        order = await asyncio.to_thread(open_shop().order, number)
        account = await asyncio.to_thread(open_shop().account_of, number) if order else None
        if order is None or account is None:
            dispatcher.utter_message(response="utter_order_unknown", order=number)
            return []
        then = payload("order_details", order_number=order.number)
        asked = needs(dispatcher, tracker, account, order=order.number, then=then)
        if asked is not None:
            return asked
        _utter_details(dispatcher, order, account, texts_for(tracker, domain))
        return [SlotSet("recent_order", order.number)]


class ActionAfterVerification(Action):  # type: ignore[misc]
    """The code was right. What it was asked for goes on, as if it had been asked for just now."""

    def name(self) -> str:
        return "action_after_verification"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        dispatcher.utter_message(response="utter_verified")
        then = PAYLOAD.fullmatch(tracker.get_slot("after_verification") or "")
        if then is None:
            return []
        entities = json.loads(then["entities"] or "{}")
        return [SlotSet("after_verification", None), *_as_if_said(tracker, then["intent"], entities)]


def _as_if_said(tracker: Tracker, intent: str, entities: Mapping[str, str]) -> list[EventType]:
    """The events of a message with this intent, in the place of the one that is being answered."""
    found = [{"entity": entity, "value": value} for entity, value in entities.items()]
    parsed = {"intent": {"name": intent, "confidence": 1.0}, "entities": found}
    message: dict[str, Any] = {
        "event": "user",
        "timestamp": None,
        "text": payload(intent, **entities),
        "parse_data": {**parsed, "message_id": message_id_of(tracker)},
        "input_channel": tracker.get_latest_input_channel(),
        "message_id": message_id_of(tracker),
        "metadata": tracker.latest_message.get("metadata") or {},
    }
    return [ActionExecuted("action_listen"), message]


def _utter_details(dispatcher: CollectingDispatcher, order: Order, account: Account, texts: Texts) -> None:
    language = texts.language
    items = [
        texts(
            "utter_order_detail_item",
            name=item.product.name.in_language(language),
            quantity=item.quantity,
            price=money(item.price_cents),
        )
        for item in order.items
    ]
    dispatcher.utter_message(
        response="utter_order_details",
        order=order.number,
        items="\n".join(items),
        total=money(sum(item.price_cents for item in order.items)),
        customer=account.name,
        address=account.address.in_language(language),
    )
