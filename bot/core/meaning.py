"""What a customer's message means to Rasa: pure decisions, before Rasa sees anything.

A customer's own words never become an intent payload; only the options that the bot itself offered, and what happened
around the conversation (a link, a tap that came too late), do.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from bot.core.questions import Asking, Question, is_stale
from bot.core.typed import typed_option
from channels.contract import Option

# What understanding is given of one message; the message itself stays whole in its table.
LONGEST_TEXT = 4000


def text_for_rasa(
    said: Mapping[str, Any],
    *,
    question: Question | None,
    asked_again: Question | None,
    asking: Asking,
    intents: Collection[str],
    besides: Sequence[Question] = (),
) -> str | None:
    """The text of Rasa's `UserMessage`, or None where this assistant has nothing to say to such a message."""
    kind = said.get("type")
    if kind == "text" or (kind == "media" and clean(str(said.get("text", "")))):
        open_questions = [one for one in (question, *besides) if one and not is_stale(one, asking, asked_again)]
        return _typed(str(said.get("text", "")), open_questions, intents)
    if kind == "choice":
        return _tapped(said, question, asked_again, asking, intents)
    if kind in ("taken_back", "separate"):
        return None  # before it had its turn; and what the commit does (`claims`)
    if kind == "start":
        return "/greet" if "greet" in intents else "hi"
    if kind in _REPORTED:
        intent, entities = _REPORTED[kind]
        return _payload(intent, entities(said), intents)
    if kind == "media" and "media_received" in intents:
        told = {f"media_{name}": _word(said[name]) for name in ("kind", "outcome", "problem") if said.get(name)}
        return _payload("media_received", told, intents)
    if kind == "location" and "location_shared" in intents:
        # Its name and address are the customer's words, and stand in the metadata.
        return _payload("location_shared", {name: said.get(name) for name in ("latitude", "longitude")}, intents)
    return _payload("unsupported_message", {"kind": _word(said.get("kind") or kind)}, intents)


def told_beside(said: Mapping[str, Any], message: int) -> dict[str, Any]:
    """What actions are told, in the metadata, of a file or a place that the customer sent:

    media:    {kind, outcome, name?, mime?, size?, message}, the last being the id of the message that it came with
    location: {latitude, longitude, name?, address?}
    """
    if said.get("type") == "media":
        return {"media": {**_known(said, "kind", "outcome", "name", "mime", "size"), "message": message}}
    if said.get("type") == "location":
        return {"location": _known(said, "latitude", "longitude", "name", "address")}
    return {}


def clean(text: str) -> str:
    """A customer's words as Rasa may see them: no control characters, no leading slash (Rasa would read an intent from
    it; Telegram's "/help" becomes "help"), not longer than `LONGEST_TEXT`."""
    kept = "".join(
        character for character in text if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    )
    return re.sub(r"^[\s/]+", "", kept)[:LONGEST_TEXT].strip()


def _typed(text: str, questions: Iterable[Question], intents: Collection[str]) -> str | None:
    words = clean(text)
    if not words:
        return _payload("unsupported_message", {"kind": "empty"}, intents)
    for question in questions:
        option = typed_option(words, question.options)
        if option is not None:
            return option.payload
    return words


def _tapped(
    said: Mapping[str, Any],
    question: Question | None,
    asked_again: Question | None,
    asking: Asking,
    intents: Collection[str],
) -> str | None:
    option = _option(said.get("option"), question)
    if option is not None and question is not None and not is_stale(question, asking, asked_again):
        return option.payload
    if "stale_choice" in intents:
        return "/stale_choice"
    # An assistant that knows nothing of stale taps gets what stock Rasa would have given it.
    return None if option is None else option.payload


def _option(index: Any, question: Question | None) -> Option | None:
    if question is None or not isinstance(index, int):
        return None
    return question.options[index] if 0 <= index < len(question.options) else None


def _payload(intent: str, entities: Mapping[str, Any], intents: Collection[str]) -> str | None:
    return f"/{intent}{json.dumps(entities)}" if intent in intents else None


def _link_problem(said: Mapping[str, Any]) -> Any:
    """A code that was typed, and so has a label for the transcript, is no link to whoever typed it."""
    problem = said.get("problem")
    return f"code_{problem}" if said.get("label") and problem in ("unknown", "expired", "used") else problem


_REPORTED: Mapping[Any, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "linked": ("channel_linked", lambda said: {"from_channel": said.get("from")}),
    "verified": ("identity_verified", lambda _said: {}),
    "ways": ("verification_ways", lambda said: {"linked": "yes" if said.get("linked") else "no"}),
    "separated": ("chats_separated", lambda _said: {}),
    "link_refused": ("link_refused", lambda said: {"link_problem": _link_problem(said)}),
}
"""What the product reports, by its kind: the intent and its entities."""


def _known(said: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: said[name] for name in names if said.get(name) is not None}


def _word(kind: Any) -> str:
    """A vendor's word, fit to stand in a payload."""
    return re.sub(r"[^a-z0-9_]", "", str(kind).lower())[:32] or "unknown"
