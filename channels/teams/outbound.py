"""What the product says, as Teams activities:
https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference#adaptive-card

Pure. Every part is one activity: words, or Adaptive Cards; never both, since Teams would tear them apart.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from channels.contract import Card, Content, File, Location, Option, Outbound
from channels.formatting import Rich, as_plain, bold, joined, parse, plain
from channels.lengths import shorten, units
from channels.nearest import file_in_words, location_in_words, map_address, web_address
from channels.text import storable
from channels.wording import Wording, wording

from .inbound import choice_data
from .markdown import URL_MAX, markdown
from .service_urls import is_loopback

ACTIVITY_MAX = 80 * 1024
"""Bytes as UTF-16, in which Teams counts:
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages"""
TEXT_MAX = 8000
"""UTF-16 code units as they are read; written down they may be `_WRITTEN` times as many."""
CARD_TEXT_MAX = 2000
"""Of one card in a carousel; people scroll it sideways."""
TITLE_MAX = 200
PLACE_MAX = 500
"""Of a file's name, and of a place's name and address."""
DESCRIPTION_MAX = 120
CARD_VERSION = "1.5"
SET_MAX = 6
"""Buttons of one set; Teams hides what is more."""
CARD_BUTTONS_MAX = 30
CAROUSEL_MAX = 10
LABEL_MAX = 64
SUMMARY_MAX = 120

_WRITTEN = 4
_ENVELOPE = 4 * 1024
"""Bytes for what an activity holds beside its words and cards."""
_SUBMIT = "Action.Submit"

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One activity."""

    text: str = ""
    """Markdown."""
    cards: tuple[Json, ...] = ()
    """Adaptive Cards; a carousel if there are several."""
    summary: str = ""
    """What a notification shows of the cards."""

    @property
    def instead(self) -> None:
        """There is no other form that Teams would rather take."""


def render(message: Outbound, link: str | None = None) -> list[Part]:
    """The activities that say `message`, in order; none if it says nothing. `link` is the URL for `Content.invite`."""
    content, words = message.content, wording(message.language)
    buttons = _Buttons(message.id, content.all_options())
    own = buttons.take(content.options)
    parts = _block(content, own, _invite(words, content.invite, link), words)
    cards = [page for card in content.cards for page in _pages(card, buttons.take(card.options), words)]
    return parts + _carousels(cards, _summary(parse(content.text)))


def without_buttons(part: Part) -> Part:
    """The same when its question is not open any more. What leads to a page stays."""
    return replace(part, cards=tuple(card | {"body": list(_settled(card["body"]))} for card in part.cards))


def in_words(part: Part) -> str:
    """What Teams is asked to show, in its own words."""
    if not part.cards:
        return "message, markdown"
    elements = [element for card in part.cards for element in card["body"]]
    kinds = [action["type"] for element in elements for action in element.get("actions", ())]
    kinds = [element["type"] for element in elements if "actions" not in element] + kinds
    counted = (kind if count == 1 else f"{count} {kind}" for kind, count in Counter(kinds).items())
    name = "Adaptive Card" if len(part.cards) == 1 else f"carousel of {len(part.cards)} Adaptive Cards"
    return f"{name}: {', '.join(counted)}"


def size(part: Part) -> int:
    """Bytes of the activity at most, as Teams counts them."""
    return _ENVELOPE + 2 * units(json.dumps([part.text, part.summary, *part.cards], ensure_ascii=False))


# --- One text with what belongs to it ---------------------------------------------------------------------------------


def _block(content: Content, options: Sequence[_Button], invite: Json | None, words: Wording) -> list[Part]:
    picture = _picture(content.image)
    text = joined([parse(content.text), plain(content.image) if picture is None else Rich(text="")], "\n\n")
    pieces = text.pieces(TEXT_MAX, _weight)
    below = [*_file(content.file, words), *_place(content.location, words)]
    if picture is None and not below and not options and invite is None:
        return [Part(text=markdown(piece)) for piece in pieces]
    *before, last = pieces or [_prompt(options, invite, words)]
    first, *more = _chunks(options)
    card = _card([*_image(picture), *_paragraph(last), *below, *_described(first)], first, invite)
    part = Part(cards=(card,), summary=_summary(last) or _summary(_told(content)))
    if size(part) > ACTIVITY_MAX:
        before, card = [*before, last], _card([*_image(picture), *below, *_described(first)], first, invite)
        part = replace(part, cards=(card,))
    return [
        *(Part(text=markdown(piece)) for piece in before),
        part,
        *(Part(cards=(_more(chunk, words),), summary=words.more) for chunk in more),
    ]


def _prompt(options: Sequence[_Button], invite: Json | None, words: Wording) -> Rich:
    if options:
        return plain(words.choose)
    return plain(invite["title"]) if invite else plain("")


def _told(content: Content) -> Rich:
    """What to say of a message without a text."""
    if content.file is not None:
        return file_in_words(content.file)
    return plain(content.location.name) if content.location else plain("")


def _file(file: File | None, words: Wording) -> list[Json]:
    """A bot cannot put a file into a message of its own: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4"""
    if file is None:
        return []
    url = _linked(file.url)
    named = _shortened(file_in_words(file), PLACE_MAX)
    if url is None:
        return _paragraph(joined([named, plain(shorten(plain(file.url).text, PLACE_MAX))]))
    return [*_paragraph(named), _set([_open(words.open_file, url)])]


