"""Words for values, in the customer's language.

Every sentence lives in the domain's responses. Most are uttered by name; phrases that become part of a list, a card or
a button's title are read from the same place here, so that the whole assistant is worded in one place.
"""

from __future__ import annotations

from datetime import date, time
from typing import Any

from rasa_sdk import Tracker

DomainDict = dict[str, Any]

WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
}
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
NEAR_DAYS = {"en": ("today", "tomorrow"), "zh": ("今天", "明天")}


class Texts:
    """The domain's responses as plain phrases: `texts("utter_quantity_few", count=3)`."""

    def __init__(self, domain: DomainDict, language: str) -> None:
        self._responses = domain.get("responses", {})
        self.language = language

    def __call__(self, response: str, **values: object) -> str:
        variations = self._responses[response]
        chosen = next((each for each in variations if self._is_for_language(each)), variations[0])
        return str(chosen["text"]).format(**values)

    def _is_for_language(self, variation: dict[str, Any]) -> bool:
        return any(
            condition.get("name") == "language" and condition.get("value") == self.language
            for condition in variation.get("condition", [])
        )


def texts_for(tracker: Tracker, domain: DomainDict) -> Texts:
    return Texts(domain, language_of(tracker))


def language_of(tracker: Tracker) -> str:
    """The language of the conversation; English until the customer shows another one, as in the responses."""
    return "zh" if tracker.get_slot("language") == "zh" else "en"


def money(cents: int) -> str:
    return f"S${cents // 100:,}.{cents % 100:02}"


def full_day(day: date, language: str) -> str:
    """`Friday 27 November`, `11月27日（周五）`."""
    weekday = WEEKDAYS[language][day.weekday()]
    if language == "zh":
        return f"{day.month}月{day.day}日（{weekday}）"
    return f"{weekday} {day.day} {MONTHS[day.month - 1]}"


def near_day(day: date, today: date, language: str) -> str:
    """`today`, `tomorrow`, or the day in full, fit for the middle of a sentence."""
    away = (day - today).days
    if 0 <= away < len(NEAR_DAYS[language]):
        return NEAR_DAYS[language][away]
    return full_day(day, "zh") if language == "zh" else f"on {full_day(day, language)}"


def clock_time(moment: time) -> str:
    return f"{moment:%H:%M}"


def listed(parts: list[str], language: str) -> str:
    return ("、" if language == "zh" else ", ").join(parts)
