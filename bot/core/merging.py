"""Two dialogues become one: which slots and which form it goes on with.

The rule: of each slot, the value that was given last wins. An open form goes on, with all the slots that it fills: a
return of one order and a return of another are never mixed. Where both have an open form, the one that was used last
goes on, and the other is put aside in the slot `parked_form`, if the assistant has one, to be offered afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from rasa.shared.core.constants import REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActiveLoop, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

PARKED_FORM = "parked_form"
"""`{"form": …, "slots": {…}}`, or nothing."""

_OWN = (REQUESTED_SLOT, PARKED_FORM, "session_started_metadata")


def merged(into: DialogueStateTracker, other: DialogueStateTracker, domain: Domain) -> list[Event]:
    """The events that make the dialogue `into` the one of both."""
    theirs_goes_on, parked = _forms(into, other)
    values = dict(_free_values(into, other, _filled_by(domain, into.active_loop_name, other.active_loop_name)))
    if theirs_goes_on:
        values |= {name: other.get_slot(name) for name in _filled_by(domain, other.active_loop_name)}
    if parked is not None and PARKED_FORM in domain_slots(domain):
        values[PARKED_FORM] = _parked(parked, domain)
    if theirs_goes_on and parked is not None:
        mine_alone = _filled_by(domain, into.active_loop_name) - _filled_by(domain, other.active_loop_name)
        values |= dict.fromkeys(mine_alone)
    events: list[Event] = [
        SlotSet(name, value) for name, value in sorted(values.items()) if value != into.get_slot(name)
    ]
    if theirs_goes_on:
        events += [ActiveLoop(other.active_loop_name), SlotSet(REQUESTED_SLOT, other.get_slot(REQUESTED_SLOT))]
    return events


def domain_slots(domain: Domain) -> set[str]:
    """The names of the assistant's slots."""
    return {slot.name for slot in domain.slots}


def _forms(into: DialogueStateTracker, other: DialogueStateTracker) -> tuple[bool, DialogueStateTracker | None]:
    """Whether it is the other's open form that goes on, and whose is put aside."""
    if other.active_loop_name is None:
        return False, None
    if into.active_loop_name is None:
        return True, None
    return (True, into) if _last_used(other) > _last_used(into) else (False, other)


def _last_used(tracker: DialogueStateTracker) -> float:
    """When the customer last said something there; seconds since 1970."""
    return max((event.timestamp for event in tracker.events if isinstance(event, UserUttered)), default=0.0)


def _filled_by(domain: Domain, *forms: str | None) -> set[str]:
    """The slots that these forms ask for."""
    return {slot for form in forms if form for slot in domain.required_slots_for_form(form) or ()}


def _free_values(into: DialogueStateTracker, other: DialogueStateTracker, kept: set[str]) -> Iterator[tuple[str, Any]]:
    """What the other dialogue gave later than this one, but for the slots of open forms."""
    mine, theirs = _given_at(into), _given_at(other)
    for name, (at, value) in theirs.items():
        if name in kept or name in _OWN or name not in into.slots or value is None:
            continue
        if name not in mine or mine[name][1] is None or at > mine[name][0]:
            yield name, value


def _given_at(tracker: DialogueStateTracker) -> Mapping[str, tuple[float, Any]]:
    """When each slot got the value that it has. What was there before the customer said a word, an app's language say,
    nobody has confirmed: it is older than anything."""
    given: dict[str, tuple[float, Any]] = {}
    has_spoken = False
    for event in tracker.events:
        has_spoken = has_spoken or isinstance(event, UserUttered)
        if isinstance(event, SlotSet) and event.key in tracker.slots:
            at = event.timestamp if has_spoken else -math.inf
            given[event.key] = (at, tracker.get_slot(event.key))
    return given


def _parked(tracker: DialogueStateTracker, domain: Domain) -> dict[str, Any]:
    form = tracker.active_loop_name
    slots = {name: tracker.get_slot(name) for name in sorted(_filled_by(domain, form))}
    return {"form": form, "slots": {name: value for name, value in slots.items() if value is not None}}
