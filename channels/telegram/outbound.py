"""What the product says, as Bot API calls: https://core.telegram.org/bots/api#available-methods

Pure. Every part is one call; a part that Telegram may refuse for its picture, its file or its link holds what to send
instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from channels.contract import Card, File, Location, Option, Outbound
from channels.formatting import Rich, bold, joined, parse, plain
from channels.lengths import shorten, units, width
from channels.nearest import file_in_words, file_name, location_in_words, web_address
from channels.wording import Wording, wording

from .addresses import is_group
from .entities import linkable
from .inbound import choice_data

TEXT_MAX = 4096
CAPTION_MAX = 1024
LABEL_MAX = 64
"""Phones show less; Telegram states no limit."""
HALF_ROW = 16
"""Columns of a label that is shown whole with another one beside it on a small phone."""
KEYBOARD_MAX = 40
"""Buttons of one message. Telegram takes 100, and fewer if their labels are long ("reply markup is too long")."""

_MESSAGE_ID = re.compile(r"[0-9]{1,10}")
"""Not a tap's, which is longer."""

Rows = Sequence[Sequence[InlineKeyboardButton]]

NOTHING = Rich(text="")


@dataclass(frozen=True, kw_only=True)
class Part:
    """One call: sendPhoto or sendDocument with `text` as its caption, sendLocation, sendVenue, or else sendMessage."""

    text: Rich = NOTHING
    photo: str | None = None
    """Absolute URL."""
    document: str | None = None
    """Absolute URL."""
    location: Location | None = None
    keyboard: InlineKeyboardMarkup | None = None
    preview: bool = True
    """Whether Telegram may fetch the first link to show a preview."""
    reply_to: int | None = None
    """Id of the message that this answers."""
    instead: tuple[Part, ...] | None = None
    """What to send if Telegram refuses the content of this part; empty: leave it out."""

    @property
    def method(self) -> str:
        if self.photo:
            return "sendPhoto"
        if self.document:
            return "sendDocument"
        if self.location:
            return "sendVenue" if is_venue(self.location) else "sendLocation"
        return "sendMessage"

    @property
    def buttons(self) -> int:
        return sum(len(row) for row in self.keyboard.inline_keyboard) if self.keyboard else 0


def render(message: Outbound, link: str | None = None) -> list[Part]:
    """The calls that say `message`, in order; none if it says nothing. `link` is the URL for `Content.invite`."""
    content = message.content
    words = wording(message.language)
    options = _Options(message.id, content.all_options())
    lines, rows = options.take(len(content.options))
    shown = _shown(content.image, parse(content.text), _attached(content.file, content.location), lines)
    parts = _keyed(shown, rows, _invite(words, content.invite, link), words)
    for card in content.cards:
        lines, rows = options.take(len(card.options))
        parts += _keyed(_shown(card.image, _card_text(card), [], lines), rows, None, words)
    return _answering(parts, message)


def describe(part: Part) -> str:
    """The call in a few words."""
    buttons = "1 button" if part.buttons == 1 else f"{part.buttons} buttons"
    details = [
        *(["caption"] if part.text and part.method != "sendMessage" else []),
        *(["formatting"] if part.text.marks else []),
        *([buttons] if part.buttons else []),
    ]
    return f"{part.method} with {', '.join(details)}" if details else part.method


def is_venue(location: Location) -> bool:
    """A venue has a name and an address: https://core.telegram.org/bots/api#sendvenue"""
    return bool(plain(location.name) and plain(location.address))


# --- What is shown, before its buttons --------------------------------------------------------------------------------


def _shown(image: str | None, text: Rich, attached: list[Part], lines: Rich) -> list[Part]:
    """`lines` describe the options, so they stand last."""
    if not attached:
        return _pictured(image, joined([text, lines], between="\n\n"))
    return [*_pictured(image, text), *attached, *_texts(lines)]


def _pictured(image: str | None, text: Rich) -> list[Part]:
    """python-telegram-bot would upload a file of ours that has this path, were it no web address."""
    url, text = web_address(image), linkable(text)
    if url is None:
        return _texts(text)
    if units(text.text) > CAPTION_MAX:
        return [Part(photo=url, instead=()), *_texts(text)]
    return [Part(photo=url, text=text, instead=(Part(text=text or Rich(text=url)),))]


def _texts(text: Rich) -> list[Part]:
    return [Part(text=piece) for piece in linkable(text).pieces(TEXT_MAX)]


def _attached(file: File | None, location: Location | None) -> list[Part]:
    return [*(_document(file) if file else []), *(_place(location) if location else [])]


def _document(file: File) -> list[Part]:
    """Telegram itself fetches PDF, ZIP and GIF and nothing else, and calls them by their address's last part:
    https://core.telegram.org/bots/api#sending-files"""
    url, in_words = web_address(file.url), _texts(file_in_words(file))
    if url is None:
        return in_words
    caption = plain(file.name) if file.name and file_name(file) != file_name(File(url=url)) else NOTHING
    return [Part(document=url, text=Rich(text=shorten(caption.text, CAPTION_MAX)), instead=tuple(in_words))]


