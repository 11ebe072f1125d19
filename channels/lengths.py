"""Measuring and cutting text to a platform's limits. Pure."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

_BREAKS = (
    re.compile(r"\n\s*\n"),
    re.compile(r"\n"),
    re.compile(r"[.!?…][\"'”’)\]]*\s|[。！？；…][”’」』）]*"),
    re.compile(r"\s|[，、：]"),
)
"""Where a text is best cut: between paragraphs, lines, sentences, words."""


def units(text: str) -> int:
    """UTF-16 code units, as Telegram counts in entities; an emoji is two. Never less than any other way of counting."""
    return len(text.encode("utf-16-le")) // 2


def width(text: str) -> int:
    """Columns: Chinese characters and emoji are as wide as two letters."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def shorten(text: str, limit: int) -> str:
    """At most `limit` UTF-16 code units, ending in … if something was cut off."""
    return text if units(text) <= limit else _head(text, limit - 1).rstrip() + "…"


def split(text: str, limit: int) -> list[str]:
    """Pieces of at most `limit` UTF-16 code units each, cut where it reads best. Nothing but white space at the cuts is
    lost; a piece is never empty."""
    return [text[start:end] for start, end in cuts(text, limit)]


def cuts(text: str, limit: int) -> list[tuple[int, int]]:
    """Where `split` cuts: each piece's first index and the one behind its last."""
    found = list[tuple[int, int]]()
    start, end = _stripped(text, 0, len(text))
    while units(text[start:end]) > limit:
        cut = start + _best_cut(_head(text[start:end], limit))
        found.append(_stripped(text, start, cut))
        start, end = _stripped(text, cut, end)
    return [*found, (start, end)] if start < end else found


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Without white space at either end."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())


def _head(text: str, limit: int) -> str:
    """As much of the beginning as fits, without half an emoji at its end."""
    return text[:limit].encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore")


def _best_cut(head: str) -> int:
    """Not in the first half: better to cut a sentence than to send crumbs."""
    for pattern in _BREAKS:
        ends = [match.end() for match in pattern.finditer(head, len(head) // 2)]
        if ends:
            return ends[-1]
    return len(head)
