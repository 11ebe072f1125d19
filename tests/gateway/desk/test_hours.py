"""When a team is there, by the clock on its own wall."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from bot.store.hours import ALWAYS, DAYS, checked, is_open, opens_at

ROOT = Path(__file__).resolve().parents[3]
CORE_PYTHON = ROOT / "bot/core/.venv/bin/python"

LONDON, SINGAPORE, NEW_YORK = (ZoneInfo(name) for name in ("Europe/London", "Asia/Singapore", "America/New_York"))

SHOP = checked(
    {
        "timezone": "Asia/Singapore",
        "weekly": {
            "mon": [["09:00", "12:30"], ["13:30", "18:00"]],
            "fri": [["20:00", "24:00"]],
            "sat": [["00:00", "02:00"]],
        },
        "closed": ["2026-11-30"],
    }
)


def at(text: str, zone: ZoneInfo = SINGAPORE) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("moment", "there"),
    [
        ("2026-11-23T08:59:59", False),  # a Monday
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T12:29:59", True),
        ("2026-11-23T12:30:00", False),
        ("2026-11-23T13:30:00", True),
        ("2026-11-23T18:00:00", False),
        ("2026-11-24T10:00:00", False),
        ("2026-11-27T23:59:59", True),
        ("2026-11-28T00:00:00", True),
        ("2026-11-28T02:00:00", False),
        ("2026-11-30T10:00:00", False),  # closed
    ],
)
def test_hours_are_those_of_the_wall(moment: str, there: bool) -> None:
    assert is_open(SHOP, at(moment)) is there
    assert is_open(SHOP, at(moment).astimezone(UTC)) is there


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-11-23T08:00:00", "2026-11-23T09:00:00"),
        ("2026-11-23T12:45:00", "2026-11-23T13:30:00"),
        ("2026-11-23T10:00:00", "2026-11-23T10:00:00"),
        ("2026-11-23T18:00:00", "2026-11-27T20:00:00"),
        ("2026-11-28T03:00:00", "2026-12-04T20:00:00"),  # over the Monday that is closed
    ],
)
def test_it_says_when_somebody_is_there_again(moment: str, opens: str) -> None:
    assert opens_at(SHOP, at(moment)) == at(opens)


def test_always_is_always_and_never_is_never() -> None:
    assert is_open(ALWAYS, at("2026-11-23T03:00:00"))
    assert opens_at(checked({"timezone": "UTC", "weekly": {"mon": []}}), at("2026-11-23T03:00:00")) is None


def test_more_closed_days_than_a_year_has_do_not_hide_the_next_opening() -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    closed = [(first + timedelta(days=n)).date().isoformat() for n in range(400)]
    hours = checked({"timezone": "UTC", "weekly": {day: [["09:00", "10:00"]] for day in DAYS}, "closed": closed})
    assert opens_at(hours, first) == first + timedelta(days=400, hours=9)


def test_when_the_clock_goes_forward_over_the_beginning_they_are_there_when_it_has_jumped() -> None:
    # London, 29 March 2026: 01:00 is followed by 02:00, which is 01:00 UTC.
    hours = checked({"timezone": "Europe/London", "weekly": {"sun": [["01:30", "04:00"]]}})
    jump = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert not is_open(hours, jump - timedelta(seconds=1))
    assert is_open(hours, jump)
    assert opens_at(hours, jump - timedelta(hours=3)) == jump


def test_hours_that_lie_wholly_in_the_hour_that_is_skipped_are_no_hours() -> None:
    hours = checked({"timezone": "Europe/London", "weekly": {"sun": [["01:15", "01:45"]]}})
    jump = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert not any(is_open(hours, jump + timedelta(minutes=n)) for n in range(-90, 90))
    assert opens_at(hours, jump - timedelta(hours=3)) == datetime(2026, 4, 5, 0, 15, tzinfo=UTC)


def test_an_hour_that_comes_twice_is_worked_twice() -> None:
    # New York, 1 November 2026: 01:00 to 02:00 comes twice, from 05:00 to 07:00 UTC.
    hours = checked({"timezone": "America/New_York", "weekly": {"sun": [["01:00", "01:30"]]}})
    first = datetime(2026, 11, 1, 5, 0, tzinfo=UTC)
    there = [minutes for minutes in range(-10, 130, 10) if is_open(hours, first + timedelta(minutes=minutes))]
    assert there == list(range(0, 90, 10))


@given(
    moment=some.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),  # noqa: DTZ001
    zone=some.sampled_from(["Europe/London", "Asia/Singapore", "America/New_York", "Australia/Lord_Howe"]),
    begins=some.integers(0, 22),
    length=some.integers(1, 2),
    day=some.sampled_from(DAYS),
)
def test_at_the_moment_they_open_they_are_there_and_a_second_before_they_are_not(
    moment: datetime, zone: str, begins: int, length: int, day: str
) -> None:
    weekly = {day: [[f"{begins:02}:00", f"{begins + length:02}:00"]]}
    hours, now = checked({"timezone": zone, "weekly": weekly}), moment.replace(tzinfo=UTC)
    opens = opens_at(hours, now)
    assert opens is not None
    assert now <= opens <= now + timedelta(days=15)
    assert is_open(hours, opens)
    if opens > now:
        assert not is_open(hours, opens - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("hours", "why"),
    [
        (None, "hours are written like"),
        ({}, "timezone 'None' is not known"),
        ({"timezone": "Mars/Olympus", "always": True}, "timezone 'Mars/Olympus' is not known here"),
        ({"timezone": "../etc/passwd", "always": True}, "is not known here"),
        ({"timezone": "UTC", "always": "yes"}, "always is true or false"),
        ({"timezone": "UTC", "always": True, "weekly": {}}, "not both"),
        ({"timezone": "UTC"}, "weekly is written like"),
        ({"timezone": "UTC", "weekly": {"monday": []}}, "'monday' is no day"),
        ({"timezone": "UTC", "weekly": {"mon": "09:00-18:00"}}, "mon is written like"),
        ({"timezone": "UTC", "weekly": {"mon": [["09:00"]]}}, "each stretch is written like"),
        ({"timezone": "UTC", "weekly": {"mon": [[9, 18]]}}, "each stretch is written like"),
        ({"timezone": "UTC", "weekly": {"mon": [["9:00", "18:00"]]}}, "from 00:00 to 24:00"),
        ({"timezone": "UTC", "weekly": {"mon": [["18:00", "09:00"]]}}, "09:00 is not after 18:00"),
        ({"timezone": "UTC", "weekly": {"mon": [["09:00", "12:00"], ["11:00", "18:00"]]}}, "11:00 is before"),
        ({"timezone": "UTC", "weekly": {"mon": []}, "closed": ["25 December"]}, "is no day such as"),
        ({"timezone": "UTC", "weekly": {"mon": []}, "closed": ["2026-02-30"]}, "is no day such as"),
        ({"timezone": "UTC", "weekly": {"mon": []}, "open": True}, "hours have no 'open'"),
    ],
)
def test_what_is_wrong_is_said(hours: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        checked(hours)


def test_they_are_the_same_in_rasas_process() -> None:
    asked = (
        "from datetime import datetime, timezone; from bot.store.hours import *;"
        f"hours = checked({SHOP!r}); now = datetime(2026, 11, 23, 5, 0, tzinfo=timezone.utc);"
        "print(is_open(hours, now), opens_at(hours, now).isoformat())"
    )
    said = subprocess.run([CORE_PYTHON, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "2026-11-23T13:30:00+08:00"]