def _place(location: Location) -> list[Part]:
    pin = Part(location=location, instead=tuple(_texts(location_in_words(location))))
    if is_venue(location):
        return [pin]
    named = joined([bold(location.name), plain(location.address)])
    return [*_texts(named), replace(pin, instead=tuple(_texts(location_in_words(_unnamed(location)))))]


def _unnamed(location: Location) -> Location:
    return replace(location, name=None, address=None)


def _card_text(card: Card) -> Rich:
    return joined([bold(card.title), parse(card.text)])


def _answering(parts: list[Part], message: Outbound) -> list[Part]:
    """In a group people see which message is answered."""
    if not parts or not is_group(message.address) or not _MESSAGE_ID.fullmatch(message.reply_to or ""):
        return parts
    return [_first_answers(parts[0], int(message.reply_to or 0)), *parts[1:]]


def _first_answers(part: Part, reply_to: int) -> Part:
    instead = part.instead
    if instead:
        instead = (_first_answers(instead[0], reply_to), *instead[1:])
    return replace(part, reply_to=reply_to, instead=instead)


# --- Buttons ----------------------------------------------------------------------------------------------------------


def _keyed(shown: list[Part], rows: Rows, invite: InlineKeyboardButton | None, words: Wording) -> list[Part]:
    """With the buttons under the last part. Telegram takes none without a message to stand under."""
    if not rows and invite is None:
        return shown
    first, *more = _keyboards(rows) or [()]
    *before, last = shown or [Part(text=Rich(text=_prompt(rows, invite, words)))]
    return [
        *before,
        _with_keyboard(last, first, invite),
        *(Part(text=Rich(text=words.more), keyboard=_markup(keyboard)) for keyboard in more),
    ]


def _with_keyboard(part: Part, rows: Rows, invite: InlineKeyboardButton | None) -> Part:
    """Telegram refuses a link button to a host that only a developer's machine knows; the link is written out then."""
    instead = part.instead
    if instead:
        instead = (*instead[:-1], _with_keyboard(instead[-1], rows, invite))
    elif invite is not None:
        instead = _written_out(part.text, rows, invite)
    return replace(part, keyboard=_markup(rows, invite), instead=instead)


def _written_out(text: Rich, rows: Rows, invite: InlineKeyboardButton) -> tuple[Part, ...]:
    """Without a preview: Telegram must not open a link that works once."""
    line = Rich(text=f"{invite.text}\n{invite.url}")
    if text.text == invite.text:
        return (Part(text=line, keyboard=_markup(rows), preview=False),)
    if units(text.text) + units(line.text) + 2 <= TEXT_MAX:
        return (Part(text=joined([text, line], between="\n\n"), keyboard=_markup(rows), preview=False),)
    return Part(text=text), Part(text=line, keyboard=_markup(rows), preview=False)


def _prompt(rows: Rows, invite: InlineKeyboardButton | None, words: Wording) -> str:
    return invite.text if invite is not None and not rows else words.choose


class _Options:
    """Gives out a message's options, in the order that `Choice.option` counts."""

    def __init__(self, message: int, options: Sequence[Option]) -> None:
        self._message = message
        self._left: Iterator[tuple[int, Option]] = iter(enumerate(options))

    def take(self, count: int) -> tuple[Rich, Rows]:
        """The next `count`: the lines that describe them, if any has a description, and their buttons, two in a row if
        every label is short."""
        options = list(islice(self._left, count))
        buttons = [self._button(index, option) for index, option in options]
        step = 2 if all(width(button.text) <= HALF_ROW for button in buttons) else 1
        return _described(options), [buttons[start : start + step] for start in range(0, count, step)]

    def _button(self, index: int, option: Option) -> InlineKeyboardButton:
        return InlineKeyboardButton(_label(option, index), callback_data=choice_data(self._message, index))


def _described(options: Sequence[tuple[int, Option]]) -> Rich:
    """Numbered as a customer may type them."""
    if not any(plain(option.description) for _, option in options):
        return NOTHING
    return joined(_line(index, option) for index, option in options)


def _line(index: int, option: Option) -> Rich:
    named = joined([Rich(text=f"{index + 1}."), bold(_label(option, index))], between=" ")
    return joined([named, plain(option.description)], between=" – ")


def _label(option: Option, index: int) -> str:
    return shorten(plain(option.title).text, LABEL_MAX) or str(index + 1)


def _invite(words: Wording, channel: str | None, link: str | None) -> InlineKeyboardButton | None:
    return InlineKeyboardButton(words.go_on(channel), url=link) if channel and link else None


def _keyboards(rows: Rows) -> list[Rows]:
    """`rows` in as many keyboards as Telegram's limit makes necessary."""
    step = KEYBOARD_MAX // max((len(row) for row in rows), default=1)
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _markup(rows: Rows, invite: InlineKeyboardButton | None = None) -> InlineKeyboardMarkup | None:
    every = [*rows, [invite]] if invite is not None else rows
    return InlineKeyboardMarkup(every) if every else None
