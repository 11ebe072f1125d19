"""An account that has the telephone number which the customer writes from: a suggestion, which they confirm or decline.

It is made once, when something asks for the level `confirmed`, and tells so little that whoever has been given somebody
else's old number learns nothing of them. A number that is on file with two customers suggests neither.
"""

from __future__ import annotations

import asyncio

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.continuing import go_on_with
from actions.conversation import account_of, is_in_group, phone_of, suggested_to
from actions.shop import Account, open_shop
from actions.texts import DomainDict


def may_be_suggested(tracker: Tracker, account: Account) -> bool:
    """Whether it is this account that the number suggests, to somebody who was not asked yet and has no other."""
    phone = None if is_in_group(tracker) else phone_of(tracker)
    if phone is None or account.phone != phone or account_of(tracker) not in (None, account.number):
        return False
    return account.number not in suggested_to(tracker) and open_shop().account_with(phone) == account


def suggest(dispatcher: CollectingDispatcher, account: Account) -> None:
    """Ask whether the account is theirs."""
    dispatcher.utter_message(json_message={"type": "suggestion", "account": account.number, "state": "offered"})
    dispatcher.utter_message(response="utter_suggest_account", ending=account.number[-2:])


class ActionConfirmSuggestion(Action):  # type: ignore[misc]
    """Yes, it is theirs: what it was asked for goes on, as far as that is enough."""

    def name(self) -> str:
        return "action_confirm_suggestion"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        account = await _suggested(tracker)
        if account is None:
            dispatcher.utter_message(response="utter_suggestion_gone")
            return []
        dispatcher.utter_message(json_message={"type": "suggestion", "account": account, "state": "confirmed"})
        dispatcher.utter_message(response="utter_suggestion_confirmed")
        # As the product tells it from the next message on.
        return go_on_with(tracker, told={"account": account, "assured": ["none", "confirmed"]})


class ActionDeclineSuggestion(Action):  # type: ignore[misc]
    """No: it is not asked again."""

    def name(self) -> str:
        return "action_decline_suggestion"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        account = await _suggested(tracker)
        if account is not None:
            dispatcher.utter_message(json_message={"type": "suggestion", "account": account, "state": "declined"})
        dispatcher.utter_message(response="utter_suggestion_declined")
        return [SlotSet("after_verification", None)]


async def _suggested(tracker: Tracker) -> str | None:
    """The account that was offered, if the number still suggests it, to somebody who has no other."""
    phone = phone_of(tracker)
    account = await asyncio.to_thread(open_shop().account_with, phone) if phone else None
    if account is None or account.number not in suggested_to(tracker):
        return None
    return account.number if account_of(tracker) in (None, account.number) else None
