"""`parse_mode` MarkdownV2 as Telegram reads it: https://core.telegram.org/bots/api#markdownv2-style

Every reserved character that is not markup must be escaped; the legacy `Markdown` mode is not played here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import ApiError, Json, bad_request
from .text import Formatted, utf16_length

_RESERVED = set("_*[]()~`>#+-=|{}.!")
_MARKS = {"*": "Bold", "_": "Italic", "__": "Underline", "~": "Strikethrough", "||": "Spoiler", "[": "TextUrl"}
_TYPES = {mark: name.lower() for mark, name in _MARKS.items()} | {"[": "text_link"}


def parse_markdown(source: str) -> Formatted:
    return _Parser(source=source).parse()


@dataclass(frozen=True, kw_only=True)
class _Open:
    mark: str
    offset: int
    at: int


@dataclass(kw_only=True)
class _Parser:
    source: str
    text: str = ""
    at: int = 0
    opened: list[_Open] = field(default_factory=list)
    entities: list[Json] = field(default_factory=list)
    quote: int | None = None

    def parse(self) -> Formatted:
        while self.at < len(self.source):
            self._step()
        self._end_quote()
        if self.opened:
            raise _unended(_MARKS[self.opened[-1].mark], self._bytes(self.opened[-1].at))
        entities = sorted(self.entities, key=lambda entity: (entity["offset"], -entity["length"]))
        return Formatted(text=self.text, entities=tuple(entities))

    def _step(self) -> None:
        character = self.source[self.at]
        if character == "\\" and self.source[self.at + 1 : self.at + 2] and ord(self.source[self.at + 1]) <= 126:
            self._take(self.source[self.at + 1], 2)
        elif character == ">" and self._at_line_start():
            self.quote = utf16_length(self.text) if self.quote is None else self.quote
            self.at += 1
        elif character == "`":
            self._code()
        elif character == "]" and self.opened and self.opened[-1].mark == "[":
            self._end_link()
        elif mark := self._mark():
            self._toggle(mark)
        elif character in _RESERVED:
            raise _error(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")
        else:
            self._take(character, 1)

    def _take(self, text: str, source_length: int) -> None:
        self.text += text
        self.at += source_length
        if text == "\n" and not self.source.startswith(">", self.at):
            self._end_quote()

    def _at_line_start(self) -> bool:
        return self.at == 0 or self.source[self.at - 1] == "\n"

    def _end_quote(self) -> None:
        if self.quote is not None:
            self._add("blockquote", self.quote)
            self.quote = None

    def _mark(self) -> str | None:
        for mark in ("__", "||", "*", "_", "~", "["):
            if self.source.startswith(mark, self.at):
                return mark
        return None

    def _toggle(self, mark: str) -> None:
        # "___" closes italic before underline: the inner entity was opened last.
        if mark == "__" and self.opened and self.opened[-1].mark == "_":
            mark = "_"
        if self.opened and self.opened[-1].mark == mark:
            self._add(_TYPES[mark], self.opened.pop().offset)
        elif any(one.mark == mark for one in self.opened):
            raise _unended(_MARKS[self.opened[-1].mark], self._bytes(self.opened[-1].at))
        else:
            self.opened.append(_Open(mark=mark, offset=utf16_length(self.text), at=self.at))
        self.at += len(mark)

    def _code(self) -> None:
        mark = "```" if self.source.startswith("```", self.at) else "`"
        match = re.compile(r"((?:\\.|[^\\])*?)" + mark, re.DOTALL).match(self.source, self.at + len(mark))
        if not match:
            raise _unended("Pre" if mark == "```" else "Code", self._bytes(self.at))
        offset = utf16_length(self.text)
        body, extra = _code_body(match[1]) if mark == "```" else (match[1], {})
        self.text += re.sub(r"\\(.)", r"\1", body, flags=re.DOTALL)
        self.at = match.end()
        self._add("pre" if mark == "```" else "code", offset, extra)

    def _end_link(self) -> None:
        match = re.compile(r"\]\(((?:\\.|[^\\)])*)\)", re.DOTALL).match(self.source, self.at)
        if not match:
            raise _error(f"Can't find end of a URL at byte offset {self._bytes(self.at)}")
        self.at = match.end()
        self._add("text_link", self.opened.pop().offset, {"url": re.sub(r"\\(.)", r"\1", match[1])})

    def _add(self, kind: str, offset: int, extra: Json | None = None) -> None:
        length = utf16_length(self.text) - offset
        if length:
            self.entities.append({"type": kind, "offset": offset, "length": length} | (extra or {}))

    def _bytes(self, index: int) -> int:
        return len(self.source[:index].encode())


def _code_body(body: str) -> tuple[str, Json]:
    first, newline, rest = body.partition("\n")
    if newline and first and " " not in first:
        return rest, {"language": first}
    return body.removeprefix("\n"), {}


def _unended(name: str, offset: int) -> ApiError:
    return _error(f"Can't find end of {name} entity at byte offset {offset}")


def _error(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")
