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


def rows(titled: Sequence[Row]) -> list[Row]:
    """A list's rows: what is too long for a title goes on in its description, before what stands there."""
    return _distinct(titled, _row)


def buttons(titles: Sequence[str]) -> list[str]:
    """Labels for buttons."""
    return [row.title for row in _distinct([Row(title=title) for title in titles], _button)]


def _distinct(titled: Sequence[Row], make: Callable[[Row, str], Row]) -> list[Row]:
    """One row for each title, with a number at the end of those that would look like an earlier one: WhatsApp refuses
    buttons with the same title, and nobody could tell them apart."""
    made: dict[str, Row] = {}
    for whole in titled:
        numbered = (make(whole, suffix) for suffix in _suffixes())
        row = next(row for row in numbered if row.title.casefold() not in made)
        made[row.title.casefold()] = row
    return list(made.values())


def _suffixes() -> Iterator[str]:
    yield ""
    yield from (f" ({number})" for number in count(2))


def _button(whole: Row, suffix: str) -> Row:
    return Row(title=shorten(whole.title, BUTTON_MAX - len(suffix)) + suffix)


def _row(whole: Row, suffix: str) -> Row:
    room = ROW_MAX - len(suffix)
    if units(whole.title) <= room:
        return Row(title=whole.title + suffix, description=shorten(whole.description, DESCRIPTION_MAX))
    head = split(whole.title, room - 1)[0]
    rest = f"…{whole.title[len(head) :].strip()}"
    description = " – ".join(filter(None, (rest, whole.description)))
    return Row(title=f"{head}…{suffix}", description=shorten(description, DESCRIPTION_MAX))
