"""What each channel can do, asked of the channels themselves: of `shows` for what is sent, and of `read` and `news`,
with every fixture there is, for what comes in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from multidict import CIMultiDict

from bot.store.content import content_from_json
from channels.contract import (
    Channel,
    Choice,
    Content,
    Inbound,
    Link,
    Location,
    Malformed,
    Media,
    Moved,
    Outbound,
    Reach,
    Receipt,
    Revised,
    Start,
    Text,
    Webhook,
)

ROOT = Path(__file__).resolve().parents[2]
KINDS = ROOT / "docs/messages/kinds.json"
PAGE = ROOT / "docs/channels.md"

TITLES = {"telegram": "Telegram", "whatsapp": "WhatsApp", "teams": "Microsoft Teams", "webchat": "Web chat"}
"""Channels in the order of the columns."""

KIND_TITLES = {
    "utter_text": "Text with bold, italic, a link and code",
    "utter_quick_replies": "Quick replies",
    "utter_list": "A list to choose from",
    "utter_picture": "A picture",
    "utter_card": "A card",
    "utter_carousel": "A carousel",
    "utter_file": "A file",
    "utter_location": "A place",
    "utter_variations": "A variation for one channel",
}


def kinds() -> dict[str, dict[str, Content]]:
    """Kind → channel → content, as `python -m bot.core.preview docs/messages/kinds.yml` has it."""
    data: Mapping[str, Mapping[str, Any]] = json.loads(KINDS.read_text(encoding="utf-8"))
    return {kind: {name: content_from_json(one) for name, one in each.items()} for kind, each in data.items()}


def page(channels: Mapping[str, Channel]) -> str:
    """The whole of docs/channels.md."""
    return "\n".join(
        [
            "# What each channel can do",
            "",
            "Made from the code by `make docs`; a test holds both together. How it looks: [messages.md](messages.md).",
            "",
            "## What the bot says, and what the platform is asked for",
            "",
            "What a channel cannot show becomes the nearest thing that it can.",
            "",
            *_table("Kind", _shown(channels)),
            "",
            "## What customers do, and what is understood of it",
            "",
            *_table("Event", _read(channels)),
            "",
        ]
    )


def _shown(channels: Mapping[str, Channel]) -> Iterator[tuple[str, list[str]]]:
    for kind, contents in kinds().items():
        yield KIND_TITLES[kind], [_calls(channels[name], contents[name]) for name in TITLES]


def _calls(channel: Channel, content: Content) -> str:
    return "<br>".join(channel.shows(Outbound(id=1, address="-", content=content, language="en")))


def _read(channels: Mapping[str, Channel]) -> Iterator[tuple[str, list[str]]]:
    found = {name: set(_events(channels[name], name)) for name in TITLES}
    every = [label for label in _LABELS if any(label in one for one in found.values())]
    for label in every:
        yield label, ["✓" if label in found[name] else "–" for name in TITLES]


_MEDIA = {kind: f"sends: {kind}" for kind in ("picture", "voice", "audio", "video", "sticker", "file")}
_LABELS = (
    "writes",
    "taps an option",
    "opens the chat",
    "comes by a deep link",
    *_MEDIA.values(),
    "sends: location",
    "speaks to the bot in a group",
    "changes a message",
    "takes a message back",
    "is told: delivered",
    "is told: read",
    "is told: failed",
    "blocks or removes the bot",
    "has a new id",
)


def _events(channel: Channel, name: str) -> Iterator[str]:
    for body in fixtures(name):
        request = Webhook(method="POST", headers=CIMultiDict({"Visitor": "v1"}), body=body)
        try:
            parts, news = channel.read(request), channel.news(request)
        except Malformed:
            continue
        for part in parts:
            if isinstance(part, Inbound):
                yield from _said(part)
        for one in news:
            yield _told(one)


def _said(inbound: Inbound) -> Iterator[str]:
    if inbound.audience:
        yield "speaks to the bot in a group"
        return
    said = inbound.said
    labels: Mapping[type, str] = {
        Text: "writes",
        Choice: "taps an option",
        Start: "opens the chat",
        Link: "comes by a deep link",
        Location: "sends: location",
    }
    if isinstance(said, Media):
        yield _MEDIA[said.kind]
    elif type(said) in labels:
        yield labels[type(said)]


def _told(news: object) -> str:
    if isinstance(news, Receipt):
        return "is told: failed" if news.state == "unshown" else f"is told: {news.state}"
    if isinstance(news, Revised):
        return "takes a message back" if news.text is None else "changes a message"
    if isinstance(news, Reach):
        return "blocks or removes the bot"
    assert isinstance(news, Moved)
    return "has a new id"


def fixtures(channel: str) -> Iterator[bytes]:
    """The bodies of every webhook, or frame, that was written down for a channel's tests."""
    for path in sorted((ROOT / "tests/channels" / channel / "fixtures").glob("*.json")):
        yield path.read_bytes()


def _table(first: str, rows: Iterable[tuple[str, list[str]]]) -> Iterator[str]:
    yield f"| {first} | {' | '.join(TITLES.values())} |"
    yield "|---" * (len(TITLES) + 1) + "|"
    for label, cells in rows:
        yield f"| {label} | {' | '.join(cell.replace('|', '∣') for cell in cells)} |"
