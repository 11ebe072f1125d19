"""What Chatwoot's webhook tells: who sent it, and what an agent has done. Pure.

The signature: https://github.com/chatwoot/chatwoot/pull/13573 and /13892. The events: message_created,
conversation_status_changed and conversation_updated of
https://www.chatwoot.com/hc/user-guide/articles/1677693021-how-to-use-webhooks; a change of status may come by either of
the last two (https://github.com/chatwoot/chatwoot/issues/9277), and all of them late, doubled and in any order.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

TOLERANCE = timedelta(minutes=5)

_CHANGES = ("conversation_status_changed", "conversation_updated")


class Malformed(Exception):
    """No JSON object."""


@dataclass(frozen=True, kw_only=True)
class User:
    """One of Chatwoot's agents."""

    id: int
    name: str


@dataclass(frozen=True, kw_only=True)
class File:
    url: str
    is_picture: bool


@dataclass(frozen=True, kw_only=True)
class Said:
    """An agent has written to the customer."""

    conversation: int
    message: int
    by: User
    text: str
    files: tuple[File, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Changed:
    """Whose the conversation is, or how it stands, is not what it was.

    at:        in Chatwoot's own seconds, where it says so
    status:    open, resolved, pending or snoozed, if it changed
    assigned:  whether the assignee changed; to `assignee`, nobody if empty
    """

    conversation: int
    at: float | None
    status: str | None
    assigned: bool
    assignee: User | None


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    """Whether the body is Chatwoot's and was signed within the last minutes."""
    timestamp = headers.get("X-Chatwoot-Timestamp", "")
    if not timestamp.isdecimal() or not timestamp.isascii() or len(timestamp) > 12:
        return False
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        return False
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(headers.get("X-Chatwoot-Signature", "").encode(), f"sha256={digest}".encode())


def read(body: bytes, *, inbox: int) -> Said | Changed | None:
    """None for what concerns nobody here: other inboxes, notes, customers, bots, and events that are not known. Raises
    Malformed."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed from None
    if not isinstance(payload, dict):
        raise Malformed
    if payload.get("event") == "message_created":
        return _said(payload, inbox)
    return _changed(payload, inbox) if payload.get("event") in _CHANGES else None


def _said(payload: Mapping[str, Any], inbox: int) -> Said | None:
    conversation, message = _number(_part(payload, "conversation"), "id"), _number(payload, "id")
    by = _user(payload.get("sender"))
    ours = _number(_part(payload, "inbox"), "id") == inbox
    # A number in some versions, a word in others.
    outgoing = payload.get("message_type") in ("outgoing", 1)
    if conversation is None or message is None or by is None or not ours or not outgoing or payload.get("private"):
        return None
    text = payload.get("content")
    files = tuple(file for one in _items(payload.get("attachments")) if (file := _file(one)) is not None)
    return Said(
        conversation=conversation, message=message, by=by, text=text if isinstance(text, str) else "", files=files
    )


def _changed(payload: Mapping[str, Any], inbox: int) -> Changed | None:
    conversation = _number(payload, "id")
    names = {name for change in _items(payload.get("changed_attributes")) for name in change}
    status = payload.get("status") if "status" in names else None
    if conversation is None or payload.get("inbox_id") != inbox or not names & {"status", "assignee_id"}:
        return None
    at = payload.get("updated_at")
    return Changed(
        conversation=conversation,
        at=float(at) if isinstance(at, int | float) and not isinstance(at, bool) else None,
        status=status if isinstance(status, str) else None,
        assigned="assignee_id" in names,
        assignee=_user(_part(payload, "meta").get("assignee")),
    )


def _user(given: Any) -> User | None:
    """A person: bots and customers have other types."""
    if not isinstance(given, Mapping) or given.get("type") not in ("user", None):
        return None
    id, name = _number(given, "id"), given.get("available_name") or given.get("name")
    return User(id=id, name=name if isinstance(name, str) else "") if id is not None else None


def _file(given: Mapping[str, Any]) -> File | None:
    url = given.get("data_url")
    return File(url=url, is_picture=given.get("file_type") == "image") if isinstance(url, str) else None


def _part(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = payload.get(name)
    return part if isinstance(part, Mapping) else {}


def _items(given: Any) -> list[Mapping[str, Any]]:
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []


def _number(given: Mapping[str, Any], name: str) -> int | None:
    number = given.get(name)
    return number if isinstance(number, int) and not isinstance(number, bool) and 0 < number < 2**53 else None
