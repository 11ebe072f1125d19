"""What an agent writes, before it is anybody's message: checked, and its placeholders filled in. Pure.

A placeholder is `{customer}`, `{agent}`, `{order}` or `{slot.name}`; `\\{` is a brace. What it stands for comes from
outside and is put in as plain text, whatever it looks like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from bot.gateway.desk.access.refusing import Refused, invalid
from bot.gateway.media.handles import SCHEME
from bot.store.content import content_from_json
from channels.contract import Card, Content, Option
from channels.text import storable

LONGEST_TEXT = 4_000
_LONGEST_TITLE, _LONGEST_URL, _MOST = 120, 2_000, 10

_PLACEHOLDER = re.compile(r"\\(?P<brace>[{}])|\{(?P<name>[^{}\s]{1,100})\}")
_MARKERS = re.compile(r"([\\\[\]*_`])")


class Unfilled(Exception):
    """There is nothing to put in the place of a placeholder; the text is its name."""


def content_of(given: Any) -> Content:
    """What a request wants said. Options carry their own title as what they stand for: an agent's quick reply is words,
    and never an intent. Raises Refused."""
    if not isinstance(given, Mapping):
        raise invalid("content", "must be an object")
    _check(given)
    try:
        content = content_from_json({**given, "invite": None})
    except (KeyError, TypeError, AttributeError, ValueError):
        raise invalid("content", "is not a message") from None
    content = _each_text(content, lambda words: storable(words).strip())
    if not any((content.text, content.options, content.image, content.file, content.location, content.cards)):
        raise Refused(422, "empty")
    return _without_intents(content)


def filled(content: Content, values: Mapping[str, str | None]) -> Content:
    """The message with values in the place of its placeholders. Raises Unfilled."""
    formatted = _each_text(content, lambda words: words, lambda words: _fill(words, values, _escaped))
    return _without_intents(_each_text(formatted, lambda words: _fill(words, values, str), lambda words: words))


def placeholders_of(content: Content) -> set[str]:
    """The names of those in the message."""
    found = set[str]()

    def note(words: str) -> str:
        found.update(match["name"] for match in _PLACEHOLDER.finditer(words) if match["name"])
        return words

    _each_text(content, note)
    return found


def _fill(words: str, values: Mapping[str, str | None], as_text: Callable[[str], str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match["brace"]:
            return match["brace"]
        found = values.get(match["name"])
        if not found:
            raise Unfilled(match["name"])
        return as_text(" ".join(storable(found).split()))

    return _PLACEHOLDER.sub(value, words)


def _escaped(value: str) -> str:
    return _MARKERS.sub(r"\\\1", value)


def _without_intents(content: Content) -> Content:
    cards = tuple(replace(card, options=_as_words(card.options)) for card in content.cards)
    return replace(content, options=_as_words(content.options), cards=cards)


def _as_words(options: tuple[Option, ...]) -> tuple[Option, ...]:
    """What begins with a slash, the bot would take for an intent."""
    return tuple(replace(option, payload=option.title.lstrip("/ ")) for option in options)


def _each_text(content: Content, plain: Callable[[str], str], formatted: Callable[[str], str] | None = None) -> Content:
    """`formatted` on the texts that may have formatting, `plain` on those that have none."""
    formatted = formatted or plain

    def option(one: Option) -> Option:
        return replace(one, title=plain(one.title), description=one.description and plain(one.description))

    def card(one: Card) -> Card:
        options = tuple(map(option, one.options))
        return replace(one, title=plain(one.title), text=one.text and formatted(one.text), options=options)

    return replace(
        content,
        text=content.text and formatted(content.text),
        options=tuple(map(option, content.options)),
        cards=tuple(map(card, content.cards)),
    )


# --- Whether it can be one at all -------------------------------------------------------------------------------------


def _check(given: Mapping[str, Any]) -> None:
    _text(given, "text", LONGEST_TEXT)
    _url(given.get("image"), "image", ours=True)
    _options(given.get("options"), "options")
    cards = given.get("cards") or ()
    if not isinstance(cards, list | tuple) or len(cards) > _MOST:
        raise invalid("cards", f"must be a list of {_MOST} at most")
    for card in cards:
        _object(card, "cards")
        _text(card, "title", _LONGEST_TITLE, needed=True)
        _text(card, "text", LONGEST_TEXT)
        _url(card.get("image"), "image", ours=False)
        _options(card.get("options"), "options")
    if given.get("file") is not None:
        file = _object(given["file"], "file")
        _text(file, "name", _LONGEST_TITLE)
        _url(file.get("url"), "file", ours=True, needed=True)
    if given.get("location") is not None:
        _location(_object(given["location"], "location"))


def _object(given: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise invalid(field, "must be an object")
    return given


def _text(given: Mapping[str, Any], field: str, longest: int, *, needed: bool = False) -> None:
    words = given.get(field)
    if words is None and not needed:
        return
    if not isinstance(words, str) or len(words) > longest or (needed and not words.strip()):
        raise invalid(field, f"must be a text of {longest} characters at most")


def _options(given: Any, field: str) -> None:
    options = given or ()
    if not isinstance(options, list | tuple) or len(options) > _MOST:
        raise invalid(field, f"must be a list of {_MOST} at most")
    for option in options:
        _object(option, field)
        _text(option, "title", _LONGEST_TITLE, needed=True)
        _text(option, "description", _LONGEST_TITLE)


def _url(given: Any, field: str, *, ours: bool, needed: bool = False) -> None:
    if given is None and not needed:
        return
    if isinstance(given, str) and len(given) <= _LONGEST_URL:
        if ours and given.startswith(SCHEME):
            return
        try:
            parts = urlsplit(given)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme == "https" and parts.hostname and not any(map(str.isspace, given)):
            return
    raise invalid(field, "must be an https address" + (" or a file of the desk's" if ours else ""))


def _location(given: Mapping[str, Any]) -> None:
    for name, most in (("latitude", 90), ("longitude", 180)):
        degrees = given.get(name)
        if not isinstance(degrees, int | float) or isinstance(degrees, bool) or not -most <= degrees <= most:
            raise invalid(name, f"must be a number from -{most} to {most}")
    _text(given, "name", _LONGEST_TITLE)
    _text(given, "address", _LONGEST_TITLE)
