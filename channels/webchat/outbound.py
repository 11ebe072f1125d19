"""What the widget is sent: frames made from the transcript. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from channels.contract import Card, Content, File, Location, Option
from channels.formatting import Rich, parse
from channels.nearest import file_name, map_address, web_address

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
    closed: bool = False
    """Its question is not open any more: its buttons are past."""
    media_url: str | None = None
    """Where the customer's file can be had for a while, once it is stored."""

    def stored_media(self) -> str | None:
        """The id of the customer's file that this carries, if it can be had."""
        said = self.said or {}
        return said.get("media") if said.get("type") == "media" and said.get("outcome") == "stored" else None


def frame_of(line: Line) -> Frame | None:
    """The `message` frame for a line; None for one that has nothing to show, such as the opening of the chat."""
    body = _said(line) if line.said is not None else _content(line.content or Content())
    if not body:
        return None
    frame = {"type": "message", "seq": line.id, "id": line.id, "author": line.author, "at": _iso(line.at), **body}
    if line.client_id is not None and line.author == "customer":
        frame["client_id"] = line.client_id
    if line.closed and ("options" in frame or "cards" in frame):
        frame["closed"] = True
    return frame


def file_frame(line: Line) -> Frame | None:
    """The customer's file that a line carries; None if it carries none."""
    said = line.said or {}
    if said.get("type") != "media":
        return None
    told = {name: said.get(name) for name in ("kind", "name", "size", "outcome")}
    return _filled({**told, "type": said.get("mime"), "url": line.media_url})


def may_change(line: Line) -> bool:
    """Whether the line may look different later: a file that is still being checked, buttons that may be taken off."""
    if line.said is not None:
        return line.said.get("type") == "media" and line.said.get("outcome") == "pending"
    return bool(line.content and line.content.all_options()) and not line.closed


def in_words(content: Content) -> str:
    """What a message's frame has in it, for people."""
    options = len(content.options)
    cards = [f"card with {_count(len(card.options), 'button')}" if card.options else "card" for card in content.cards]
    parts = [
        "text" if content.text else "",
        "image" if content.image else "",
        "file" if content.file else "",
        "location" if content.location else "",
        _count(options, "option") if options else "",
        cards[0] if len(cards) == 1 else f"carousel of {len(cards)} cards" if cards else "",
        "link and QR code" if content.invite else "",
    ]
    return ", ".join(filter(None, parts))


def _said(line: Line) -> Frame:
    said = line.said or {}
    frame: Frame = {}
    if text := said.get("text") or said.get("label"):
        frame["text"] = text
    if said.get("type") == "choice":
        frame["choice"] = {"message": said.get("message"), "option": said.get("option")}
    if file := file_frame(line):
        frame["file"] = file
    return frame


def _content(content: Content) -> Frame:
    return _filled(
        {
            **_rich(content.text),
            "image": web_address(content.image),
            "file": content.file and _file(content.file),
            "location": content.location and _location(content.location),
            "options": list(_options(content.options, first=0)),
            "cards": list(_cards(content)),
            "invite": content.invite,
        }
    )


def _rich(source: str | None) -> Frame:
    """The text as it reads, and, if any of it is formatted, the runs that it is made of."""
    rich = parse(source)
    return {"text": rich.text, "runs": list(_runs(rich)) if rich.marks else None}


def _runs(rich: Rich) -> Iterator[Frame]:
    return (_filled(asdict(run)) for run in rich.runs())


def _file(file: File) -> Frame:
    return _filled({"kind": "file", "name": file_name(file), "url": web_address(file.url)})


def _location(location: Location) -> Frame:
    named = _filled({"name": location.name, "address": location.address})
    return {
        "latitude": location.latitude,
        "longitude": location.longitude,
        **named,
        "map": map_address(location),
    }


def _cards(content: Content) -> Iterator[Frame]:
    index = len(content.options)
    for card in content.cards:
        yield _card(card, first=index)
        index += len(card.options)


def _card(card: Card, *, first: int) -> Frame:
    frame = {
        "title": card.title,
        **_rich(card.text),
        "image": web_address(card.image),
        "options": list(_options(card.options, first=first)),
    }
    return {"options": [], **_filled(frame)}


def _options(options: Iterable[Option], *, first: int) -> Iterator[Frame]:
    for index, option in enumerate(options, first):
        yield {"title": option.title, "index": index, **_filled({"description": option.description})}


def _filled(parts: Mapping[str, Any]) -> Frame:
    return {name: part for name, part in parts.items() if part}


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
