"""The return form's decisions, against the shop's real data."""

from __future__ import annotations

from typing import Any

import pytest

from actions.shop import Shop
from tests.actions.conftest import Message, Run

FORM = "validate_return_form"
READY: dict[str, Any] = {
    "return_order": "1042",
    "return_sku": "kettle-blue",
    "return_reason": "damaged",
    "return_resolution": "refund",
    "return_method": "store",
    "return_store": "tampines",
    "return_confirmed": True,
}


async def test_order_and_item_in_one_sentence_are_not_asked_again(run: Run) -> None:
    outcome = await run(
        FORM, Message(intent="return_item", entities={"order_number": "1042", "product": "kettle-blue"})
    )
    assert outcome.slots["return_sku"] == "kettle-blue"
    assert outcome.slots["requested_slot"] == "return_reason"
    assert outcome.uttered == []


@pytest.mark.parametrize(
    ("entities", "sku"),
    [
        ({"product_kind": "kettle", "colour": "blue"}, "kettle-blue"),
        ({"colour": "red"}, "kettle-red"),
        ({"product": "pot"}, "pot"),
        ({"product_kind": "kettle"}, None),
    ],
)
async def test_the_item_is_found_among_those_of_the_order(run: Run, entities: dict[str, str], sku: str | None) -> None:
    message = Message(intent="inform", entities=entities)
    outcome = await run(FORM, message, "return_form", return_order="1048", requested_slot="return_sku")
    assert outcome.slots["return_sku"] == sku
    assert outcome.slots["requested_slot"] == ("return_reason" if sku else "return_sku")


async def test_what_was_said_of_the_item_is_kept_until_the_order_is_known(run: Run) -> None:
    first = await run(FORM, Message(intent="return_item", entities={"product_kind": "kettle"}))
    assert first.slots["requested_slot"] == "return_order"
    then = Message(intent="inform", entities={"order_number": "1042"})
    known = {"requested_slot": "return_order", "return_wish": first.slots["return_wish"]}
    outcome = await run(FORM, then, "return_form", **known)
    assert (outcome.slots["return_sku"], outcome.slots["requested_slot"]) == ("kettle-blue", "return_reason")


async def test_the_only_item_of_a_named_order_is_not_asked_for(run: Run) -> None:
    outcome = await run(FORM, Message(intent="return_item", entities={"order_number": "1046"}))
    assert (outcome.slots["return_sku"], outcome.slots["requested_slot"]) == ("lamp", "return_reason")


async def test_the_order_just_talked_about_is_taken_but_shown_in_the_question(run: Run) -> None:
    outcome = await run(FORM, Message(intent="return_item"), recent_order="1046")
    assert (outcome.slots["return_order"], outcome.slots["requested_slot"]) == ("1046", "return_sku")


async def test_an_order_just_talked_about_that_cannot_be_returned_is_not_taken(run: Run) -> None:
    outcome = await run(FORM, Message(intent="return_item"), recent_order="1043")
    assert outcome.slots == {"requested_slot": "return_order"}


async def test_an_unknown_order_is_asked_for_again(run: Run) -> None:
    message = Message(intent="inform", entities={"order_number": "9999"})
    outcome = await run(FORM, message, "return_form", requested_slot="return_order")
    assert (outcome.slots["return_order"], outcome.slots["requested_slot"]) == (None, "return_order")
    assert outcome.uttered == ["utter_order_unknown"]


@pytest.mark.parametrize(
    ("number", "response"),
    [
        ("1043", "utter_return_not_delivered"),
        ("1044", "utter_return_too_late"),
        ("1051", "utter_return_was_cancelled"),
    ],
)
async def test_an_order_that_cannot_be_returned_ends_the_form_with_a_reason(
    run: Run, number: str, response: str
) -> None:
    outcome = await run(FORM, Message(intent="return_item", entities={"order_number": number}))
    assert (outcome.uttered, outcome.slots["requested_slot"]) == ([response], None)


async def test_an_item_already_returned_is_said_to_be(run: Run) -> None:
    message = Message(intent="return_item", entities={"order_number": "1047", "product": "knife"})
    outcome = await run(FORM, message)
    (said,) = outcome.responses
    assert (said["response"], said["item"], said["number"]) == ("utter_item_already_returned", "chef's knife", "R5001")
    assert outcome.slots["requested_slot"] == "return_sku"


async def test_an_item_of_another_order_is_said_to_be_missing(run: Run) -> None:
    message = Message(intent="inform", entities={"product": "toaster"})
    outcome = await run(FORM, message, "return_form", return_order="1042", requested_slot="return_sku")
    assert outcome.uttered == ["utter_item_not_in_order"]
    assert outcome.slots["return_sku"] is None


async def test_a_corrected_order_keeps_the_item_if_it_has_it(run: Run) -> None:
    message = Message(intent="deny", entities={"order_number": "1048"})
    outcome = await run(
        FORM, message, "return_form", **{**READY, "return_confirmed": None}, requested_slot="return_confirmed"
    )
    assert (outcome.slots["return_order"], outcome.slots["return_sku"]) == ("1048", "kettle-blue")
    assert outcome.slots["requested_slot"] == "return_confirmed"


@pytest.mark.parametrize("number", ["9999", "1043"])
async def test_a_correction_to_an_impossible_order_leaves_the_return_as_it_was(run: Run, number: str) -> None:
    message = Message(intent="inform", entities={"order_number": number})
    known = {**READY, "return_confirmed": None, "requested_slot": "return_confirmed"}
    outcome = await run(FORM, message, "return_form", **known)
    assert len(outcome.uttered) == 1
    assert outcome.slots == {
        "return_order": "1042",
        "return_sku": "kettle-blue",
        "requested_slot": "return_confirmed",
    }


