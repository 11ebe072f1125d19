"""What the widget is sent: frames made from the transcript. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from channels.contract import Card, Content, Option

Frame = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One message of a visitor's transcript."""

    id: int
    author: str
    """customer, bot or agent"""
    at: datetime
    client_id: str | None
    said: Mapping[str, Any] | None
    """What the customer did, as stored; None for what the product says."""
    content: Content | None
    """What the product says; None for what the customer did."""


def frame_of(line: Line) -> Frame | None:
    """The `message` frame for a line; None for one that has nothing to show, such as the opening of the chat."""
    body = _said(line.said) if line.said is not None else _content(line.content or Content())
    if not body:
        return None
    frame = {"type": "message", "seq": line.id, "id": line.id, "author": line.author, "at": _iso(line.at), **body}
    if line.client_id is not None and line.author == "customer":
        frame["client_id"] = line.client_id
    return frame


def _said(said: Mapping[str, Any]) -> Frame:
    text = said.get("text") or said.get("label")
    return {"text": text} if text else {}


def _content(content: Content) -> Frame:
    frame: Frame = {}
    if content.text:
        frame["text"] = content.text
    if content.image:
        frame["image"] = content.image
    if content.options:
        frame["options"] = _options(content.options, first=0)
    if content.cards:
        frame["cards"] = _cards(content)
    if content.invite:
        frame["invite"] = content.invite
    return frame


def _cards(content: Content) -> list[Frame]:
    frames, index = [], len(content.options)
    for card in content.cards:
        frames.append(_card(card, first=index))
        index += len(card.options)
    return frames


def _card(card: Card, *, first: int) -> Frame:
    frame: Frame = {"title": card.title, "options": _options(card.options, first=first)}
    if card.text:
        frame["text"] = card.text
    if card.image:
        frame["image"] = card.image
    return frame


def _options(options: tuple[Option, ...], *, first: int) -> list[Frame]:
    return [{"title": option.title, "index": first + offset} for offset, option in enumerate(options)]


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
