"""Collecting what Rasa says as values of the channels' contract.

One response of Rasa becomes one message: text with its buttons, its picture, its file and its cards stays together. The
source is Rasa's own format, from the domain or from an action:

    text            simple formatting, as channels/formatting.py reads it
    buttons, quick_replies
                    [{title, payload, description?}], or {title, url}, which becomes a link in the text
    image           an address
    attachment      an address (from an action; Rasa's domain takes no string here), or
                    {type, payload: {url or src, title or name}}: a picture, else a file
    elements        [{title, subtitle?, image_url?, buttons?}]: cards
    custom          by its `type`, each with an optional `text` for a response that has none:
                      continue       {channel}: the way to go on there
                      cards, carousel {cards: [{title, text?, image?, options?: as buttons}]}
                      list           {options: as buttons}
                      file           {url, name?}
                      location       {latitude, longitude, name?, address?}, degrees
                      unlink         {channel}: not shown, but done: the channel starts anew
                      undo_link      not shown, but done: the newest merge is undone
                      ways           {account}: not shown, but told to the assistant in a turn of its own, as the intent
                                     `verification_ways`: whether a channel of the holder's could take a code
                      suggestion     {account, state: offered, confirmed or declined}: not shown, but kept: the
                                     account that has the customer's telephone number, and what they said to it
                      prefer         {channel}: not shown, but kept: where the customer would rather be written to
                      handoff        {why?: asked, not_understood or action, topic?, team?, priority?, message?: true
                                     where nobody need be there}: not shown, but done: people take over; see
                                     docs/handoff.md
                      rate           {score: 1 to 5}: not shown, but kept: what the customer thinks of how they did
                      verify         {account, address, order?, via?: linked}: not shown, but done: a code is sent to
                                     the holder of the account; typed here, it shows that the customer is that holder

What else there may be, or what is no such value, is left out and logged without its words.

By then Rasa has put slots into the text, and nobody can tell them from the bot builder's words. So a customer's own
asterisk may format, or their link may be a link. It is left at that: it is shown to nobody but the one who wrote it, no
channel takes markup from it but bold, italic, code and web links, and escaping all of it would take the formatting away
from those who mean it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from rasa.core.channels.channel import CollectingOutputChannel
from rasa.shared.core.events import BotUttered

from bot.core.logs import get_logger
from bot.core.turn import Command
from bot.store.handoffs import Wanted
from bot.store.ownership import WHY_ASKED
from channels.contract import Card, Content, File, Location, Option

_log = get_logger()
_T = TypeVar("_T")

MOST_OPTIONS = 30
"""Of one message, besides those of its cards."""

_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
_LINKS = ("https://", "http://", "mailto:", "tel:")
_IN_A_LINK = {"(": "%28", ")": "%29", "<": "%3C", ">": "%3E", "\\": "%5C", "`": "%60"}


class Replies(CollectingOutputChannel):  # type: ignore[misc]  # Rasa's class is untyped here
    """Rasa's output channel for one turn. It has the name of the customer's channel, so that a response's `channel:`
    variations apply, and sends nothing anywhere."""

    def __init__(self, channel: str) -> None:
        super().__init__()
        self._channel = channel
        self.said: list[Content] = []
        """One for each response, in order; an empty one where nothing can be shown of it."""
        self.commands: list[Command] = []
        self.seconds = 0.0
        """How long Rasa took over the turn, waiting for actions included."""

    def name(self) -> str:  # a class method there; Rasa calls it on the instance
        """The customer's channel."""
        return self._channel

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Called by Rasa once for each response."""
        command = command_of(message.get("custom"))
        if command is not None:
            self.commands.append(command)
        self.said.append(content_of(message))


def command_of(custom: Any) -> Command | None:
    """What a custom reply wants done, if that is what it is for."""
    if not isinstance(custom, Mapping) or custom.get("type") not in _COMMANDS:
        return None
    words = {name: _word(custom.get(name)) for name in ("channel", "account", "address", "order", "via", "state")}
    wanted = _wanted(custom) if custom["type"] == "handoff" else None
    return Command(do=str(custom["type"]), wanted=wanted, score=_whole(custom.get("score")), **words)


def _wanted(custom: Mapping[str, Any]) -> Wanted:
    why = _word(custom.get("why"))
    return Wanted(
        why=why if why in WHY_ASKED else "action",
        topic=_word(custom.get("topic")),
        team=_word(custom.get("team")),
        priority=_whole(custom.get("priority")) or 0,
        message=custom.get("message") is True,
    )


def _whole(value: Any) -> int | None:
    """A whole number of few digits, also written as a string."""
    text = _word(value) or ""
    return int(text) if re.fullmatch(r"-?\d{1,4}", text) else None


def content_of(message: Mapping[str, Any]) -> Content:
    """A response in Rasa's shape as a `Content`. Never raises, whatever an action has put into it."""
    own = _custom(message.get("custom"))
    attached = _attached(message.get("attachment"))
    image = _word(message.get("image"))
    if image and attached.image not in (None, image):
        attached = Content(file=File(url=str(attached.image)))  # a message has one picture
    rows = _rows(message.get("custom"))
    buttons = [*_mappings("quick_replies", message), *_mappings("buttons", message), *rows]
    return Content(
        text=_lines([_word(message.get("text")) or own.text, *_links(buttons)]),
        options=_at_most(MOST_OPTIONS, _options(buttons)),
        image=image or attached.image,
        file=own.file or attached.file,
        location=own.location,
        cards=_cards(_mappings("elements", message)) + own.cards,
        invite=own.invite,
    )


