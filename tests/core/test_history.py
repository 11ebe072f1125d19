"""A shortened history behaves exactly as the whole one."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.core.depth import Depth
from bot.core.dialogue import Dialogue
from bot.core.history import tracker_of
from bot.core.stored import Given, StoredHistory
from bot.core.turn import Json, Snapshot, Turn
from tests.core.playing import message_of

SAYINGS = [
    *["/greet", "/hello", "/faq", "/more", "/more", "/next", "/walk", "/forget", "/menu", "/stale_choice"],
    *["/return_item", "/return_item", "/return_item", "lamp", "broken", "/cancel", "too large"],
    *["/look_up", "/back", "/back", "what?", '/speak{"tongue": "zh"}', '/speak{"tongue": "en"}'],
]
RARE = ["/restart", "/session_start", "/pause"]


class Kept:
    """A conversation's events, stored as the tables would have them."""

    def __init__(self, *, cut: bool) -> None:
        self.events: list[Json] = []
        self.snapshot: Snapshot | None = None
        self.cuts = 0
        self.read_whole = 0
        self._cut = cut

    def history(self) -> StoredHistory:
        if self.snapshot is None:
            return StoredHistory(conversation="alice", snapshot=(), first_seq=1, events=tuple(self.events))
        return StoredHistory(
            conversation="alice",
            snapshot=self.snapshot.events,
            first_seq=self.snapshot.seq,
            events=tuple(self.events[self.snapshot.seq - 1 :]),
        )

    async def session(self) -> StoredHistory:
        self.read_whole += 1
        started = [index for index, event in enumerate(self.events) if event["event"] == "session_started"]
        first = started[-1] if started else 0
        return StoredHistory(conversation="alice", snapshot=(), first_seq=first + 1, events=tuple(self.events[first:]))

    def add(self, turn: Turn) -> None:
        history = self.history()
        assert turn.first_event == history.next_seq
        self.events.extend(turn.events)
        if self._cut and turn.snapshot is not None:
            self.snapshot = turn.snapshot
            self.cuts += 1


async def take(dialogue: Dialogue, kept: Kept, payload: str, number: int) -> Turn:
    # As a menu's option, so that payloads reach Rasa.
    turn = await dialogue.turn(choice_of(payload, number), given(kept, payload), kept.session)
    kept.add(turn)
    return turn


def choice_of(payload: str, number: int) -> Any:
    return message_of({"type": "choice", "message": 1, "option": 0, "label": payload}, number=number)


def given(kept: Kept, payload: str) -> Given:
    from bot.core.questions import Question
    from channels.contract import Option
    from tests.core.playing import NOON

    question = Question(id=1, options=(Option(title="x", payload=payload),), asks=None, asked_at=NOON)
    return Given(history=kept.history(), question=question)


def comparable(turn: Turn) -> Any:
    """Everything but the times, and but the slots that a new session carries over: Rasa repeats every value that a slot
    has had, of which only the last counts."""
    return [_without_times(event) for event in _carried_over_once(turn.events)], turn.replies, turn.language


def _without_times(event: Json) -> Json:
    return {name: value for name, value in event.items() if name not in ("timestamp", "parse_data")}


def _carried_over_once(events: tuple[Json, ...]) -> list[Json]:
    kept: list[Json] = []
    carried: dict[str, Any] | None = None
    for event in events:
        if carried is not None and event["event"] == "slot":
            carried[event["name"]] = event["value"]
            continue
        if carried is not None:
            slots = {name: value for name, value in sorted(carried.items()) if value is not None}
            kept.append({"event": "carried", "slots": slots})
        carried = {} if event["event"] == "session_started" else None
        kept.append(event)
    return kept


