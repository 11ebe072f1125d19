"""`parse_mode` HTML as Telegram reads it: https://core.telegram.org/bots/api#html-style

Only the supported tags, every tag closed in order, and anything else refused with the byte offset of the mistake: a `<`
in a customer's name that somebody forgot to escape has to fail here as it does in production.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .errors import ApiError, Json, bad_request
from .text import Formatted, utf16_length

_TYPES = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "code": "code", "pre": "pre",
    "a": "text_link", "tg-spoiler": "spoiler", "span": "spoiler", "tg-emoji": "custom_emoji",
    "blockquote": "blockquote",
}  # fmt: skip
_TAG_NAME = re.compile(r"[^\s>]*")
_ATTRIBUTE = re.compile(r"\s*([^\s=>]+)\s*(?:=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]*)))?")
_REFERENCE = re.compile(r"&(?:#(?P<decimal>\d{1,7})|#[xX](?P<hex>[0-9a-fA-F]{1,6})|(?P<name>lt|gt|amp|quot));?")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}


def parse_html(source: str) -> Formatted:
    return _Parser(source=source).parse()


@dataclass(frozen=True, kw_only=True)
class _Open:
    tag: str
    attributes: dict[str, str]
    offset: int
    """In UTF-16 code units of the text so far."""


@dataclass(kw_only=True)
class _Parser:
    source: str
    text: str = ""
    at: int = 0
    opened: list[_Open] = field(default_factory=list)
    entities: list[Json] = field(default_factory=list)

    def parse(self) -> Formatted:
        while self.at < len(self.source):
            self._step()
        if self.opened:
            raise _error(f'Can\'t find end tag corresponding to start tag "{self.opened[-1].tag}"')
        entities = sorted(self.entities, key=lambda entity: (entity["offset"], -entity["length"]))
        return Formatted(text=self.text, entities=tuple(entities))

    def _step(self) -> None:
        if self.source[self.at] == "&":
            self._reference()
        elif self.source.startswith("</", self.at):
            self._end_tag()
        elif self.source[self.at] == "<":
            self._start_tag()
        else:
            self.text += self.source[self.at]
            self.at += 1

    def _reference(self) -> None:
        match = _REFERENCE.match(self.source, self.at)
        self.text += _character(match) if match else "&"
        self.at = match.end() if match else self.at + 1

    def _start_tag(self) -> None:
        begin = self.at
        name = _TAG_NAME.match(self.source, begin + 1)
        tag = name.group().lower() if name else ""
        if not name or name.end() == len(self.source):
            raise _error(f"Unclosed start tag at byte offset {self._bytes(begin)}")
        if tag not in _TYPES:
            raise _error(f'Unsupported start tag "{tag}" at byte offset {self._bytes(begin)}')
        self.at = name.end()
        self.opened.append(_Open(tag=tag, attributes=self._attributes(tag, begin), offset=utf16_length(self.text)))

    def _attributes(self, tag: str, begin: int) -> dict[str, str]:
        found: dict[str, str] = {}
        while not (closing := re.compile(r"\s*>").match(self.source, self.at)):
            match = _ATTRIBUTE.match(self.source, self.at)
            if not match:
                raise _error(f'Unclosed start tag "{tag}" at byte offset {self._bytes(begin)}')
            found[match[1].lower()] = _REFERENCE.sub(_character, match[2] or match[3] or match[4] or "")
            self.at = match.end()
        self.at = closing.end()
        if tag == "span" and found.get("class") != "tg-spoiler":
            raise _error(f'Tag "span" must have class "tg-spoiler" at byte offset {self._bytes(begin)}')
        return found

    def _end_tag(self) -> None:
        begin = self.at
        if not self.opened:
            raise _error(f"Unexpected end tag at byte offset {self._bytes(begin)}")
        end = self.source.find(">", begin)
        if end < 0:
            raise _error(f"Unclosed end tag at byte offset {self._bytes(begin)}")
        tag = self.source[begin + 2 : end].strip().lower()
        opened = self.opened.pop()
        if tag not in ("", opened.tag):
            raise _error(
                f'Unmatched end tag at byte offset {self._bytes(begin)}, expected "</{opened.tag}>", found "</{tag}>"'
            )
        self.at = end + 1
        self._close(opened)

    def _close(self, opened: _Open) -> None:
        length = utf16_length(self.text) - opened.offset
        extra = _extra(opened, self.text)
        if length and extra is not None:
            self.entities.append({"type": _TYPES[opened.tag], "offset": opened.offset, "length": length} | extra)

    def _bytes(self, index: int) -> int:
        return len(self.source[:index].encode())


def _extra(opened: _Open, text: str) -> Json | None:
    """The entity's own fields; None where Telegram silently makes no entity of the tag."""
    if opened.tag == "a":
        url = opened.attributes.get("href", "")
        return {"url": url} if re.match(r"(https?|tg|mailto|tel)://?|mailto:|tel:", url) else None
    if opened.tag == "tg-emoji":
        return {"custom_emoji_id": opened.attributes.get("emoji-id", "")}
    if opened.tag == "blockquote" and "expandable" in opened.attributes:
        return {"type": "expandable_blockquote"}
    return {}


def _character(match: re.Match[str]) -> str:
    if match["name"]:
        return _NAMED[match["name"]]
    code = int(match["decimal"]) if match["decimal"] else int(match["hex"], 16)
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else match.group()


def _error(reason: str) -> ApiError:
    return bad_request(f"can't parse entities: {reason}")
