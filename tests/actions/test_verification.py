"""What only the holder of an account is told, and how somebody shows that they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from actions.shop import Account, Name, Shop
from actions.verification import LEVELS, veiled
from tests.actions.conftest import Message, Run

ALL_CHANNELS = ["email", "telegram", "webchat"]


@dataclass(frozen=True, kw_only=True)
class Told(Message):
    """A message, with what the product tells beside it."""

    told: dict[str, Any] = field(default_factory=dict)
    channels: list[str] = field(default_factory=lambda: list(ALL_CHANNELS))

    def as_dict(self) -> dict[str, Any]:
        message = super().as_dict()
        known = {"assurance": "none", "account": None, "codes_left": 3}
        return {**message, "metadata": {**message["metadata"], **known, **self.told}}


def asks(number: str | None = "1042", channels: list[str] | None = None, **told: Any) -> Told:
    entities = {"order_number": number} if number else {}
    named = ALL_CHANNELS if channels is None else channels
    return Told(intent="order_details", entities=entities, told=told, channels=named)


async def test_whoever_placed_an_order_sees_it(run: Run) -> None:
    outcome = await run("action_order_details", asks(account="C-1001", assurance="code"))
    (details,) = outcome.responses
    assert details["response"] == "utter_order_details"
    assert details["items"] == "1 × Blue enamel kettle, S$79.00\n1 × Stoneware mug set, S$48.00"
    assert (details["total"], details["customer"]) == ("S$127.00", "Mei Tan")
    assert details["address"].startswith("12 Tiong Bahru Road")
    assert outcome.slots == {"recent_order": "1042"}


async def test_in_chinese(run: Run) -> None:
    outcome = await run("action_order_details", asks(account="C-1001", assurance="signed_in"), language="zh")
    assert outcome.responses[0]["items"].startswith("蓝色珐琅水壶 × 1，S$79.00")
    assert outcome.responses[0]["address"].startswith("中峇鲁路12号")


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"assurance": "code"},
        {"account": "C-1001"},
        {"account": "C-1001", "assurance": "none"},
        {"account": "C-1001", "assurance": None},
        {"account": "C-1001", "assurance": "very"},
        {"account": "C-1002", "assurance": "signed_in"},
    ],
)
async def test_nobody_but_whoever_placed_it_sees_an_order(run: Run, told: dict[str, Any]) -> None:
    outcome = await run("action_order_details", asks(**told))
    assert outcome.uttered[0] == "utter_verify_by_email"
    assert "Tiong Bahru" not in repr(outcome)
    assert outcome.slots == {"after_verification": '/order_details{"order_number": "1042"}'}


async def test_a_code_goes_to_the_address_on_file(run: Run) -> None:
    asked, command = (await run("action_order_details", asks())).responses
    assert asked["address"] == "m•••@example.com"
    assert command["custom"] == {
        "type": "verify",
        "account": "C-1001",
        "address": "mei.tan@example.com",
        "order": "1042",
    }


async def test_after_the_last_code_not_even_the_veiled_address_is_told(run: Run) -> None:
    outcome = await run("action_order_details", asks(codes_left=0))
    assert (outcome.uttered, outcome.slots) == (["utter_verify_later"], {})
    assert "example.com" not in repr(outcome)


async def test_without_mail_a_person_is_to_be_asked(run: Run) -> None:
    outcome = await run("action_order_details", asks(channels=["telegram"]))
    assert (outcome.uttered, outcome.slots) == (["utter_verify_off"], {})


async def test_a_group_is_told_nothing_and_sends_no_code(run: Run) -> None:
    outcome = await run("action_order_details", asks(audience=True, account="C-1001", assurance="signed_in"))
    assert outcome.uttered == ["utter_private_matter"]


@pytest.mark.parametrize(("number", "response"), [("9999", "utter_order_unknown"), (None, "utter_which_order_details")])
async def test_an_order_that_is_not_there_or_not_named(run: Run, number: str | None, response: str) -> None:
    assert (await run("action_order_details", asks(number))).uttered == [response]


async def test_once_it_is_shown_the_conversation_goes_on(run: Run) -> None:
    shown = Told(intent="identity_verified", told={"account": "C-1001", "assurance": "code"})
    outcome = await run("action_after_verification", shown, after_verification='/order_details{"order_number": "1042"}')
    assert (outcome.uttered, outcome.slots) == (["utter_verified"], {"after_verification": None})


async def test_where_nothing_was_asked_for_there_is_nothing_to_go_on_with(run: Run) -> None:
    outcome = await run("action_after_verification", Told(intent="identity_verified"))
    assert (outcome.uttered, outcome.slots) == (["utter_verified"], {})


def test_every_order_has_somebody_who_placed_it(our_shop: Shop) -> None:
    assert our_shop.account_of("1042") == Account(
        number="C-1001",
        name="Mei Tan",
        email="mei.tan@example.com",
        address=Name(en="12 Tiong Bahru Road, #05-21, Singapore 168731", zh="中峇鲁路12号 #05-21，新加坡 168731"),
    )
    assert our_shop.account_of("9999") is None


@pytest.mark.parametrize(
    ("address", "shown"), [("a@example.com", "a•••@example.com"), ("alice.b@example.com", "a•••@example.com")]
)
def test_an_address_is_veiled(address: str, shown: str) -> None:
    assert veiled(address) == shown


def test_the_levels_are_in_order() -> None:
    assert LEVELS == ("none", "code", "signed_in")
