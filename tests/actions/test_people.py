"""Asking for a person, being back with the assistant, and what is said of the service."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from rasa_sdk import Tracker

from actions.people import is_misunderstood_again
from tests.actions.conftest import PROJECT, Message, Run

Event = dict[str, Any]
SAID_BY_THE_PRODUCT = {
    "utter_handoff_queued": {"position"},
    "utter_handoff_nobody": {"opens"},
    "utter_handoff_nobody_known": set(),
    "utter_handoff_message": set(),
    "utter_handoff_noted": set(),
    "utter_handoff_position": {"position"},
    "utter_handoff_joined": {"agent"},
    "utter_handoff_transferred": {"agent"},
    "utter_handoff_requeued": {"position"},
    "utter_handoff_here": set(),
    "utter_handoff_closed": set(),
    "utter_rate_service": set(),
}
"""With what the product fills in."""


async def test_a_person_is_asked_for_without_a_word(run: Run) -> None:
    outcome = await run("action_talk_to_human", Message(intent="talk_to_human"))
    assert (outcome.uttered, outcome.commands) == ([], [{"type": "handoff", "why": "asked"}])
    assert outcome.next is None


@pytest.mark.parametrize(("form", "topic"), [("return_form", "returns"), ("track_order_form", "orders")])
async def test_in_the_middle_of_a_form_it_is_about_that(run: Run, form: str, topic: str) -> None:
    outcome = await run("action_talk_to_human", Message(intent="talk_to_human"), form)
    assert outcome.commands == [{"type": "handoff", "why": "asked", "topic": topic}]
    assert outcome.uttered == []


async def test_in_a_group_a_private_chat_is_offered_instead(run: Run) -> None:
    in_group = Message(intent="talk_to_human", channel="teams", told={"audience": True})
    (answer,) = (await run("action_talk_to_human", in_group)).responses
    assert (answer["response"], answer["custom"]) == ("utter_private_matter", {"type": "continue", "channel": "teams"})


async def test_a_message_is_left_although_nobody_is_there(run: Run) -> None:
    outcome = await run("action_leave_message", Message(intent="leave_message"))
    assert outcome.commands == [{"type": "handoff", "why": "asked", "message": True}]


@pytest.mark.parametrize(
    ("by", "response"),
    [({"by": "agent"}, "utter_handed_back"), ({"by": "customer"}, "utter_handed_back_by_customer")],
)
async def test_being_back_is_one_line(run: Run, by: dict[str, str], response: str) -> None:
    outcome = await run("action_handed_back", Message(intent="handed_back", entities=by), "return_form")
    assert (outcome.uttered, outcome.next) == ([response], None)


async def test_going_on_with_the_assistant_where_nobody_had_taken_over(run: Run) -> None:
    outcome = await run("action_handed_back", Message(intent="handed_back"))
    assert outcome.uttered == ["utter_handed_back_by_customer"]


@pytest.mark.parametrize(
    ("score", "response"), [(1, "utter_rated_badly"), (2, "utter_rated_badly"), (3, "utter_rated_well")]
)
async def test_a_rating_is_kept_and_thanked_for(run: Run, score: int, response: str) -> None:
    outcome = await run("action_rate_service", Message(intent="rate_service", entities={"score": str(score)}))
    assert (outcome.commands, outcome.uttered) == ([{"type": "rate", "score": score}], [response])


@pytest.mark.parametrize(
    ("intent", "response"), [("nlu_fallback", "utter_not_understood"), ("deny", "utter_not_an_answer")]
)
async def test_what_a_form_cannot_use_is_said_to_be_so(run: Run, intent: str, response: str) -> None:
    outcome = await run("action_not_understood", Message(intent=intent), "return_form")
    assert (outcome.uttered, outcome.commands, outcome.next) == ([response], [], None)


# --- Twice in a row ---------------------------------------------------------------------------------------------------


def said(intent: str, *actions: str) -> list[Event]:
    """A customer's message, and what was done at it."""
    message: Event = {"event": "user", "parse_data": {"intent": {"name": intent, "confidence": 0.3}}}
    return [message, *({"event": "action", "name": action} for action in (*actions, "action_listen"))]


