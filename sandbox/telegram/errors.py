"""Telegram's refusals, in Telegram's words: https://core.telegram.org/bots/api#making-requests"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
"""A JSON object as Telegram sends or takes it."""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """One error answer; it can be given any number of times."""

    code: int
    description: str
    parameters: Mapping[str, int] = field(default_factory=dict)
    """https://core.telegram.org/bots/api#responseparameters"""

    def body(self) -> Json:
        answer: Json = {"ok": False, "error_code": self.code, "description": self.description}
        return answer | {"parameters": dict(self.parameters)} if self.parameters else answer


class ApiError(Exception):
    """A method call that is answered with a refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.description)
        self.refusal = refusal


UNAUTHORIZED = Refusal(code=401, description="Unauthorized")
NOT_FOUND = Refusal(code=404, description="Not Found")
BLOCKED = Refusal(code=403, description="Forbidden: bot was blocked by the user")
NOT_STARTED = Refusal(code=403, description="Forbidden: bot can't initiate conversation with a user")
KICKED = Refusal(code=403, description="Forbidden: bot was kicked from the group chat")


def bad_request(reason: str) -> ApiError:
    return ApiError(Refusal(code=400, description=f"Bad Request: {reason}"))


def migrated(to_chat_id: int) -> Refusal:
    """What a group's old id answers for ever after it became a supergroup."""
    return Refusal(
        code=400,
        description="Bad Request: group chat was upgraded to a supergroup chat",
        parameters={"migrate_to_chat_id": to_chat_id},
    )


def too_many_requests(wait: float) -> Refusal:
    """`wait` in seconds; Telegram answers in whole ones."""
    seconds = max(1, math.ceil(wait))
    return Refusal(
        code=429, description=f"Too Many Requests: retry after {seconds}", parameters={"retry_after": seconds}
    )
