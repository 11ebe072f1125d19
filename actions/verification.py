"""How somebody shows that an account is theirs: by a code that is sent to where only its holder reads.

`actions/assurance.py` asks the product which ways there are; the answer comes as a message of its own, here. Where
there are two, the customer chooses. Once the code has been typed, what it was asked for goes on.
"""

from __future__ import annotations

import asyncio

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.continuing import go_on_with
from actions.conversation import codes_left, open_channels, said
from actions.payloads import payload
from actions.shop import Account, open_shop
from actions.texts import DomainDict, texts_for

EMAIL, LINKED = "email", "linked"


class ActionVerificationWays(Action):  # type: ignore[misc]
    """The product has said whether a channel that is linked already could take a code. One way is taken; of two, the
    customer takes one."""

    def name(self) -> str:
        return "action_verification_ways"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        account, texts = await _account(tracker), texts_for(tracker, domain)
        ways = [EMAIL] * (EMAIL in (open_channels(tracker) or ())) + [LINKED] * (said(tracker).first("linked") == "yes")
        if account is None or not ways:
            dispatcher.utter_message(response="utter_verify_off")
        elif len(ways) == 1:
            _send(dispatcher, tracker, account, ways[0])
        else:
            shown = veiled(account.email)
            buttons = [
                {"title": texts(f"utter_way_of_code_{way}", address=shown), "payload": payload("verify_by", way=way)}
                for way in ways
            ]
            dispatcher.utter_message(response="utter_ask_way_of_code", buttons=buttons)
        return []


class ActionVerifyBy(Action):  # type: ignore[misc]
    """The customer has chosen where the code goes."""

    def name(self) -> str:
        return "action_verify_by"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        account = await _account(tracker)
        if account is None:
            dispatcher.utter_message(response="utter_verify_off")
        elif not codes_left(tracker):
            dispatcher.utter_message(response="utter_verify_later")
        else:
            _send(dispatcher, tracker, account, LINKED if said(tracker).first("way") == LINKED else EMAIL)
        return []


class ActionAfterVerification(Action):  # type: ignore[misc]
    """The code was right. What it was asked for goes on, as if it had been asked for just now."""

    def name(self) -> str:
        return "action_after_verification"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        dispatcher.utter_message(response="utter_verified")
        return go_on_with(tracker)


def veiled(address: str) -> str:
    """Enough for its owner to know which one is meant: `a•••@example.com`."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}"


def _send(dispatcher: CollectingDispatcher, tracker: Tracker, account: Account, way: str) -> None:
    order = tracker.get_slot("verifying_order")
    asks = {"type": "verify", "account": account.number, "address": account.email, "order": order}
    dispatcher.utter_message(response=f"utter_verify_by_{way}", address=veiled(account.email))
    dispatcher.utter_message(json_message=asks if way == EMAIL else {**asks, "via": LINKED})


async def _account(tracker: Tracker) -> Account | None:
    """Whose it is, by the order that it is about."""
    order = tracker.get_slot("verifying_order")
    return await asyncio.to_thread(open_shop().account_of, order) if order else None
