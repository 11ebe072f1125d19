"""Days as customers write them, in English and Chinese: "tomorrow", "Sunday", "Dec 3", 明天, 周日, 下周五, 12月3号.

Only what people ask opening hours for; dateparser reads English calendar dates, the rest is a small grammar of its own
(dateparser fails on most Chinese phrases and on "next Friday").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dateparser

Reader = Callable[[re.Match[str], date], list[date]]


@dataclass(frozen=True, kw_only=True)
class DayMention:
    start: int
    end: int
    day: date


def find_days(text: str, today: date) -> list[DayMention]:
    """Every day that the text names, in its order; a weekend is two days. Overlapping readings: the first one wins."""
    found: list[DayMention] = []
    for match, read in _readings(text.lower()):
        if any(match.start() < mention.end and mention.start < match.end() for mention in found):
            continue
        found += [DayMention(start=match.start(), end=match.end(), day=day) for day in read(match, today)]
    return sorted(found, key=lambda mention: (mention.start, mention.day))


def _readings(text: str) -> Iterator[tuple[re.Match[str], Reader]]:
    for pattern, read in GRAMMAR:
        for match in pattern.finditer(text):
            yield match, read


def _shifted(days: int) -> Reader:
    return lambda match, today: [today + timedelta(days=days)]


def _english_weekday(match: re.Match[str], today: date) -> list[date]:
    return [_weekday(ENGLISH_WEEKDAYS.index(match["day"][:3]), today, next_week=match["which"] == "next")]


def _chinese_weekday(match: re.Match[str], today: date) -> list[date]:
    return [_weekday(CHINESE_WEEKDAYS[match["day"]], today, next_week=match["which"] == "下")]


def _weekend(match: re.Match[str], today: date) -> list[date]:
    saturday = _weekday(5, today, next_week=match["which"] in ("next", "下"))
    return [saturday, saturday + timedelta(days=1)]


def _weekday(weekday: int, today: date, *, next_week: bool) -> date:
    """ "Friday" is the coming one, today included; "next Friday" is the one in the week that starts on Monday."""
    if next_week:
        return today + timedelta(days=7 - today.weekday() + weekday)
    return today + timedelta(days=(weekday - today.weekday()) % 7)


def _english_date(match: re.Match[str], today: date) -> list[date]:
    settings = {"RELATIVE_BASE": datetime.combine(today, datetime.min.time()), "PREFER_DATES_FROM": "future"}
    parsed = dateparser.parse(match.group(), languages=["en"], settings={**settings, "DATE_ORDER": "DMY"})
    return [parsed.date()] if parsed else []


def _chinese_date(match: re.Match[str], today: date) -> list[date]:
    return _coming(_number(match["month"]), _number(match["day"]), today)


def _chinese_days_later(match: re.Match[str], today: date) -> list[date]:
    return [today + timedelta(days=_number(match["days"]))]


def _coming(month: int, day: int, today: date) -> list[date]:
    """This year's date, or next year's when it is over; nothing for 31 February."""
    for year in (today.year, today.year + 1):
        try:
            candidate = date(year, month, day)
        except ValueError:
            continue
        if candidate >= today:
            return [candidate]
    return []


def _number(written: str) -> int:
    """Up to 99: digits of either width, or 三, 十二, 二十一, 三十."""
    if written.isdecimal():
        return int(written)
    tens, ten, units = written.rpartition("十")
    return (DIGITS.get(tens, 1) * 10 if ten else 0) + DIGITS.get(units, 0)


ENGLISH_WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CHINESE_WEEKDAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}
DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"两": 2, "兩": 2}

_MONTHS = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_ORDINAL = r"(?:st|nd|rd|th)"
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:days?)?"
_WEEK = r"(?:周|週|星期|礼拜|禮拜)"
_NUMBER = r"(?:\d{1,2}|[一二三四五六七八九十两兩]{1,3})"

GRAMMAR: list[tuple[re.Pattern[str], Reader]] = [
    (re.compile(r"大后天|大後天"), _shifted(3)),
    (re.compile(r"后天|後天|\bday after (?:tomorrow|tmrw?)\b"), _shifted(2)),
    (re.compile(r"明天|明日|明早|明晚|听日|聽日|\b(?:tomorrow|tomorow|tommorow|tommorrow|tmrw?|tmr)\b"), _shifted(1)),
    (re.compile(r"今天|今日|今早|今晚|现在|現在|\b(?:today|tonight|tonite|now)\b"), _shifted(0)),
    (re.compile(rf"(?P<which>下)?(?:个|個)?{_WEEK}末"), _weekend),
    (re.compile(r"\b(?:(?P<which>next|this)\s+)?weekends?\b"), _weekend),
    (re.compile(rf"(?P<which>下|这|這|本)?(?:个|個)?{_WEEK}(?P<day>[一二三四五六日天])"), _chinese_weekday),
    (re.compile(rf"\b(?:(?P<which>next|this|coming|on)\s+)?(?P<day>{_WEEKDAY})\b"), _english_weekday),
    (re.compile(rf"(?P<month>{_NUMBER})月(?P<day>{_NUMBER})(?:号|號|日)?"), _chinese_date),
    (re.compile(rf"(?P<days>{_NUMBER})天(?:后|後|之后|之後)"), _chinese_days_later),
    (
        re.compile(rf"\b\d{{1,2}}{_ORDINAL}?\s+(?:of\s+)?{_MONTHS}\b|\b{_MONTHS}\s+\d{{1,2}}{_ORDINAL}?\b"),
        _english_date,
    ),
    (re.compile(r"\b\d{1,2}/\d{1,2}\b|\bin (?:a|\d|two|three|four|five) days?\b"), _english_date),
]
