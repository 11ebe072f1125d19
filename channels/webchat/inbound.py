"""What a widget sends, read into the contract's words. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from channels.contract import MEDIA_KINDS, Choice, Inbound, Link, Malformed, Media, Said, Start, Text
from channels.text import storable

VISITOR = "Visitor"
LONGEST_TEXT = 8_000

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}")
_CODE = re.compile(r"[A-Za-z0-9_-]{16,64}")

Frame = Mapping[str, Any]


def parse(body: bytes | str) -> dict[str, Any]:
    """A frame as an object with a `type`. Raises Malformed."""
    try:
        frame = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("malformed") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise Malformed("malformed")
    return frame


def read_frame(body: bytes | str, *, visitor: str) -> Inbound:
    """A frame that is something the customer did. Raises Malformed with an error code of the protocol."""
    frame = parse(body)
    reader = _READERS.get(frame["type"])
    if reader is None:
        raise Malformed("malformed")
    said = reader(frame)
    client_id = _matching(_CLIENT_ID, frame.get("id"))
    # The bot greets once, however many tabs open the chat for the first time.
    key = "start" if isinstance(said, Start) else client_id
    return Inbound(
        channel="webchat",
        external_id=visitor,
        address=visitor,
        dedupe_key=f"{visitor}:{key}",
        platform_id=client_id,
        said=said,
        language=language_of(frame),
    )


def language_of(frame: Frame) -> str | None:
    """The widget's language, if it names one that looks like a language."""
    language = frame.get("language")
    return language if isinstance(language, str) and _LANGUAGE.fullmatch(language) else None


def _say(frame: Frame) -> Said:
    text = _words(frame.get("text"))
    if not text:
        raise Malformed("malformed")
    return Text(text=text)


def _send_file(frame: Frame) -> Said:
    """`upload` is the gateway's: what the handle that the widget named stands for."""
    upload = frame.get("upload")
    if not isinstance(upload, dict):
        raise Malformed("no_file")
    kind, sha256, size = upload.get("kind"), upload.get("sha256"), upload.get("size")
    if kind not in MEDIA_KINDS or not isinstance(sha256, str) or not is_index(size):
        raise Malformed("no_file")
    return Media(
        kind=kind,
        ref=sha256,
        text=_words(frame.get("text", "")),
        name=_text_or_none(upload.get("name")),
        type=_text_or_none(upload.get("type")),
        size=size,
    )


def _choose(frame: Frame) -> Said:
    message, option, label = frame.get("message"), frame.get("option"), frame.get("label", "")
    if not (is_index(message) and is_index(option) and isinstance(label, str)):
        raise Malformed("malformed")
    return Choice(message=message, option=option, label=storable(label[:200]))


def _link(frame: Frame) -> Said:
    # A code of the wrong shape is refused in the conversation like any other that joins nothing.
    code = frame.get("code")
    if not isinstance(code, str):
        raise Malformed("malformed")
    return Link(code=code if _CODE.fullmatch(code) else "")


def _start(_frame: Frame) -> Said:
    return Start()


_READERS: Mapping[str, Callable[[Frame], Said]] = {
    "say": _say,
    "send_file": _send_file,
    "choose": _choose,
    "link": _link,
    "start": _start,
}


def _words(text: object) -> str:
    if not isinstance(text, str):
        raise Malformed("malformed")
    if len(text) > LONGEST_TEXT:
        raise Malformed("too_long")
    return storable(text).strip()


def _text_or_none(value: object) -> str | None:
    return storable(value) if isinstance(value, str) and value else None


def is_index(value: object) -> TypeGuard[int]:
    """A number that a row of the database may have: its integers end at 2^63."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _matching(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Malformed("malformed")
    return value
