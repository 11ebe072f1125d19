"""Meta's webhook envelope, taken apart: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages

Pure. Nothing in it is trusted to have the type that is documented.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from channels.contract import Malformed
from channels.text import storable

Json = Mapping[str, Any]

_NAME = re.compile(r"[a-z0-9_]{1,64}")
_SECONDS = re.compile(r"[0-9]{1,12}")


class NotReadable(Exception):
    """Why a part of a webhook is kept for inspection; holds none of the customer's words."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change of one entry."""

    field: str
    """What the app subscribed to: `messages`, `account_update`, …"""
    value: Json


def changes(body: bytes) -> Iterator[Change | NotReadable]:
    """Every change of every entry, in order. Raises Malformed at once, and nothing else."""
    data = _json_object(body)
    return _changes(data)


def _changes(data: Json) -> Iterator[Change | NotReadable]:
    if data.get("object") != "whatsapp_business_account":
        yield NotReadable("the webhook is not about a WhatsApp Business account")
        return
    for entry in items(data, "entry", missing="the webhook has no entry"):
        if isinstance(entry, NotReadable):
            yield entry
        else:
            yield from map(_change, items(entry, "changes", missing="an entry has no changes"))


def _change(change: Json | NotReadable) -> Change | NotReadable:
    if isinstance(change, NotReadable):
        return change
    value = change.get("value")
    if not isinstance(value, dict):
        return NotReadable("a change has no value")
    return Change(field=name(change.get("field"), "an unknown field"), value=value)


def items(data: Json, field: str, *, missing: str | None = None) -> Iterator[Json | NotReadable]:
    """The objects of a list. Without `missing`, the list may be absent."""
    found = data.get(field)
    if found is None and missing is None:
        return
    if not isinstance(found, list) or (missing and not found):
        yield NotReadable(missing or f"{field} is not a list")
        return
    for one in found:
        yield one if isinstance(one, dict) else NotReadable(f"one of {field} is not an object")


def child(data: Json, field: str) -> Json:
    """The object in `field`. Raises NotReadable."""
    found = data.get(field)
    if not isinstance(found, dict):
        raise NotReadable(f"{field} is not an object")
    return found


def string(data: Json, field: str) -> str:
    """The text in `field`, as it can be kept. Raises NotReadable."""
    found = optional(data.get(field))
    if not found:
        raise NotReadable(f"{field} is not a string that can be kept")
    return found


def text(data: Json, field: str) -> str:
    """The text in `field`, or nothing."""
    return optional(data.get(field)) or ""


def optional(value: object) -> str | None:
    return storable(value) if isinstance(value, str) else None


def name(value: object, otherwise: str) -> str:
    """A word of Meta's, safe to show; never a customer's."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else otherwise


def time(value: object) -> datetime | None:
    """Unix seconds, which Meta writes as a string. None if it is no time: a message is worth more than its date."""
    if not isinstance(value, str) or not _SECONDS.fullmatch(value):
        return None
    try:
        return datetime.fromtimestamp(int(value), UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _json_object(body: bytes) -> Json:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    if not isinstance(data, dict):
        raise Malformed("the body is not a JSON object")
    return data
