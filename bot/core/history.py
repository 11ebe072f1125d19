"""A conversation's events ↔ Rasa's tracker, and when the past may be cut short.

The tail is the events as they were; the snapshot is a short list of Rasa events that stands for all before it. Rasa
forgets everything by itself when a session starts, so that is always a place to cut. Within a session, three things of
the past can still matter, and a cut keeps them all:

- the slots, and whether a human has paused the bot: set again by the snapshot;
- the states that policies look back at. The rule policy looks at the last states of all, so the tail is never shorter
  than the longest rule. Learned policies do not see turns that rules alone decided, so what they look at may lie far
  back: the snapshot keeps the beginning of the session and the last turns that they do see;
- the possibility of going back ("back", a fallback that undoes itself, a form that runs again): a cut lies where no
  form is open, and a tail that has become short by going back is not used: the whole session is read instead.

Whether the shortened history really stands for the whole is checked before it is kept, not believed.

An event that cannot be read is passed over and logged with its number, and the dialogue goes on with all the others; a
snapshot that cannot be read is not used, and the session is read instead.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    ConversationPaused,
    ConversationResumed,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.core.depth import Depth
from bot.core.logs import get_logger
from bot.core.recent import Past
from bot.core.stored import StoredHistory
from bot.core.tracker import TurnTracker
from bot.core.turn import Json, Snapshot
from bot.core.unreadable import Unreadable, read_event

_log = get_logger()

# The events that a cut leaves, at least; cut when there are twice as many.
TAIL = 50

# More turns than one message can undo. "Back" undoes two.
_UNDONE_AT_ONCE = 5

# Places that are tried for a cut in one turn; the next turn tries again.
_TRIES = 4


def tracker_of(history: StoredHistory, domain: Domain) -> DialogueStateTracker:
    """Rebuild the tracker, without what cannot be read."""
    events = [_event(history.conversation, None, data) for data in history.snapshot]
    events += [_event(history.conversation, history.first_seq + at, data) for at, data in enumerate(history.events)]
    return _tracker(history.conversation, events, domain)


def suffices(past: Past, depth: Depth) -> bool:
    """Whether a shortened history can be read and still has all that the next turn can look at or undo."""
    if not past.snapshot:
        return True
    snapshot = itertools.islice(past.tracker.events, past.snapshot)
    if any(isinstance(event, Unreadable) for event in snapshot):
        return False
    return _is_deep(_applied_tail(past.tracker, past.snapshot), depth)


def shorten(past: Past, domain: Domain, depth: Depth, *, tail: int = TAIL) -> Snapshot | None:
    """A snapshot with which the next turns need not read so much, if it is time for one and it changes nothing."""
    if past.tail <= 2 * tail:
        return None
    tracker, offset = past.tracker, past.snapshot
    events = list(tracker.events)
    started = _last_session(events, offset)
    if started is not None:
        return Snapshot(seq=past.first_seq + started - offset, events=())
    for cut in itertools.islice(_places(tracker, offset, depth, tail), _TRIES):
        kept = _stand_in(tracker, events, cut, domain, depth)
        if kept is not None:
            return Snapshot(seq=past.first_seq + cut - offset, events=tuple(event.as_dict() for event in kept))
    return None


def events_as_json(events: Sequence[Event]) -> tuple[Json, ...]:
    """Rasa's events as they are stored."""
    return tuple(_plain(event.as_dict()) for event in events)


def _event(conversation: str, seq: int | None, data: Json) -> Event:
    """The event with this number; of the snapshot, without one."""
    try:
        return read_event(data)
    except ValueError as reason:
        _log.error("event.unreadable", conversation=conversation, seq=seq or "snapshot", reason=str(reason))
        return Unreadable(data)


def _tracker(conversation: str, events: Sequence[Event], domain: Domain) -> DialogueStateTracker:
    return TurnTracker.from_events(conversation, list(events), slots=domain.slots, domain=domain)


def _last_session(events: Sequence[Event], offset: int) -> int | None:
    """Where the last session started, if that is within the tail and not at its very beginning."""
    for index in range(len(events) - 1, offset, -1):
        if isinstance(events[index], SessionStarted):
            return index
    return None


def _places(tracker: DialogueStateTracker, offset: int, depth: Depth, tail: int) -> Iterator[int]:
    """Beginnings of turns, the latest first, where no form is open and that leave a tail that is long enough."""
    index_of = {id(event): index for index, event in enumerate(tracker.events)}
    applied = tracker.applied_events()
    inside = _inside_a_loop(applied)
    for position in range(len(applied) - 1, 0, -1):
        index = index_of[id(applied[position])]
        if index <= offset:
            return
        # At the customer's words: the listening before them belongs to the turn that it ends, and goes with it.
        begins = isinstance(applied[position], UserUttered) and _listens(applied[position - 1])
        long_enough = len(tracker.events) - index >= tail and _is_deep(reversed(applied[position:]), depth)
        if begins and long_enough and not inside[position]:
            yield index


def _inside_a_loop(applied: Sequence[Event]) -> list[bool]:
    """For each event, whether a form was open when it came."""
    inside, is_open = [], False
    for event in applied:
        inside.append(is_open)
        if isinstance(event, ActiveLoop):
            is_open = event.name is not None
    return inside


