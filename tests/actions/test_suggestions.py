"""An account that the customer's telephone number suggests: asked once, confirmed or declined, and told little of."""

from __future__ import annotations

from typing import Any

import pytest

from actions.shop import Shop
from tests.actions.conftest import Run
from tests.actions.test_verification import ASSURED, Told

MEI, SHARED = "+6581230101", "+6581230156"
"""Mei Tan's number, who placed order 1042; and the one that Bob, who placed 1047, shares with Farah."""

OFFERED = {"type": "suggestion", "account": "C-1001", "state": "offered"}


def tracks(number: str = "1042", phone: str | None = MEI, **told: Any) -> Told:
    return Told(
        intent="track_order",
        entities={"order_number": number},
        channel="whatsapp",
        told={"phone": phone, "suggested": None, **told},
    )


def answers(intent: str, phone: str | None = MEI, suggested: str | None = "C-1001", **told: Any) -> Told:
    known = {"phone": phone, "suggested": suggested and {"account": suggested, "state": "offered"}, **told}
    return Told(intent=intent, channel="whatsapp", told=known)


async def test_a_number_that_is_on_file_is_asked_about_after_the_state_of_the_order(run: Run) -> None:
    outcome = await run("action_order_status", tracks())
    assert (outcome.uttered, outcome.commands) == (
        ["utter_order_delivered_brief", "utter_suggest_account"],
        [OFFERED],
    )
    assert outcome.slots["after_verification"] == '/track_order{"order_number": "1042"}'


async def test_the_question_tells_a_stranger_nothing_but_the_end_of_the_accounts_number(run: Run) -> None:
    *_, question = (await run("action_order_status", tracks())).responses
    told = {
        name: value for name, value in question.items() if value and name not in ("response", "template", "buttons")
    }
    assert told == {"ending": "01"}


@pytest.mark.parametrize(
    "message",
    [
        tracks(phone=None),
        tracks(phone="+6581239999"),
        tracks("1043"),
        tracks("1047", SHARED),
        tracks(account="C-1002"),
        tracks(suggested={"account": "C-1001", "state": "offered"}),
        tracks(suggested={"account": "C-1001", "state": "declined"}),
        tracks(audience=True),
    ],
    ids=["no number", "nobody's", "another's order", "shared", "has an account", "asked before", "declined", "group"],
)
async def test_otherwise_nothing_is_suggested(run: Run, message: Told) -> None:
    outcome = await run("action_order_status", message)
    assert "utter_suggest_account" not in outcome.uttered
    assert outcome.commands == []


async def test_once_it_is_confirmed_the_conversation_goes_on(run: Run) -> None:
    outcome = await run(
        "action_confirm_suggestion",
        answers("confirm_suggestion"),
        after_verification='/track_order{"order_number": "1042"}',
    )
    assert outcome.uttered == ["utter_suggestion_confirmed"]
    assert outcome.commands == [{**OFFERED, "state": "confirmed"}]
    assert outcome.slots == {"after_verification": None}


@pytest.mark.parametrize(
    "message",
    [
        answers("confirm_suggestion", phone=None),
        answers("confirm_suggestion", phone=SHARED),
        answers("confirm_suggestion", suggested=None),
        answers("confirm_suggestion", suggested="C-1002"),
        answers("confirm_suggestion", account="C-1002", assured=ASSURED["code"]),
    ],
    ids=["no number", "another number", "never asked", "another account", "has an account"],
)
async def test_nothing_is_confirmed_that_the_number_does_not_suggest(run: Run, message: Told) -> None:
    outcome = await run("action_confirm_suggestion", message, after_verification="/track_order")
    assert (outcome.uttered, outcome.commands, outcome.slots) == (["utter_suggestion_gone"], [], {})


async def test_a_no_is_kept(run: Run) -> None:
    outcome = await run("action_decline_suggestion", answers("decline_suggestion"), after_verification="/track_order")
    assert outcome.commands == [{**OFFERED, "state": "declined"}]
    assert (outcome.uttered, outcome.slots) == (["utter_suggestion_declined"], {"after_verification": None})


def test_a_number_that_two_customers_have_suggests_neither(our_shop: Shop) -> None:
    mei = our_shop.account_with(MEI)
    assert mei is not None
    assert (mei.number, mei.phone) == ("C-1001", MEI)
    assert our_shop.account_with(SHARED) is None
    assert our_shop.account_with("+6581239999") is None
