"""What a message says, in the contract's words: https://core.telegram.org/bots/api#message

Pure. A file is told of by its `file_id`, with which `getFile` finds it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from telegram import Location as Place
from telegram import Message, PhotoSize, Venue

from channels.contract import Link, Location, Media, Said, Start, Text, Unsupported

from .values import NotReadable, count, number, optional, present, string

MEDIA: Mapping[str, str] = {
    "animation": "video",
    "audio": "audio",
    "photo": "picture",
    "sticker": "sticker",
    "video": "video",
    "video_note": "video",
    "voice": "voice",
    "document": "file",
}
"""Message fields that hold a file, and which kind of `Media` it is. A document also comes along with an animation, so
it is looked for last."""

UNSUPPORTED = ("checklist", "contact", "dice", "game", "live_photo", "paid_media", "poll", "rich_message", "story")
"""Message fields that a customer can fill and the bot cannot use. They are looked for first: some come along with a
photo."""

_START = re.compile(r"/start(?:@\w+)?(?:\s+([A-Za-z0-9_-]{1,64}))?\s*")
_LINK_CODE = re.compile(r"[A-Za-z0-9_-]{16,64}")


def said_by_person(message: Message) -> Said:
    """What one person said to the bot alone. Raises NotReadable."""
    if message.text:
        return _words(string(message.text, "text"))
    return _shown(message, caption(message))


def said_by_group(message: Message, words: str) -> Said:
    """The same where others listen; `words` stand without the bot's name. A link code joins nobody here: what everybody
    has read is nobody's secret. Raises NotReadable."""
    if not message.text:
        return _shown(message, words)
    said = _words(words) if words else Start()
    return Start() if isinstance(said, Link) else said


def has_file(message: Message) -> bool:
    return any(_has(message, field) for field in MEDIA)


def caption(message: Message) -> str:
    return string(message.caption, "caption") if message.caption else ""


def _words(text: str) -> Said:
    """`/start` is what Telegram writes for a customer who presses START, with the deep link's payload if there was one
    (https://core.telegram.org/bots/features#deep-linking). A payload that is no link code, a campaign's say, is a
    Start."""
    start = _START.fullmatch(text)
    if start is None:
        return Text(text=text)
    payload = start[1] or ""
    return Link(code=payload) if _LINK_CODE.fullmatch(payload) else Start()


def _shown(message: Message, words: str) -> Said:
    for field in UNSUPPORTED:
        if _has(message, field):
            return Unsupported(kind=field)
    if message.venue:
        return _venue(message.venue)
    if message.location:
        return _location(message.location)
    for field, kind in MEDIA.items():
        if _has(message, field):
            return _media(kind, _file(getattr(message, field), field), words)
    raise NotReadable("message of a kind that is not handled")


def _has(message: Message, field: str) -> bool:
    """Fields younger than python-telegram-bot's Message are in its `api_kwargs`."""
    return bool(getattr(message, field, None) or message.api_kwargs.get(field))


# --- Files ------------------------------------------------------------------------------------------------------------


def _file(found: Any, field: str) -> Any:
    """A photo comes in several sizes; the largest is meant."""
    return max(found, key=_area) if field == "photo" else found


def _area(size: PhotoSize) -> int:
    return number(size.width, "photo.width") * number(size.height, "photo.height")


def _media(kind: str, file: Any, words: str) -> Media:
    """Whichever of the Bot API's types it is: they share these fields, and each lacks some."""
    return Media(
        kind=kind,
        ref=string(file.file_id, "file_id"),
        text=words,
        name=_base_name(optional(getattr(file, "file_name", None))),
        type=optional(getattr(file, "mime_type", None)) or None,
        size=count(file.file_size),
    )


def _base_name(name: str | None) -> str | None:
    return re.split(r"[/\\]", name)[-1].strip() or None if name else None


# --- Places -----------------------------------------------------------------------------------------------------------


def _venue(venue: Venue) -> Location:
    place = _location(present(venue.location, "venue.location"))
    return Location(
        latitude=place.latitude,
        longitude=place.longitude,
        name=optional(venue.title) or None,
        address=optional(venue.address) or None,
    )


def _location(place: Place) -> Location:
    return Location(latitude=_degrees(place.latitude, 90), longitude=_degrees(place.longitude, 180))


def _degrees(value: object, most: int) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or abs(value) > most:
        raise NotReadable("location is not on the map")
    return float(value)
