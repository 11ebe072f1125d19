"""Where bold and italic may begin and end so that they are read as such. Pure.

In CommonMark `**` begins or ends something by what stands on either side of it. Beside white space it does not, and
beside punctuation only where the other side is punctuation, white space or the line's end: the stars of `你**（好）**`
stay stars. So a style that could not be read is written from its first word on, or up to its last one.
https://spec.commonmark.org/0.31.2/#left-flanking-delimiter-run
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace

from channels.formatting import Mark

STYLES = ("bold", "italic")

_INWARDS = {"link": 0, "bold": 1, "italic": 1, "code": 2}


def readable(text: str, marks: Sequence[Mark]) -> list[Mark]:
    """The marks of a line, the outer before the inner, as they can be written. A link goes around a style of the same
    extent, since its brackets are an edge wherever they stand."""
    found = [mark for mark in marks if mark.style not in STYLES]
    for mark in marks:
        if mark.style in STYLES:
            found += _Edges(text, mark, marks).narrowed()
    return sorted(found, key=lambda mark: (mark.start, -mark.end, _INWARDS[mark.style]))


class _Edges:
    """Of one style in a line."""

    def __init__(self, text: str, mark: Mark, marks: Sequence[Mark]) -> None:
        self._text, self._mark = text, mark
        # Links and code are written with a sign of their own at either end.
        self._signed = [one for one in marks if one.style not in STYLES]
        self._around = [one for one in self._signed if one.style == "link" and _holds(one, mark)]
        self._held = [one for one in self._signed if _holds(mark, one) and one not in self._around]

    def narrowed(self) -> Iterator[Mark]:
        """As much of the mark as is read; nothing where no word is left."""
        places = range(self._mark.start, self._mark.end + 1)
        start = next(filter(self._begins, places), None)
        end = next(filter(self._ends, reversed(places)), None)
        if start is not None and end is not None and start < end:
            yield replace(self._mark, start=start, end=end)

    def _begins(self, at: int) -> bool:
        if at == self._mark.end or self._is_within(at) or _is_space(self._text[at]):
            return False
        if _is_word(self._text[at]) and all(one.start != at for one in self._held):
            return True
        signs = [one.end for one in self._signed] + [one.start for one in self._around]
        return at == 0 or at in signs or _is_edge(self._text[at - 1])

    def _ends(self, at: int) -> bool:
        if at == self._mark.start or self._is_within(at) or _is_space(self._text[at - 1]):
            return False
        if _is_word(self._text[at - 1]) and all(one.end != at for one in self._held):
            return True
        signs = [one.start for one in self._signed] + [one.end for one in self._around]
        return at == len(self._text) or at in signs or _is_edge(self._text[at])

    def _is_within(self, at: int) -> bool:
        """In the middle of a link or of code that it holds, which it cannot cut in two."""
        return any(one.start < at < one.end for one in self._held)


def _holds(outer: Mark, inner: Mark) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _is_space(character: str) -> bool:
    return character in "\t\n\f\r" or unicodedata.category(character) == "Zs"


def _is_word(character: str) -> bool:
    """Symbols such as a currency's are punctuation for some readers and not for others."""
    return not _is_space(character) and unicodedata.category(character)[0] not in "PS"


def _is_edge(character: str) -> bool:
    category = unicodedata.category(character)
    return _is_space(character) or category[0] == "P" or (category[0] == "S" and character.isascii())
