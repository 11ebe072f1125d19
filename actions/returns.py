"""Returning an item: the form's decisions, its questions, and the registration at its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from typing import Any

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import forget, message_id_of, said
from actions.parked import offer_parked
from actions.payloads import payload
from actions.return_answers import AT_THE_END, Answer, read_answer
from actions.shop import AlreadyReturned, Name, Order, OrderItem, Product, ReturnRequest, Store, open_shop
from actions.texts import DomainDict, Texts, full_day, language_of, money, texts_for

FORM_SLOTS = (
    "return_order",
    "return_sku",
    "return_reason",
    "return_resolution",
    "return_method",
    "return_store",
    "return_confirmed",
    "return_change",
    "return_wish",
    "return_note",
    "return_refused",
)

Slots = dict[str, Any]
Wish = dict[str, list[str]]


class ValidateReturnForm(FormValidationAction):  # type: ignore[misc]
    """Reads each message for every part of the return and decides what is still to be asked."""

    def name(self) -> str:
        return "validate_return_form"

    async def required_slots(
        self, domain_slots: list[str], dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[str]:
        if tracker.get_slot("return_refused"):
            return []
        store = ["return_store"] if tracker.get_slot("return_method") == "store" else []
        change = ["return_change"] if tracker.get_slot("return_confirmed") is False else []
        parts = ["return_order", "return_sku", "return_reason", "return_resolution", "return_method"]
        return [*parts, *store, "return_confirmed", *change]

    async def get_extraction_events(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Reads and checks in one go, for the parts depend on one another: an item belongs to an order."""
        before = dict(tracker.slots)
        answer = read_answer(said(tracker), before)
        presumed = await _order_in_hand(before) if _begins(before) and "return_order" not in answer else {}
        problems: list[Problem] = []
        checked = await _check({**presumed, **answer}, before, problems, presumed=bool(presumed))
        if _given_aside(checked, before) and not problems:
            dispatcher.utter_message(response="utter_return_noted")
        for problem in problems:
            dispatcher.utter_message(**problem.worded(language_of(tracker)))
        return [SlotSet(slot, value) for slot, value in checked.items()]

    async def get_validation_events(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
    ) -> list[EventType]:
        """Everything has been checked on extraction."""
        given = tracker.slots_to_validate()
        return [SlotSet(slot, value) for slot, value in given.items() if slot in FORM_SLOTS]


class ActionAskReturnSku(Action):  # type: ignore[misc]
    """The items that can still be returned, as cards; only those that fit when the customer has half said which."""

    def name(self) -> str:
        return "action_ask_return_form_return_sku"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        order = await _order(tracker.get_slot("return_order"))
        texts = texts_for(tracker, domain)
        wish = tracker.get_slot("return_wish")
        choices = [item.product for item in order.items if item.return_number is None]
        fitting = [product for product in choices if wish and _fits(product, wish)]
        cards = [_item_card(product, texts) for product in fitting or choices]
        dispatcher.utter_message(
            response="utter_ask_return_sku", json_message={"type": "cards", "cards": cards}, order=order.number
        )
        return []


class ActionAskReturnReason(Action):  # type: ignore[misc]
    def name(self) -> str:
        return "action_ask_return_form_return_reason"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        language = language_of(tracker)
        reasons = await asyncio.to_thread(open_shop().reasons)
        item = await _chosen_item(tracker)
        dispatcher.utter_message(
            response="utter_ask_return_reason",
            buttons=[
                {"title": reason.name.in_language(language), "payload": payload("inform", reason=reason.id)}
                for reason in reasons
            ],
            item=item.product.short.in_language(language),
        )
        return []


class ActionAskReturnStore(Action):  # type: ignore[misc]
    def name(self) -> str:
        return "action_ask_return_form_return_store"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        language = language_of(tracker)
        stores = await asyncio.to_thread(open_shop().stores)
        buttons = [
            {"title": store.name.in_language(language), "payload": payload("inform", store=store.id)}
            for store in stores
        ]
        dispatcher.utter_message(response="utter_ask_return_store", buttons=buttons)
        return []


class ActionAskReturnConfirmed(Action):  # type: ignore[misc]
    """The summary; nothing is registered before the customer has said yes to it."""

    def name(self) -> str:
        return "action_ask_return_form_return_confirmed"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts = texts_for(tracker, domain)
        item = await _chosen_item(tracker)
        name = item.product.name.in_language(texts.language)
        dispatcher.utter_message(
            response="utter_ask_return_confirmed",
            item=name if item.quantity == 1 else texts("utter_several", item=name, quantity=item.quantity),
            order=tracker.get_slot("return_order"),
            reason=await _reason(tracker, texts),
            resolution=_resolution(tracker, item, texts),
            method=await _method(tracker, texts),
        )
        return []


