"""What the product says, as messages of the Cloud API: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages

Pure. Every part is one call; a part that Meta may refuse for its picture or its link holds what to send instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from channels.contract import Card, Option, Outbound
from channels.lengths import shorten, split, units
from channels.text import storable
from channels.wording import Wording, wording

from .inbound import choice_id
from .titles import BUTTON_MAX, buttons, rows

TEXT_MAX = 4096
BODY_MAX = 1024
"""Of a message with buttons or a list, and of a picture's caption."""
BUTTONS_MAX = 3
ROWS_MAX = 10
LISTED_MAX = 30
"""Options that are worth lists, one after the other; more are written out with numbers."""

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One message."""

    message: Json
    """`type` and the object of that name."""
    instead: tuple[Part, ...] | None = None
    """What to send if Meta refuses the content of this part; empty: leave it out."""


@dataclass(frozen=True, kw_only=True)
class _Labelled:
    """An option with what stands for it outside."""

    id: str
    number: int
    """Counted from 1 over the whole message, as a customer who types it counts."""
    title: str


@dataclass(frozen=True, kw_only=True)
class _Block:
    """One text with its picture and its options."""

    text: str
    image: str | None
    options: Sequence[_Labelled]


def render(message: Outbound, link: str | None = None) -> list[Part]:
    """The calls that say `message`, in order; none if it says nothing. `link` is the URL for `Content.invite`."""
    words = wording(message.language)
    first, *cards = _blocks(message)
    invite = message.content.invite
    if invite and link and not first.options:
        parts = _inviting(first, invite, link, words)
    elif invite and link:
        parts = _block(first, words) + _inviting(_NOTHING, invite, link, words)
    else:
        parts = _block(first, words)
    return parts + [part for card in cards for part in _block(card, words)]


_NOTHING = _Block(text="", image=None, options=())


def _blocks(message: Outbound) -> list[_Block]:
    content = message.content
    labelled = [_labelled(message.id, index, option) for index, option in enumerate(content.all_options())]
    start = len(content.options)
    blocks = [_Block(text=_clean(content.text), image=_picture(content.image), options=labelled[:start])]
    for card in content.cards:
        end = start + len(card.options)
        blocks.append(_Block(text=_card_text(card), image=_picture(card.image), options=labelled[start:end]))
        start = end
    return blocks


def _labelled(message: int, index: int, option: Option) -> _Labelled:
    title = " ".join(_clean(option.title).split())
    return _Labelled(id=choice_id(message, index), number=index + 1, title=title or str(index + 1))


def _block(block: _Block, words: Wording) -> list[Part]:
    if not block.options:
        return _plain(block.text, block.image)
    if len(block.options) > LISTED_MAX:
        return _plain("\n".join((block.text or words.choose, *_numbered(block.options))), block.image)
    if _fit_on_buttons(block.options):
        return _with_body(block, words.choose, lambda body, image: _buttons(body, image, block.options))
    return [*_plain("", block.image, lost_without=False), *_lists(block, words)]


# --- Text and pictures ------------------------------------------------------------------------------------------------


def _plain(text: str, image: str | None, *, lost_without: bool = True) -> list[Part]:
    """`lost_without`: whether a picture alone, where it cannot be shown, leaves its address behind."""
    if image is None:
        return [_text(piece) for piece in split(text, TEXT_MAX)]
    if units(text) > BODY_MAX:
        return [_image(image, "", ()), *_plain(text, None)]
    instead = _plain(text or (image if lost_without else ""), None)
    return [_image(image, text, tuple(instead))]


def _text(body: str) -> Part:
    return Part(message={"type": "text", "text": {"body": body}})


def _image(url: str, caption: str, instead: tuple[Part, ...]) -> Part:
    image = {"link": url} | ({"caption": caption} if caption else {})
    return Part(message={"type": "image", "image": image}, instead=instead)


def _numbered(options: Sequence[_Labelled]) -> list[str]:
    return [f"{option.number}. {option.title}" for option in options]


# --- Buttons, lists, links --------------------------------------------------------------------------------------------

_Make = Callable[[str, str | None], Json]
"""Makes an interactive message of a body and the picture over it."""


def _with_body(block: _Block, prompt: str, make: _Make) -> list[Part]:
    """The text as the message's body; where it is too long, as messages before it, as much of it as has to be."""
    *before, body = _bodies(block.text, prompt)
    if before and block.image:
        return [*_plain("", block.image, lost_without=False), *_with_body(_without_image(block), prompt, make)]
    return [*map(_text, before), _interactive(body, block.image, make)]


