"""Simple formatting as Teams' markdown; what is no formatting is shown as it was written. Pure.

https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from channels.formatting import Mark, Rich
from channels.lengths import cuts, units
from channels.teams.emphasis import STYLES, readable

URL_MAX = 2000
"""Of a link. What is longer is not linked."""

_URL = re.compile(r"(https?://[^\s<>]+)")
_INLINE = re.compile(r"[\\`*_~\[\]|]")
_AT_LINE_START = re.compile(r"^(\s*)([#>+-]|\d+(?=[.)]))", re.MULTILINE)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_LINES = re.compile(r"[^\n]+")
_BACKTICKS = re.compile(r"`+")
_IN_TARGET = {"(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C"}


def markdown(rich: Rich, *, code: bool = True) -> str:
    """Markdown that reads as `rich`. Web addresses in the text stay as they are, or they would lead elsewhere; a single
    line end starts a paragraph, since Teams joins lines otherwise.

    code: whether code is marked, which cards do not show
    """
    lines = (rich.part(*line) for line in _lines(rich.text))
    return "\n\n".join(_guard_line_start(_written(line, code)) for line in lines)


def _lines(text: str) -> list[tuple[int, int]]:
    """Where each line is, without the white space around it; no style may reach over a paragraph's end."""
    return [
        (match.start() + start, match.start() + end)
        for match in _LINES.finditer(text)
        for start, end in cuts(match[0], units(match[0]))
    ]


def _written(rich: Rich, code: bool) -> str:
    marks = [mark for mark in rich.marks if len(mark.url) <= URL_MAX and (code or mark.style != "code")]
    return _between(rich.text, readable(rich.text, marks), 0, len(rich.text))


def _between(text: str, marks: Sequence[Mark], start: int, end: int) -> str:
    """From `start` to `end`, where `marks` are those inside, the outer before the inner."""
    written = ""
    while marks:
        mark, *others = marks
        inside = [one for one in others if one.end <= mark.end and one.style != mark.style]
        written += _words(text[start : mark.start])
        if mark.style == "link" and written.endswith("!"):
            written = f"{written[:-1]}\\!"  # or the link would be a picture
        if written.endswith("*") and mark.style in STYLES:
            written += _words(text[mark.start : mark.end])  # or its stars would run together with those before
        else:
            written += _MARKED[mark.style](text, inside, mark)
        start, marks = mark.end, [one for one in others if one.start >= mark.end]
    return written + _words(text[start:end])


def _emphasis(marker: str, text: str, inside: Sequence[Mark], mark: Mark) -> str:
    return f"{marker}{_between(text, inside, mark.start, mark.end)}{marker}"


def _link(text: str, inside: Sequence[Mark], mark: Mark) -> str:
    target = "".join(_IN_TARGET.get(character, character) for character in mark.url)
    return f"[{_between(text, inside, mark.start, mark.end)}]({target})"


def _code(text: str, inside: Sequence[Mark], mark: Mark) -> str:
    """In code a backslash is one; only more backticks than there are in it end it."""
    words = text[mark.start : mark.end]
    fence = "`" * (max(map(len, _BACKTICKS.findall(words)), default=0) + 1)
    room = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{fence}{room}{words}{room}{fence}"


_MARKED: Mapping[str, Callable[[str, Sequence[Mark], Mark], str]] = {
    "bold": partial(_emphasis, "**"),
    "italic": partial(_emphasis, "*"),
    "link": _link,
    "code": _code,
}


def _words(text: str) -> str:
    pieces = _URL.split(text)
    pieces[::2] = map(_escape, pieces[::2])
    return "".join(pieces)


def _escape(text: str) -> str:
    return _TAG.sub("&lt;", _ENTITY.sub("&amp;", _INLINE.sub(r"\\\g<0>", text)))


def _guard_line_start(line: str) -> str:
    """A heading, a quotation or a list begins where a line does; in "3." the full stop is what makes the list."""
    return _AT_LINE_START.sub(_guard, line)


def _guard(match: re.Match[str]) -> str:
    indent, mark = match.groups()
    return f"{indent}{mark}\\" if mark.isdigit() else f"{indent}\\{mark}"
