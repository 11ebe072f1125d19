"""What the product says, as messages of the Cloud API: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages

Pure. Every part is one call; a part that Meta may refuse for its picture, its file or its link holds what to send
instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from channels.contract import Card, File, Location, Option, Outbound
from channels.formatting import Rich, bold, joined, parse, plain
from channels.lengths import shorten, units
from channels.nearest import file_in_words, file_name, location_in_words, web_address
from channels.wording import Wording, wording

from .inbound import choice_id
from .markup import length, written
from .titles import BUTTON_MAX, Row, buttons, rows

TEXT_MAX = 4096
BODY_MAX = 1024
"""Of a message with buttons or a list, and of a caption."""
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
    description: str


@dataclass(frozen=True, kw_only=True)
class _Block:
    """One text with its picture and its options, or a message's whole beginning."""

    text: Rich
    image: str | None = None
    file: File | None = None
    location: Location | None = None
    options: Sequence[_Labelled] = ()


def render(message: Outbound, link: str | None = None) -> list[Part]:
    """The calls that say `message`, in order; none if it says nothing. `link` is the URL for `Content.invite`."""
    words = wording(message.language)
    first, *cards = _blocks(message)
    invite = message.content.invite
    if invite and link and not first.options:
        parts = _attached(first, lambda block: _inviting(block, invite, link, words))
    elif invite and link:
        parts = _block(first, words) + _inviting(_NOTHING, invite, link, words)
    else:
        parts = _block(first, words)
    return parts + [part for card in cards for part in _block(card, words)]


_NOTHING = _Block(text=Rich(text=""))


def _blocks(message: Outbound) -> list[_Block]:
    content = message.content
    labelled = [_labelled(message.id, index, option) for index, option in enumerate(content.all_options())]
    start = len(content.options)
    first = _Block(
        text=parse(content.text),
        image=web_address(content.image),
        file=content.file,
        location=content.location,
        options=labelled[:start],
    )
    blocks = [first]
    for card in content.cards:
        end = start + len(card.options)
        blocks.append(_Block(text=_card_text(card), image=web_address(card.image), options=labelled[start:end]))
        start = end
    return blocks


def _labelled(message: int, index: int, option: Option) -> _Labelled:
    title, description = _one_line(option.title), _one_line(option.description)
    return _Labelled(
        id=choice_id(message, index), number=index + 1, title=title or str(index + 1), description=description
    )


def _one_line(text: str | None) -> str:
    return " ".join(plain(text).text.split())


def _card_text(card: Card) -> Rich:
    return joined([bold(card.title), parse(card.text)])


def _block(block: _Block, words: Wording) -> list[Part]:
    return _attached(block, lambda rest: _said(rest, words))


def _said(block: _Block, words: Wording) -> list[Part]:
    """What has no file and no location."""
    if not block.options:
        return _plain(block.text, block.image)
    if len(block.options) > LISTED_MAX:
        return _plain(joined([block.text or plain(words.choose), *_numbered(block.options)]), block.image)
    if _fit_on_buttons(block.options):
        return _with_body(block, words.choose, lambda body, image: _buttons(body, image, block.options))
    return [*_plain(_NOTHING.text, block.image, lost_without=False), *_lists(block, words)]


# --- Text and pictures ------------------------------------------------------------------------------------------------


def _plain(text: Rich, image: str | None, *, lost_without: bool = True) -> list[Part]:
    """`lost_without`: whether a picture alone, where it cannot be shown, leaves its address behind."""
    if image is None:
        return [_text(body) for body in _texts(text)]
    if length(text) > BODY_MAX:
        return [_image(image, "", ()), *_plain(text, None)]
    instead = _plain(text or plain(image if lost_without else ""), None)
    return [_image(image, written(text), tuple(instead))]


def _texts(text: Rich) -> list[str]:
    """As messages take them; one in which nothing can be seen would be refused."""
    return [body for piece in text.pieces(TEXT_MAX, length) if (body := written(piece)).strip()]


def _text(body: str) -> Part:
    return Part(message={"type": "text", "text": {"body": body}})


