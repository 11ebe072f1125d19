"""What an activity has to be for the connector to take it."""

from __future__ import annotations

import json
from typing import Any

from .cards import check_card
from .errors import TOO_BIG, ApiError, Json, bad_argument, bad_syntax

ACTIVITY_MAX = 80 * 1024
"""Bytes as UTF-16; Microsoft says 100 KB "approximately" and recommends 80:
https://learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages"""
CAROUSEL_MAX = 10
ADAPTIVE_CARD = "application/vnd.microsoft.card.adaptive"
FORMATS = (None, "plain", "markdown", "xml")


def read_activity(body: bytes) -> Json:
    """Raises ApiError."""
    try:
        activity = json.loads(body)
    except (ValueError, RecursionError):
        raise bad_syntax("Invalid or missing activities in request.") from None
    if not isinstance(activity, dict):
        raise bad_syntax("Invalid or missing activities in request.")
    if len(json.dumps(activity, ensure_ascii=False).encode("utf-16-le", "surrogatepass")) > ACTIVITY_MAX:
        raise ApiError(TOO_BIG)
    return activity


def check_activity(activity: Json, *, conversation: str, bot: str) -> None:
    """Raises ApiError."""
    if activity.get("type") not in ("message", "typing"):
        raise bad_argument("Unknown activity type")
    if _id(activity.get("from")) != bot:
        raise bad_argument("Activity.from must be the bot")
    if _id(activity.get("conversation")) not in (None, conversation):
        raise bad_argument("Activity.conversation is another one than the address")
    if activity["type"] == "message":
        _check_message(activity)


def _check_message(activity: Json) -> None:
    attachments = activity.get("attachments") or []
    text = activity.get("text")
    if not isinstance(attachments, list) or not isinstance(text, str | None):
        raise bad_argument("Activity.text and attachments are of the wrong type")
    if not attachments and not (text or "").strip():
        raise bad_argument("Activity must have text or attachments")
    if activity.get("textFormat") not in FORMATS:
        raise bad_argument("Unknown textFormat")
    if len(attachments) > CAROUSEL_MAX:
        raise bad_argument(f"at most {CAROUSEL_MAX} attachments")
    if attachments and activity.get("suggestedActions"):
        raise bad_argument("suggestedActions cannot be used with attachments")
    for attachment in attachments:
        _check_attachment(attachment)


def _check_attachment(attachment: Any) -> None:
    kind = attachment.get("contentType") if isinstance(attachment, dict) else None
    if not isinstance(kind, str):
        raise bad_argument("Attachment.contentType is missing")
    if kind == ADAPTIVE_CARD:
        check_card(attachment.get("content"))


def _id(account: object) -> object:
    return account.get("id") if isinstance(account, dict) else None
