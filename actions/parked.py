"""A form that was put aside: two dialogues became one, and both had a form open.

The slot `parked_form` holds it as `{"form": name, "slots": {slot: value}}`. It is offered when the other one has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.texts import DomainDict, texts_for
from actions.thread import thread_of

PARKED_FORM = "parked_form"


@dataclass(frozen=True, kw_only=True)
class Parked:
    form: str
    slots: dict[str, Any]
    """All that the form asks for; empty where it had no answer yet."""


async def offer_parked(dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> None:
    """Where something waits: whether to go on with it. For an action that ends a form."""
    parked = _parked(tracker, domain)
    if parked is None:
        return
    texts = texts_for(tracker, domain)
    thread = await thread_of(parked.form, parked.slots, texts.language)
    buttons = [
        {"title": texts("utter_go_on_with_it"), "payload": "/resume_parked"},
        {"title": texts("utter_forget_it"), "payload": "/drop_parked"},
    ]
    dispatcher.utter_message(response=f"utter_parked{thread.kind}", buttons=buttons, **thread.values)


class ActionResumeParked(Action):  # type: ignore[misc]
    """Goes on where the form was put aside; the form asks its question. In the middle of another one it has to wait."""

    def name(self) -> str:
        return "action_resume_parked"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        parked = _parked(tracker, domain)
        if parked is None:
            dispatcher.utter_message(response="utter_nothing_parked")
            return []
        if tracker.active_loop_name:
            dispatcher.utter_message(response="utter_parked_waits")
            return []
        slots = [SlotSet(slot, value) for slot, value in parked.slots.items()]
        return [SlotSet(PARKED_FORM, None), *slots, FollowupAction(parked.form)]


class ActionDropParked(Action):  # type: ignore[misc]
    def name(self) -> str:
        return "action_drop_parked"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        parked = _parked(tracker, domain)
        dispatcher.utter_message(response="utter_parked_dropped" if parked else "utter_nothing_parked")
        return [SlotSet(PARKED_FORM, None)]


def _parked(tracker: Tracker, domain: DomainDict) -> Parked | None:
    """What waits, if this assistant has such a form: it may have been put aside under an older one."""
    kept = tracker.get_slot(PARKED_FORM)
    form = domain["forms"].get(kept["form"]) if kept else None
    if form is None:
        return None
    return Parked(form=kept["form"], slots={slot: kept["slots"].get(slot) for slot in form["required_slots"]})
