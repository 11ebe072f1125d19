"""Simple formatting: what `Content.text` may hold, read once for all channels. Pure.

It is the inline part of CommonMark that every channel can show in some way: `**bold**`, `*italic*` or `_italic_`,
`` `code` ``, `[a link](https://…)`, and a backslash before a character that is meant as it is. Anything else, HTML
included, is text. Lines stay as they are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from markdown_it import MarkdownIt

from channels.lengths import cuts, units
from channels.text import storable

Style = Literal["bold", "italic", "code", "link"]

_LINKS = ("https://", "http://", "mailto:", "tel:")
_CODE = re.compile(r"(`+[^`]*`+)")
_INSIDE_WORD = re.compile(r"(?<=[0-9A-Za-z])\*+(?=[0-9A-Za-z])")
_INSIDE_ADDRESS = re.compile(r"https?://[^\s<>()\[\]*`]+")
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_SIGN = r"[^\w\s*]"
_OPENS = rf"(?<=[{_HAN}])(?=\*{{1,3}}{_SIGN})"
_CLOSES = "(?:" + "|".join(rf"(?<={_SIGN}(?<!\\){stars})" for stars in (r"\*", r"\*\*", r"\*\*\*")) + rf")(?=[{_HAN}])"
_EDGES = re.compile(rf"{_CODE.pattern}|{_OPENS}|{_CLOSES}")
_EDGE = "\u2e4f"
"""Stands between a marker and a Han character while the text is read; a sign of medieval manuscripts."""
_MARKERS = re.compile(r"(?<!\\)[*_]")
_STYLES: dict[str, Style] = {"strong_open": "bold", "em_open": "italic", "link_open": "link"}
_ENDS = ("strong_close", "em_close", "link_close")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One style over a part of a text."""

    start: int
    end: int
    """Indices into the text, as Python slices."""
    style: Style
    url: str = ""
    """Of a link."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A stretch of text that looks the same throughout."""

    text: str
    bold: bool = False
    italic: bool = False
    code: bool = False
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Rich:
    """A text without its markers, and what they said."""

    text: str
    marks: tuple[Mark, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text)

    def runs(self) -> Iterator[Run]:
        """The whole text from beginning to end, in as few stretches as there are changes."""
        begin = defaultdict[int, list[Mark]](list)
        for mark in self.marks:
            begin[mark.start].append(mark)
        edges = sorted({0, len(self.text), *begin, *(mark.end for mark in self.marks)})
        on = list[Mark]()
        for start, end in pairwise(edges):
            on = [mark for mark in on if mark.end > start] + begin[start]
            styles = {mark.style for mark in on}
            yield Run(
                text=self.text[start:end],
                bold="bold" in styles,
                italic="italic" in styles,
                code="code" in styles,
                url=next((mark.url for mark in on if mark.style == "link"), ""),
            )

    def part(self, start: int, end: int) -> Rich:
        """As a slice of the text, with what of the marks falls into it."""
        inside = (
            replace(mark, start=max(mark.start, start) - start, end=min(mark.end, end) - start) for mark in self.marks
        )
        return Rich(text=self.text[start:end], marks=tuple(mark for mark in inside if mark.start < mark.end))

    def pieces(self, limit: int, measure: Callable[[Rich], int] | None = None) -> list[Rich]:
        """As `lengths.split`, with the marks. `measure`: UTF-16 code units of a piece as the channel writes it, markers
        and all; a piece that is too long by it is cut again."""
        return list(self._pieces(limit, measure or _units))

    def _pieces(self, limit: int, measure: Callable[[Rich], int]) -> Iterator[Rich]:
        for start, end in cuts(self.text, limit):
            piece = self.part(start, end)
            if measure(piece) <= limit or len(piece.text) < 2:
                yield piece
            else:
                yield from piece._cut_again(limit, measure)

    def _cut_again(self, limit: int, measure: Callable[[Rich], int]) -> Iterator[Rich]:
        for start, end in cuts(self.text, max(1, units(self.text) * 2 // 3)):
            yield from self.part(start, end)._pieces(limit, measure)


def parse(source: str | None) -> Rich:
    """A text of the product's with its formatting. Never raises: what is no formatting is text."""
    tokens = _markdown.parseInline(_escaped(storable(source or "").strip()))
    text, marks, open_marks = "", list[Mark](), list[Mark]()
    for token in tokens[0].children or () if tokens else ():
        if token.type in _STYLES:
            url = str(token.attrGet("href") or "")
            open_marks.append(Mark(start=len(text), end=-1, style=_STYLES[token.type], url=url))
        elif token.type in _ENDS:
            marks.append(replace(open_marks.pop(), end=len(text)))
        elif token.type == "code_inline":
            marks.append(Mark(start=len(text), end=len(text) + len(token.content), style="code"))
            text += token.content
        else:
            text += "\n" if token.type == "hardbreak" else token.content.replace(_EDGE, "")
    return Rich(text=text, marks=tuple(sorted(filter(_covers, marks), key=lambda mark: (mark.start, -mark.end))))


def plain(text: str | None) -> Rich:
    """A text in which nothing is formatting, such as a title."""
    return Rich(text=storable(text or "").strip())


def bold(text: str | None) -> Rich:
    """The same in bold."""
    words = plain(text)
    return replace(words, marks=(Mark(start=0, end=len(words.text), style="bold"),)) if words else words


def joined(parts: Iterable[Rich], between: str = "\n") -> Rich:
    """Those that are not empty, one after the other."""
    text, marks = "", list[Mark]()
    for part in filter(None, parts):
        offset = len(text) + (len(between) if text else 0)
        text = text + between + part.text if text else part.text
        marks += (replace(mark, start=mark.start + offset, end=mark.end + offset) for mark in part.marks)
    return Rich(text=text, marks=tuple(marks))


def as_plain(rich: Rich) -> str:
    """For what shows no formatting: a link's address stands behind its text."""
    return "".join(_with_address(run) for run in _by_link(rich))


def _by_link(rich: Rich) -> Sequence[Run]:
    """Runs that differ in nothing but bold and italic, put together again."""
    found = list[Run]()
    for run in rich.runs():
        if found and found[-1].url == run.url:
            found[-1] = Run(text=found[-1].text + run.text, url=run.url)
        else:
            found.append(Run(text=run.text, url=run.url))
    return found


def _with_address(run: Run) -> str:
    return f"{run.text} ({run.url})" if run.url and run.url.removeprefix("mailto:") != run.text else run.text


def _units(rich: Rich) -> int:
    return units(rich.text)


def _covers(mark: Mark) -> bool:
    return mark.start < mark.end and (mark.style != "link" or mark.url.startswith(_LINKS))


def _escaped(source: str) -> str:
    """CommonMark takes `30*40*50` and the middle of `https://a.example/_x_/` for italics, which no shop means. Code is
    left alone."""
    between = _CODE.split(source)
    between[::2] = [_INSIDE_ADDRESS.sub(_plainly, _INSIDE_WORD.sub(_plainly, part)) for part in between[::2]]
    return _with_edges("".join(between))


def _with_edges(source: str) -> str:
    """CommonMark knows a word's edge by white space or a sign, such as `。` or `¥`, and so does not see that
    `**好。**` is over where the next word stands right behind it, as it does in Chinese:
    https://github.com/commonmark/commonmark-spec/issues/650"""
    return _EDGES.sub(lambda found: found[0] or _EDGE, source)


def _plainly(found: re.Match[str]) -> str:
    return _MARKERS.sub(r"\\\g<0>", found[0])


_markdown = MarkdownIt("zero").enable(["backticks", "emphasis", "escape", "link"])
