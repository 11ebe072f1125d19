"""Asking for a level of assurance: how sure it has to be that the holder of an account is writing.

The levels, the weakest first, and what each is enough for here:

    none       anybody                                          the word for an order's state
    confirmed  the number they write from is on file, and they  when an order comes, and who brings it
               said that the account is theirs
    code       a code that only the holder was sent             what is in an order, what it came to, where it goes
    signed_in  signed in on the website

One line above an action or a form's validation asks for a level:

    @asks_for("code")
    class ActionOrderDetails(Action):

Whoever is below it is asked to step up there, and is answered, or goes on with the form, once they have. Whose account
it is and which levels are met, the product tells beside each message, from its database and never from the customer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import account_of, assured_of, codes_left, is_in_group, open_channels, said
from actions.groups import ActionPrivateMatter
from actions.payloads import payload
from actions.shop import Account, open_shop
from actions.suggestions import may_be_suggested, suggest
from actions.texts import DomainDict

_A = TypeVar("_A", bound=type[Action])
Meant = Callable[[Tracker], "str | None"]


def shows(tracker: Tracker, account: str, level: str = "code") -> bool:
    """Whether whoever wrote the latest message surely holds the account. Never in a group."""
    return account_of(tracker) == account and level in assured_of(tracker) and not is_in_group(tracker)


def order_meant(tracker: Tracker) -> str | None:
    """The number of the order that it is about: the one that the message names, else the one in hand."""
    slots = ("order_number", "return_order", "recent_order")
    return said(tracker).first("order_number") or next(filter(None, map(tracker.get_slot, slots)), None)


def asks_for(level: str, of: Meant = order_meant) -> Callable[[_A], _A]:
    """For an action, or for a form's validation action: let nobody in below this level.

    of:  the order whose holder it has to be, by its number. Without one, any account will do; where there is none
         either, the customer is asked for an order's number.

    An action that asked is not run; what the customer said is taken up again once they have stepped up. A form that
    asked stops, keeps its slots, and goes on with its question then.
    """

    def guard(action: _A) -> _A:
        run = action.run

        @wraps(run)
        async def guarded(
            self: Action, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict
        ) -> list[EventType]:
            form = tracker.active_loop_name if issubclass(action, FormValidationAction) else None
            asked = await _ask(dispatcher, tracker, domain, level, of(tracker), form=form)
            if asked is None:
                events: list[EventType] = await run(self, dispatcher, tracker, domain)
                return events
            return [*asked, ActiveLoop(None), FollowupAction("action_listen")] if form else asked

        action.run = guarded
        return action

    return guard


def step_up(
    dispatcher: CollectingDispatcher, tracker: Tracker, account: Account, level: str, *, order: str, then: str
) -> list[EventType]:
    """Ask the customer to show that the account is theirs; the events of the action that does it.

    order:  what it is about, for the words around a code
    then:   what to go on with once it is shown: a payload, or the name of a form
    """
    if level == "confirmed" and may_be_suggested(tracker, account):
        suggest(dispatcher, account)
        return [SlotSet("after_verification", then), *_without_question(tracker)]
    if not open_channels(tracker):
        dispatcher.utter_message(response="utter_verify_off")
        return []
    if not codes_left(tracker):
        dispatcher.utter_message(response="utter_verify_later")
        return []
    # Where a code could go, only the product knows: it answers in a turn of its own; see actions/verification.py.
    dispatcher.utter_message(json_message={"type": "ways", "account": account.number})
    return [SlotSet("after_verification", then), SlotSet("verifying_order", order), *_without_question(tracker)]


async def _ask(
    dispatcher: CollectingDispatcher,
    tracker: Tracker,
    domain: DomainDict,
    level: str,
    order: str | None,
    *,
    form: str | None,
) -> list[EventType] | None:
    """None if nothing has to be asked."""
    if is_in_group(tracker):
        private: list[EventType] = await ActionPrivateMatter().run(dispatcher, tracker, domain)
        return private
    if order is None and account_of(tracker) is not None and level in assured_of(tracker):
        return None
    account = await asyncio.to_thread(open_shop().account_of, order) if order else None
    if order is None or account is None:
        dispatcher.utter_message(response="utter_order_unknown" if order else "utter_which_order", order=order)
        return []
    if shows(tracker, account.number, level):
        return None
    return step_up(dispatcher, tracker, account, level, order=order, then=form or _what_was_said(tracker, order))


def _what_was_said(tracker: Tracker, order: str) -> str:
    """As a payload, with the first value of each entity, and the order that was meant."""
    message = said(tracker)
    named = {entity: values[0] for entity, values in message.entities.items()}
    return payload(message.intent, **{**named, "order_number": order})


def _without_question(tracker: Tracker) -> list[Any]:
    """An open form asks its question again after the answer that is still to come, and not before it."""
    return [FollowupAction("action_listen")] if tracker.active_loop_name else []
