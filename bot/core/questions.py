"""What a customer's answer refers to: pure decisions on taps and typed answers.

A question is an outbound message that offered options. While a form is open, its options answer one slot, and once the
form has moved on they are stale: tapping them must not answer a question that nobody asks any more. A menu, sent while
no form was open, never goes stale.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from channels.contract import Option


@dataclass(frozen=True, kw_only=True)
class Question:
    """An outbound message, as far as answers to it are concerned."""

    id: int
    options: tuple[Option, ...]
    asks: str | None
    """The slot that the options answer; empty for a menu."""
    asked_at: datetime


@dataclass(frozen=True, kw_only=True)
class Asking:
    """What the dialogue wants to know now."""

    slot: str | None
    """Rasa's requested_slot while a form is open."""
    since: datetime | None
    """When that form was opened."""


def is_stale(question: Question, now_asking: Asking, asked_again: Question | None) -> bool:
    """Whether the question is not open any more. `asked_again` is the newest one for the same slot, if any."""
    if question.asks is None:
        return False
    if question.asks != now_asking.slot:
        return True
    if now_asking.since is not None and question.asked_at < now_asking.since:
        return True  # asked by an earlier run of the form, about something else
    return asked_again is not None and asked_again.options != question.options


def typed_option(text: str, options: tuple[Option, ...]) -> Option | None:
    """The option that a typed answer means: its label, or its number as a list shows it (1-based)."""
    wanted = _plain(text)
    named = {option.payload: option for option in options if _plain(option.title) == wanted}
    if named:
        # The same label on several cards, as "Choose", says nothing about which one is meant.
        return next(iter(named.values())) if len(named) == 1 else None
    number = _number(wanted)
    if number is None or any(_number(_plain(option.title)) is not None for option in options):
        return None  # where labels are numbers themselves, "3" is a value and not the third
    return options[number - 1] if 1 <= number <= len(options) else None


def _plain(text: str) -> str:
    """For comparing: full-width forms made narrow, spaces and case evened out."""
    return " ".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _number(plain: str) -> int | None:
    """`2`, `2.`, `2)`, `2、`; an order number or a phone number is none."""
    match = re.fullmatch(r"\(?([0-9]{1,2})[.)、。]?", plain)
    return int(match.group(1)) if match else None