def _image(url: str, caption: str, instead: tuple[Part, ...]) -> Part:
    image = {"link": url} | ({"caption": caption} if caption else {})
    return Part(message={"type": "image", "image": image}, instead=instead)


def _numbered(options: Sequence[_Labelled]) -> list[Rich]:
    return [
        plain(f"{option.number}. {' – '.join(filter(None, (option.title, option.description)))}") for option in options
    ]


# --- Files and places -------------------------------------------------------------------------------------------------


def _attached(block: _Block, said: Callable[[_Block], list[Part]]) -> list[Part]:
    """A block whose file and location stand between its text and what can be tapped. `said` makes the rest of it."""
    if block.file is None and block.location is None:
        return said(block)
    bare = replace(block, file=None, location=None)
    text = replace(bare, options=())
    shown = _plain(text.text, text.image) if block.file is None else _filed(text, block.file)
    placed = [] if block.location is None else [_location(block.location)]
    return [*shown, *placed, *said(replace(_NOTHING, options=block.options))]


def _filed(block: _Block, file: File) -> list[Part]:
    """The text is the file's caption, where it fits and is no picture's."""
    before = _plain(block.text, block.image)
    url, words = web_address(file.url), file_in_words(file)
    if url is None:
        return [*before, *_plain(words, None)]
    document = {"link": url, "filename": file_name(file)}
    if block.image or length(block.text) > BODY_MAX:
        return [*before, _document(document, _plain(words, None))]
    caption = {"caption": written(block.text)} if block.text else {}
    return [_document(document | caption, _plain(joined([block.text, words]), None))]


def _document(document: Json, instead: Sequence[Part]) -> Part:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/document-messages"""
    return Part(message={"type": "document", "document": document}, instead=tuple(instead))


def _location(location: Location) -> Part:
    """Degrees are strings: https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/location-messages"""
    named = {"name": _one_line(location.name), "address": _one_line(location.address)}
    place = {"latitude": f"{location.latitude:.6f}", "longitude": f"{location.longitude:.6f}"}
    shown = place | {field: text for field, text in named.items() if text}
    instead = _plain(location_in_words(location), None)
    return Part(message={"type": "location", "location": shown}, instead=tuple(instead))


# --- Buttons, lists, links --------------------------------------------------------------------------------------------

_Make = Callable[[str, str | None], Json]
"""Makes an interactive message of a body and the picture over it."""


def _with_body(block: _Block, prompt: str, make: _Make) -> list[Part]:
    """The text as the message's body; where it is too long, as messages before it, as much of it as has to be."""
    *before, body = _bodies(block.text, prompt)
    if before and block.image:
        pictured = _plain(_NOTHING.text, block.image, lost_without=False)
        return [*pictured, *_with_body(replace(block, image=None), prompt, make)]
    return [*map(_text, before), _interactive(body, block.image, make)]


def _interactive(body: str, image: str | None, make: _Make) -> Part:
    instead = (Part(message=make(body, None)),) if image else None
    return Part(message=make(body, image), instead=instead)


def _bodies(text: Rich, prompt: str) -> list[str]:
    """Texts, and then a body."""
    pieces = _texts(text)
    return pieces if pieces and units(pieces[-1]) <= BODY_MAX else [*pieces, prompt]


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
    whole = [Row(title=option.title, description=option.description) for option in options]
    listed = [
        {"id": option.id, "title": row.title} | ({"description": row.description} if row.description else {})
        for option, row in zip(options, rows(whole), strict=True)
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


# --- In words ---------------------------------------------------------------------------------------------------------


def described(part: Part) -> str:
    """A part in a few of Meta's words."""
    message = part.message
    kind = message["type"]
    if kind == "interactive":
        return _described_interactive(message["interactive"])
    return f"{kind} with caption" if "caption" in message[kind] else str(kind)


def _described_interactive(interactive: Json) -> str:
    action = interactive["action"]
    what = f"interactive {interactive['type']}"
    if "buttons" in action:
        what += f", {len(action['buttons'])} button{'s' * (len(action['buttons']) > 1)}"
    if "sections" in action:
        what += f", {len(action['sections'][0]['rows'])} rows"
    return f"{what}, image header" if "header" in interactive else what
