"""Meta's refusals, in Graph's words: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
"""A JSON object as Graph sends or takes it."""

_CODES = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One error answer; it can be given any number of times."""

    status: int
    code: int
    title: str
    details: str = ""
    subcode: int | None = None
    kind: str = "OAuthException"

    def body(self) -> Json:
        """https://developers.facebook.com/docs/graph-api/guides/error-handling"""
        error: Json = {"message": self.message, "type": self.kind, "code": self.code}
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": error | {"fbtrace_id": "A" + secrets.token_urlsafe(16)}}

    def in_status(self) -> Json:
        """As a failed message's status tells it."""
        data = {"error_data": {"details": self.details}} if self.details else {}
        return {"code": self.code, "title": self.title, "message": self.title} | data | {"href": _CODES}

    @property
    def message(self) -> str:
        return f"(#{self.code}) {self.title}" if self.kind == "OAuthException" and self.code != 190 else self.title


class GraphError(Exception):
    """A call that is answered with a refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


NO_TOKEN = Refusal(status=401, code=190, title="An access token is required to request this resource.")
WRONG_TOKEN = Refusal(status=401, code=190, title="Invalid OAuth access token - Cannot parse access token")
CLOSED_WINDOW = Refusal(
    status=400,
    code=131047,
    title="Re-engagement message",
    details="Message failed to send because more than 24 hours have passed since the customer last replied to this "
    "number.",
)
UNDELIVERABLE = Refusal(status=400, code=131026, title="Message undeliverable", details="Message Undeliverable.")
PAIR_LIMIT = Refusal(
    status=400,
    code=131056,
    title="(Business Account, Consumer Account) pair rate limit hit",
    details="Message failed to send because there were too many messages sent from this phone number to the same phone "
    "number in a short period of time.",
)
THROUGHPUT = Refusal(
    status=429,
    code=130429,
    title="Rate limit hit",
    details="Message failed to send because there were too many messages sent from this phone number in a short period "
    "of time",
)


def invalid(title: str) -> GraphError:
    """A parameter of the wrong form, code 100."""
    return GraphError(Refusal(status=400, code=100, title=title))


def bad_value(details: str) -> GraphError:
    """A parameter of the right form with a value that cannot be, code 131009."""
    return GraphError(Refusal(status=400, code=131009, title="Parameter value is not valid", details=details))


def bad_media(details: str) -> GraphError:
    return GraphError(Refusal(status=400, code=131053, title="Media upload error", details=details))


def unknown_object(name: str, method: str = "post") -> GraphError:
    title = (
        f"Unsupported {method} request. Object with ID '{name}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation. Please read the Graph API documentation at "
        "https://developers.facebook.com/docs/graph-api"
    )
    return GraphError(Refusal(status=400, code=100, subcode=33, title=title, kind="GraphMethodException"))


def unknown_path(path: str) -> GraphError:
    return GraphError(Refusal(status=400, code=2500, title=f"Unknown path components: {path}"))
