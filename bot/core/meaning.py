"""What a customer's message means to Rasa: pure decisions, before Rasa sees anything.

A customer's own words never become an intent payload; only the options that the bot itself offered, and what happened
around the conversation (a link, a tap that came too late), do.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any

from bot.core.questions import Asking, Question, is_stale, typed_option
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
) -> str | None:
    """The text of Rasa's `UserMessage`, or None where this assistant has nothing to say to such a message."""
    kind = said.get("type")
    if kind == "text":
        return _typed(str(said.get("text", "")), question, asked_again, asking, intents)
    if kind == "choice":
        return _tapped(said, question, asked_again, asking, intents)
    if kind == "start":
        return "/greet" if "greet" in intents else "hi"
    if kind == "linked":
        return _payload("channel_linked", {"from_channel": said.get("from")}, intents)
    if kind == "link_refused":
        return _payload("link_refused", {"link_problem": said.get("problem")}, intents)
    return _payload("unsupported_message", {"kind": _word(said.get("kind") or kind)}, intents)


def clean(text: str) -> str:
    """A customer's words as Rasa may see them: no control characters, no leading slash (Rasa would read an intent from
    it; Telegram's "/help" becomes "help"), not longer than `LONGEST_TEXT`."""
    kept = "".join(
        character for character in text if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
    )
    return re.sub(r"^[\s/]+", "", kept)[:LONGEST_TEXT].strip()


def _typed(
    text: str, question: Question | None, asked_again: Question | None, asking: Asking, intents: Collection[str]
) -> str | None:
    words = clean(text)
    if not words:
        return _payload("unsupported_message", {"kind": "empty"}, intents)
    if question is not None and not is_stale(question, asking, asked_again):
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


def _word(kind: Any) -> str:
    """A vendor's word, fit to stand in a payload."""
    return re.sub(r"[^a-z0-9_]", "", str(kind).lower())[:32] or "unknown"
