"""What a webhook tells about what is known already: what became of our messages, which of their own messages people
changed or took back, and whose id is another now. In the contract's words.

Pure. Statuses come in any order, more than once, and not all of them: `read` may come without `delivered`.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from channels.contract import Moved, News, Receipt, Revised, Webhook

from .errors import MEDIA, meaning
from .payload import Change, Json, NotReadable, changes, child, items, name, string, text, time
from .people import Person, identify, person

STATES: Mapping[str, str | None] = {
    "sent": None,  # says nothing new
    "delivered": "delivered",
    "read": "read",
    "played": "read",  # of a voice message
    "failed": "failed",
}
"""Meta's words for what became of a message, and the contract's."""


def news(webhook: Webhook, phone_number_id: str) -> list[News]:
    """Everything in one body that concerns the number with this id, in order. Raises Malformed; never anything else."""
    found = [
        one
        for change in changes(webhook.body)
        if isinstance(change, Change) and concerns(change, phone_number_id)
        for one in of_change(change)
    ]
    return [one for one in found if not isinstance(one, NotReadable)]


def of_change(change: Change) -> Iterator[News | NotReadable]:
    """With what could not be read."""
    messages = list(items(change.value, "messages"))
    contacts = [one for one in items(change.value, "contacts") if not isinstance(one, NotReadable)]
    for message in messages:
        if isinstance(message, NotReadable) or message.get("group_id"):
            continue
        if event := EVENTS.get(name(message.get("type"), "")):
            yield from _tried(partial(event, message, contacts, len(messages) == 1))
    for status in items(change.value, "statuses"):
        yield from [status] if isinstance(status, NotReadable) else _tried(partial(_status, status))


def concerns(change: Change, phone_number_id: str) -> bool:
    """One app is told about every number of its account."""
    metadata = change.value.get("metadata")
    return (
        change.field == "messages" and isinstance(metadata, dict) and metadata.get("phone_number_id") == phone_number_id
    )


def _tried(read: Callable[[], News | None]) -> Iterator[News | NotReadable]:
    try:
        found = read()
    except NotReadable as problem:
        yield problem
    else:
        yield from [] if found is None else [found]


# --- What became of our messages --------------------------------------------------------------------------------------


def _status(status: Json) -> Receipt | None:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status"""
    told = status.get("status")
    if not isinstance(told, str) or told not in STATES:
        raise NotReadable("a status of an unknown kind")
    try:
        platform_id = string(status, "id")
    except NotReadable as problem:
        raise NotReadable(f"a status is not as documented: {problem}") from None
    if (state := STATES[told]) is None:
        return None
    at = time(status.get("timestamp"))
    if state != "failed":
        return Receipt(platform_id=platform_id, state=state, at=at)
    code = _code(status)
    reason = "Meta gave no reason" if code is None else meaning(code).reason
    return Receipt(platform_id=platform_id, state="unshown" if code in MEDIA else state, at=at, error=reason)


def _code(status: Json) -> int | None:
    first = next(iter(items(status, "errors")), None)
    code = first.get("code") if isinstance(first, dict) else None
    return code if isinstance(code, int) else None


# --- What people did to their messages, and who they are now ----------------------------------------------------------


def _edit(message: Json, contacts: list[Json], alone: bool) -> Revised:
    """A text, or a picture or file with another caption."""
    edit = child(message, "edit")
    now = child(edit, "message")
    kind = name(now.get("type"), "a message of an unknown type")
    shown = child(now, kind)
    words = string(shown, "body") if kind == "text" else text(shown, "caption")
    return _revised(message, edit, words, person(message, contacts, alone=alone))


def _revoke(message: Json, contacts: list[Json], alone: bool) -> Revised:
    return _revised(message, child(message, "revoke"), None, person(message, contacts, alone=alone))


def _revised(message: Json, event: Json, words: str | None, sender: Person) -> Revised:
    original = string(event, "original_message_id")
    return Revised(external_id=sender.id, platform_id=original, text=words, at=time(message.get("timestamp")))


def _system(message: Json, contacts: list[Json], alone: bool) -> Moved:
    """A person has a new number, and so a new business-scoped user id."""
    system = child(message, "system")
    kind = name(system.get("type"), "event of an unknown type")
    if kind not in SYSTEM:
        raise NotReadable(f"system {kind} is not handled")
    old = identify(system.get("previous_user_id"), message.get("from"))
    new = identify(system.get("user_id"), system.get("wa_id"))
    if old is None or new is None:
        raise NotReadable(f"system {kind} does not say whose id it is")
    return Moved(old=old, new=new)


Event = Callable[[Json, list[Json], bool], News]
"""A message, the contacts beside it, and whether it is the only message there. Raises NotReadable."""

EVENTS: Mapping[str, Event] = {"edit": _edit, "revoke": _revoke, "system": _system}
"""The types of messages that tell of something known. Meta told of edits and deletions in the course of 2026 to some
accounts only, and as `unsupported` to others."""

SYSTEM = ("user_changed_number", "user_changed_user_id")
"""The system messages that are read."""
