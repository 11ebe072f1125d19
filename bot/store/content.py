"""The contract's values as JSON, the way the `content` column of `messages` keeps them.

What is written today is read by tomorrow's version: unknown keys are ignored, missing ones have defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels.contract import Card, Choice, Content, Option, Said, Start, Text, Unsupported

Json = dict[str, Any]


def said_to_json(said: Said) -> Json:
    """What a customer did. A link code is a secret and is left out: accept has used it by then."""
    if isinstance(said, Text):
        return {"type": "text", "text": said.text}
    if isinstance(said, Choice):
        return {"type": "choice", "message": said.message, "option": said.option, "label": said.label}
    if isinstance(said, Start):
        return {"type": "start"}
    if isinstance(said, Unsupported):
        return {"type": "unsupported", "kind": said.kind}
    raise TypeError(f"{type(said).__name__} is not kept as it came")


def linked_to_json(from_channel: str) -> Json:
    """This identity has just been joined to the customer, who came from `from_channel`."""
    return {"type": "linked", "from": from_channel}


def link_refused_to_json(problem: str) -> Json:
    """A link code came that joins nothing: `problem` is `expired`, `used` or `unknown`."""
    return {"type": "link_refused", "problem": problem}


def content_to_json(content: Content) -> Json:
    """What the product says, without its empty parts."""
    parts: Json = {
        "text": content.text,
        "options": [_option_to_json(option) for option in content.options],
        "image": content.image,
        "cards": [_card_to_json(card) for card in content.cards],
        "invite": content.invite,
    }
    return {name: part for name, part in parts.items() if part}


def content_from_json(data: Mapping[str, Any]) -> Content:
    """The reverse of `content_to_json`."""
    return Content(
        text=data.get("text"),
        options=tuple(_option_from_json(option) for option in data.get("options", ())),
        image=data.get("image"),
        cards=tuple(_card_from_json(card) for card in data.get("cards", ())),
        invite=data.get("invite"),
    )


def _option_to_json(option: Option) -> Json:
    return {"title": option.title, "payload": option.payload}


def _option_from_json(data: Mapping[str, Any]) -> Option:
    return Option(title=data["title"], payload=data["payload"])


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
