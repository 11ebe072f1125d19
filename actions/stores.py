"""Where the stores are and when they are open."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import said
from actions.shop import Place, Store, open_shop
from actions.texts import DomainDict, Texts, clock_time, near_day, texts_for

MOST_DAYS = 3
FARTHEST_KM = 100
"""Whoever is farther away is not in the country."""


class ActionOpeningHours(Action):  # type: ignore[misc]
    """Of the store that was named, or of the last one when only a day is, or of all; today unless a day is named."""

    def name(self) -> str:
        return "action_opening_hours"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts, message = texts_for(tracker, domain), said(tracker)
        now = open_shop().now()
        days = [date.fromisoformat(day) for day in message.entities.get("day", [])][:MOST_DAYS] or [now.date()]
        ids = message.entities.get("store") or _recent(tracker, message.intent)
        stores = await asyncio.to_thread(open_shop().stores)
        chosen = [store for store in stores if store.id in ids] or list(stores)
        for day in days:
            dispatcher.utter_message(**_answer(chosen, day, now, texts))
        return [SlotSet("recent_store", chosen[0].id if len(chosen) == 1 else None)]


class ActionNearestStore(Action):  # type: ignore[misc]
    """The customer has shared where they are: the store that is nearest, on the map, and when it is open today."""

    def name(self) -> str:
        return "action_nearest_store"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        texts, here = texts_for(tracker, domain), _shared_place(tracker)
        stores = await asyncio.to_thread(open_shop().stores)
        away = {store: here.km_to(store.place) for store in stores if here and store.place}
        nearest = min(away, key=lambda store: away[store], default=None)
        if nearest is None or nearest.place is None or away[nearest] > FARTHEST_KM:
            dispatcher.utter_message(response="utter_no_store_near")
            return []
        now = open_shop().now()
        dispatcher.utter_message(
            response="utter_nearest_store",
            store=nearest.name.in_language(texts.language),
            address=nearest.address.in_language(texts.language),
            km=f"{away[nearest]:.1f}",
            latitude=str(nearest.place.latitude),
            longitude=str(nearest.place.longitude),
        )
        dispatcher.utter_message(**_of_one(nearest, now.date(), now, texts))
        return [SlotSet("recent_store", nearest.id)]


def _shared_place(tracker: Tracker) -> Place | None:
    message = said(tracker)
    try:
        latitude, longitude = (float(str(message.first(name))) for name in ("latitude", "longitude"))
    except ValueError:
        return None
    on_earth = abs(latitude) <= 90 and abs(longitude) <= 180
    return Place(latitude=latitude, longitude=longitude) if on_earth else None


def _recent(tracker: Tracker, intent: str) -> list[str]:
    """ "And on Sunday?" is about the store of before; a new question is about all of them."""
    recent = tracker.get_slot("recent_store")
    return [recent] if recent and intent == "inform" else []


def _answer(stores: list[Store], day: date, now: datetime, texts: Texts) -> dict[str, str]:
    if len(stores) == 1:
        return _of_one(stores[0], day, now, texts)
    lines = "\n".join(_line(store, day, texts) for store in stores)
    return {"response": "utter_hours_of_all", "day": near_day(day, now.date(), texts.language), "lines": lines}


def _of_one(store: Store, day: date, now: datetime, texts: Texts) -> dict[str, str]:
    language = texts.language
    words = {
        "store": store.name.in_language(language),
        "address": store.address.in_language(language),
        "day": near_day(day, now.date(), language),
    }
    hours = store.hours_on(day)
    if hours is None:
        return {"response": "utter_hours_of_store_closed", **words}
    opens, closes = hours
    tomorrow = store.hours_on(day + timedelta(days=1))
    response = "utter_hours_of_store"
    if day == now.date() and opens <= now.time() < closes:
        response = "utter_hours_of_store_open_now"
    elif day == now.date() and now.time() >= closes and tomorrow:
        response, opens = "utter_hours_of_store_over", tomorrow[0]
    return {"response": response, "opens": clock_time(opens), "closes": clock_time(closes), **words}


def _line(store: Store, day: date, texts: Texts) -> str:
    language, hours = texts.language, store.hours_on(day)
    place = {"store": store.name.in_language(language), "address": store.address.in_language(language)}
    if hours is None:
        return texts("utter_hours_line_closed", **place)
    return texts("utter_hours_line", opens=clock_time(hours[0]), closes=clock_time(hours[1]), **place)
