"""Asking for a level in one line, above an action or a form's validation."""

from __future__ import annotations

from typing import Any

import pytest
from rasa.core.actions.forms import FormAction
from rasa.core.channels.channel import CollectingOutputChannel
from rasa.core.nlg.response import TemplatedNaturalLanguageGenerator
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, FollowupAction, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.assurance import asks_for
from actions.payloads import payload, read_payload
from tests.actions.test_verification import ALL_CHANNELS, ASSURED, mei

pytestmark = pytest.mark.usefixtures("database")

DOMAIN = """
version: "3.1"
intents: [change_address, inform]
slots:
  street: {type: text, mappings: [{type: custom}]}
  after_verification: {type: text, mappings: [{type: custom}]}
  verifying_order: {type: text, mappings: [{type: custom}]}
forms: {address_form: {required_slots: [street]}}
actions: [validate_address_form]
responses: {utter_ask_street: [{text: "Which street?"}]}
"""


class ChangesSomething(Action):  # type: ignore[misc]
    def name(self) -> str:
        return "action_change_something"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[Any]:
        dispatcher.utter_message(text="Changed")
        return []


class ValidateAddressForm(FormValidationAction):  # type: ignore[misc]
    def name(self) -> str:
        return "validate_address_form"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Any) -> list[Any]:
        return []


def tracker_of(
    intent: str = "change_address", order: str | None = "1042", form: str | None = None, **told: Any
) -> Tracker:
    message = {
        "text": f"/{intent}",
        "intent": {"name": intent},
        "entities": [{"entity": "order_number", "value": order}] if order else [],
        "metadata": {"channel": "telegram", "channels": ALL_CHANNELS, "assured": ["none"], "codes_left": 3, **told},
    }
    return Tracker("alice", {}, message, [], False, None, {"name": form} if form else {}, None)


async def run(action: Action, tracker: Tracker) -> tuple[CollectingDispatcher, list[Any]]:
    dispatcher = CollectingDispatcher()
    return dispatcher, await action.run(dispatcher, tracker, {})


async def test_whoever_meets_the_level_is_let_in() -> None:
    dispatcher, events = await run(asks_for("code")(_copy(ChangesSomething))(), tracker_of(**mei("code")))
    assert ([message["text"] for message in dispatcher.messages], events) == (["Changed"], [])


@pytest.mark.parametrize("level", ["confirmed", "code", "signed_in"])
async def test_whoever_does_not_is_asked_to_step_up_and_goes_on_with_what_they_said(level: str) -> None:
    dispatcher, events = await run(asks_for(level)(_copy(ChangesSomething))(), tracker_of(**mei("none")))
    assert [message["custom"] for message in dispatcher.messages] == [{"type": "ways", "account": "C-1001"}]
    assert {event["name"]: event["value"] for event in events} == {
        "after_verification": '/change_address{"order_number": "1042"}',
        "verifying_order": "1042",
    }


async def test_without_an_order_any_account_will_do_and_no_account_is_asked_for_one() -> None:
    guarded = asks_for("code")(_copy(ChangesSomething))
    let_in, _ = await run(guarded(), tracker_of(order=None, **mei("code")))
    kept_out, events = await run(guarded(), tracker_of(order=None, assured=ASSURED["code"]))
    assert [message["text"] for message in let_in.messages] == ["Changed"]
    assert ([message["response"] for message in kept_out.messages], events) == (["utter_which_order"], [])


async def test_a_form_that_asked_stops_without_its_question_and_is_what_goes_on() -> None:
    """What Rasa's own form makes of the events of a guarded validation."""
    _, given = await run(asks_for("code")(_copy(ValidateAddressForm))(), tracker_of(form="address_form"))
    events = await _rasas_form_given(given)

    assert not [event for event in events if event.type_name == "bot"]
    assert [event for event in events if isinstance(event, ActiveLoop)][-1] == ActiveLoop(None)
    assert FollowupAction("action_listen") in events
    assert SlotSet("after_verification", "address_form") in events


async def _rasas_form_given(given: list[dict[str, Any]]) -> list[Event]:
    domain = Domain.from_yaml(DOMAIN)
    tracker = DialogueStateTracker.from_events(
        "alice",
        [ActionExecuted("action_listen"), UserUttered("…", intent={"name": "change_address"})],
        slots=domain.slots,
    )
    form = _GivenForm("address_form", [Event.from_parameters(event) for event in given])
    nlg = TemplatedNaturalLanguageGenerator(domain.responses)
    events: list[Event] = await form.run(CollectingOutputChannel(), nlg, tracker, domain)
    return events


class _GivenForm(FormAction):  # type: ignore[misc]
    """Its validation is what the action server would have answered."""

    def __init__(self, name: str, given: list[Event]) -> None:
        super().__init__(name, None)
        self._given = given

    async def validate_slots(self, *_arguments: Any) -> list[Event]:
        return self._given


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('/inform{"order_number": "1042"}', ("inform", {"order_number": "1042"})),
        ("/leave_links", ("leave_links", {})),
        ("hello", None),
        ("", None),
    ],
)
def test_a_payload_is_read_back(text: str, read: tuple[str, dict[str, str]] | None) -> None:
    assert read_payload(text) == read
    if read is not None:
        assert payload(read[0], **read[1]) == text


def _copy(action: type[Action]) -> Any:
    """So that guarding it leaves the one above as it is."""
    return type(action.__name__, (action,), {})
