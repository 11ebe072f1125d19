"""The contract's values as JSON, the way the `content` column of `messages` keeps them.

What is written today is read by tomorrow's version: unknown keys are ignored, missing ones have defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.contract import Card, Choice, Content, File, Location, Media, Option, Said, Start, Text, Unsupported

Json = dict[str, Any]


def said_to_json(said: Said) -> Json:
    """What a customer did. A link code is a secret and is left out: accept has used it by then."""
    if isinstance(said, Text):
        return {"type": "text", "text": said.text}
    if isinstance(said, Choice):
        return {"type": "choice", "message": said.message, "option": said.option, "label": said.label}
    if isinstance(said, Start):
        return {"type": "start"}
    if isinstance(said, Media):
        # Its `ref` may hold a secret; it stands in a table of its own.
        told = {"type": "media", "kind": said.kind, "text": said.text, "name": said.name, "outcome": "pending"}
        return _filled(told)
    if isinstance(said, Location):
        return {"type": "location", **_location_to_json(said)}
    if isinstance(said, Unsupported):
        return {"type": "unsupported", "kind": said.kind}
    raise TypeError(f"{type(said).__name__} is not kept as it came")


def linked_to_json(from_channel: str, merge: int | None = None) -> Json:
    """This identity has just been joined to the customer, who came from `from_channel`; two customers became one by
    `merge`, if they had been two."""
    return _filled({"type": "linked", "from": from_channel, "merge": merge})


def link_refused_to_json(problem: str) -> Json:
    """A code came that joins nothing: `problem` is `expired`, `used`, `unknown`, `other_account` or `too_many`."""
    return {"type": "link_refused", "problem": problem}


def verified_to_json(merge: int | None = None) -> Json:
    """This person has just shown that an account of the company's is theirs; two customers became one by `merge`, if
    they had been two."""
    return _filled({"type": "verified", "merge": merge})


def ways_to_json(*, linked: bool) -> Json:
    """How somebody may show whose account it is: by a code to a channel that is surely the holder's, if `linked`."""
    return {"type": "ways", "linked": linked}


def separate_to_json(merge: int, by: str) -> Json:
    """Somebody, `by`, wants this merge undone."""
    return {"type": "separate", "merge": merge, "by": by}


def separated_to_json() -> Json:
    """A merge that this conversation was part of has been undone, and not by its customer."""
    return {"type": "separated"}


def content_to_json(content: Content) -> Json:
    """What the product says, without its empty parts."""
    parts: Json = {
        "text": content.text,
        "options": [_option_to_json(option) for option in content.options],
        "image": content.image,
        "file": content.file and _filled({"url": content.file.url, "name": content.file.name}),
        "location": content.location and _location_to_json(content.location),
        "cards": [_card_to_json(card) for card in content.cards],
        "invite": content.invite,
    }
    return _filled(parts)


def content_from_json(data: Mapping[str, Any]) -> Content:
    """The reverse of `content_to_json`."""
    return Content(
        text=data.get("text"),
        options=tuple(_option_from_json(option) for option in data.get("options", ())),
        image=data.get("image"),
        file=_file_from_json(data.get("file")),
        location=_location_from_json(data.get("location")),
        cards=tuple(_card_from_json(card) for card in data.get("cards", ())),
        invite=data.get("invite"),
    )


def _filled(parts: Json) -> Json:
    return {name: part for name, part in parts.items() if part}


def _file_from_json(data: Mapping[str, Any] | None) -> File | None:
    return File(url=data["url"], name=data.get("name")) if data else None


def _location_to_json(location: Location) -> Json:
    """Degrees that are 0 are told, too."""
    named = _filled({"name": location.name, "address": location.address})
    return {"latitude": location.latitude, "longitude": location.longitude, **named}


def _location_from_json(data: Mapping[str, Any] | None) -> Location | None:
    if not data:
        return None
    return Location(
        latitude=data["latitude"], longitude=data["longitude"], name=data.get("name"), address=data.get("address")
    )


def _option_to_json(option: Option) -> Json:
    return _filled({"title": option.title, "payload": option.payload, "description": option.description})


def _option_from_json(data: Mapping[str, Any]) -> Option:
    return Option(title=data.get("title", ""), payload=data.get("payload", ""), description=data.get("description"))


def _card_to_json(card: Card) -> Json:
    return {
        "title": card.title,
        "text": card.text,
        "image": card.image,
        "options": [_option_to_json(option) for option in card.options],
    }


def _card_from_json(data: Mapping[str, Any]) -> Card:
    return Card(
        title=data["title"],
        text=data.get("text"),
        image=data.get("image"),
        options=tuple(_option_from_json(option) for option in data.get("options", ())),
    )