class ActionFinishReturn(Action):  # type: ignore[misc]
    """Registers a confirmed return and clears the form; after a refusal there is nothing to register."""

    def name(self) -> str:
        return "action_finish_return"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        if tracker.get_slot("return_confirmed"):
            await _register(dispatcher, tracker, texts_for(tracker, domain))
        await offer_parked(dispatcher, tracker, domain)
        order = tracker.get_slot("return_order") or tracker.get_slot("recent_order")
        return [*forget((*FORM_SLOTS, "order_number")), SlotSet("recent_order", order)]


class ActionForgetReturn(Action):  # type: ignore[misc]
    """The customer has stopped the return."""

    def name(self) -> str:
        return "action_forget_return"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        dispatcher.utter_message(response="utter_return_cancelled")
        await offer_parked(dispatcher, tracker, domain)
        return forget(FORM_SLOTS)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why an order or an item cannot be taken: a response of the domain and what to fill it with."""

    response: str
    values: dict[str, str | Name | date]

    def worded(self, language: str) -> dict[str, str]:
        return {"response": self.response, **{name: _worded(value, language) for name, value in self.values.items()}}


def _worded(value: str | Name | date, language: str) -> str:
    if isinstance(value, date):
        return full_day(value, language)
    return value.in_language(language) if isinstance(value, Name) else value


def _begins(slots: Slots) -> bool:
    return slots.get("requested_slot") is None and slots.get("return_order") is None


def _given_aside(checked: Answer, before: Slots) -> bool:
    """Something was said that is not what was asked: the same question comes again and would not show it."""
    asked = before.get("requested_slot")
    if asked is None or asked in checked or asked in AT_THE_END:
        return False
    return any(value not in (None, before.get(slot)) for slot, value in checked.items())


async def _order_in_hand(slots: Slots) -> Answer:
    """The order that was just talked about, if something of it can be returned: it need not be asked for again."""
    number = slots.get("order_number") or slots.get("recent_order")
    order = await asyncio.to_thread(open_shop().order, number) if number else None
    if order is None or order.return_problem(open_shop().today()):
        return {}
    return {"return_order": number}


async def _check(answer: Answer, before: Slots, problems: list[Problem], *, presumed: bool) -> Answer:
    """The answer with what the shop knows: items resolved, impossible values taken out and their problems noted.

    Of an order that is only presumed even a single item is asked for: the question shows which order is meant.
    """
    wish = answer.get("return_sku") or None
    number = answer.get("return_order", before.get("return_order"))
    order = await asyncio.to_thread(open_shop().order, number) if number else None
    if "return_order" in answer and number:
        refusal = _order_problem(number, order, open_shop().today())
        if refusal:
            problems.append(refusal)
            return {**answer, **_without_that_order(refusal, wish, before)}
        wish = wish or _earlier_wish(before)
    elif "return_sku" not in answer:
        return answer
    if order and wish is None and len(order.returnable) == 1 and not presumed:
        wish = {"products": [order.returnable[0].sku]}
    return {**answer, **_check_item(wish, order, problems)}


def _without_that_order(refusal: Problem, wish: Wish | None, before: Slots) -> Answer:
    """A correction that fails leaves the return as it was; without another order, only a new number can help."""
    if before.get("return_order"):
        return {"return_order": before["return_order"], "return_sku": before.get("return_sku")}
    final = refusal.response != "utter_order_unknown"
    return {"return_order": None, "return_sku": None, "return_wish": wish, "return_refused": final or None}


def _order_problem(number: str, order: Order | None, today: date) -> Problem | None:
    if order is None:
        return Problem(response="utter_order_unknown", values={"order": number})
    refusal = order.return_problem(today)
    if refusal is None:
        return None
    values: dict[str, str | Name | date] = {"order": number, "expected": order.expected_on}
    if order.delivered_on and order.return_until:
        values |= {"delivered": order.delivered_on, "until": order.return_until}
    values["returned"] = ", ".join(item.return_number for item in order.items if item.return_number)
    return Problem(response=f"utter_return_{refusal}", values=values)


def _earlier_wish(before: Slots) -> Wish | None:
    """What was said of the item before the order was known or changed."""
    sku = before.get("return_sku")
    return {"products": [sku]} if sku else before.get("return_wish")


def _check_item(wish: Wish | None, order: Order | None, problems: list[Problem]) -> Answer:
    """`return_sku` when the wish leaves but one item of the order; otherwise it is asked for."""
    if order is None or wish is None:
        return {"return_sku": None, "return_wish": wish}
    fitting = [item for item in order.items if _fits(item.product, wish)]
    open_items = [item for item in fitting if item.return_number is None]
    if len(open_items) == 1:
        return {"return_sku": open_items[0].product.sku, "return_wish": None}
    if not open_items:
        problems.append(_item_problem(wish, order, fitting))
    return {"return_sku": None, "return_wish": wish if open_items else None}


def _item_problem(wish: Wish, order: Order, fitting: list[OrderItem]) -> Problem:
    if fitting:
        item = fitting[0]
        return Problem(
            response="utter_item_already_returned",
            values={"item": item.product.short, "order": order.number, "number": item.return_number or ""},
        )
    named = open_shop().product(wish.get("products", [""])[0])
    if named is None:
        return Problem(response="utter_no_such_item", values={"order": order.number})
    return Problem(response="utter_item_not_in_order", values={"item": named.short, "order": order.number})


def _fits(product: Product, wish: Wish) -> bool:
    """Whether every word that describes the item fits the product."""
    described = (
        (wish.get("products"), product.sku),
        (wish.get("kinds"), product.kind),
        (wish.get("colours"), product.colour),
    )
    return all(values is None or value in values for values, value in described)


async def _order(number: str) -> Order:
    order = await asyncio.to_thread(open_shop().order, number)
    assert order is not None, f"order {number} was checked when it was named"
    return order


async def _chosen_item(tracker: Tracker) -> OrderItem:
    order = await _order(tracker.get_slot("return_order"))
    return next(item for item in order.items if item.product.sku == tracker.get_slot("return_sku"))


def _item_card(product: Product, texts: Texts) -> dict[str, Any]:
    short = product.short.in_language(texts.language)
    return {
        "title": product.name.in_language(texts.language),
        "text": money(product.price_cents),
        "image": product.picture,
        "buttons": [
            {"title": texts("utter_return_this", item=short), "payload": payload("inform", product=product.sku)}
        ],
    }


async def _reason(tracker: Tracker, texts: Texts) -> str:
    """The shop's name for the reason, or the customer's own words."""
    note = tracker.get_slot("return_note")
    if note:
        return texts("utter_own_words", note=note)
    reasons = await asyncio.to_thread(open_shop().reasons)
    chosen = tracker.get_slot("return_reason")
    name = next(reason.name.in_language(texts.language) for reason in reasons if reason.id == chosen)
    return name[0].lower() + name[1:]


def _resolution(tracker: Tracker, item: OrderItem, texts: Texts) -> str:
    if tracker.get_slot("return_resolution") == "refund":
        return texts("utter_a_refund", price=money(item.price_cents))
    return texts("utter_an_exchange")


async def _method(tracker: Tracker, texts: Texts) -> str:
    if tracker.get_slot("return_method") == "post":
        return texts("utter_by_post")
    store = await _store(tracker.get_slot("return_store"))
    return texts("utter_at_store", store=store.name.in_language(texts.language))


async def _store(id: str) -> Store:
    stores = await asyncio.to_thread(open_shop().stores)
    return next(store for store in stores if store.id == id)


async def _register(dispatcher: CollectingDispatcher, tracker: Tracker, texts: Texts) -> None:
    item = await _chosen_item(tracker)
    request = _request(tracker)
    try:
        number = await asyncio.to_thread(open_shop().register_return, request)
    except AlreadyReturned as earlier:
        name = item.product.short.in_language(texts.language)
        values = {"item": name, "order": request.order_number, "number": earlier.return_number}
        dispatcher.utter_message(response="utter_item_already_returned", **values)
        return
    dispatcher.utter_message(
        response="utter_return_registered",
        number=number,
        way=await _way(request, number, texts),
        result=texts(f"utter_result_{request.resolution}", price=money(item.price_cents)),
    )


def _request(tracker: Tracker) -> ReturnRequest:
    return ReturnRequest(
        request_id=f"message-{message_id_of(tracker)}",
        order_number=tracker.get_slot("return_order"),
        sku=tracker.get_slot("return_sku"),
        reason=tracker.get_slot("return_reason"),
        note=tracker.get_slot("return_note"),
        resolution=tracker.get_slot("return_resolution"),
        method=tracker.get_slot("return_method"),
        store=tracker.get_slot("return_store") if tracker.get_slot("return_method") == "store" else None,
    )


async def _way(request: ReturnRequest, number: str, texts: Texts) -> str:
    if request.store is None:
        return texts("utter_way_post", number=number)
    store = await _store(request.store)
    name, address = store.name.in_language(texts.language), store.address.in_language(texts.language)
    return texts("utter_way_store", number=number, store=name, address=address)
