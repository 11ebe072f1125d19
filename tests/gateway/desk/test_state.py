"""What the dialogue knows, as Rasa's events tell it; and following rows by their ids. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.gateway.desk.following import Follower
from bot.gateway.desk.state import state_after, understanding_of
from tests.database import NOON


def slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


def loop(name: str | None) -> dict[str, Any]:
    return {"event": "active_loop", "name": name}


USER, ACTION = {"event": "user"}, {"event": "action", "name": "action_listen"}


def test_slots_and_the_open_form_with_what_it_asks_for() -> None:
    state = state_after(
        [
            slot("language", "zh"),
            slot("account", None),
            loop("return_form"),
            slot("order_number", "1042"),
            slot("items", ["kettle"]),
            slot("requested_slot", "return_reason"),
        ]
    )
    assert state == {
        "form": {"name": "return_form", "requested": "return_reason"},
        "slots": [
            {"name": "language", "type": "text", "value": "zh", "of_form": False},
            {"name": "order_number", "type": "text", "value": "1042", "of_form": True},
            {"name": "items", "type": "list", "value": ["kettle"], "of_form": True},
            {"name": "return_reason", "type": "text", "value": None, "of_form": True},
        ],
    }


def test_a_form_that_is_over_asks_for_nothing() -> None:
    state = state_after([loop("return_form"), slot("requested_slot", "x"), slot("sure", True), loop(None)])
    assert state == {
        "form": None,
        "slots": [{"name": "sure", "type": "bool", "value": True, "of_form": False}],
    }


def test_what_was_undone_does_not_count() -> None:
    turn = [ACTION, USER, slot("number", 1.5)]
    assert state_after([*turn, ACTION, USER, slot("number", 2), {"event": "rewind"}])["slots"][0]["value"] == 1.5
    assert state_after([*turn, {"event": "restart"}])["slots"] == []
    assert state_after([*turn, {"event": "reset_slots"}])["slots"] == []
    assert state_after([USER, {"event": "action"}, slot("a", 1), {"event": "undo"}])["slots"] == []
    assert state_after([{"event": "rewind"}, {"event": "undo"}, {}, {"event": None}]) == {"form": None, "slots": []}


def test_how_a_message_was_understood() -> None:
    ranking = [{"name": f"intent{n}", "confidence": 1 / (n + 1), "id": n} for n in range(9)]
    event = {
        "event": "user",
        "text": "1042",
        "parse_data": {
            "intent": ranking[0],
            "intent_ranking": ranking,
            "entities": [{"entity": "order_number", "value": "1042", "start": 0, "end": 4, "extractor": "x"}],
        },
    }
    understood = understanding_of(event)
    assert (understood["intent"], understood["confidence"], len(understood["ranking"])) == ("intent0", 1.0, 5)
    assert understood["entities"] == [{"entity": "order_number", "value": "1042", "start": 0, "end": 4}]
    assert understanding_of({"event": "user"})["intent"] is None


def test_what_was_passed_over_is_looked_for_for_a_minute() -> None:
    follower = Follower(10)
    follower.took([11, 14], NOON)
    assert (follower.newest, follower.complete_up_to) == (14, 11)
    follower.took([12], NOON)
    assert follower.complete_up_to == 12
    follower.took([15], NOON + timedelta(seconds=59))
    assert follower.complete_up_to == 12
    follower.took([], NOON + timedelta(seconds=61))
    assert follower.complete_up_to == 15


def test_a_long_gap_is_not_remembered_whole() -> None:
    follower = Follower(0)
    follower.took([1_000_000], NOON)
    assert follower.complete_up_to == 1_000_000 - 501
