"""People behind the assistant: asking for one, and being back afterwards.

Nobody is called from here: the product does it, at the custom reply `handoff`, and says itself how long the queue is or
that nobody is there. It records what is said while people have the conversation, and the assistant is silent until the
intent `handed_back`. See docs/handoff.md.
"""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import ActionExecuted, EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import is_in_group, said
from actions.groups import ActionPrivateMatter
from actions.texts import DomainDict

TOPICS = {"return_form": "returns", "track_order_form": "orders"}
"""What it is about, by the open form: teams and agents of the desk may have topics."""

REPORTS = frozenset(("channel_linked", "chats_separated", "link_refused", "identity_verified", "verification_ways"))
"""Intents that the product reports: they stand between two of the customer's messages and are none."""

BAD = 2
"""This score and those below it are a reason to ask whether a person is wanted again."""


class ActionTalkToHuman(Action):  # type: ignore[misc]
    """In a group, the way to the private chat: what an agent may have to ask is nobody else's business."""

    def name(self) -> str:
        return "action_talk_to_human"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        if is_in_group(tracker):
            private: list[EventType] = await ActionPrivateMatter().run(dispatcher, tracker, domain)
            return private
        return hand_off(dispatcher, tracker, "asked")


class ActionLeaveMessage(Action):  # type: ignore[misc]
    """Nobody is there, and the customer would rather write to them than go on with the assistant."""

    def name(self) -> str:
        return "action_leave_message"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        return hand_off(dispatcher, tracker, "asked", message=True)


class ActionNotUnderstood(Action):  # type: ignore[misc]
    """What was said in a form means nothing to it. Once, the question is asked again; the second time in a row, a
    colleague is asked for."""

    def name(self) -> str:
        return "action_not_understood"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        if is_misunderstood_again(tracker):
            return get_colleague(dispatcher, tracker)
        unclear = said(tracker).intent == "nlu_fallback"
        dispatcher.utter_message(response="utter_not_understood" if unclear else "utter_not_an_answer")
        return []


class ActionHandedBack(Action):  # type: ignore[misc]
    """An agent has given the conversation back, or the customer has taken it back; an open form asks its question."""

    def name(self) -> str:
        return "action_handed_back"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        by_agent = said(tracker).first("by") == "agent"
        dispatcher.utter_message(response="utter_handed_back" if by_agent else "utter_handed_back_by_customer")
        return []


class ActionRateService(Action):  # type: ignore[misc]
    """How the customer found the service; the product keeps it with the case."""

    def name(self) -> str:
        return "action_rate_service"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        score = int(said(tracker).entities["score"][0])
        dispatcher.utter_message(json_message={"type": "rate", "score": score})
        dispatcher.utter_message(response="utter_rated_badly" if score <= BAD else "utter_rated_well")
        return []


def hand_off(
    dispatcher: CollectingDispatcher, tracker: Tracker, why: str = "action", **wishes: str | int | bool
) -> list[EventType]:
    """Have the product bring in a person; the events of the action that does it.

    why:     `asked`: the customer did; `not_understood`; `action`: a rule of the company's
    wishes:  `topic` (by default the open form's), `team` (its name), `priority` (0 as a rule; higher is taken first),
             `message`: one is left although nobody is there

    An open form stays open and asks nothing until the assistant is back. Not for groups: no agent talks there.
    """
    topic = TOPICS.get(tracker.active_loop_name or "")
    asks = {"type": "handoff", "why": why, **({"topic": topic} if topic else {}), **wishes}
    dispatcher.utter_message(json_message=asks)
    # As if the form had run already: Rasa then waits, and takes the next message for an answer again, which it does not
    # as long as the form's last word was that it had no use for a message.
    return [ActionExecuted(tracker.active_loop_name)] if tracker.active_loop_name else []


def get_colleague(dispatcher: CollectingDispatcher, tracker: Tracker) -> list[EventType]:
    """The assistant gives up on what was said."""
    dispatcher.utter_message(response="utter_get_colleague")
    return hand_off(dispatcher, tracker, "not_understood")


def is_misunderstood_again(tracker: Tracker) -> bool:
    """Whether the customer's message before this one, on whatever channel, was not understood either. A handoff is a
    new beginning, and so is whatever was understood in between."""
    before = _message_before(tracker)
    return not is_in_group(tracker) and _is_misunderstood(before) and not any(map(_is_handoff, before))


def _message_before(tracker: Tracker) -> list[dict[str, Any]]:
    """The events of the customer's message before this one, and of the answer to it; none for the first message."""
    messages: list[list[dict[str, Any]]] = [[], []]
    for event in tracker.events:
        if event["event"] == "user" and _intent(event) not in REPORTS:
            messages.append([])
        messages[-1].append(event)
    return messages[-2]


def _is_misunderstood(message: list[dict[str, Any]]) -> bool:
    actions = {event["name"] for event in message if event["event"] == "action"}
    unclear = any(_intent(event) == "nlu_fallback" for event in message)
    return "action_not_understood" in actions or ("action_clarify" in actions and unclear)


def _is_handoff(event: dict[str, Any]) -> bool:
    custom = (event.get("data") or {}).get("custom") if event["event"] == "bot" else None
    return isinstance(custom, dict) and custom.get("type") == "handoff"


def _intent(event: dict[str, Any]) -> str | None:
    """Of a message; nothing for other events."""
    intent = (event.get("parse_data") or {}).get("intent") or {}
    return intent.get("name")
