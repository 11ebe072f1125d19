"""Which slots and which form a dialogue goes on with that was two."""

from __future__ import annotations

from typing import Any

import pytest
from rasa.shared.core.constants import REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.core.merging import PARKED_FORM, merged

DOMAIN = Domain.from_yaml(
    """
version: "3.1"
intents: [inform]
slots:
  language: {type: text, mappings: [{type: custom}]}
  city: {type: text, mappings: [{type: custom}]}
  order: {type: text, mappings: [{type: custom}]}
  item: {type: text, mappings: [{type: custom}]}
  parcel: {type: text, mappings: [{type: custom}]}
  parked_form: {type: any, mappings: [{type: custom}]}
forms:
  return_form: {required_slots: [order, item]}
  track_form: {required_slots: [parcel]}
"""
)


def dialogue(*steps: tuple[float, str, Any]) -> DialogueStateTracker:
    """Steps: (when, slot, value), or (when, "form", name) for one that was opened, or (when, "asks", slot)."""
    events: list[Event] = []
    for when, name, value in steps:
        events.append(UserUttered("…", timestamp=when))
        if name == "form":
            events += [ActionExecuted(value, timestamp=when), ActiveLoop(value, timestamp=when)]
        elif name == "asks":
            events.append(SlotSet(REQUESTED_SLOT, value, timestamp=when))
        else:
            events.append(SlotSet(name, value, timestamp=when))
    tracker = DialogueStateTracker.from_events("alice", events, DOMAIN.slots)
    assert tracker is not None
    return tracker


def become_one(into: DialogueStateTracker, other: DialogueStateTracker) -> DialogueStateTracker:
    for event in merged(into, other, DOMAIN):
        into.update(event, DOMAIN)
    return into


@pytest.mark.parametrize(("mine", "theirs", "wins"), [(1, 2, "theirs"), (2, 1, "mine")])
def test_of_each_slot_the_newer_value_wins(mine: float, theirs: float, wins: str) -> None:
    one = become_one(dialogue((mine, "city", "mine")), dialogue((theirs, "city", "theirs"), (theirs, "language", "zh")))
    assert (one.get_slot("city"), one.get_slot("language")) == (wins, "zh")


def test_a_language_that_was_spoken_counts_more_than_one_that_an_app_has() -> None:
    mine = dialogue((1, "language", "zh"))
    theirs = DialogueStateTracker.from_events("bob", [SlotSet("language", "en", timestamp=5)], DOMAIN.slots)
    assert become_one(mine, theirs).get_slot("language") == "zh"
    nobody = DialogueStateTracker.from_events("bob", [], DOMAIN.slots)
    assert become_one(nobody, theirs).get_slot("language") == "en"


def test_what_was_taken_back_does_not_take_anything_away() -> None:
    one = become_one(dialogue((1, "city", "mine")), dialogue((2, "city", "theirs"), (3, "city", None)))
    assert one.get_slot("city") == "mine"


def test_an_open_form_goes_on_with_its_slots_and_its_question() -> None:
    theirs = dialogue((1, "form", "return_form"), (2, "order", "1042"), (2, "asks", "item"))
    one = become_one(dialogue((3, "city", "mine"), (3, "order", "7")), theirs)
    assert one.active_loop_name == "return_form"
    assert (one.get_slot("order"), one.get_slot("item"), one.get_slot(REQUESTED_SLOT)) == ("1042", None, "item")
    assert one.get_slot("city") == "mine"


def test_my_open_form_is_not_touched_by_older_or_newer_orders() -> None:
    mine = dialogue((1, "form", "return_form"), (1, "order", "1042"), (1, "asks", "item"))
    one = become_one(mine, dialogue((5, "order", "9"), (5, "item", "pan")))
    assert (one.active_loop_name, one.get_slot("order"), one.get_slot("item")) == ("return_form", "1042", None)


def test_of_two_open_forms_the_one_used_last_goes_on_and_the_other_is_put_aside() -> None:
    mine = dialogue((1, "form", "return_form"), (2, "order", "1042"), (2, "asks", "item"))
    one = become_one(mine, dialogue((3, "form", "track_form"), (3, "asks", "parcel")))
    assert (one.active_loop_name, one.get_slot(REQUESTED_SLOT)) == ("track_form", "parcel")
    assert one.get_slot(PARKED_FORM) == {"form": "return_form", "slots": {"order": "1042"}}
    assert one.get_slot("order") is None


def test_the_other_way_round() -> None:
    mine = dialogue((3, "form", "return_form"), (4, "order", "1042"), (4, "asks", "item"))
    one = become_one(mine, dialogue((1, "form", "track_form"), (2, "parcel", "P1"), (2, "asks", "parcel")))
    assert (one.active_loop_name, one.get_slot("order"), one.get_slot("parcel")) == ("return_form", "1042", None)
    assert one.get_slot(PARKED_FORM) == {"form": "track_form", "slots": {"parcel": "P1"}}


def test_two_returns_are_never_mixed() -> None:
    mine = dialogue((1, "form", "return_form"), (2, "order", "1042"), (2, "item", "pan"))
    one = become_one(mine, dialogue((3, "form", "return_form"), (3, "order", "1048"), (3, "asks", "item")))
    assert (one.get_slot("order"), one.get_slot("item"), one.get_slot(REQUESTED_SLOT)) == ("1048", None, "item")
    assert one.get_slot(PARKED_FORM) == {"form": "return_form", "slots": {"order": "1042", "item": "pan"}}


def test_nothing_to_take_over_is_nothing_to_write() -> None:
    assert merged(dialogue((1, "city", "x")), dialogue(), DOMAIN) == []
    assert merged(dialogue((1, "city", "x")), dialogue((2, "city", "x")), DOMAIN) == []


def test_an_assistant_without_a_place_for_it_forgets_the_form_that_is_put_aside() -> None:
    domain = DOMAIN.as_dict()
    del domain["slots"]["parked_form"]
    bare = Domain.from_dict(domain)
    mine = dialogue((1, "form", "return_form"), (2, "order", "1042"))
    events = merged(mine, dialogue((3, "form", "track_form")), bare)
    assert not [event for event in events if isinstance(event, SlotSet) and event.key == PARKED_FORM]