def content_of_event(event: BotUttered) -> Content:
    """What the bot said, from the event that tells of it."""
    return content_of({"text": event.text, **{name: value for name, value in event.data.items() if value}})


# --- custom ---------------------------------------------------------------------------------------------------------


def _custom(custom: Any) -> Content:
    if not custom:
        return Content()
    if not isinstance(custom, Mapping):
        return _left_out("custom", Content())
    read = _CUSTOM.get(str(custom.get("type")))
    if read is None:
        _log.warning("reply.custom_unknown", type=str(custom.get("type"))[:40])
        return Content(text=_word(custom.get("text")))
    return read(custom)


def _continue(custom: Mapping[str, Any]) -> Content:
    return Content(text=_word(custom.get("text")), invite=_word(custom.get("channel")))


def _carousel(custom: Mapping[str, Any]) -> Content:
    return Content(text=_word(custom.get("text")), cards=_cards(_mappings("cards", custom)))


def _text_alone(custom: Mapping[str, Any]) -> Content:
    """Of a command, which is done and not shown; and of a list, whose rows are buttons like any other: see `_rows`."""
    return Content(text=_word(custom.get("text")))


def _rows(custom: Any) -> Sequence[Mapping[str, Any]]:
    """A list's options."""
    is_list = isinstance(custom, Mapping) and custom.get("type") == "list"
    return _mappings("options", custom) if is_list else ()


def _file(custom: Mapping[str, Any]) -> Content:
    url = _address(custom.get("url"))
    file = File(url=url, name=_word(custom.get("name"))) if url else _left_out("file", None)
    return Content(text=_word(custom.get("text")), file=file)


def _location(custom: Mapping[str, Any]) -> Content:
    latitude, longitude = _degrees(custom.get("latitude"), 90), _degrees(custom.get("longitude"), 180)
    if latitude is None or longitude is None:
        return Content(text=_word(custom.get("text")), location=_left_out("location", None))
    name, address = _word(custom.get("name")), _word(custom.get("address"))
    place = Location(latitude=latitude, longitude=longitude, name=name, address=address)
    return Content(text=_word(custom.get("text")), location=place)


_COMMANDS = ("unlink", "undo_link", "ways", "verify", "suggestion", "prefer", "handoff", "rate")
_CUSTOM: dict[str, Callable[[Mapping[str, Any]], Content]] = {
    **dict.fromkeys(_COMMANDS, _text_alone),
    "continue": _continue,
    "cards": _carousel,
    "carousel": _carousel,
    "list": _text_alone,
    "file": _file,
    "location": _location,
}


