"""What only the holder of an account is told, and how somebody shows that they are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from actions.shop import Account, Name, Shop
from actions.verification import veiled
from tests.actions.conftest import PROJECT, Message, Run

ALL_CHANNELS = ["email", "telegram", "webchat"]


ASSURED = {
    "none": ["none"],
    "confirmed": ["none", "confirmed"],
    "code": ["none", "confirmed", "code"],
    "signed_in": ["none", "confirmed", "code", "signed_in"],
}
"""As bot/store/assurance.py tells it."""


@dataclass(frozen=True, kw_only=True)
class Told(Message):
    """A message, with what the product tells beside it."""

    told: dict[str, Any] = field(default_factory=dict)
    channels: list[str] = field(default_factory=lambda: list(ALL_CHANNELS))

    def as_dict(self) -> dict[str, Any]:
        message = super().as_dict()
        known = {"assured": ["none"], "account": None, "codes_left": 3}
        return {**message, "metadata": {**message["metadata"], **known, **self.told}}


def asks(number: str | None = "1042", channels: list[str] | None = None, **told: Any) -> Told:
    entities = {"order_number": number} if number else {}
    named = ALL_CHANNELS if channels is None else channels
    return Told(intent="order_details", entities=entities, told=told, channels=named)


def mei(level: str) -> dict[str, Any]:
    """What the product tells of whoever placed order 1042, at a level."""
    return {"account": "C-1001", "assured": ASSURED[level]}


async def test_whoever_placed_an_order_sees_it(run: Run) -> None:
    outcome = await run("action_order_details", asks(**mei("code")))
    (details,) = outcome.responses
    assert details["response"] == "utter_order_details"
    assert details["items"] == "1 × Blue enamel kettle, S$79.00\n1 × Stoneware mug set, S$48.00"
    assert (details["total"], details["customer"]) == ("S$127.00", "Mei Tan")
    assert details["address"].startswith("12 Tiong Bahru Road")
    assert outcome.slots == {"recent_order": "1042"}


async def test_in_chinese(run: Run) -> None:
    outcome = await run("action_order_details", asks(**mei("signed_in")), language="zh")
    assert outcome.responses[0]["items"].startswith("蓝色珐琅水壶 × 1，S$79.00")
    assert outcome.responses[0]["address"].startswith("中峇鲁路12号")


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"assured": ASSURED["code"]},
        {"account": "C-1001"},
        mei("none"),
        mei("confirmed"),
        {"account": "C-1001", "assured": None},
        {"account": "C-1002", "assured": ASSURED["signed_in"]},
    ],
)
async def test_nobody_but_whoever_placed_it_sees_an_order(run: Run, told: dict[str, Any]) -> None:
    outcome = await run("action_order_details", asks(**told))
    assert (outcome.uttered, outcome.commands) == ([], [{"type": "ways", "account": "C-1001"}])
    assert outcome.slots == {"after_verification": '/order_details{"order_number": "1042"}', "verifying_order": "1042"}


async def test_an_open_form_waits_with_its_question_until_it_is_said_where_the_code_is(run: Run) -> None:
    assert (await run("action_order_details", asks(), "return_form")).next == "action_listen"
    assert (await run("action_order_details", asks())).next is None


def ways(*, linked: bool, **more: Any) -> Told:
    entities = {"linked": "yes" if linked else "no"}
    return Told(intent="verification_ways", entities=entities, told={"codes_left": 3}, **more)


MAIL = {"type": "verify", "account": "C-1001", "address": "mei.tan@example.com", "order": "1042"}


async def test_a_code_goes_to_the_address_on_file(run: Run) -> None:
    outcome = await run("action_verification_ways", ways(linked=False), verifying_order="1042")
    assert (outcome.uttered, outcome.commands) == (["utter_verify_by_email"], [MAIL])
    assert outcome.responses[0]["address"] == "m•••@example.com"


async def test_where_a_channel_is_linked_already_both_ways_are_offered(run: Run) -> None:
    outcome = await run("action_verification_ways", ways(linked=True), verifying_order="1042")
    assert (outcome.uttered, outcome.commands) == (["utter_ask_way_of_code"], [])
    assert outcome.payloads == ['/verify_by{"way": "email"}', '/verify_by{"way": "linked"}']


async def test_without_mail_the_linked_channel_is_the_way(run: Run) -> None:
    outcome = await run(
        "action_verification_ways", ways(linked=True, channels=["telegram", "whatsapp"]), verifying_order="1042"
    )
    assert (outcome.uttered, outcome.commands) == (["utter_verify_by_linked"], [{**MAIL, "via": "linked"}])


@pytest.mark.parametrize(
    ("way", "response", "command"),
    [("email", "utter_verify_by_email", MAIL), ("linked", "utter_verify_by_linked", {**MAIL, "via": "linked"})],
)
async def test_the_way_that_was_chosen_is_taken(run: Run, way: str, response: str, command: dict[str, str]) -> None:
    outcome = await run("action_verify_by", Told(intent="verify_by", entities={"way": way}), verifying_order="1042")
    assert (outcome.uttered, outcome.commands) == ([response], [command])


async def test_a_way_that_is_chosen_once_too_often_sends_nothing(run: Run) -> None:
    late = Told(intent="verify_by", entities={"way": "email"}, told={"codes_left": 0})
    outcome = await run("action_verify_by", late, verifying_order="1042")
    assert (outcome.uttered, outcome.commands) == (["utter_verify_later"], [])


async def test_after_the_last_code_not_even_the_veiled_address_is_told(run: Run) -> None:
    outcome = await run("action_order_details", asks(codes_left=0))
    assert (outcome.uttered, outcome.slots) == (["utter_verify_later"], {})
    assert "example.com" not in repr(outcome)


async def test_where_no_code_can_go_a_person_is_to_be_asked(run: Run) -> None:
    nowhere = ways(linked=False, channels=["telegram"])
    assert (await run("action_verification_ways", nowhere, verifying_order="1042")).uttered == ["utter_verify_off"]
    assert (await run("action_order_details", asks(channels=[]))).uttered == ["utter_verify_off"]


async def test_a_group_is_told_nothing_and_sends_no_code(run: Run) -> None:
    outcome = await run("action_order_details", asks(audience=True, **mei("signed_in")))
    assert outcome.uttered == ["utter_private_matter"]


@pytest.mark.parametrize(("number", "response"), [("9999", "utter_order_unknown"), (None, "utter_which_order")])
async def test_an_order_that_is_not_there_or_not_named(run: Run, number: str | None, response: str) -> None:
    assert (await run("action_order_details", asks(number))).uttered == [response]


async def test_once_it_is_shown_the_conversation_goes_on(run: Run) -> None:
    shown = Told(intent="identity_verified", told=mei("code"))
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
        phone="+6581230101",
        address=Name(en="12 Tiong Bahru Road, #05-21, Singapore 168731", zh="中峇鲁路12号 #05-21，新加坡 168731"),
    )
    assert our_shop.account_of("9999") is None


@pytest.mark.parametrize(
    ("address", "shown"), [("a@example.com", "a•••@example.com"), ("alice.b@example.com", "a•••@example.com")]
)
def test_an_address_is_veiled(address: str, shown: str) -> None:
    assert veiled(address) == shown


# --- What is told of an order's state ---------------------------------------------------------------------------------


def tracks(number: str = "1043", **told: Any) -> Told:
    return Told(intent="track_order", entities={"order_number": number}, told=told)


def daniel(level: str) -> dict[str, Any]:
    return {"account": "C-1002", "assured": ASSURED[level]}


@pytest.mark.parametrize("told", [{}, mei("signed_in"), daniel("none"), {"assured": ASSURED["code"]}])
async def test_to_anybody_an_order_has_a_state_and_nothing_else(run: Run, told: dict[str, Any]) -> None:
    [answer] = (await run("action_order_status", tracks(**told))).responses
    assert (answer["response"], answer["items"]) == ("utter_order_in_transit_brief", "")
    for language in ("en", "zh"):
        assert placeholders("utter_order_in_transit_brief", language) == {"order"}


async def test_to_whoever_has_confirmed_that_it_is_theirs_it_is_told_when_it_comes(run: Run) -> None:
    [answer] = (await run("action_order_status", tracks(**daniel("confirmed")))).responses
    assert (answer["response"], answer["carrier"], answer["items"]) == ("utter_order_in_transit", "Ninja Van", "")


async def test_to_whoever_has_shown_it_what_is_in_it_is_told_too(run: Run) -> None:
    [answer] = (await run("action_order_status", tracks(**daniel("code")))).responses
    assert answer["items"] == "\nItems: Two-slice toaster, Linen cushion × 2"


def placeholders(response: str, language: str) -> set[str]:
    [text] = [
        each["text"]
        for each in yaml.safe_load((PROJECT / "domain/orders.yml").read_text(encoding="utf-8"))["responses"][response]
        if bool(each.get("condition")) == (language == "zh")
    ]
    return set(re.findall(r"\{(\w+)\}", text))
