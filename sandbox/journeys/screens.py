"""What a person sees of one message that a channel brought, in the same words whichever channel it is. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sandbox.teams.people import buttons as teams_buttons
from sandbox.whatsapp import options as whatsapp_options

from .language import CODE, TITLES
from .visitor import options as web_options

Json = dict[str, Any]

DEEP_LINK = re.compile(
    r'(?:https://t\.me/|https://wa\.me/|https://teams\.microsoft\.com/|http://127\.0\.0\.1:[0-9]+/#continue=)[^"\s]+'
)
_A_CODE = re.compile(r"(?<![\w-])(?=[A-Z-]*[0-9])(?=[0-9-]*[A-Z])[0-9A-Z]{4}-[0-9A-Z]{4}(?![\w-])")
_HOSTS = {"t.me": "telegram", "wa.me": "whatsapp", "teams.microsoft.com": "teams"}
_MAPS = "openstreetmap.org", "google.com/maps"


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing on the screen. A message of the bot's may come as several."""

    id: str
    """The platform's, or, on the website, the product's own."""
    chat: str
    """Empty in the person's own chat with the bot; a group's id elsewhere."""
    text: str = ""
    options: tuple[str, ...] = ()
    """Labels of what can be tapped."""
    link: str = ""
    """A deep link to another channel. On the website the channel's name: the link is made when somebody asks for it."""
    carries: frozenset[str] = frozenset()
    """Of `language.CARRIED`. On the website a code is made when somebody asks for it, and is not in the text."""
    raw: Json


Screen = Callable[[Json], Part]


def on_telegram(message: Json) -> Part:
    rows: list[list[Json]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    keys = [key for row in rows for key in row]
    chat = message["chat"]
    return Part(
        id=str(message["message_id"]),
        chat="" if chat["type"] == "private" else str(chat["id"]),
        text="\n".join(filter(None, [message.get("text") or message.get("caption") or "", _venue(message)])),
        options=tuple(key["text"] for key in keys if "callback_data" in key),
        link=_deep_link(message),
        carries=_carries({"photo": "a picture", "document": "a file", "location": "a location"}, message)
        | _code_in(message.get("text") or ""),
        raw=message,
    )


def on_whatsapp(message: Json) -> Part:
    interactive: Json = message.get("interactive", {})
    kind: str = message.get("type", "text")
    place: Json = message.get("location", {})
    texts = [
        message.get("text", {}).get("body"),
        message.get(kind, {}).get("caption") if kind in ("image", "document") else None,
        interactive.get("header", {}).get("text"),
        interactive.get("body", {}).get("text"),
        place.get("name"),
        place.get("address"),
    ]
    said = [text for text in texts if text]
    kinds = {kind, interactive.get("header", {}).get("type")}
    named = {"image": "a picture", "document": "a file", "location": "a location"}
    return Part(
        id=message["id"],
        chat="",
        text=_without_marks("\n".join(said)),
        options=tuple(option["title"] for option in whatsapp_options(message)),
        link=_deep_link(message),
        carries=frozenset(thing for name, thing in named.items() if name in kinds) | _code_in("\n".join(said)),
        raw=message,
    )


def on_teams(activity: Json) -> Part:
    cards = [one["content"] for one in activity.get("attachments", []) if "content" in one]
    elements = [element for card in cards for element in card.get("body", [])]
    actions = teams_buttons(activity)
    urls = [action["url"] for action in actions if action["type"] == "Action.OpenUrl"]
    carries = {"a picture"} if any(element["type"] == "Image" for element in elements) else set[str]()
    if any(one in url for url in urls for one in _MAPS):
        carries.add("a location")
    conversation = activity["conversation"]
    said = "\n".join(filter(None, [activity.get("text"), *(element.get("text") for element in elements)]))
    return Part(
        id=activity["id"],
        chat=conversation["id"] if conversation.get("isGroup") else "",
        text=_without_marks(said),
        options=tuple(action["title"] for action in actions if action["type"] != "Action.OpenUrl"),
        link=_deep_link(activity),
        carries=frozenset(carries) | _code_in(said),
        raw=activity,
    )


def on_the_website(frame: Json) -> Part:
    cards: list[Json] = frame.get("cards", [])
    place: Json = frame.get("location", {})
    texts = [frame.get("text"), *(card.get(field) for card in cards for field in ("title", "text"))]
    invite: str = frame.get("invite", "")
    shown = {**frame, "code": invite == "code", **({"image": True} if any("image" in card for card in cards) else {})}
    return Part(
        id=str(frame["id"]),
        chat="",
        text="\n".join(filter(None, [*texts, place.get("name"), place.get("address")])),
        options=tuple(option["title"] for option in web_options(frame)),
        link="" if invite == "code" else invite,
        carries=_carries({"image": "a picture", "file": "a file", "location": "a location", "code": CODE}, shown),
        raw=frame,
    )


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One message of the bot's, whole."""

    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if part.text)

    @property
    def options(self) -> tuple[str, ...]:
        return tuple(option for part in self.parts for option in part.options)

    @property
    def carries(self) -> frozenset[str]:
        return frozenset(thing for part in self.parts for thing in part.carries)

    @property
    def inviting(self) -> Part | None:
        """The part with the link to another channel."""
        return next((part for part in self.parts if part.link), None)

    def in_words(self) -> str:
        """For a transcript."""
        extras = [f"[{option}]" for option in self.options] + sorted(f"({thing})" for thing in self.carries)
        if self.inviting:
            extras.append("(a link)")
        return " ".join([flat(self.text), *extras])


def contains(text: str, fragments: Sequence[str]) -> bool:
    """Whether the fragments stand in the text in this order. White space counts as one space."""
    found, start = flat(text), 0
    for fragment in map(flat, fragments):
        place = found.find(fragment, start)
        if place < 0:
            return False
        start = place + len(fragment)
    return True


def is_label(option: str, label: str) -> bool:
    """Whether a button is the one that a journey calls so; a channel with little room may have cut its label."""
    cut = option.endswith("…") and label.startswith(option[:-1].rstrip())
    return flat(option) == flat(label) or cut


def leads_to(link: str) -> str:
    """The channel of a deep link, or of what stands for one on the website."""
    return link if link in TITLES else _HOSTS.get(urlsplit(link).netloc, "webchat")


def flat(text: str) -> str:
    return " ".join(text.split())


def _venue(message: Json) -> str:
    venue: Json = message.get("venue", {})
    return "\n".join(filter(None, [venue.get("title"), venue.get("address")]))


def _carries(named: Mapping[str, str], message: Json) -> frozenset[str]:
    return frozenset(thing for field, thing in named.items() if message.get(field))


def _deep_link(message: Json) -> str:
    # A preview or a summary may have the same link again.
    return next(iter(DEEP_LINK.findall(json.dumps(message))), "")


def code_in(text: str) -> str | None:
    """The first code in it that is to be typed somewhere, as it is written there."""
    found = _A_CODE.search(text)
    return found and found[0]


def _code_in(text: str) -> frozenset[str]:
    return frozenset({CODE} if code_in(text) else ())


def _without_marks(text: str) -> str:
    """As it reads, without what marks it as bold or keeps a character from marking."""
    text = re.sub(r"(?<!\\)\*+|(?<![\w\\])_|_(?!\w)", "", text)
    text = re.sub(r"\\([\\`*_~\[\]|#>+.)-])", r"\1", text)
    return text.replace("&lt;", "<").replace("&amp;", "&").replace("\u200a", "")
