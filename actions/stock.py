"""What is in stock, online and in each store."""

from __future__ import annotations

import asyncio
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import Said, said
from actions.payloads import payload
from actions.shop import Product, Stock, Store, open_shop
from actions.texts import DomainDict, Texts, money, texts_for

FEW = 5
"""Up to this many are counted: "3 left"."""


class ActionCheckStock(Action):  # type: ignore[misc]
    """One view of all stores for the product that was named, or for the last one when only a store is."""

    def name(self) -> str:
        return "action_check_stock"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts, message = texts_for(tracker, domain), said(tracker)
        products = await asyncio.to_thread(open_shop().products)
        meant = _meant(message, products) or _recent(message, products, tracker.get_slot("recent_products"))
        if not meant:
            _utter_choice(dispatcher, products, texts)
            return []
        stocks = [stock for stock in [await asyncio.to_thread(open_shop().stock, each.sku) for each in meant] if stock]
        _utter_answer(dispatcher, stocks, message.entities.get("store", []), texts)
        return [SlotSet("recent_products", [product.sku for product in meant])]


def _meant(message: Said, products: tuple[Product, ...]) -> list[Product]:
    """Products that the message names, or that have the kind and the colour it names."""
    named = message.entities.get("product", [])
    if named:
        return [product for product in products if product.sku in named]
    kinds, colours = message.entities.get("product_kind"), message.entities.get("colour")
    if not kinds and not colours:
        return []
    return [
        product
        for product in products
        if (not kinds or product.kind in kinds) and (not colours or product.colour in colours)
    ]


def _recent(message: Said, products: tuple[Product, ...], recent: list[str] | None) -> list[Product]:
    """ "And at Tampines?" is about the product of before."""
    if not recent or not message.entities.get("store"):
        return []
    return [product for product in products if product.sku in recent]


def _utter_choice(dispatcher: CollectingDispatcher, products: tuple[Product, ...], texts: Texts) -> None:
    dispatcher.utter_message(response="utter_ask_product", buttons=[_choose(product, texts) for product in products])


def _utter_answer(dispatcher: CollectingDispatcher, stocks: list[Stock], stores: list[str], texts: Texts) -> None:
    cards = [_card(stock, texts) for stock in stocks]
    answer = {"response": "utter_stock_choice"} if len(stocks) > 1 else _sentence(stocks[0], stores, texts)
    dispatcher.utter_message(**answer, json_message={"type": "cards", "cards": cards})


def _sentence(stock: Stock, stores: list[str], texts: Texts) -> dict[str, str]:
    """The answer to the question as it was asked: of one store, or of the whole shop."""
    item = stock.product.name.in_language(texts.language)
    item = item if texts.language == "zh" else item[0].lower() + item[1:]
    asked = [(store, count) for store, count in stock.stores if store.id in stores]
    if len(asked) != 1:
        return {"response": _overall(stock), "item": item}
    store, count = asked[0]
    response = "utter_stock_at_store" if count else "utter_stock_not_at_store"
    name = store.name.in_language(texts.language)
    return {"response": response, "item": item, "store": name, "quantity": _quantity(count, texts)}


def _overall(stock: Stock) -> str:
    in_stores = any(count for _, count in stock.stores)
    if stock.online and all(count for _, count in stock.stores):
        return "utter_stock_everywhere"
    if stock.online:
        return "utter_stock_some_stores" if in_stores else "utter_stock_online_only"
    return "utter_stock_stores_only" if in_stores else "utter_stock_nowhere"


def _lines(stock: Stock, texts: Texts) -> str:
    places: list[tuple[str, int]] = [(texts("utter_online"), stock.online)]
    places += [(_name(store, texts), count) for store, count in stock.stores]
    lines = [texts("utter_stock_line", place=place, quantity=_quantity(count, texts)) for place, count in places]
    return "\n".join([money(stock.product.price_cents), *lines])


def _name(store: Store, texts: Texts) -> str:
    return store.name.in_language(texts.language)


def _quantity(count: int, texts: Texts) -> str:
    """A customer wants to know whether to hurry, not the shop's inventory."""
    if count == 0:
        return texts("utter_quantity_none")
    if count == 1:
        return texts("utter_quantity_one")
    return texts("utter_quantity_few", count=count) if count <= FEW else texts("utter_quantity_many")


def _choose(product: Product, texts: Texts) -> dict[str, str]:
    title = product.short.in_language(texts.language)
    return {"title": title[0].upper() + title[1:], "payload": payload("check_stock", product=product.sku)}


def _card(stock: Stock, texts: Texts) -> dict[str, Any]:
    product = stock.product
    return {
        "title": product.name.in_language(texts.language),
        "text": _lines(stock, texts),
        "image": product.picture,
    }
