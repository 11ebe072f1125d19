"""What a message says: its plain text and its entities, https://core.telegram.org/bots/api#formatting-options

Telegram counts entities' offsets and lengths in UTF-16 code units, and a message's length in code points
(`message_length_max` in https://core.telegram.org/constructor/config).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .errors import Json, bad_request

TEXT_MAX = 4096
CAPTION_MAX = 1024

_FOUND = re.compile(
    r"(?P<url>https?://[^\s<>\"'\u3000-\u303f\uff00-\uffef]*[^\s<>\"'\u3000-\u303f\uff00-\uffef.,!?;:)\]])"
    r"|(?P<email>\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b)"
    r"|(?P<bot_command>(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?(?![\w/]))"
    r"|(?P<mention>(?<![\w@])@[A-Za-z][A-Za-z0-9_]{3,31}\b)"
    r"|(?P<hashtag>(?<![\w#])#\w*[^\W\d]\w*)"
)


@dataclass(frozen=True, kw_only=True)
class Formatted:
    text: str
    entities: tuple[Json, ...] = ()


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def find_entities(text: str) -> tuple[Json, ...]:
    """What Telegram marks by itself: links, commands, mentions, hashtags, addresses."""
    return tuple(_found(text))


def _found(text: str) -> Iterator[Json]:
    for match in _FOUND.finditer(text):
        kind = match.lastgroup
        yield {"type": kind, "offset": utf16_length(text[: match.start()]), "length": utf16_length(match.group())}


def trimmed(formatted: Formatted) -> Formatted:
    """Telegram drops white space around a message, and what of its entities lay there."""
    text = formatted.text.replace("\r", "")
    start = utf16_length(text[: len(text) - len(text.lstrip())])
    text = text.strip()
    end = utf16_length(text)
    return Formatted(text=text, entities=tuple(_clipped(formatted.entities, start, end)))


def _clipped(entities: tuple[Json, ...], start: int, end: int) -> Iterator[Json]:
    for entity in entities:
        left = max(0, entity["offset"] - start)
        right = min(end, entity["offset"] - start + entity["length"])
        if right > left:
            yield entity | {"offset": left, "length": right - left}


def with_found(formatted: Formatted) -> Formatted:
    """Add what Telegram marks by itself, wherever the writer marked nothing."""
    own = formatted.entities
    found = [entity for entity in find_entities(formatted.text) if not any(_overlap(entity, mine) for mine in own)]
    ordered = sorted([*own, *found], key=lambda entity: (entity["offset"], -entity["length"]))
    return Formatted(text=formatted.text, entities=tuple(ordered))


def _overlap(one: Json, other: Json) -> bool:
    starts_before: bool = one["offset"] < other["offset"] + other["length"]
    ends_after: bool = other["offset"] < one["offset"] + one["length"]
    return starts_before and ends_after


def message_text(formatted: Formatted) -> Formatted:
    if not formatted.text:
        raise bad_request("message text is empty")
    formatted = trimmed(formatted)
    if not formatted.text:
        raise bad_request("text must be non-empty")
    if len(formatted.text) > TEXT_MAX:
        raise bad_request("message is too long")
    return with_found(formatted)


def caption_text(formatted: Formatted) -> Formatted:
    formatted = trimmed(formatted)
    if len(formatted.text) > CAPTION_MAX:
        raise bad_request("message caption is too long")
    return with_found(formatted)
