"""Files that customers send: what became of them, and what can be done with them here."""

from __future__ import annotations

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import said
from actions.texts import DomainDict, texts_for

NAMED = ("picture", "audio", "video", "sticker", "file")
"""Kinds that the domain has a word for."""


class ActionMediaReceived(Action):  # type: ignore[misc]
    """Says honestly whether the file is here. What is in it, only a person can tell; an open form goes on after it."""

    def name(self) -> str:
        return "action_media_received"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: DomainDict) -> list[EventType]:
        message, texts = said(tracker), texts_for(tracker, domain)
        kind, outcome = message.first("media_kind") or "", message.first("media_outcome") or ""
        what = texts(f"utter_media_{kind if kind in NAMED else 'file'}")
        dispatcher.utter_message(response=_answer(kind, outcome, message.first("media_problem")), what=what)
        return []


def _answer(kind: str, outcome: str, problem: str | None) -> str:
    if kind == "voice":
        return "utter_voice_received"
    if outcome == "refused":
        return "utter_media_too_large" if problem == "too_large" else "utter_media_refused"
    if outcome == "lost":
        return "utter_media_lost"
    if kind == "sticker":
        return "utter_sticker_received"
    return "utter_media_pending" if outcome == "pending" else "utter_media_received"
