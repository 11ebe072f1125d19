"""What the product says, as Bot API calls: https://core.telegram.org/bots/api#available-methods

Pure. Every part is one call; a part that Telegram may refuse for its picture or its link holds what to send instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from channels.contract import Card, Option, Outbound
from channels.lengths import shorten, split, units, width
from channels.text import storable
from channels.wording import Wording, wording

from .inbound import choice_data

TEXT_MAX = 4096
CAPTION_MAX = 1024
LABEL_MAX = 64
"""Phones show less; Telegram states no limit."""
HALF_ROW = 16
"""Columns of a label that is shown whole with another one beside it on a small phone."""
KEYBOARD_MAX = 40
"""Buttons of one message. Telegram takes 100, and fewer if their labels are long ("reply markup is too long")."""

Rows = Sequence[Sequence[InlineKeyboardButton]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One call: sendPhoto with `text` as its caption if there is a photo, else sendMessage."""

    text: str = ""
    photo: str | None = None
    """Absolute URL."""
    keyboard: InlineKeyboardMarkup | None = None
    preview: bool = True
    """Whether Telegram may fetch the first link to show a preview."""
    instead: tuple[Part, ...] | None = None
    """What to send if Telegram refuses the content of this part; empty: leave it out."""


def render(message: Outbound, link: str | None = None) -> list[Part]:
    """The calls that say `message`, in order; none if it says nothing. `link` is the URL for `Content.invite`."""
    content = message.content
    words = wording(message.language)
    buttons = _Buttons(message.id, content.all_options())
    text = _clean(content.text)
    rows = buttons.rows(len(content.options))
    invite = _invite(words, content.invite, link)
    parts = _block(text, _picture(content.image), rows, invite, words)
    for card in content.cards:
        parts += _block(_card_text(card), _picture(card.image), buttons.rows(len(card.options)), None, words)
    return parts


# --- One text with its picture and its buttons ------------------------------------------------------------------------


def _block(text: str, image: str | None, rows: Rows, invite: InlineKeyboardButton | None, words: Wording) -> list[Part]:
    if image is None:
        return _in_words(text, rows, invite, words)
    if units(text) > CAPTION_MAX or len(_keyboards(rows)) > 1:
        return [Part(photo=image, instead=()), *_in_words(text, rows, invite, words)]
    without = _in_words(text or image, rows, invite, words)
    return [Part(photo=image, text=text, keyboard=_markup(rows, invite), instead=tuple(without))]


def _in_words(text: str, rows: Rows, invite: InlineKeyboardButton | None, words: Wording) -> list[Part]:
    if not text and not rows and invite is None:
        return []
    *before, last = split(text or _prompt(rows, invite, words), TEXT_MAX)
    keyboards = _keyboards(rows)
    return [
        *(Part(text=piece) for piece in before),
        _last(last, keyboards[0] if keyboards else (), invite),
        *(Part(text=words.more, keyboard=_markup(keyboard)) for keyboard in keyboards[1:]),
    ]


def _last(text: str, rows: Rows, invite: InlineKeyboardButton | None) -> Part:
    """The part with the buttons. Telegram refuses a link button to a host that only a developer's machine knows; the
    link is written out then."""
    if invite is None:
        return Part(text=text, keyboard=_markup(rows))
    return Part(text=text, keyboard=_markup(rows, invite), instead=_written_out(text, rows, invite))


def _written_out(text: str, rows: Rows, invite: InlineKeyboardButton) -> tuple[Part, ...]:
    """Without a preview: Telegram must not open a link that works once."""
    line = f"{invite.text}\n{invite.url}"
    if text == invite.text:
        return (Part(text=line, keyboard=_markup(rows), preview=False),)
    if units(text) + units(line) + 2 <= TEXT_MAX:
        return (Part(text=f"{text}\n\n{line}", keyboard=_markup(rows), preview=False),)
    return Part(text=text), Part(text=line, keyboard=_markup(rows), preview=False)


def _prompt(rows: Rows, invite: InlineKeyboardButton | None, words: Wording) -> str:
    """Telegram takes no buttons without a text."""
    return invite.text if invite is not None and not rows else words.choose


def _card_text(card: Card) -> str:
    return "\n".join(filter(None, (_clean(card.title), _clean(card.text))))


def _picture(url: str | None) -> str | None:
    """None for anything but a web address: python-telegram-bot would upload a file of ours that has this path."""
    cleaned = _clean(url)
    return cleaned if cleaned.startswith(("https://", "http://")) else None


def _clean(text: str | None) -> str:
    return storable(text or "").strip()


# --- Buttons ----------------------------------------------------------------------------------------------------------


class _Buttons:
    """Gives out a message's options as buttons, in the order that `Choice.option` counts."""

    def __init__(self, message: int, options: Sequence[Option]) -> None:
        self._left: Iterator[InlineKeyboardButton] = (
            InlineKeyboardButton(_label(option, index), callback_data=choice_data(message, index))
            for index, option in enumerate(options)
        )

    def rows(self, count: int) -> Rows:
        """The next `count` buttons: two in a row if every label is short."""
        buttons = list(islice(self._left, count))
        step = 2 if all(width(button.text) <= HALF_ROW for button in buttons) else 1
        return [buttons[start : start + step] for start in range(0, count, step)]


def _label(option: Option, index: int) -> str:
    return shorten(_clean(option.title), LABEL_MAX) or str(index + 1)


def _invite(words: Wording, channel: str | None, link: str | None) -> InlineKeyboardButton | None:
    return InlineKeyboardButton(words.go_on(channel), url=link) if channel and link else None


def _keyboards(rows: Rows) -> list[Rows]:
    """`rows` in as many keyboards as Telegram's limit makes necessary."""
    step = KEYBOARD_MAX // max((len(row) for row in rows), default=1)
    return [rows[start : start + step] for start in range(0, len(rows), step)]


def _markup(rows: Rows, invite: InlineKeyboardButton | None = None) -> InlineKeyboardMarkup | None:
    every = [*rows, [invite]] if invite is not None else rows
    return InlineKeyboardMarkup(every) if every else None
