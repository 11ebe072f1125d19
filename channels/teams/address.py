"""Where a reply goes on Teams: what Microsoft calls a conversation reference, as one line of JSON.

https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/send-proactive-messages
"""

from __future__ import annotations

import json
from dataclasses import dataclass

_MAX = 4096


class BadAddress(Exception):
    """Not an address that this channel made."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Names are left out: the same person in the same chat has the same address after a change of name. `user` is empty
    in a group."""

    service_url: str
    conversation: str
    bot: str
    user: str
    tenant: str = ""

    def __str__(self) -> str:
        fields = (self.service_url, self.conversation, self.bot, self.user, self.tenant)
        return json.dumps(dict(zip(_FIELDS, fields, strict=True)), separators=(",", ":"), ensure_ascii=False)


_FIELDS = ("url", "conversation", "bot", "user", "tenant")
_MAY_BE_EMPTY = ("user", "tenant")


def parse(text: str) -> Address:
    """Raises BadAddress."""
    try:
        data = json.loads(text[:_MAX])
    except (ValueError, RecursionError):
        raise BadAddress("the address is not JSON") from None
    if not isinstance(data, dict) or data.keys() != set(_FIELDS):
        raise BadAddress("the address has not the fields of one")
    if not all(isinstance(data[field], str) and (data[field] or field in _MAY_BE_EMPTY) for field in _FIELDS):
        raise BadAddress("the address has fields that are not filled")
    url, conversation, bot, user, tenant = (data[field] for field in _FIELDS)
    return Address(service_url=url, conversation=conversation, bot=bot, user=user, tenant=tenant)