def _interactive(body: str, image: str | None, make: _Make) -> Part:
    instead = (Part(message=make(body, None)),) if image else None
    return Part(message=make(body, image), instead=instead)


def _bodies(text: str, prompt: str) -> list[str]:
    """Texts, and then a body."""
    pieces = split(text, TEXT_MAX)
    return pieces if pieces and units(pieces[-1]) <= BODY_MAX else [*pieces, prompt]


def _without_image(block: _Block) -> _Block:
    return _Block(text=block.text, image=None, options=block.options)


def _fit_on_buttons(options: Sequence[_Labelled]) -> bool:
    return len(options) <= BUTTONS_MAX and all(units(option.title) <= BUTTON_MAX for option in options)


def _buttons(body: str, image: str | None, options: Sequence[_Labelled]) -> Json:
    replies = [
        {"type": "reply", "reply": {"id": option.id, "title": title}}
        for option, title in zip(options, buttons([option.title for option in options]), strict=True)
    ]
    return _interactive_message("button", body, image, {"buttons": replies})


def _lists(block: _Block, words: Wording) -> list[Part]:
    """A list takes no picture and ten rows; the next ten are a message of their own."""
    pages = [block.options[start : start + ROWS_MAX] for start in range(0, len(block.options), ROWS_MAX)]
    *before, body = _bodies(block.text, words.choose)
    first, *others = pages
    return [
        *map(_text, before),
        Part(message=_list(body, first, words)),
        *(Part(message=_list(words.more, page, words)) for page in others),
    ]


def _list(body: str, options: Sequence[_Labelled], words: Wording) -> Json:
    titled = zip(options, rows([option.title for option in options]), strict=True)
    listed = [
        {"id": option.id, "title": row.title} | ({"description": row.description} if row.description else {})
        for option, row in titled
    ]
    return _interactive_message("list", body, None, {"button": words.open_list, "sections": [{"rows": listed}]})


def _inviting(block: _Block, channel: str, link: str, words: Wording) -> list[Part]:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/interactive-cta-url-messages"""
    parameters = {"display_text": shorten(words.go(channel), BUTTON_MAX), "url": link}
    action = {"name": "cta_url", "parameters": parameters}
    sentence = words.go_on(channel).strip()
    *others, last = _with_body(
        block, sentence, lambda body, image: _interactive_message("cta_url", body, image, action)
    )
    return [*others, _or_written_out(last, sentence, link)]


def _or_written_out(part: Part, sentence: str, link: str) -> Part:
    """Refused with its picture, it is tried without; refused without one, the link stands in the text."""
    if part.instead:
        return Part(message=part.message, instead=(_or_written_out(part.instead[0], sentence, link),))
    body = part.message["interactive"]["body"]["text"]
    text = f"{sentence}\n{link}" if body == sentence else f"{body}\n\n{sentence}\n{link}"
    return Part(message=part.message, instead=(_text(text),))


def _interactive_message(kind: str, body: str, image: str | None, action: Json) -> Json:
    header = {"header": {"type": "image", "image": {"link": image}}} if image else {}
    interactive = {"type": kind} | header | {"body": {"text": body}, "action": action}
    return {"type": "interactive", "interactive": interactive}


# --- Content ----------------------------------------------------------------------------------------------------------


def _card_text(card: Card) -> str:
    return "\n".join(filter(None, (_clean(card.title), _clean(card.text))))


def _picture(url: str | None) -> str | None:
    """Meta fetches web addresses only."""
    cleaned = _clean(url)
    return cleaned if cleaned.startswith(("https://", "http://")) else None


def _clean(text: str | None) -> str:
    return storable(text or "").strip()
