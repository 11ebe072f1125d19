"""What became of our messages: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/status

Pure. Statuses come in any order, more than once, and not all of them: `read` may come without `delivered`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from channels.contract import Receipt, Webhook

from .errors import meaning
from .payload import Change, Json, NotReadable, changes, items, string, time

STATES = ("sent", "delivered", "read", "played", "failed")
"""`played` is for voice messages."""


@dataclass(frozen=True, kw_only=True)
class Status:
    platform_id: str
    """`Sent.platform_id` of the message."""
    state: str
    """One of STATES."""
    at: datetime | None
    """By Meta's clock; aware UTC."""
    error: str | None = None
    """Why it failed, for people."""


def statuses(webhook: Webhook, phone_number_id: str) -> list[Status]:
    """Every status of the number's own messages, in order. Raises Malformed; never anything else."""
    found = [one for change in changes(webhook.body) for one in of_change(change, phone_number_id)]
    return [one for one in found if isinstance(one, Status)]


def receipt(status: Status) -> Receipt:
    """The same in the contract's words: a voice message that was played was read. `sent` says nothing new."""
    state = "read" if status.state == "played" else status.state
    return Receipt(platform_id=status.platform_id, state=state, at=status.at, error=status.error)


def of_change(change: Change | NotReadable, phone_number_id: str) -> Iterator[Status | NotReadable]:
    if isinstance(change, NotReadable) or not concerns(change, phone_number_id):
        return
    for status in items(change.value, "statuses"):
        yield status if isinstance(status, NotReadable) else _status(status)


def concerns(change: Change, phone_number_id: str) -> bool:
    """One app is told about every number of its account."""
    metadata = change.value.get("metadata")
    return (
        change.field == "messages" and isinstance(metadata, dict) and metadata.get("phone_number_id") == phone_number_id
    )


def _status(status: Json) -> Status | NotReadable:
    state = status.get("status")
    if not isinstance(state, str) or state not in STATES:
        return NotReadable("a status of an unknown kind")
    try:
        platform_id = string(status, "id")
    except NotReadable as problem:
        return NotReadable(f"a status is not as documented: {problem}")
    error = _error(status) if state == "failed" else None
    return Status(platform_id=platform_id, state=state, at=time(status.get("timestamp")), error=error)


def _error(status: Json) -> str:
    first = next(iter(items(status, "errors")), None)
    code = first.get("code") if isinstance(first, dict) else None
    return meaning(code).reason if isinstance(code, int) else "Meta gave no reason"
