"""What the product itself offers to customers, where the assistant cannot speak: both processes know it by its payload.

A tap on it means the same whatever the assistant is, and needs neither its training nor its actions.
"""

from __future__ import annotations

from typing import Optional

from channels.contract import Option

PEOPLE = "/throughline_people"
"""The customer would rather have people."""

_TALK_TO_A_PERSON = {"en": "Talk to a person", "zh": "转人工客服"}


def spoken(language: Optional[str]) -> str:
    """The language of the product's own words, `en` or `zh`, for a BCP 47 tag."""
    return "zh" if (language or "").lower().startswith("zh") else "en"


def offer_people(language: Optional[str]) -> Option:
    """`language`: BCP 47."""
    return Option(title=_TALK_TO_A_PERSON[spoken(language)], payload=PEOPLE)
