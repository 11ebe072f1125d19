"""What WhatsApp tells us, in the contract's words: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages

Pure: no network, no clock. One body can hold many entries, changes and messages, and the same message twice. Meta sends
a refused webhook again for up to seven days, so what cannot be read is an `Unread`, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from channels.contract import (
    Choice,
    Inbound,
    Link,
    Location,
    Media,
    Said,
    Start,
    Text,
    Unread,
    Unsupported,
    Webhook,
)

from .news import EVENTS, concerns, of_change
from .payload import Change, Json, NotReadable, changes, child, items, name, optional, string, text, time
from .people import Person, person

_OPTION = re.compile(r"o:([0-9]{1,18}):([0-9]{1,3})")
_MEDIA_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_LINK_TEXT = re.compile(r"Continue: ([A-Za-z0-9_-]{16,64})")


def read(webhook: Webhook, phone_number_id: str) -> list[Inbound | Unread]:
    """Everything in one body that was said to the number with this id, in order, each once. Raises Malformed."""
    found = [one for change in changes(webhook.body) for one in _read_change(change, phone_number_id)]
    return list(_once(found))


def choice_id(message: int, option: int) -> str:
    """The id of a button or a row, which `read` gives back as a Choice."""
    return f"o:{message}:{option}"


def link_text(code: str) -> str:
    """What a deep link has the customer send, which `read` gives back as a Link."""
    return f"Continue: {code}"


def _once(found: Iterable[Inbound | Unread]) -> Iterator[Inbound | Unread]:
    seen = set[str]()
    for one in found:
        if isinstance(one, Unread) or one.dedupe_key not in seen:
            yield one
        if isinstance(one, Inbound):
            seen.add(one.dedupe_key)


def _read_change(change: Change | NotReadable, phone_number_id: str) -> Iterator[Inbound | Unread]:
    if isinstance(change, NotReadable):
        yield Unread(reason=str(change))
    elif change.field != "messages":
        yield Unread(reason=f"{change.field} is not handled")
    elif not concerns(change, phone_number_id):
        yield Unread(reason="said to a phone number that is not WHATSAPP_PHONE_NUMBER_ID")
    else:
        yield from _messages(change)
        yield from (Unread(reason=str(one)) for one in of_change(change) if isinstance(one, NotReadable))
        yield from _troubles(change)


def _messages(change: Change) -> Iterator[Inbound | Unread]:
    messages = list(items(change.value, "messages"))
    contacts = [one for one in items(change.value, "contacts") if not isinstance(one, NotReadable)]
    for message in messages:
        try:
            yield from _message(message, contacts, alone=len(messages) == 1)
        except NotReadable as problem:
            yield Unread(reason=str(problem))


def _message(message: Json | NotReadable, contacts: list[Json], *, alone: bool) -> list[Inbound]:
    if isinstance(message, NotReadable):
        raise message
    if message.get("group_id"):
        return []  # a group is an audience, not a customer: nothing of it may enter anyone's conversation
    kind = name(message.get("type"), "a message of an unknown type")
    if kind in EVENTS:
        return []  # they are for `news`
    said = HANDLERS.get(kind, _not_handled)(message, kind)
    return [] if said is None else [_inbound(message, person(message, contacts, alone=alone), said)]


def _inbound(message: Json, sender: Person, said: Said) -> Inbound:
    platform_id = string(message, "id")
    return Inbound(
        channel="whatsapp",
        external_id=sender.id,
        address=sender.id,
        dedupe_key=f"message:{platform_id}",
        said=said,
        platform_id=platform_id,
        sent_at=time(message.get("timestamp")),
        name=sender.name,
        known_as=sender.number,
    )


def _troubles(change: Change) -> Iterator[Unread]:
    """Errors that belong to no message."""
    for error in items(change.value, "errors"):
        code = error.get("code") if not isinstance(error, NotReadable) else None
        yield Unread(reason=f"Meta reports error {code if isinstance(code, int) else 'without a code'}")


# --- One function a type of message -----------------------------------------------------------------------------------


def _text(message: Json, kind: str) -> Said:
    """A `referral` beside it, from an ad, changes nothing: the words are the customer's."""
    words = string(child(message, "text"), "body")
    link = _LINK_TEXT.fullmatch(words.strip())
    return Link(code=link[1]) if link else Text(text=words)


def _interactive(message: Json, kind: str) -> Said:
    interactive = child(message, "interactive")
    reply = name(interactive.get("type"), "reply of an unknown type")
    if reply not in REPLIES:
        raise NotReadable(f"interactive {reply} is not handled")
    chosen = child(interactive, reply)
    return _chosen(chosen.get("id"), string(chosen, "title"))


def _button(message: Json, kind: str) -> Said:
    """A quick reply of a template."""
    button = child(message, "button")
    return _chosen(button.get("payload"), string(button, "text"))


def _chosen(choice: object, label: str) -> Said:
    """A button that is not ours, of a template that someone sent from elsewhere, leaves its label in the chat as the
    customer's own message: so that is what they said."""
    option = _OPTION.fullmatch(choice) if isinstance(choice, str) else None
    return Choice(message=int(option[1]), option=int(option[2]), label=label) if option else Text(text=label)


def _request_welcome(message: Json, kind: str) -> Said:
    """The chat was opened for the first time, where the account asks to be told."""
    return Start()


def _media(message: Json, kind: str) -> Media:
    """Meta keeps it for seven days under its id. `filename` is a document's only, `caption` everything's but a sound's
    and a sticker's."""
    media = child(message, kind)
    media_id = media.get("id")
    if not isinstance(media_id, str) or not _MEDIA_ID.fullmatch(media_id):
        raise NotReadable(f"{kind} has no id")
    return Media(
        kind="voice" if kind == "audio" and media.get("voice") is True else MEDIA[kind],
        ref=media_id,
        text=text(media, "caption"),
        name=optional(media.get("filename")),
        type=optional(media.get("mime_type")),
    )


def _location(message: Json, kind: str) -> Location:
    location = child(message, "location")
    return Location(
        latitude=_degrees(location, "latitude", 90),
        longitude=_degrees(location, "longitude", 180),
        name=optional(location.get("name")),
        address=optional(location.get("address")),
    )


def _degrees(location: Json, field: str, most: int) -> float:
    value = location.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
        raise NotReadable(f"{field} is not a number of degrees")
    return float(value)


def _unsupported(message: Json, kind: str) -> Said:
    return Unsupported(kind=kind)


def _nothing(message: Json, kind: str) -> None:
    """A reaction (also one taken back) asks for no answer, and says nothing that a dialogue could go on with."""


def _not_handled(message: Json, kind: str) -> None:
    raise NotReadable(f"{kind} is not handled")


MEDIA = {"image": "picture", "audio": "audio", "video": "video", "document": "file", "sticker": "sticker"}
"""Meta's words for files, and the contract's."""

Handler = Callable[[Json, str], Said | None]

HANDLERS: Mapping[str, Handler] = {
    "text": _text,
    "interactive": _interactive,
    "button": _button,
    "request_welcome": _request_welcome,
    **dict.fromkeys(MEDIA, _media),
    "location": _location,
    "contacts": _unsupported,
    "order": _unsupported,
    # What the Cloud API itself cannot carry: polls, messages that vanish, and so on.
    "unsupported": _unsupported,
    "unknown": _unsupported,
    "reaction": _nothing,
}
"""The messages that are read, beside those for `news`; every other one is an Unread."""

REPLIES = ("button_reply", "list_reply")
"""The interactive replies that are read."""
