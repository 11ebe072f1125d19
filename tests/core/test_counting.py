"""What a worker has done, as its heartbeat writes it for the gateway to tell."""

from __future__ import annotations

from datetime import timedelta

from bot.core.counting import BOUNDS, Counts
from bot.core.turn import Turn
from tests.core.playing import NOON, message_of


def test_turns_are_counted_by_channel_and_outcome_with_how_long_they_took() -> None:
    counts = Counts()
    telegram = message_of({"type": "text", "text": "hello"}, channel="telegram")
    began, later = telegram.created_at + timedelta(seconds=2), telegram.created_at + timedelta(seconds=2.2)
    counts.committed(telegram, Turn(first_event=1), began, later)
    counts.committed(telegram, Turn(first_event=1, failure="the action server answered 500"), began, later)
    counts.committed(message_of({"type": "desk"}), Turn(first_event=1, refused="late"), NOON, NOON)
    counts.postponed(telegram)
    told = counts.as_json()
    assert told["turns"] == [
        ["telegram", "again", 1],
        ["telegram", "done", 1],
        ["telegram", "parked", 1],
        ["webchat", "refused", 1],
    ]
    [[channel, total, spread], _] = told["took"]
    assert (channel, total, sum(spread)) == ("telegram", 0.4, 2)
    assert spread[BOUNDS.index(0.25)] == 2
    [[_, waited, spread], _] = told["waited"]
    assert (waited, spread[BOUNDS.index(2.5)], len(spread)) == (4.0, 2, len(BOUNDS) + 1)


def test_what_two_clocks_put_into_the_past_took_no_time() -> None:
    counts = Counts()
    message = message_of({"type": "text", "text": "hello"})
    counts.committed(message, Turn(first_event=1), message.created_at - timedelta(minutes=9), message.created_at)
    [[_, waited, _]] = counts.as_json()["waited"]
    assert waited == 0