@pytest.mark.parametrize("seed", range(4))
async def test_random_dialogues_go_the_same_way_with_a_short_tail(seed: int, model: Path, endpoints: Path) -> None:
    """Read anew for each turn, and remembered from one turn to the next."""
    dice = random.Random(seed)
    dialogue = Dialogue.load(model, endpoints, tail=8)
    whole, short, remembered = Kept(cut=False), Kept(cut=True), Kept(cut=True)
    from_memory = 0
    said: list[str] = []
    while len(said) < 70:
        said += saying(dice, said)
    for number, payload in enumerate(said, start=1):
        expected = await take(dialogue, whole, payload, number)
        found = await take(dialogue, short, payload, number)
        assert comparable(found) == comparable(expected), said[:number]
        assert state(short, dialogue) == state(whole, dialogue), said[:number]
        from_memory += dialogue.remembers("alice", number)
        found = await take_from_memory(dialogue, remembered, payload, number)
        assert comparable(found) == comparable(expected), said[:number]
    assert short.cuts
    assert remembered.cuts
    assert from_memory > len(said) / 3


async def take_from_memory(dialogue: Dialogue, kept: Kept, payload: str, number: int) -> Turn:
    """Under a claim of its own, as a worker does."""
    known = given(kept, payload)
    if dialogue.remembers("alice", number):
        known = replace(known, history=None)
    turn = await dialogue.turn(choice_of(payload, number), known, kept.session)
    kept.add(turn)
    dialogue.remember("alice", number, turn)
    return turn


async def test_what_is_remembered_is_used_only_if_nobody_has_had_the_conversation_since(
    model: Path, endpoints: Path
) -> None:
    dialogue = Dialogue.load(model, endpoints)
    kept = Kept(cut=True)
    for epoch in (3, 4, 5):
        await take_from_memory(dialogue, kept, "/greet", epoch)
        assert dialogue.remembers("alice", epoch)  # more messages under the same claim
    assert dialogue.remembers("alice", 6)
    assert not dialogue.remembers("bob", 6)
    assert not dialogue.remembers("alice", 7)
    assert not dialogue.remembers("alice", 6)  # and it was let go of


async def test_a_turn_that_was_not_committed_is_not_remembered(model: Path, endpoints: Path) -> None:
    dialogue = Dialogue.load(model, endpoints)
    kept = Kept(cut=True)
    await take_from_memory(dialogue, kept, "/greet", 1)
    await dialogue.turn(choice_of("/return_item", 2), replace(given(kept, "/return_item"), history=None), kept.session)
    assert not dialogue.remembers("alice", 2)


def saying(dice: random.Random, before: list[str]) -> list[str]:
    """What the customer says next; now and then, something that goes a long way back or starts anew."""
    if before[-1:] == ["/pause"]:
        return ["/resume"]
    if dice.random() < 0.03:
        return ["/back"] * 6
    return [dice.choice(RARE if dice.random() < 0.02 else SAYINGS)]


def state(kept: Kept, dialogue: Dialogue) -> dict[str, Any]:
    tracker = tracker_of(kept.history(), dialogue.domain)
    return {
        **tracker.current_slot_values(),
        "loop": tracker.active_loop_name,
        "paused": tracker.is_paused(),
        "followup": tracker.followup_action,
    }


async def test_a_long_conversation_is_read_in_part_only(model: Path, endpoints: Path) -> None:
    dialogue = Dialogue.load(model, endpoints, tail=40)
    kept = Kept(cut=True)
    for number in range(1, 61):
        await take(dialogue, kept, dice_free(number), number)
    assert kept.cuts >= 3
    assert kept.read_whole == 0
    assert len(kept.history().events) <= 2 * 40 + 15
    assert len(kept.history().snapshot) < 40
    assert tracker_of(kept.history(), dialogue.domain).get_slot("language") == "zh"


