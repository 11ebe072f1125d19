"""What Chatwoot refuses, and how it says so. Pure.

Fields and types: https://github.com/chatwoot/chatwoot/tree/develop/swagger/definitions/request
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .account import STATUSES, Json

LONGEST_CONTENT = 150_000
MOST_ATTACHMENTS = 15


class Refusal(Exception):
    """Answered with this status and this body."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def unauthorized(why: str = "Invalid Access Token") -> Refusal:
    return Refusal(401, {"error": why})


def not_found() -> Refusal:
    return Refusal(404, {"error": "Resource could not be found"})


def unprocessable(why: str) -> Refusal:
    return Refusal(422, {"error": why})


def invalid_record(why: str, *attributes: str) -> Refusal:
    return Refusal(422, {"message": why, "attributes": list(attributes)})


_CONTACT: Mapping[str, Any] = {
    "inbox_id": int,
    "name": str,
    "email": str,
    "blocked": bool,
    "phone_number": str,
    "avatar_url": str,
    "identifier": str,
    "additional_attributes": dict,
    "custom_attributes": dict,
    "source_id": str,
}
_CONVERSATION: Mapping[str, Any] = {
    "source_id": str,
    "inbox_id": int,
    "contact_id": int,
    "additional_attributes": dict,
    "custom_attributes": dict,
    "status": str,
    "assignee_id": int,
    "team_id": int,
    "snoozed_until": str,
    "message": dict,
}
_MESSAGE: Mapping[str, Any] = {
    "content": str,
    "message_type": str,
    "private": bool,
    "content_type": str,
    "content_attributes": dict,
    "echo_id": str,
    "source_id": str,
}
_STATE: Mapping[str, Any] = {"status": str, "external_error": str}
_STATUS: Mapping[str, Any] = {"status": str, "snoozed_until": int}
_ASSIGNMENT: Mapping[str, Any] = {"assignee_id": (int, type(None)), "team_id": int}
_CONTENT_TYPES = ("text", "input_email", "cards", "input_select", "form", "article")


def check_contact(body: Json) -> None:
    _fields(body, _CONTACT, needed=("inbox_id",))


def check_conversation(body: Json) -> None:
    _fields(body, _CONVERSATION, needed=("source_id",))
    if body.get("status", "open") not in STATUSES[:3]:
        raise unprocessable(f"'{body['status']}' is not a valid status")


def check_message(body: Json, attachments: int) -> None:
    _fields(body, _MESSAGE, needed=())
    if not body.get("content") and not attachments:
        raise unprocessable("Content can't be blank")
    if len(body.get("content", "")) > LONGEST_CONTENT:
        raise unprocessable(f"Validation failed: Content is too long (maximum is {LONGEST_CONTENT} characters)")
    if attachments > MOST_ATTACHMENTS:
        raise unprocessable("Validation failed: Attachments exceeded maximum allowed")
    if body.get("message_type", "outgoing") not in ("incoming", "outgoing"):
        raise unprocessable(f"'{body['message_type']}' is not a valid message_type")
    if body.get("content_type", "text") not in _CONTENT_TYPES:
        raise unprocessable(f"'{body['content_type']}' is not a valid content_type")


def check_state(body: Json) -> None:
    _fields(body, _STATE, needed=("status",))


def check_status(body: Json) -> None:
    _fields(body, _STATUS, needed=())
    if body.get("status", "open") not in STATUSES:
        raise unprocessable(f"'{body['status']}' is not a valid status")


def check_assignment(body: Json) -> None:
    _fields(body, _ASSIGNMENT, needed=())


def _fields(body: Json, known: Mapping[str, Any], *, needed: tuple[str, ...]) -> None:
    for name in needed:
        if body.get(name) in (None, ""):
            raise unprocessable(f"param is missing or the value is empty: {name}")
    for name, value in body.items():
        if name not in known:
            raise unprocessable(f"found unpermitted parameter: :{name}")
        wrong_number = isinstance(value, bool) and known[name] is int
        if not isinstance(value, known[name]) or wrong_number:
            raise unprocessable(f"{name} has a wrong type")
