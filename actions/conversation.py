"""What an action may know of the message it answers, read from Rasa's tracker in one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet

ABOUT_THE_WORDING = frozenset({"language"})
"""Entities that say how something was said, not what."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """The customer's latest message, as understood."""

    text: str
    intent: str
    entities: dict[str, list[str]]
    bare: bool
    """Nothing but names and numbers: an answer to a question, whatever the classifier made of so few words."""

    def first(self, entity: str) -> str | None:
        return next(iter(self.entities.get(entity, [])), None)


def said(tracker: Tracker) -> Said:
    message = tracker.latest_message
    text = message.get("text") or ""
    entities = [each for each in message.get("entities", []) if each["entity"] not in ABOUT_THE_WORDING]
    values: dict[str, list[str]] = {}
    for each in entities:
        values.setdefault(each["entity"], []).append(each["value"])
    return Said(
        text=text,
        intent=(message.get("intent") or {}).get("name") or "",
        entities=values,
        bare=bool(entities) and not text.startswith("/") and not _has_words(_rest(text, entities)),
    )


def channel_of(tracker: Tracker) -> str | None:
    """The channel that the customer is on now."""
    channel = _told(tracker).get("channel") or tracker.get_latest_input_channel()
    return str(channel) if channel else None


def open_channels(tracker: Tracker) -> list[str] | None:
    """The channels that can be gone on with, as far as the product says; Rasa's own tools say nothing."""
    return _told(tracker).get("channels") or None


def linked_channels(tracker: Tracker) -> list[str]:
    """The customer's channels, each once, the one that they are on first."""
    links = [link["channel"] for link in _told(tracker).get("links") or []]
    here = channel_of(tracker)
    return list(dict.fromkeys([here, *links] if here else links))


def is_in_group(tracker: Tracker) -> bool:
    """Whether others listen."""
    return _told(tracker).get("audience") is True


def has_just_joined(tracker: Tracker) -> bool:
    """Whether two conversations that both had content have become one in this turn."""
    return _told(tracker).get("joined") is True


def can_undo_link(tracker: Tracker) -> bool:
    """Whether there are conversations that the customer may separate again by themselves."""
    return _told(tracker).get("undoable") is True


def account_of(tracker: Tracker) -> str | None:
    """The company's number of the customer whose account the writer may speak of, by the product's word. How surely it
    is theirs, `assured_of` says."""
    account = _told(tracker).get("account")
    return str(account) if account else None


def assured_of(tracker: Tracker) -> list[str]:
    """The levels of assurance that the writer meets towards that account."""
    return list(_told(tracker).get("assured") or [])


def codes_left(tracker: Tracker) -> int:
    """How many codes may still be sent within the hour because this person asks."""
    return int(_told(tracker).get("codes_left") or 0)


def phone_of(tracker: Tracker) -> str | None:
    """The number that the writer's platform vouches for, in E.164."""
    return _told(tracker).get("phone") or None


def suggested_to(tracker: Tracker) -> list[str]:
    """The accounts that were suggested to the writer for their number, whatever they said to it."""
    suggested = _told(tracker).get("suggested")
    return [suggested["account"]] if suggested else []


def preferred_channel(tracker: Tracker) -> str | None:
    """Where the customer would rather be written to."""
    return _told(tracker).get("preferred") or None


def message_id_of(tracker: Tracker) -> str:
    """The same for the same message, however often it is processed: what makes a side effect repeatable."""
    return str(tracker.latest_message.get("message_id") or tracker.sender_id)


def forget(slots: Iterable[str]) -> list[EventType]:
    return [SlotSet(slot, None) for slot in slots]


def _told(tracker: Tracker) -> dict[str, Any]:
    """What the product tells beside the message; see bot/core/dialogue.py."""
    return tracker.latest_message.get("metadata") or {}


def _rest(text: str, entities: list[dict[str, Any]]) -> str:
    for entity in entities:
        start, end = entity.get("start", 0), entity.get("end", 0)
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _has_words(text: str) -> bool:
    return any(character.isalpha() for character in text)