async def test_a_snapshot_does_not_grow_with_what_it_stands_for(model: Path, endpoints: Path) -> None:
    """Turns that rules alone decide are seen by no learned policy, and nothing is kept of them."""
    dialogue = Dialogue.load(model, endpoints, tail=8)
    kept = Kept(cut=True)
    lengths = []
    for number in range(1, 121):
        await take(dialogue, kept, "/more" if number < 3 else ("/faq", "/greet")[number % 2], number)
        if kept.snapshot is not None:
            lengths.append(len(kept.snapshot.events))
    assert kept.cuts > 10
    assert set(lengths[len(lengths) // 3 :]) == {lengths[-1]}


def dice_free(number: int) -> str:
    cycle = ["/faq", "/greet", "/more", "/return_item", "lamp", "broken"]
    return '/speak{"tongue": "zh"}' if number == 2 else cycle[number % len(cycle)]


async def test_a_form_that_is_open_is_never_cut(model: Path, endpoints: Path) -> None:
    dialogue = Dialogue.load(model, endpoints, tail=8)
    kept = Kept(cut=True)
    await take(dialogue, kept, "/greet", 1)
    await take(dialogue, kept, "/return_item", 2)
    for number in range(3, 30):
        await take(dialogue, kept, "/faq", number)
    opened = next(index for index, event in enumerate(kept.events) if event["event"] == "active_loop")
    assert kept.history().first_seq <= opened
    assert state(kept, dialogue)["loop"] == "return_form"


async def test_an_event_that_cannot_be_read_is_passed_over_and_named_without_its_words(
    model: Path, endpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dialogue = Dialogue.load(model, endpoints)
    unreadable: list[Any] = [
        {"event": "my secret", "timestamp": 1.0},  # of a newer version, say
        {"my secret": 1},
        None,  # no JSON
        ["my secret"],
    ]
    events = (
        {"event": "slot", "timestamp": 1.0, "name": "item", "value": "x"},
        *unreadable,
        {"event": "slot", "timestamp": 2.0, "name": "reason", "value": "y"},
    )
    history = StoredHistory(conversation="alice", snapshot=(), first_seq=7, events=events)
    tracker = tracker_of(history, dialogue.domain)
    assert (tracker.get_slot("item"), tracker.get_slot("reason")) == ("x", "y")
    assert len(tracker.events) == len(events)
    said = capsys.readouterr().err
    assert [f"seq={seq}" in said for seq in range(7, 13)] == [False, *[True] * 4, False]
    assert "conversation=alice" in said
    assert "secret" not in said


async def test_dialogues_go_the_same_way_around_an_event_that_cannot_be_read(model: Path, endpoints: Path) -> None:
    """And a cut keeps nothing of it."""
    dialogue = Dialogue.load(model, endpoints, tail=8)
    healthy, broken = Kept(cut=False), Kept(cut=True)
    for number, payload in enumerate(["/greet", "/return_item", "lamp", "/faq", "broken", *["/faq", "/greet"] * 12], 1):
        expected = await take(dialogue, healthy, payload, number)
        assert comparable(await take(dialogue, broken, payload, number)) == comparable(expected)
        if number == 3:
            for one in (healthy, broken):  # what the bot said is of no consequence
                said = max(index for index, event in enumerate(one.events) if event["event"] == "bot")
                one.events[said] = {"event": "my secret"}
    assert broken.cuts
    assert "secret" not in str(broken.snapshot)


async def test_a_snapshot_that_cannot_be_read_is_made_anew_from_the_events(model: Path, endpoints: Path) -> None:
    dialogue = Dialogue.load(model, endpoints, tail=8)
    whole, short = Kept(cut=False), Kept(cut=True)
    for number in range(1, 60):
        expected = await take(dialogue, whole, dice_free(number), number)
        assert comparable(await take(dialogue, short, dice_free(number), number)) == comparable(expected)
        if number == 30:
            assert short.snapshot is not None
            short.snapshot = Snapshot(seq=short.snapshot.seq, events=({"event": "my secret"},))
            cuts = short.cuts
    assert short.cuts > cuts
    assert "secret" not in str(short.snapshot)
    assert state(short, dialogue) == state(whole, dialogue)


async def test_a_snapshot_beyond_the_events_is_not_believed(model: Path, endpoints: Path) -> None:
    dialogue = Dialogue.load(model, endpoints, tail=8)
    whole, short = Kept(cut=False), Kept(cut=True)
    for number in range(1, 12):
        if number == 6:
            wrong = {"event": "slot", "timestamp": 1.0, "name": "language", "value": "xx"}
            short.snapshot = Snapshot(seq=len(short.events) + 1, events=(wrong,))
        expected = await take(dialogue, whole, dice_free(number), number)
        turn = await dialogue.turn(choice_of(dice_free(number), number), given(short, dice_free(number)), short.session)
        assert comparable(turn) == comparable(expected)
        short.events.extend(turn.events)


def test_a_model_says_how_far_back_it_looks(model: Path, endpoints: Path) -> None:
    assert Dialogue.load(model, endpoints)._depth == Depth(rules=3, stories=3)
