"""Actions for a real action server, which one customer's message brings down."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.executor import CollectingDispatcher

DEADLY_FOR = "alice"


class ActionLookUp(Action):  # type: ignore[misc]  # the SDK's classes are untyped here
    """Takes a while, so that others are under way when the server goes."""

    def name(self) -> str:
        return "action_look_up"

    async def run(
        self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]
    ) -> list[dict[str, Any]]:
        if tracker.sender_id == DEADLY_FOR:
            os._exit(3)
        await asyncio.sleep(0.3)
        dispatcher.utter_message(text="Found it")
        return []
