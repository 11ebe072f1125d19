"""What the agents' desk asks of the shop. It is in no domain, so no conversation ever runs it: the gateway asks the
action server for it, as Rasa asks for any action (bot/gateway/desk/orders.py)."""

from __future__ import annotations

import asyncio
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.shop import Order, open_shop
from actions.texts import DomainDict, language_of, money


class ActionOrdersForDesk(Action):  # type: ignore[misc]
    """The orders of the customer whose number is in the slot `account`, the newest first, as one custom response."""

    def name(self) -> str:
        return "action_orders_for_desk"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        orders = await asyncio.to_thread(open_shop().orders_of, str(tracker.get_slot("account")))
        language = language_of(tracker)
        dispatcher.utter_message(
            json_message={"type": "orders", "orders": [_told(order, language) for order in orders]}
        )
        return []


def _told(order: Order, language: str) -> dict[str, Any]:
    return {
        "number": order.number,
        "state": order.status,
        "placed_at": order.placed_on.isoformat(),
        "items": [{"name": item.product.name.in_language(language), "quantity": item.quantity} for item in order.items],
        "total": money(sum(item.price_cents for item in order.items)),
    }
