"""What to say to a name or a number that answers no question, and to words that may mean two things."""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import is_in_group, said
from actions.groups import ActionPrivateMatter
from actions.payloads import payload
from actions.people import get_colleague, is_misunderstood_again
from actions.stock import ActionCheckStock
from actions.stores import ActionOpeningHours
from actions.texts import DomainDict, texts_for

CLOSE = 0.2
"""Nearer than this in confidence, which is calibrated, two intents are asked about rather than guessed between."""

TITLE = "utter_choice_"
UNLIKELY = 0.2
"""Less confidence than this is no meaning to ask about."""


class ActionClarify(Action):  # type: ignore[misc]
    """An order number: what about it? A product: its stock. A store or a day: its hours. Words that are about as likely
    to mean one thing as another: which of the two? Anything else: the menu. The second time in a row that nothing is
    understood, a colleague is asked for."""

    def name(self) -> str:
        return "action_clarify"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        message = said(tracker)
        if message.intent == "nlu_fallback" and is_misunderstood_again(tracker):
            return get_colleague(dispatcher, tracker)
        if message.intent == "nlu_fallback":
            return _ask_what_was_meant(dispatcher, tracker, domain)
        order = message.first("order_number")
        if order and is_in_group(tracker):
            private: list[EventType] = await ActionPrivateMatter().run(dispatcher, tracker, domain)
            return private
        if order:
            texts = texts_for(tracker, domain)
            buttons = [
                {"title": texts("utter_track_this_order"), "payload": payload("track_order", order_number=order)},
                {"title": texts("utter_return_from_this_order"), "payload": payload("return_item", order_number=order)},
            ]
            dispatcher.utter_message(response="utter_what_about_order", order=order, buttons=buttons)
            return [SlotSet("order_number", order)]
        if any(message.first(entity) for entity in ("product", "product_kind", "colour")):
            events: list[EventType] = await ActionCheckStock().run(dispatcher, tracker, domain)
            return events
        if message.first("store") or message.first("day"):
            hours: list[EventType] = await ActionOpeningHours().run(dispatcher, tracker, domain)
            return hours
        dispatcher.utter_message(response="utter_what_about_it")
        return []


def close_intents(tracker: Tracker, choices: set[str]) -> list[str]:
    """The two likeliest of the message's intents, if both are among the choices and about as likely; else none."""
    ranking = tracker.latest_message.get("intent_ranking") or []
    likely = [each for each in ranking if each["name"] != "nlu_fallback"][:2]
    names = [each["name"] for each in likely]
    if len(likely) < 2 or not choices.issuperset(names):
        return []
    first, second = (each["confidence"] for each in likely)
    return names if second >= UNLIKELY and first - second <= CLOSE else []


def _ask_what_was_meant(dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
    texts, titles = texts_for(tracker, domain), _titles(domain)
    close = [] if is_in_group(tracker) else close_intents(tracker, set(titles))
    if close:
        buttons = [{"title": texts(titles[intent]), "payload": payload(intent)} for intent in close]
        dispatcher.utter_message(response="utter_which_of_two", buttons=buttons)
    else:
        dispatcher.utter_message(response="utter_not_understood_menu")
    return []


def _titles(domain: DomainDict) -> dict[str, str]:
    """The responses that name what an intent is for, by intent: those that can be asked about."""
    return {name[len(TITLE) :]: name for name in domain.get("responses", {}) if name.startswith(TITLE)}