def _place(location: Location | None, words: Wording) -> list[Json]:
    if location is None:
        return []
    described = _shortened(location_in_words(location), PLACE_MAX)
    return [*_paragraph(described), _set([_open(words.open_map, map_address(location))])]


# --- Cards ------------------------------------------------------------------------------------------------------------


def _pages(card: Card, options: Sequence[_Button], words: Wording) -> Iterator[Json]:
    """The card, and one more for every thirty buttons that do not fit on it."""
    first, *more = _chunks(options)
    picture = _picture(card.image)
    title = shorten(plain(card.title).text, TITLE_MAX)
    text = _shortened(parse(card.text), CARD_TEXT_MAX)
    body = [*_image(picture, title), *_paragraph(plain(title), weight="Bolder"), *_paragraph(text)]
    yield _card([*body, *_described(first)], first)
    for chunk in more:
        yield _more(chunk, words)


def _more(options: Sequence[_Button], words: Wording) -> Json:
    return _card([*_paragraph(plain(words.more)), *_described(options)], options)


def _carousels(cards: Sequence[Json], summary: str) -> list[Part]:
    """As few activities as Teams' limits allow."""
    parts: list[Part] = []
    for card in cards:
        longer = Part(cards=(*parts[-1].cards, card), summary=summary) if parts else None
        if longer and len(longer.cards) <= CAROUSEL_MAX and size(longer) <= ACTIVITY_MAX:
            parts[-1] = longer
        else:
            parts.append(Part(cards=(card,), summary=summary))
    return parts


def _card(body: Sequence[Json], options: Sequence[_Button] = (), invite: Json | None = None) -> Json:
    """https://adaptivecards.io/explorer/AdaptiveCard.html"""
    every = [*(option.action for option in options), *([invite] if invite else ())]
    sets = [every[start : start + SET_MAX] for start in range(0, len(every), SET_MAX)]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": CARD_VERSION,
        "body": [*body, *(_set(actions) for actions in sets)],
    }


def _set(actions: Sequence[Json]) -> Json:
    return {"type": "ActionSet", "actions": list(actions)}


def _settled(body: Sequence[Json]) -> Iterator[Json]:
    for element in body:
        if element["type"] != "ActionSet":
            yield element
        elif left := [action for action in element["actions"] if action["type"] != _SUBMIT]:
            yield _set(left)


def _paragraph(text: Rich, **style: str) -> list[Json]:
    return [{"type": "TextBlock", "text": markdown(text, code=False), "wrap": True, **style}] if text else []


def _image(url: str | None, alternative: str = "") -> list[Json]:
    if url is None:
        return []
    image = {"type": "Image", "url": url, "size": "Stretch"}
    return [image | {"altText": alternative} if alternative else image]


def _picture(url: str | None) -> str | None:
    """None for what Teams would not show: it takes pictures by https only. Loopback is for a developer's machine."""
    cleaned = storable(url or "").strip()
    shown = cleaned.startswith("https://") or is_loopback(cleaned)
    return cleaned if shown and units(cleaned) <= URL_MAX and not any(map(str.isspace, cleaned)) else None


# --- Buttons ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class _Button:
    action: Json
    title: str
    description: str


class _Buttons:
    """Gives out a message's options as buttons, in the order that `Choice.option` counts."""

    def __init__(self, message: int, options: Sequence[Option]) -> None:
        self._left: Iterator[_Button] = (_button(message, index, option) for index, option in enumerate(options))

    def take(self, options: Sequence[Option]) -> list[_Button]:
        return list(islice(self._left, len(options)))


def _button(message: int, index: int, option: Option) -> _Button:
    title = shorten(_line(option.title), LABEL_MAX) or str(index + 1)
    action = {"type": _SUBMIT, "title": title, "data": choice_data(message, index)}
    return _Button(action=action, title=title, description=shorten(_line(option.description), DESCRIPTION_MAX))


def _line(text: str | None) -> str:
    """On one line, without what cannot be shown."""
    return "".join(filter(str.isprintable, " ".join(storable(text or "").split()))).strip()


def _described(options: Sequence[_Button]) -> list[Json]:
    """What there is to say of options, over their buttons."""
    return _paragraph(
        joined(
            joined([bold(option.title), plain(option.description)], " – ") for option in options if option.description
        )
    )


def _invite(words: Wording, channel: str | None, link: str | None) -> Json | None:
    return _open(words.go_on(channel), link) if channel and link else None


def _open(title: str, url: str) -> Json:
    return {"type": "Action.OpenUrl", "title": title, "url": url}


def _linked(url: str) -> str | None:
    address = web_address(url)
    return address if address and units(address) <= URL_MAX else None


def _chunks(options: Sequence[_Button]) -> list[Sequence[_Button]]:
    """At least one, which may be empty."""
    return [options[start : start + CARD_BUTTONS_MAX] for start in range(0, len(options), CARD_BUTTONS_MAX)] or [()]


# --- Lengths ----------------------------------------------------------------------------------------------------------


def _weight(text: Rich) -> int:
    """How long it counts as: what is written with many marks and escapes counts as more than is read."""
    return max(units(text.text), units(json.dumps(markdown(text), ensure_ascii=False)) // _WRITTEN)


def _shortened(text: Rich, limit: int) -> Rich:
    if not text or _weight(text) <= limit:
        return text
    head = text.pieces(limit - 1, _weight)[0]
    return replace(head, text=head.text + "…")


def _summary(text: Rich) -> str:
    return shorten(as_plain(text), SUMMARY_MAX)