async def test_a_store_is_asked_for_only_when_the_item_is_brought_back(run: Run) -> None:
    known = {**READY, "return_method": None, "return_store": None, "return_confirmed": None}
    bring = Message(intent="inform", entities={"return_method": "store"})
    post = Message(intent="inform", entities={"return_method": "post"})
    asking = {"requested_slot": "return_method"}
    assert (await run(FORM, bring, "return_form", **known, **asking)).slots["requested_slot"] == "return_store"
    assert (await run(FORM, post, "return_form", **known, **asking)).slots["requested_slot"] == "return_confirmed"


async def test_what_was_not_asked_is_acknowledged(run: Run) -> None:
    known = {"return_order": "1042", "return_sku": "kettle-blue", "return_reason": "damaged"}
    message = Message(intent="inform", entities={"colour": "blue", "resolution": "refund"})
    known |= {"return_resolution": "exchange", "return_method": "store", "requested_slot": "return_store"}
    outcome = await run(FORM, message, "return_form", **known)
    assert (outcome.uttered, outcome.slots["return_resolution"]) == (["utter_return_noted"], "refund")


async def test_a_message_about_something_else_sets_nothing(run: Run) -> None:
    message = Message(intent="ask_hours", entities={"store": "tampines"})
    outcome = await run(FORM, message, "return_form", return_order="1042", requested_slot="return_sku")
    assert (outcome.slots, outcome.responses) == ({"requested_slot": "return_sku"}, [])


async def test_the_items_are_offered_as_cards_with_pictures(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_URL", "https://shop.example")
    outcome = await run("action_ask_return_form_return_sku", Message(intent="inform"), return_order="1042")
    (question,) = outcome.responses
    assert question["custom"]["cards"] == [
        {
            "title": "Blue enamel kettle",
            "text": "S$79.00",
            "image": "https://shop.example/products/kettle-blue.png",
            "buttons": [{"title": "Return blue kettle", "payload": '/inform{"product": "kettle-blue"}'}],
        },
        {
            "title": "Stoneware mug set",
            "text": "S$48.00",
            "image": "https://shop.example/products/mug-set.png",
            "buttons": [{"title": "Return mug set", "payload": '/inform{"product": "mug-set"}'}],
        },
    ]


async def test_only_items_that_fit_are_offered_after_half_an_answer(run: Run) -> None:
    wish = {"kinds": ["kettle"]}
    asking = Message(intent="inform")
    outcome = await run(
        "action_ask_return_form_return_sku", asking, return_order="1048", return_wish=wish, language="zh"
    )
    assert [card["title"] for card in outcome.responses[0]["custom"]["cards"]] == ["红色珐琅水壶", "蓝色珐琅水壶"]


async def test_the_summary_names_everything_in_the_customers_language(run: Run) -> None:
    outcome = await run("action_ask_return_form_return_confirmed", Message(intent="inform"), **READY, language="zh")
    summary = {name: outcome.responses[0][name] for name in ("item", "order", "reason", "resolution", "method")}
    assert summary == {
        "item": "蓝色珐琅水壶",
        "order": "1042",
        "reason": "损坏或有故障",
        "resolution": "退款 S$79.00",
        "method": "送到淡滨尼门店",
    }


async def test_all_pieces_of_an_item_are_refunded(run: Run) -> None:
    cushions = {**READY, "return_order": "1052", "return_sku": "cushion"}
    outcome = await run("action_ask_return_form_return_confirmed", Message(intent="inform"), **cushions)
    assert outcome.responses[0]["item"] == "Linen cushion × 4"
    assert outcome.responses[0]["resolution"] == "a refund of S$156.00"


async def test_a_confirmed_return_is_registered_and_the_form_forgotten(run: Run, our_shop: Shop) -> None:
    outcome = await run("action_finish_return", Message(intent="affirm"), **READY)
    order = our_shop.order("1042")
    assert order is not None
    assert outcome.responses[0]["number"] == order.items[0].return_number
    assert {outcome.slots[slot] for slot in READY} == {None}
    assert outcome.slots["recent_order"] == "1042"


async def test_the_same_message_twice_is_one_return(run: Run) -> None:
    first = await run("action_finish_return", Message(intent="affirm", message_id="m7"), **READY)
    again = await run("action_finish_return", Message(intent="affirm", message_id="m7"), **READY)
    assert first == again


async def test_another_message_for_the_same_item_is_told_so(run: Run) -> None:
    first = await run("action_finish_return", Message(intent="affirm", message_id="m7"), **READY)
    again = await run("action_finish_return", Message(intent="affirm", message_id="m8"), **READY)
    assert again.uttered == ["utter_item_already_returned"]
    assert again.responses[0]["number"] == first.responses[0]["number"]


async def test_an_unconfirmed_return_is_not_registered(run: Run, our_shop: Shop) -> None:
    outcome = await run("action_finish_return", Message(intent="inform"), **{**READY, "return_confirmed": None})
    order = our_shop.order("1042")
    assert order is not None
    assert [item.return_number for item in order.items] == [None, None]
    assert outcome.responses == []


async def test_stopping_forgets_everything_given(run: Run) -> None:
    outcome = await run("action_forget_return", Message(intent="cancel"), "return_form", **READY)
    assert outcome.uttered == ["utter_return_cancelled"]
    assert set(outcome.slots.values()) == {None}
    assert set(READY) <= set(outcome.slots)
