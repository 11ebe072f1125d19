"""Chatwoot's application API, as far as it is used here: the one place that calls it.

Sources: https://github.com/chatwoot/chatwoot/tree/develop/swagger/paths/application. A token is a user's, from their
profile settings; it goes in the header `api_access_token`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.gateway.desk.outside.delivery import Undelivered
from bot.gateway.desk.outside.messages import Json
from bot.gateway.desk.outside.webhook import seconds

_TIMEOUT = aiohttp.ClientTimeout(total=15.0, connect=5.0)
_LARGEST_ANSWER = 4 * 1024 * 1024
_HOPELESS = (400, 404, 413, 415, 422)
"""The same call will not be taken later. A token that is refused may be mended by the operator."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A customer's file."""

    content: bytes
    name: str
    type: str


class NotTaken(Undelivered):
    """Chatwoot answered with an error."""

    def __init__(self, status: int, retry_after: float) -> None:
        super().__init__(f"Chatwoot answered {status}", permanent=status in _HOPELESS, retry_after=retry_after)
        self.status = status


class ChatwootApi:
    """One account. Every call raises Undelivered and nothing else."""

    def __init__(self, *, url: str, account: int, token: str) -> None:
        self._base = url.rstrip("/")
        self._account = f"/api/v1/accounts/{account}"
        self._headers = {"api_access_token": token, "Accept": "application/json"}
        self._session: aiohttp.ClientSession | None = None
        self.me: int | None = None
        """The number of the user whose token it is, once it was asked for."""

    async def start(self) -> None:
        loopback = urlsplit(self._base).hostname in ("127.0.0.1", "::1", "localhost")
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers, trust_env=not loopback)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def profile(self) -> int:
        """https://developers.chatwoot.com/api-reference/profile/fetch-user-profile"""
        if self.me is None:
            self.me = _number(await self._call("GET", "/api/v1/profile"), "id")
        return self.me

    async def create_contact(self, contact: Json) -> int:
        """Its number. NotTaken with 422 where there is one with its identifier."""
        answer = await self._call("POST", f"{self._account}/contacts", contact)
        return _number(_object(answer, "payload", "contact"), "id")

    async def find_contact(self, identifier: str) -> int | None:
        """https://developers.chatwoot.com/api-reference/contacts/search-contacts: by parts of several fields."""
        answer = await self._call("GET", f"{self._account}/contacts/search", query={"q": identifier})
        found = [one for one in _list(answer, "payload") if one.get("identifier") == identifier]
        return _number(found[0], "id") if found else None

    async def conversations_of(self, contact: int) -> list[Json]:
        return _list(await self._call("GET", f"{self._account}/contacts/{contact}/conversations"), "payload")

    async def create_conversation(self, conversation: Json) -> Json:
        """What it is like then: `id` is the number by which it is known in the account, `status`."""
        answer = await self._call("POST", f"{self._account}/conversations", conversation)
        return {"id": _number(answer, "id"), "status": answer.get("status")}

    async def messages_of(self, conversation: int) -> list[Json]:
        """The newest twenty."""
        return _list(await self._call("GET", f"{self._conversation(conversation)}/messages"), "payload")

    async def create_message(self, conversation: int, message: Json, files: Sequence[Upload] = ()) -> int:
        path = f"{self._conversation(conversation)}/messages"
        if not files:
            return _number(await self._call("POST", path, message), "id")
        form = aiohttp.FormData()
        for name, value in _flat(message):
            form.add_field(name, value)
        for file in files:
            form.add_field("attachments[]", file.content, filename=file.name, content_type=file.type)
        return _number(await self._call("POST", path, form), "id")

    async def update_message(self, conversation: int, message: int, *, status: str, error: str | None) -> None:
        """How the delivery of an agent's message went: for inboxes of the kind API."""
        body = {"status": status} | ({"external_error": error} if error else {})
        await self._call("PATCH", f"{self._conversation(conversation)}/messages/{message}", body)

    async def set_status(self, conversation: int, status: str) -> None:
        """`open`, `resolved` or `pending`: with a status, toggle_status toggles nothing."""
        await self._call("POST", f"{self._conversation(conversation)}/toggle_status", {"status": status})

    async def unassign(self, conversation: int) -> None:
        await self._call("POST", f"{self._conversation(conversation)}/assignments", {"assignee_id": None})

    def _conversation(self, number: int) -> str:
        return f"{self._account}/conversations/{number}"

    async def _call(
        self,
        method: str,
        path: str,
        body: Json | aiohttp.FormData | None = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """Errors keep no trace of what was sent, nor of what was answered: both hold customers' words."""
        assert self._session is not None
        form = {"data": body} if isinstance(body, aiohttp.FormData) else {"json": body}
        try:
            async with self._session.request(
                method, self._base + path, params=query, allow_redirects=False, **(form if body is not None else {})
            ) as answer:
                if answer.status >= 300:
                    raise NotTaken(answer.status, seconds(answer.headers.get("Retry-After")))
                content = await answer.content.read(_LARGEST_ANSWER)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise Undelivered(f"no answer from Chatwoot: {type(error).__name__}") from None
        try:
            read = json.loads(content or b"{}")
        except ValueError:
            raise Undelivered("Chatwoot's answer cannot be read") from None
        return read if isinstance(read, dict) else {}


def _flat(message: Json) -> list[tuple[str, str]]:
    """As a form names what is inside: `content_attributes[throughline]`."""
    flat: list[tuple[str, str]] = []
    for name, value in message.items():
        if isinstance(value, Mapping):
            flat += [(f"{name}[{inner}]", str(part)) for inner, part in value.items()]
        else:
            flat.append((name, str(value).lower() if isinstance(value, bool) else str(value)))
    return flat


def _object(answer: Json, *path: str) -> Json:
    found: Any = answer
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _list(answer: Json, name: str) -> list[Json]:
    found = answer.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(answer: Json, name: str) -> int:
    number = answer.get(name)
    if not isinstance(number, int) or isinstance(number, bool):
        raise Undelivered(f"Chatwoot's answer has no {name}")
    return number
