"""What a message gives to a return, in any order, at any time."""

from __future__ import annotations

from typing import Any

import pytest

from actions.conversation import Said
from actions.return_answers import read_answer


def say(intent: str, text: str = "some words", *, bare: bool = False, **entities: str) -> Said:
    return Said(text=text, intent=intent, entities={name: [value] for name, value in entities.items()}, bare=bare)


def asked(slot: str | None, **given: Any) -> dict[str, Any]:
    return {"requested_slot": slot, **given}


ITEM = {"products": ["lamp"]}
ALL = {"return_order": "1046", "return_sku": "lamp", "return_reason": "damaged", "return_resolution": "refund"}


@pytest.mark.parametrize(
    ("message", "slots", "answer"),
    [
        (say("return_item"), asked(None), {}),
        (
            say("return_item", order_number="1046", product="lamp", reason="damaged"),
            asked(None),
            {"return_order": "1046", "return_sku": ITEM, "return_reason": "damaged", "return_note": None},
        ),
        (say("out_of_scope", "12"), asked("return_order"), {"return_order": "12"}),
        (say("inform", "１０４６"), asked("return_order"), {"return_order": "1046"}),
        (say("inform", "12"), asked("return_sku"), {}),
        (say("inform", colour="blue"), asked("return_sku"), {"return_sku": {"colours": ["blue"]}}),
        (
            say("reason_damaged"),
            asked("return_reason"),
            {"return_reason": "damaged", "return_note": None},
        ),
        (
            say("nlu_fallback", "It hums at night."),
            asked("return_reason"),
            {"return_reason": "other", "return_note": "It hums at night."},
        ),
        (say("nlu_fallback", "hm hm"), asked("return_resolution"), {}),
        (
            say("inform", store="tampines"),
            asked("return_method"),
            {"return_method": "store", "return_store": "tampines"},
        ),
        (say("inform", return_method="post"), asked("return_method"), {"return_method": "post", "return_store": None}),
    ],
)
def test_answers(message: Said, slots: dict[str, Any], answer: dict[str, Any]) -> None:
    assert read_answer(message, slots) == answer


@pytest.mark.parametrize("intent", ["ask_hours", "check_stock", "track_order", "channel_linked", "cancel"])
def test_a_question_about_something_else_gives_nothing(intent: str) -> None:
    message = say(intent, store="tampines", product="lamp", order_number="1043")
    assert read_answer(message, asked("return_store")) == {}


def test_a_bare_name_is_an_answer_whatever_it_was_taken_for() -> None:
    message = say("ask_hours", "Tampines", bare=True, store="tampines")
    assert read_answer(message, asked("return_store")) == {"return_method": "store", "return_store": "tampines"}


def test_yes_to_the_summary_confirms() -> None:
    assert read_answer(say("affirm"), asked("return_confirmed", **ALL)) == {"return_confirmed": True}


def test_no_to_the_summary_asks_what_to_change() -> None:
    assert read_answer(say("deny"), asked("return_confirmed", **ALL)) == {"return_confirmed": False}


def test_a_change_of_mind_at_the_summary_is_summed_up_again() -> None:
    changed = read_answer(say("deny", resolution="exchange"), asked("return_confirmed", **ALL))
    assert changed == {"return_resolution": "exchange"}
    later = read_answer(say("inform", resolution="exchange"), asked("return_change", return_confirmed=False, **ALL))
    assert later == {"return_resolution": "exchange", "return_confirmed": None}


def test_a_part_to_change_is_asked_again() -> None:
    answer = read_answer(say("inform", part="reason"), asked("return_change", return_confirmed=False, **ALL))
    assert answer == {"return_reason": None, "return_confirmed": None, "return_change": None}


def test_yes_answers_only_the_summary() -> None:
    assert read_answer(say("affirm"), asked("return_resolution")) == {}


def test_the_colour_of_the_replacement_is_not_another_item() -> None:
    message = say("inform", resolution="exchange", colour="red")
    assert read_answer(message, asked("return_resolution", **ALL)) == {"return_resolution": "exchange"}


def test_refund_or_exchange_decides_nothing() -> None:
    message = Said(
        text="refund or exchange", intent="inform", entities={"resolution": ["refund", "exchange"]}, bare=True
    )
    assert read_answer(message, asked("return_resolution")) == {}


def test_a_remark_that_resembles_a_reason_does_not_replace_the_given_one() -> None:
    assert read_answer(say("reason_changed_mind"), asked("return_resolution", return_reason="damaged")) == {}
    outright = say("inform", reason="wrong_item")
    assert read_answer(outright, asked("return_resolution", return_reason="damaged"))["return_reason"] == "wrong_item"