def _degrees(value: Any, most: float) -> float | None:
    """Also written as a string, which is all that Rasa can make of a slot in a response."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        degrees = float(value)
    except (ValueError, OverflowError):
        return None
    return degrees if math.isfinite(degrees) and abs(degrees) <= most else None


# --- attachment -----------------------------------------------------------------------------------------------------


def _attached(attachment: Any) -> Content:
    """A string, or Facebook's shape, which some assistants use: `{type, payload: {src or url, title or name}}`."""
    if not attachment:
        return Content()
    kind, payload = None, attachment
    if isinstance(attachment, Mapping):
        kind, payload = attachment.get("type"), attachment.get("payload") or attachment
    if not isinstance(payload, Mapping):
        payload = {"url": payload}
    url = _address(payload.get("src") or payload.get("url"))
    if url is None:
        return _left_out("attachment", Content())
    if kind == "image" or (kind is None and _is_picture(url)):
        return Content(image=url)
    return Content(file=File(url=url, name=_word(payload.get("title") or payload.get("name"))))


def _is_picture(url: str) -> bool:
    return re.split(r"[?#]", url, maxsplit=1)[0].lower().endswith(_PICTURES)


# --- Options and cards ----------------------------------------------------------------------------------------------


def _options(buttons: Iterable[Mapping[str, Any]]) -> tuple[Option, ...]:
    """Those that answer; a button that opens a page is a link in the text."""
    return tuple(
        Option(
            title=title,
            payload=_word(button.get("payload")) or title,
            description=_word(button.get("description")),
        )
        for button, title in _titled(buttons)
        if not button.get("url")
    )


def _at_most(most: int, options: tuple[Option, ...]) -> tuple[Option, ...]:
    return options if len(options) <= most else _left_out("options", options[:most])


def _links(buttons: Iterable[Mapping[str, Any]]) -> list[str]:
    """As `channels.formatting` reads a link."""
    links = []
    for button in buttons:
        if button.get("url"):
            title, url = _word(button.get("title")), _address(button.get("url"), _LINKS)
            links.append(f"[{_escaped(title or url)}]({_in_link(url)})" if url else _left_out("button", ""))
    return links


def _cards(cards: Iterable[Mapping[str, Any]]) -> tuple[Card, ...]:
    """Ours and Rasa's own "elements": `subtitle`, `image_url` and `buttons` are the latter's words."""
    return tuple(_card(card, title) for card, title in _titled(cards))


def _card(card: Mapping[str, Any], title: str) -> Card:
    buttons = [*_mappings("options", card), *_mappings("buttons", card)]
    return Card(
        title=title,
        text=_lines([_word(card.get("text")) or _word(card.get("subtitle")), *_links(buttons)]),
        image=_word(card.get("image")) or _word(card.get("image_url")),
        options=_options(buttons),
    )


def _titled(parts: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for part in parts:
        title = _word(part.get("title"))
        if title:
            yield part, title
        elif not part.get("url"):
            _left_out("title", None)


# --- Values from outside --------------------------------------------------------------------------------------------


def _mappings(name: str, parts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The list called `name`, without what is no mapping."""
    listed = parts.get(name) or ()
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        return _left_out(name, ())
    return [part for part in listed if isinstance(part, Mapping) or _left_out(name, False)]


def _word(value: Any) -> str | None:
    """A text or a number as a text; nothing where there is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None if value is None else _left_out("text", None)
    return str(value).strip() or None


def _address(value: Any, schemes: tuple[str, ...] = ("https://", "http://")) -> str | None:
    url = value.strip() if isinstance(value, str) else ""
    return url if url.startswith(schemes) and not re.search(r"\s", url) else None


def _escaped(title: str) -> str:
    """A title is plain; in a text it must not format."""
    return re.sub(r"([\\`*_\[\]])", r"\\\1", " ".join(title.split()))


def _in_link(url: str) -> str:
    return "".join(_IN_A_LINK.get(character, character) for character in url)


def _lines(lines: Iterable[str | None]) -> str | None:
    return "\n".join(line for line in lines if line) or None


def _left_out(part: str, instead: _T) -> _T:
    _log.warning("reply.left_out", part=part)
    return instead
