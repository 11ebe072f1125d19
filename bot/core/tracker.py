"""Rasa's tracker for a worker's turns: what it derives from its events is derived once.

Rasa's own builds a state for every event of the past at every prediction, and plays the whole past again to make a
copy. Here states are kept and only those of new events are added, and a copy is a copy. What comes out is the same, and
a test holds it against Rasa's own tracker over random dialogues.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from rasa.shared.core.constants import PREVIOUS_ACTION
from rasa.shared.core.domain import Domain, State
from rasa.shared.core.events import (
    ActionExecuted,
    ActionReverted,
    ActiveLoop,
    Event,
    FollowupAction,
    Restarted,
    SessionStarted,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker


class TurnTracker(DialogueStateTracker):  # type: ignore[misc]  # Rasa's class is untyped here
    """As `DialogueStateTracker`, with the same results."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._applied: list[Event] = []
        self._applied_of = 0
        self._loops: set[str] = set()
        self._walks: dict[tuple[Any, ...], _Walk] = {}

    def applied_events(self) -> list[Event]:
        """The events that count, without those that were taken back."""
        if self._max_event_history is not None:
            counting: list[Event] = super().applied_events()
            return counting
        new = list(itertools.islice(self.events, self._applied_of, None))
        if any(self._takes_back(event) for event in new):
            self._applied = super().applied_events()
        else:
            self._applied += new
        self._applied_of = len(self.events)
        self._loops.update(event.name for event in new if isinstance(event, ActiveLoop) and event.name)
        return list(self._applied)

    def _takes_back(self, event: Event) -> bool:
        """Whether more may come of it than that it counts. Which actions are forms shows when they open; one that runs
        again takes back what it did."""
        if isinstance(event, ActionExecuted):
            return event.action_name in self._loops
        if isinstance(event, ActiveLoop):
            return bool(event.name) and event.name not in self._loops
        return isinstance(event, _TAKING_BACK)

    def past_states(
        self,
        domain: Domain,
        omit_unset_slots: bool = False,
        ignore_rule_only_turns: bool = False,
        rule_only_data: dict[str, Any] | None = None,
    ) -> list[State]:
        """One state for each action of the past, and the present one. Whoever asked may change them."""
        if self._max_event_history is not None:
            states: list[State] = super().past_states(domain, omit_unset_slots, ignore_rule_only_turns, rule_only_data)
            return states
        key = (id(domain), omit_unset_slots, ignore_rule_only_turns, repr(rule_only_data))
        walk = self._walks.get(key)
        applied = self.applied_events()
        if walk is None or not walk.leads_to(applied):
            look = _Look(domain, omit_unset_slots, ignore_rule_only_turns, rule_only_data)
            walk = self._walks[key] = _Walk(self.init_copy(), look)
        return walk.to(applied)

    def copy(self) -> DialogueStateTracker:
        """A tracker of its own with the same past."""
        if self._max_event_history is not None or self._forgot_what_follows():
            replayed: DialogueStateTracker = super().copy()
            return replayed
        twin = TurnTracker(self.sender_id, (), is_rule_tracker=self.is_rule_tracker)
        twin.events.extend(self.events)
        twin._applied, twin._applied_of, twin._loops = self._applied.copy(), self._applied_of, self._loops.copy()
        twin.slots = {name: copy.copy(slot) for name, slot in self.slots.items()}
        twin.followup_action = self.followup_action
        twin.latest_action = self.latest_action
        twin.latest_message = self.latest_message
        twin.latest_bot_utterance = self.latest_bot_utterance
        twin.active_loop = copy.copy(self.active_loop)
        twin._paused = self._paused
        return twin

    def _forgot_what_follows(self) -> bool:
        """Rasa forgets by itself, and not by an event, which action is to follow; the events still say it."""
        if self.followup_action is not None:
            return False
        latest = next((event for event in reversed(self.events) if isinstance(event, _SAYING_WHAT_FOLLOWS)), None)
        return not isinstance(latest, _NOTHING_FOLLOWS)


_TAKING_BACK = (Restarted, SessionStarted, ActionReverted, UserUtteranceReverted)
_NOTHING_FOLLOWS = (ActionExecuted, UserUttered)
_SAYING_WHAT_FOLLOWS = (
    *_NOTHING_FOLLOWS,
    FollowupAction,
    *_TAKING_BACK,
)


class _Look:
    """How the past is looked at; see `Domain.states_for_tracker_history`, whose loop's body this is."""

    def __init__(
        self, domain: Domain, omit_unset_slots: bool, ignore_rule_only_turns: bool, rule_only_data: Any
    ) -> None:
        self._domain = domain
        self._omit_unset_slots = omit_unset_slots
        self._ignore_rule_only_turns = ignore_rule_only_turns
        self._rule_only_data = rule_only_data

    def __call__(self, tracker: DialogueStateTracker, is_hidden: bool, seen: _Seen) -> tuple[_Seen, State | None]:
        if not self._ignore_rule_only_turns:
            return seen, self._clean(self._active(tracker))
        action, hidden = seen.action, seen.was_hidden
        if not hidden:
            action = self._domain._get_prev_action_sub_state(tracker)
        if not tracker.followup_action and tracker.latest_action_name != tracker.active_loop_name:
            hidden = is_hidden
        if hidden:
            return _Seen(action, hidden, seen.last), None
        state = self._active(tracker)
        self._domain._remove_rule_only_features(state, self._rule_only_data)
        if seen.last is not None:
            self._domain._substitute_rule_only_user_input(state, seen.last)
        if action:
            state[PREVIOUS_ACTION] = action
        state = self._clean(state)
        return _Seen(action, hidden, state), state

    def _active(self, tracker: DialogueStateTracker) -> State:
        return self._domain.get_active_state(tracker, omit_unset_slots=self._omit_unset_slots)

    def _clean(self, state: State) -> State:
        return self._domain._clean_state(state)


class _Seen:
    """What the next state depends on, besides the tracker."""

    __slots__ = ("action", "last", "was_hidden")

    def __init__(self, action: Any = None, was_hidden: bool = False, last: State | None = None) -> None:
        self.action = action
        self.was_hidden = was_hidden
        self.last = last


class _Walk:
    """The way through the past, as far as it was gone."""

    def __init__(
        self,
        start: DialogueStateTracker,
        look: Callable[[DialogueStateTracker, bool, _Seen], tuple[_Seen, State | None]],
    ) -> None:
        self._tracker = start
        self._look = look
        self._gone: list[Event] = []
        self._seen = _Seen()
        self._states: list[State] = []

    def leads_to(self, applied: Sequence[Event]) -> bool:
        """Whether all that was gone through still counts."""
        return len(self._gone) <= len(applied) and all(
            one is other for one, other in zip(self._gone, applied, strict=False)
        )

    def to(self, applied: Sequence[Event]) -> list[State]:
        """All states up to here."""
        for event in applied[len(self._gone) :]:
            if isinstance(event, ActionExecuted):
                self._seen, state = self._look(self._tracker, event.hide_rule_turn, self._seen)
                if state is not None:
                    self._states.append(state)
            self._tracker.update(event)
            self._gone.append(event)
        _, present = self._look(self._tracker, False, self._seen)
        return [_copy(state) for state in (*self._states, *([] if present is None else [present]))]


def _copy(state: State) -> State:
    return {name: dict(part) if isinstance(part, dict) else part for name, part in state.items()}
