"""Days as people write them. Today is Saturday, 21 November 2026."""

from __future__ import annotations

from datetime import date

import pytest

from bot.core.nlu.days import find_days

TODAY = date(2026, 11, 21)


def days_in(text: str) -> list[str]:
    return [mention.day.isoformat() for mention in find_days(text, TODAY)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("are you open today", ["2026-11-21"]),
        ("open tonight?", ["2026-11-21"]),
        ("tmr open?", ["2026-11-22"]),
        ("the day after tomorrow", ["2026-11-23"]),
        ("on Sunday", ["2026-11-22"]),
        ("this Saturday", ["2026-11-21"]),
        ("next Friday", ["2026-11-27"]),
        ("next Monday", ["2026-11-23"]),
        ("at the weekend", ["2026-11-21", "2026-11-22"]),
        ("3 December", ["2026-12-03"]),
        ("Dec 3rd", ["2026-12-03"]),
        ("2 January", ["2027-01-02"]),
        ("3/12", ["2026-12-03"]),
        ("in two days", ["2026-11-23"]),
        ("Monday and Tuesday", ["2026-11-23", "2026-11-24"]),
        ("may I return a monitor in order 1042", []),
    ],
)
def test_english_days(text: str, expected: list[str]) -> None:
    assert days_in(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天开门吗", ["2026-11-21"]),
        ("明天下午3点", ["2026-11-22"]),
        ("后天呢", ["2026-11-23"]),
        ("大后天", ["2026-11-24"]),
        ("周日营业吗", ["2026-11-22"]),
        ("星期天", ["2026-11-22"]),
        ("礼拜六", ["2026-11-21"]),
        ("下周五", ["2026-11-27"]),
        ("下个星期一", ["2026-11-23"]),
        ("这周六", ["2026-11-21"]),
        ("周末", ["2026-11-21", "2026-11-22"]),
        ("12月3号", ["2026-12-03"]),
        ("十二月三日", ["2026-12-03"]),
        ("十一月二十九号", ["2026-11-29"]),
        ("1月2号", ["2027-01-02"]),
        ("三天后", ["2026-11-24"]),
        ("週日開門嗎", ["2026-11-22"]),
        ("2月31号", []),
        ("我要退货", []),
    ],
)
def test_chinese_days(text: str, expected: list[str]) -> None:
    assert days_in(text) == expected


def test_a_day_knows_where_it_stands_in_the_text() -> None:
    (mention,) = find_days("乌节路店周日几点开门", TODAY)
    assert "乌节路店周日几点开门"[mention.start : mention.end] == "周日"
