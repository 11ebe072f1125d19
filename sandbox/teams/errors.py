"""What the connector refuses, in its words:
https://learn.microsoft.com/microsoftteams/platform/bots/build-conversational-capability#status-codes-from-bot-conversational-apis
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    status: int
    code: str = ""
    message: str = ""
    retry_after: int | None = None

    def body(self) -> Json:
        """https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-api-reference#errorresponse-object"""
        return {"error": {"code": self.code, "message": self.message}} if self.code else {"message": self.message}

    def headers(self) -> Mapping[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class ApiError(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.status} {refusal.code} {refusal.message}".strip())
        self.refusal = refusal


UNAUTHORIZED = Refusal(status=401, message="Authorization has been denied for this request.")
NOT_FOUND = Refusal(status=404, code="ConversationNotFound", message="Conversation not found.")
NO_ACTIVITY = Refusal(status=404, code="ActivityNotFoundInConversation", message="Activity not found.")
BLOCKED = Refusal(status=403, code="ConversationBlockedByUser", message="User blocked the conversation with the bot.")
REMOVED = Refusal(
    status=403, code="BotNotInConversationRoster", message="The bot is not part of the conversation roster."
)
NO_ATTACHMENT = Refusal(status=404, code="AttachmentNotFound", message="Attachment not found.")
NOT_THE_BOTS = Refusal(status=403, code="ForbiddenOperationException", message="The activity is another sender's.")
DISABLED = Refusal(status=403, code="BotDisabledByAdmin", message="The tenant admin disabled this bot.")
TOO_BIG = Refusal(status=413, code="MessageSizeTooBig", message="Message size too large.")
PRECONDITION = Refusal(status=412, code="PreconditionFailed", message="Precondition failed, please try again.")


def too_many_requests(retry_after: int) -> Refusal:
    return Refusal(status=429, code="TooManyRequests", message="Too many requests.", retry_after=retry_after)


def bad_argument(message: str) -> ApiError:
    return ApiError(Refusal(status=400, code="BadArgument", message=message))


def bad_syntax(message: str) -> ApiError:
    return ApiError(Refusal(status=400, code="BadSyntax", message=message))
