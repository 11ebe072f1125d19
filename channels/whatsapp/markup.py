"""Simple formatting as WhatsApp writes it: `*bold*`, `_italic_`, `` `code` ``. Pure.

https://faq.whatsapp.com/539178204879377

A marker opens where no letter or digit stands before it and something else than white space behind it; it closes where
it is the other way round, on the same line. WhatsApp has no character that takes a marker's meaning away. So a marker
that is meant as it is, and would make a pair, is moved away from its word by a hair space: hardly to be seen,
and white space to whatever reads markers. For a backtick, which forms pairs anywhere, a character stands that looks
alike. Web and e-mail addresses stay as they are; WhatsApp makes links of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from channels.formatting import Rich, Run
from channels.lengths import units

_HAIR_SPACE = "\u200a"
_OUR_BOLD, _OUR_ITALIC, _OUR_CODE = "\x01\x02\x03"
"""Stand for the markers that we mean, until all is done: no text that can be shown holds them."""
_OURS = str.maketrans({_OUR_BOLD: None, _OUR_ITALIC: None, _OUR_CODE: None})
_MARKERS = str.maketrans({_OUR_BOLD: "*", _OUR_ITALIC: "_", _OUR_CODE: "`"})
_BACKTICK_ALIKE = "\u02cb"
_WORD = re.compile(r"[^\W_]")
_MARKERS_OF_STYLES = (("*", _OUR_BOLD), ("_", _OUR_ITALIC), ("~", ""))
_SCANNED = re.compile(
    rf"(?P<kept>https?://[^\s<>\x01-\x03]+|(?<![\w.+-])[\w.+-]+@[\w.-]*\w|{_OUR_CODE}[^{_OUR_CODE}]*{_OUR_CODE})"
    r"|[*_~\x01\x02\n]"
)
"""Addresses and our code, in which nothing is changed; markers; ends of lines."""


def written(rich: Rich) -> str:
    """The text with WhatsApp's markers; a link's address stands behind its text."""
    text = "".join(_marked(list(_lines(_with_addresses(rich.runs())))))
    for theirs, ours in _MARKERS_OF_STYLES:
        text = _apart(text, theirs, ours)
    return text.translate(_MARKERS)


def length(rich: Rich) -> int:
    """UTF-16 code units of what `written` gives."""
    return units(written(rich))


def _with_addresses(runs: Iterable[Run]) -> Iterator[Run]:
    """With each link's address as a run of its own behind the link."""
    url = text = ""
    for run in runs:
        if run.url != url:
            yield from _address(url, text)
            text = ""
        url, text = run.url, text + run.text
        yield run
    yield from _address(url, text)


def _address(url: str, text: str) -> Iterator[Run]:
    if url and url.removeprefix("mailto:") != text:
        yield Run(text=f" ({url})", url=url)


def _lines(runs: Iterable[Run]) -> Iterator[Run]:
    """No marker reaches over the end of a line, nor over white space at the edge of what it marks."""
    for run in runs:
        for piece in re.findall(r"\s+|\S(?:[^\n]*\S)?", run.text.translate(_OURS)):
            yield Run(text=piece) if piece.isspace() else _spelled(piece, run)


def _spelled(piece: str, run: Run) -> Run:
    """A marker inside what it marks would end it too early: then the words matter more."""
    text = piece if run.code and "`" not in piece else piece.replace("`", _BACKTICK_ALIKE)
    bold, italic = run.bold and "*" not in text, run.italic and "_" not in text
    return Run(text=text, bold=bold and not run.code, italic=italic and not run.code, code=run.code)


def _marked(runs: list[Run]) -> Iterator[str]:
    """A marker that touches a letter outside would be none: a hair space keeps them apart."""
    for before, run, behind in zip([None, *runs], runs, [*runs[1:], None], strict=False):
        marks = _OUR_CODE * run.code + _OUR_BOLD * run.bold + _OUR_ITALIC * run.italic
        if marks and before is not None and _WORD.match(before.text[-1]):
            yield _HAIR_SPACE
        yield f"{marks}{run.text}{marks[::-1]}"
        if marks and behind is not None and _WORD.match(behind.text[0]):
            yield _HAIR_SPACE


def _apart(text: str, theirs: str, ours: str) -> str:
    """Without pairs of markers that are not ours. `theirs`: the marker as it stands in texts."""
    spaces, openers = set[int](), list[int]()
    for place, marker, kept in _markers(text, theirs, ours):
        if marker == "\n":
            openers.clear()
            continue
        closes, opens = _may_close(text, place), _may_open(text, place) and not kept
        if marker == theirs and not kept:
            if closes and openers:
                spaces.add(place)
                opens = text[place + 1 : place + 2].strip() != ""
        elif closes:
            spaces.update(opener + 1 for opener in openers if text[opener] == theirs)
            openers.clear()
        if opens:
            openers.append(place)
    return "".join(_HAIR_SPACE * (place in spaces) + character for place, character in enumerate(text))


def _markers(text: str, theirs: str, ours: str) -> Iterator[tuple[int, str, bool]]:
    """Each marker of one style, and each end of a line: where, which, and whether it stands in what is kept."""
    for found in _SCANNED.finditer(text):
        kept = found["kept"] is not None
        for place, character in enumerate(found[0], found.start()):
            if character in (theirs, ours, "\n"):
                yield place, character, kept


def _may_open(text: str, place: int) -> bool:
    before, behind = text[max(place - 1, 0) : place], text[place + 1 : place + 2]
    return not _WORD.match(before) and behind.strip() != ""


def _may_close(text: str, place: int) -> bool:
    before, behind = text[max(place - 1, 0) : place], text[place + 1 : place + 2]
    return before.strip() != "" and not _WORD.match(behind)