def _stand_in(
    tracker: DialogueStateTracker, events: Sequence[Event], cut: int, domain: Domain, depth: Depth
) -> list[Event] | None:
    """Events that stand for `events[:cut]`, or None where nothing shorter can."""
    if depth.stories is None:
        return None
    before = _tracker(tracker.sender_id, events[:cut], domain)
    kept = _compact(before, depth.stories, domain)
    # Compared where the first prediction after the cut is made.
    predicted = next((i for i in range(cut + 1, len(events)) if isinstance(events[i], ActionExecuted)), len(events))
    whole = _tracker(tracker.sender_id, events[:predicted], domain)
    short = _tracker(tracker.sender_id, [*kept, *events[cut:predicted]], domain)
    after = _tracker(tracker.sender_id, [*kept, *events[cut:]], domain)
    same = (
        _same_state(whole, short)
        and _same_state(tracker, after)
        and _visible(whole, domain, depth.stories + 2) == _visible(short, domain, depth.stories + 2)
        and _untouched(before.applied_events(), tracker.applied_events())
        and _untouched(_tracker(tracker.sender_id, kept, domain).applied_events(), after.applied_events())
        and _is_deep(_applied_tail(after, len(kept)), depth)
    )
    return kept if same else None


def _same_state(one: DialogueStateTracker, other: DialogueStateTracker) -> bool:
    return bool(
        one.current_slot_values() == other.current_slot_values()
        and one.active_loop == other.active_loop
        and one.is_paused() == other.is_paused()
        and one.followup_action == other.followup_action
        and one.latest_action == other.latest_action
        and one.latest_message == other.latest_message
    )


def _visible(tracker: DialogueStateTracker, domain: Domain, count: int) -> list[Any]:
    """The last states as learned policies see them."""
    return list(tracker.past_states(domain, ignore_rule_only_turns=True)[-count:])


def _untouched(before: Sequence[Event], now: Sequence[Event]) -> bool:
    """Whether all that was applied before is still there, so that nothing later has undone any of it."""
    return len(before) <= len(now) and all(one is other for one, other in zip(before, now, strict=False))


def _applied_tail(tracker: DialogueStateTracker, offset: int) -> Iterator[Event]:
    """What counts of the events from `offset` on, the newest first."""
    cut = {id(event) for event in itertools.islice(tracker.events, offset)}
    return itertools.takewhile(lambda event: id(event) not in cut, reversed(tracker.applied_events()))


def _is_deep(newest_first: Iterable[Event], depth: Depth) -> bool:
    turns = actions = 0
    for event in newest_first:
        turns += isinstance(event, UserUttered)
        actions += isinstance(event, ActionExecuted)
        if turns > _UNDONE_AT_ONCE and actions > depth.rules + 2 * _UNDONE_AT_ONCE:
            return True
    return False


# --- What a snapshot keeps ---


def _compact(before: DialogueStateTracker, stories: int, domain: Domain) -> list[Event]:
    """The session's beginning, the last turns that learned policies see, and what the others left behind."""
    start = next((event for event in before.events if isinstance(event, SessionStarted)), None)
    head, turns = _head_and_turns(before.applied_events())
    kept = _Kept(before.sender_id, domain)
    kept.add([*([start] if start is not None else []), *head])
    actual = _tracker(before.sender_id, head, domain)
    wanted = _wanted(turns, stories + 2)
    for turn, is_wanted in zip(turns, wanted, strict=True):
        if is_wanted:
            kept.catch_up(actual)
            kept.add(turn)
        for event in turn:
            actual.update(event)
    kept.catch_up(before)
    if before.is_paused() != kept.tracker.is_paused():
        kept.add([ConversationPaused() if before.is_paused() else ConversationResumed()])
    return kept.events


class _Kept:
    """A shortened history that grows, with the tracker that it makes."""

    def __init__(self, conversation: str, domain: Domain) -> None:
        self.events: list[Event] = []
        self.tracker = _tracker(conversation, [], domain)

    def add(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, Unreadable):
                continue
            self.events.append(event)
            self.tracker.update(event)

    def catch_up(self, actual: DialogueStateTracker) -> None:
        """Set the slots as they were at this point of the whole history."""
        ours, theirs = self.tracker.current_slot_values(), actual.current_slot_values()
        when = actual.events[-1].timestamp if actual.events else None
        self.add([SlotSet(name, value, timestamp=when) for name, value in theirs.items() if ours.get(name) != value])


def _head_and_turns(applied: Sequence[Event]) -> tuple[list[Event], list[list[Event]]]:
    """What came before the customer's first words, and the turns, those within one form kept together."""
    first = next((i for i, event in enumerate(applied) if isinstance(event, UserUttered)), len(applied))
    turns: list[list[Event]] = []
    loop_is_open = False
    for event in applied[first:]:
        if isinstance(event, UserUttered) and not loop_is_open:
            turns.append([])
        if isinstance(event, ActiveLoop):
            loop_is_open = event.name is not None
        turns[-1].append(event)
    return list(applied[:first]), turns


def _wanted(turns: Sequence[Sequence[Event]], states: int) -> list[bool]:
    """Which turns a learned policy can still look at: the last that are not hidden from it."""
    wanted = []
    for turn in reversed(turns):
        seen = sum(isinstance(event, ActionExecuted) and not event.hide_rule_turn for event in turn)
        wanted.append(seen > 0 and states > 0)
        states -= seen
    return wanted[::-1]


def _listens(event: Event) -> bool:
    return isinstance(event, ActionExecuted) and event.action_name == ACTION_LISTEN_NAME


def _plain(data: Json) -> Json:
    """As it is, where it is plain JSON; numbers of numpy, which components may leave in it, made plain."""
    try:
        json.dumps(data, allow_nan=False)
    except TypeError:
        plain: Json = json.loads(json.dumps(data, default=_number))
        return plain
    return data


def _number(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be stored")
