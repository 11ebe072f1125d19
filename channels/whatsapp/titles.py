"""Labels of options within WhatsApp's limits, each different from the others. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from channels.lengths import shorten, split, units

BUTTON_MAX = 20
ROW_MAX = 24
DESCRIPTION_MAX = 72


@dataclass(frozen=True, kw_only=True)
class Row:
    title: str
    description: str = ""


def rows(titles: Sequence[str]) -> list[Row]:
    """A list's rows: what is too long for a title goes on in its description."""
    return _distinct(titles, _row)


def buttons(titles: Sequence[str]) -> list[str]:
    """Labels for buttons."""
    return [row.title for row in _distinct(titles, _button)]


def _distinct(titles: Sequence[str], make: Callable[[str, str], Row]) -> list[Row]:
    """One row for each title, with a number at the end of those that would look like an earlier one: WhatsApp refuses
    buttons with the same title, and nobody could tell them apart."""
    made: dict[str, Row] = {}
    for title in titles:
        numbered = (make(title, suffix) for suffix in _suffixes())
        row = next(row for row in numbered if row.title.casefold() not in made)
        made[row.title.casefold()] = row
    return list(made.values())


def _suffixes() -> Iterator[str]:
    yield ""
    yield from (f" ({number})" for number in count(2))


def _button(title: str, suffix: str) -> Row:
    return Row(title=shorten(title, BUTTON_MAX - len(suffix)) + suffix)


def _row(title: str, suffix: str) -> Row:
    room = ROW_MAX - len(suffix)
    if units(title) <= room:
        return Row(title=title + suffix)
    head = split(title, room - 1)[0]
    rest = title[len(head) :].strip()
    return Row(title=f"{head}…{suffix}", description=shorten(f"…{rest}", DESCRIPTION_MAX))
