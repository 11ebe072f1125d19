"""When a team is there: its hours as JSON, and the pure questions that are asked of them.

    {"timezone": "Europe/London", "always": true}
    {"timezone": "Asia/Singapore",
     "weekly": {"mon": [["09:00", "12:30"], ["13:30", "18:00"]], "sat": [["10:00", "16:00"]]},
     "closed": ["2026-12-25"]}

Times are what the clock on the team's wall says. A day that is not named is closed, and so are the days in `closed`;
"24:00" is the end of the day. Where the clock is put forward over the beginning, the team is there when the clock has
jumped; an hour that comes twice is worked twice.

Zones are the machine's own (https://docs.python.org/3/library/zoneinfo.html). A slim machine may have none: install
its package `tzdata`, or Python's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from typing import Any, Optional
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS: dict[str, Any] = {"timezone": "UTC", "always": True}

_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_MOST_STRETCHES, _MOST_CLOSED = 12, 400
_LOOK_AHEAD = _MOST_CLOSED + 8
"""Days: whoever is there in any week opens within them, however many are closed."""


def is_open(hours: Mapping[str, Any], now: datetime) -> bool:
    """Whether somebody is to be there. `hours` as `checked` gives them; `now` is aware."""
    if hours.get("always"):
        return True
    zone = _zone(hours["timezone"])
    today = now.astimezone(zone).date()
    return any(begins <= now < ends for begins, ends in _stretches(hours, zone, today))


def opens_at(hours: Mapping[str, Any], now: datetime) -> Optional[datetime]:
    """When the team is there again, in its own zone: `now` if it is already, None if never."""
    if is_open(hours, now):
        return now
    zone = _zone(hours["timezone"])
    today = now.astimezone(zone).date()
    for ahead in range(_LOOK_AHEAD):
        for begins, ends in _stretches(hours, zone, today + timedelta(days=ahead)):
            if begins > now and ends > begins:
                return begins.astimezone(zone)
    return None


def checked(given: Any) -> dict[str, Any]:
    """`given` as hours, with nothing in them but what is understood. Raises ValueError, which says what is wrong."""
    if not isinstance(given, dict):
        raise ValueError('hours are written like {"timezone": "Europe/London", "always": true}')
    unknown = sorted(map(str, set(given) - {"timezone", "always", "weekly", "closed"}))
    if unknown:
        raise ValueError(f"hours have no {unknown[0][:40]!r}: only timezone, always, weekly and closed")
    name = given.get("timezone")
    _zone(name)
    always = given.get("always", False)
    if not isinstance(always, bool):
        raise ValueError("always is true or false")
    if always:
        if "weekly" in given or "closed" in given:
            raise ValueError("a team is there always, or weekly: not both")
        return {"timezone": name, "always": True}
    return {"timezone": name, "weekly": _weekly(given.get("weekly")), "closed": _closed(given.get("closed", []))}


def _stretches(hours: Mapping[str, Any], zone: ZoneInfo, day: date) -> Iterator[tuple[datetime, datetime]]:
    """From when to when somebody is there on this day, in UTC, in order."""
    if day.isoformat() in hours["closed"]:
        return
    for begins, ends in sorted(hours["weekly"].get(DAYS[day.weekday()], ())):
        yield _moment(zone, day, begins), _moment(zone, day, ends, last=True)


def _moment(zone: ZoneInfo, day: date, clock: str, *, last: bool = False) -> datetime:
    """What the wall says at that moment. A time that comes twice is the first of the two, or the `last`; one that is
    skipped lies where the clock arrives when it jumps, an hour on."""
    if clock == "24:00":
        day, clock = day + timedelta(days=1), "00:00"
    wall = datetime.combine(day, time.fromisoformat(clock), zone)
    if _is_skipped(wall):
        return _jump(wall)
    return wall.replace(fold=int(last)).astimezone(timezone.utc)


def _is_skipped(wall: datetime) -> bool:
    """https://peps.python.org/pep-0495/: a time that is on no clock does not come back from UTC as it went."""
    return wall.astimezone(timezone.utc).astimezone(wall.tzinfo).replace(tzinfo=None) != wall.replace(tzinfo=None)


def _jump(wall: datetime) -> datetime:
    """The moment at which the clock is put forward over `wall`."""
    before = wall.replace(fold=0).utcoffset()
    after = wall.replace(fold=1).utcoffset()
    assert before is not None
    assert after is not None
    low = wall.replace(tzinfo=timezone.utc) - max(before, after)
    high = wall.replace(tzinfo=timezone.utc) - min(before, after)
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(wall.tzinfo).utcoffset() == before else (low, middle)
    return high.replace(microsecond=0)


def _zone(name: Any) -> ZoneInfo:
    try:
        if isinstance(name, str) and name:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    raise ValueError(
        f"timezone {str(name)[:40]!r} is not known here. It is written like Europe/London; if that is one, this "
        "machine has no time zones: install tzdata"
    )


def _weekly(given: Any) -> dict[str, list[list[str]]]:
    if not isinstance(given, dict) or not given:
        raise ValueError('weekly is written like {"mon": [["09:00", "18:00"]]}')
    unknown = [str(day)[:20] for day in given if day not in DAYS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no day: they are {', '.join(DAYS)}")
    return {day: _of_one_day(day, given[day]) for day in DAYS if day in given}


def _of_one_day(day: str, given: Any) -> list[list[str]]:
    if not isinstance(given, list) or len(given) > _MOST_STRETCHES:
        raise ValueError(f'{day} is written like [["09:00", "12:30"], ["13:30", "18:00"]]')
    stretches = sorted(_stretch(day, one) for one in given)
    for (_, ends), (begins, _ends) in pairwise(stretches):
        if begins < ends:
            raise ValueError(f"{day}: {begins} is before the hours that end at {ends} are over")
    return stretches


def _stretch(day: str, given: Any) -> list[str]:
    if not isinstance(given, list) or len(given) != 2 or not all(isinstance(one, str) for one in given):
        raise ValueError(f'{day}: each stretch is written like ["09:00", "18:00"]')
    begins, ends = given
    if not _CLOCK.fullmatch(begins) or not _CLOCK.fullmatch(ends):
        raise ValueError(f"{day}: times are written from 00:00 to 24:00")
    if begins >= ends:
        raise ValueError(f"{day}: {ends} is not after {begins}; hours over midnight end at 24:00 and go on at 00:00")
    return [begins, ends]


def _closed(given: Any) -> list[str]:
    if not isinstance(given, list) or len(given) > _MOST_CLOSED:
        raise ValueError(f'closed is written like ["2026-12-25"], with {_MOST_CLOSED} days at most')
    return sorted({_day(one) for one in given})


def _day(given: Any) -> str:
    try:
        if isinstance(given, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", given):
            return date.fromisoformat(given).isoformat()
    except ValueError:
        pass
    raise ValueError(f"closed: {str(given)[:20]!r} is no day such as 2026-12-25")
