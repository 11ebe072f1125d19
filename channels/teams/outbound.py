"""What the product says, as Teams activities:
https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference#adaptive-card

Pure. Every part is one activity: words, or Adaptive Cards; never both, since Teams would tear them apart.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from channels.contract import Card, Option, Outbound
from channels.lengths import shorten, split, units
from channels.text import storable
from channels.wording import Wording, wording

from .inbound import choice_data
from .markdown import escape
from .service_urls import is_loopback

ACTIVITY_MAX = 80 * 1024
"""Bytes as UTF-16, in which Teams counts:
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages"""
TEXT_MAX = 8000
"""UTF-16 code units before escaping, which can double them and more."""
CARD_TEXT_MAX = 2000
"""Of one card in a carousel; people scroll it sideways."""
CARD_VERSION = "1.5"
SET_MAX = 6
"""Buttons of one set; Teams hides what is more."""
CARD_BUTTONS_MAX = 30
CAROUSEL_MAX = 10
LABEL_MAX = 64
SUMMARY_MAX = 120
URL_MAX = 2000

_ENVELOPE = 4 * 1024
"""Bytes for what an activity holds beside its words and cards."""

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
    own = buttons.take(len(content.options))
    parts = _block(_clean(content.text), content.image, own, _invite(words, content.invite, link), words)
    cards = [page for card in content.cards for page in _pages(card, buttons.take(len(card.options)), words)]
    return parts + _carousels(cards, shorten(_clean(content.text), SUMMARY_MAX))


def size(part: Part) -> int:
    """Bytes of the activity at most, as Teams counts them."""
    return _ENVELOPE + 2 * units(json.dumps([part.text, part.summary, *part.cards], ensure_ascii=False))


# --- One text with its picture and its buttons ------------------------------------------------------------------------


def _block(text: str, image: str | None, buttons: Sequence[Json], invite: Json | None, words: Wording) -> list[Part]:
    picture = _picture(image)
    if image and picture is None:
        text = f"{text}\n\n{_clean(image)}".strip()
    if picture is None and not buttons and invite is None:
        return [Part(text=escape(piece)) for piece in split(text, TEXT_MAX)]
    *before, last = split(text, TEXT_MAX) or [_prompt(buttons, invite, words)]
    first, *more = _chunks(buttons)
    body = [*_image(picture), *_paragraph(last)]
    return [
        *(Part(text=escape(piece)) for piece in before),
        Part(cards=(_card(body, first, invite),), summary=shorten(last, SUMMARY_MAX)),
        *(Part(cards=(_card(_paragraph(words.more), chunk),), summary=words.more) for chunk in more),
    ]


def _prompt(buttons: Sequence[Json], invite: Json | None, words: Wording) -> str:
    if buttons:
        return words.choose
    return str(invite["title"]) if invite else ""


# --- Cards ------------------------------------------------------------------------------------------------------------


def _pages(card: Card, buttons: Sequence[Json], words: Wording) -> Iterator[Json]:
    """The card, and one more for every thirty buttons that do not fit on it."""
    first, *more = _chunks(buttons)
    picture = _picture(card.image)
    title = shorten(_clean(card.title), CARD_TEXT_MAX)
    text = shorten(_clean(card.text), CARD_TEXT_MAX)
    yield _card([*_image(picture, title), *_paragraph(title, weight="Bolder"), *_paragraph(text)], first)
    for chunk in more:
        yield _card(_paragraph(words.more), chunk)


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


def _card(body: Sequence[Json], buttons: Sequence[Json], invite: Json | None = None) -> Json:
    """https://adaptivecards.io/explorer/AdaptiveCard.html"""
    every = [*buttons, *([invite] if invite else ())]
    sets = [every[start : start + SET_MAX] for start in range(0, len(every), SET_MAX)]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": CARD_VERSION,
        "body": [*body, *({"type": "ActionSet", "actions": actions} for actions in sets)],
    }


def _paragraph(text: str, **style: str) -> list[Json]:
    return [{"type": "TextBlock", "text": escape(text), "wrap": True, **style}] if text else []


def _image(url: str | None, alternative: str = "") -> list[Json]:
    if url is None:
        return []
    image = {"type": "Image", "url": url, "size": "Stretch"}
    return [image | {"altText": alternative} if alternative else image]


def _picture(url: str | None) -> str | None:
    """None for what Teams would not show: it takes pictures by https only. Loopback is for a developer's machine."""
    cleaned = _clean(url)
    shown = cleaned.startswith("https://") or is_loopback(cleaned)
    return cleaned if shown and units(cleaned) <= URL_MAX and not any(map(str.isspace, cleaned)) else None


def _clean(text: str | None) -> str:
    return storable(text or "").strip()


# --- Buttons ----------------------------------------------------------------------------------------------------------


class _Buttons:
    """Gives out a message's options as buttons, in the order that `Choice.option` counts."""

    def __init__(self, message: int, options: Sequence[Option]) -> None:
        self._left: Iterator[Json] = (
            {"type": "Action.Submit", "title": _label(option, index), "data": choice_data(message, index)}
            for index, option in enumerate(options)
        )

    def take(self, count: int) -> list[Json]:
        return list(islice(self._left, count))


def _label(option: Option, index: int) -> str:
    return shorten(_clean(option.title), LABEL_MAX) or str(index + 1)


def _invite(words: Wording, channel: str | None, link: str | None) -> Json | None:
    if not channel or not link:
        return None
    return {"type": "Action.OpenUrl", "title": words.go_on(channel), "url": link}


def _chunks(buttons: Sequence[Json]) -> list[Sequence[Json]]:
    """At least one, which may be empty."""
    return [buttons[start : start + CARD_BUTTONS_MAX] for start in range(0, len(buttons), CARD_BUTTONS_MAX)] or [()]