def told(custom: Event) -> Event:
    return {"event": "bot", "text": None, "data": {"custom": custom}}


def tracker(*events: Event, **told: Any) -> Tracker:
    """After `events`, something is said that is not understood."""
    now = said("nlu_fallback")[:1]
    latest = {"intent": {"name": "nlu_fallback"}, "metadata": told}
    return Tracker("c", {}, latest, [*events, *now], False, None, {}, "action_listen")


UNCLEAR = said("nlu_fallback", "action_clarify")
NO_ANSWER = said("deny", "return_form", "action_not_understood", "return_form")
HANDOFF = told({"type": "handoff", "why": "not_understood"})


@pytest.mark.parametrize(
    "events",
    [
        pytest.param(UNCLEAR, id="no form is open"),
        pytest.param(NO_ANSWER, id="a form could not use it"),
        pytest.param([*UNCLEAR, *said("channel_linked", "action_catch_up")], id="on another channel"),
        pytest.param([*said("greet", "utter_greet"), *UNCLEAR], id="something was understood before"),
    ],
)
def test_twice_in_a_row(events: list[Event]) -> None:
    assert is_misunderstood_again(tracker(*events))


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([], id="the first message"),
        pytest.param(said("nlu_fallback", "return_form"), id="a form could use it"),
        pytest.param(said("inform", "action_clarify"), id="a bare name, answered"),
        pytest.param([*UNCLEAR, *said("greet", "utter_greet")], id="understood in between"),
        pytest.param([*UNCLEAR, *said("handed_back", "action_handed_back")], id="back from people"),
        pytest.param([*UNCLEAR, HANDOFF], id="people were asked for at that"),
        pytest.param([*UNCLEAR, *said("nlu_fallback")], id="said to people"),
    ],
)
def test_not_twice_in_a_row(events: list[Event]) -> None:
    assert not is_misunderstood_again(tracker(*events))


def test_in_a_group_nobody_is_called() -> None:
    assert not is_misunderstood_again(tracker(*UNCLEAR, audience=True))


# --- What the product says --------------------------------------------------------------------------------------------


def responses() -> dict[str, list[dict[str, Any]]]:
    domain = yaml.safe_load((PROJECT / "domain/people.yml").read_text(encoding="utf-8"))
    found: dict[str, list[dict[str, Any]]] = domain["responses"]
    return found


@pytest.mark.parametrize("name", SAID_BY_THE_PRODUCT)
def test_what_the_product_says_stands_in_both_languages_with_the_same_buttons(name: str) -> None:
    english, chinese = responses()[name]
    assert "condition" not in english
    assert chinese["condition"] == [{"type": "slot", "name": "language", "value": "zh"}]
    payloads = [[button["payload"] for button in one.get("buttons", [])] for one in (english, chinese)]
    assert payloads[0] == payloads[1]
    for one in (english, chinese):
        assert set(re.findall(r"\{(\w+)\}", one["text"])) == SAID_BY_THE_PRODUCT[name]


def test_whoever_waits_can_always_go_back() -> None:
    waiting = {"queued", "nobody", "nobody_known", "message", "noted", "position", "requeued"}
    with_a_way_back = {
        name.removeprefix("utter_handoff_")
        for name, (english, _) in responses().items()
        if any(button["payload"] == "/handed_back" for button in english.get("buttons", []))
    }
    assert with_a_way_back == waiting


@pytest.mark.parametrize("language", [0, 1])
def test_a_typed_number_is_the_score_and_the_place_on_the_list(language: int) -> None:
    buttons = responses()["utter_rate_service"][language]["buttons"]
    assert [button["title"] for button in buttons] == ["1", "2", "3", "4", "5"]
    assert [button["payload"].format() for button in buttons] == [
        f'/rate_service{{"score": "{score}"}}' for score in range(1, 6)
    ]
