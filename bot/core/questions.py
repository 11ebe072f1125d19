"""What a customer's answer refers to: pure decisions on taps and typed answers.

A question is an outbound message that offered options. While a form is open, its options answer one slot, and once the
form has moved on they are stale: tapping them must not answer a question that nobody asks any more. A menu, sent while
no form was open, never goes stale. Which option a typed answer means, `bot.core.typed` says.
"""

from __future__ import annotations

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
