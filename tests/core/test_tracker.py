"""The worker's tracker gives what Rasa's own gives, whatever was said, and whenever it is asked."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActionExecutionRejected,
    ActionReverted,
    ActiveLoop,
    AllSlotsReset,
    BotUttered,
    ConversationPaused,
    ConversationResumed,
    Event,
    FollowupAction,
    LoopInterrupted,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.core.tracker import TurnTracker
from tests.core.conftest import ASSISTANT

LOOKS: list[dict[str, Any]] = [
    {},
    {"omit_unset_slots": True},
    {"ignore_rule_only_turns": True, "rule_only_data": {"rule_only_slots": ["item"], "rule_only_loops": []}},
    {"ignore_rule_only_turns": True, "rule_only_data": None},
]


@pytest.fixture(scope="module")
def domain() -> Domain:
    return Domain.load(str(ASSISTANT / "domain.yml"))


def anything(dice: random.Random) -> list[Event]:
    """What may come next, sensible or not."""
    listen, form = ActionExecuted("action_listen"), ActionExecuted("return_form")
    hidden = ActionExecuted("utter_faq", hide_rule_turn=True)
    common: list[list[Event]] = [
        [listen, UserUttered("hello", {"name": "greet", "confidence": 1.0}), ActionExecuted("utter_greet")],
        [listen, UserUttered("what?", {"name": "faq", "confidence": 0.9}), hidden, BotUttered("this")],
        [form, ActiveLoop("return_form"), SlotSet("requested_slot", "item")],
        [form, SlotSet("item", "lamp"), SlotSet("requested_slot", "reason")],
        [form, ActiveLoop(None), SlotSet("requested_slot", None)],
        [SlotSet("language", dice.choice(["en", "zh", None]))],
        [ActionExecutionRejected("return_form"), ActionExecuted("utter_greet"), LoopInterrupted(True)],
        [FollowupAction("utter_greet")],
    ]
    rare: list[list[Event]] = [
        [Restarted()],
        [SessionStarted()],
        [ActionReverted()],
        [UserUtteranceReverted()],
        [AllSlotsReset()],
        [ConversationPaused(), ConversationResumed()],
    ]
    return dice.choice(rare if dice.random() < 0.15 else common)


def everything_of(tracker: DialogueStateTracker) -> dict[str, Any]:
    return {
        **{name: value for name, value in vars(tracker).items() if name not in ("slots", *OURS)},
        "values": {name: (slot.value, slot.has_been_set) for name, slot in tracker.slots.items()},
    }


OURS = ("_applied", "_applied_of", "_loops", "_walks")


@pytest.mark.parametrize("seed", range(12))
def test_states_copies_and_what_counts_are_those_of_rasas_tracker(seed: int, domain: Domain) -> None:
    dice = random.Random(seed)
    ours = TurnTracker("alice", domain.slots)
    theirs = DialogueStateTracker("alice", domain.slots)
    for _ in range(60):
        for event in anything(dice):
            ours.update(event, domain)
            theirs.update(event, domain)
        if dice.random() < 0.2:  # as Rasa does without an event, before the action that was to follow runs
            ours.clear_followup_action()
            theirs.clear_followup_action()
        assert ours.applied_events() == theirs.applied_events()
        for look in LOOKS:
            states = ours.past_states(domain, **look)
            assert states == theirs.past_states(domain, **look)
            states[-1].clear()  # whoever asks may do as they like with them
        copy = ours.copy()
        assert everything_of(copy) == everything_of(theirs.copy())
        copy.update(SlotSet("item", "not ours"), domain)
        assert everything_of(ours) == everything_of(theirs)


def test_a_copy_goes_its_own_way(domain: Domain) -> None:
    tracker = TurnTracker("alice", domain.slots)
    tracker.update(ActiveLoop("return_form"), domain)
    copy = tracker.copy()
    copy.interrupt_loop(True)
    copy.update(SlotSet("item", "lamp"), domain)
    assert not tracker.is_active_loop_interrupted
    assert tracker.get_slot("item") is None
    assert len(tracker.events) == 1


def test_the_assistant_of_these_tests_has_what_is_used_here(domain: Domain) -> None:
    assert {"item", "reason", "language"} <= {slot.name for slot in domain.slots}
    assert Path(ASSISTANT / "domain.yml").exists()
    assert "return_form" in domain.action_names_or_texts
