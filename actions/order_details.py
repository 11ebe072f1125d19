"""What is in an order, what it came to, and where it goes."""

from __future__ import annotations

import asyncio

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.assurance import asks_for, order_meant
from actions.shop import Account, Order, open_shop
from actions.texts import DomainDict, Texts, money, texts_for


@asks_for("code")
class ActionOrderDetails(Action):  # type: ignore[misc]
    """For whoever placed the order, and nobody else."""

    def name(self) -> str:
        return "action_order_details"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        number = order_meant(tracker)
        order = await asyncio.to_thread(open_shop().order, number) if number else None
        account = await asyncio.to_thread(open_shop().account_of, number) if number else None
        if order is None or account is None:
            dispatcher.utter_message(response="utter_which_order")
            return []
        _utter_details(dispatcher, order, account, texts_for(tracker, domain))
        return [SlotSet("recent_order", order.number)]


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
