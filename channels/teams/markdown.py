"""Plain text as Teams' markdown, so that it is shown as it was written. Pure.

https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages
"""

from __future__ import annotations

import re

_URL = re.compile(r"(https?://[^\s<>]+)")
_INLINE = re.compile(r"[\\`*_~\[\]|]")
_AT_LINE_START = re.compile(r"^(\s*)([#>+-]|\d+(?=[.)]))", re.MULTILINE)
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_LINE_END = re.compile(r"\s*\n\s*")


def escape(text: str) -> str:
    """Markdown that reads as `text`. Web addresses stay as they are, or they would lead elsewhere; a single line end
    starts a paragraph, since Teams joins lines otherwise."""
    pieces = _URL.split(text)
    pieces[::2] = map(_escape_words, pieces[::2])
    return _LINE_END.sub("\n\n", _guard_line_starts("".join(pieces)))


def _escape_words(text: str) -> str:
    return _TAG.sub("&lt;", _ENTITY.sub("&amp;", _INLINE.sub(r"\\\g<0>", text)))


def _guard_line_starts(text: str) -> str:
    """A heading, a quotation or a list begins where a line does; in "3." the full stop is what makes the list."""
    return _AT_LINE_START.sub(_guard, text)


def _guard(match: re.Match[str]) -> str:
    indent, mark = match.groups()
    return f"{indent}{mark}\\" if mark.isdigit() else f"{indent}\\{mark}"
