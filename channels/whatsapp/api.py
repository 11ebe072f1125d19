"""The Graph API: the one place of this channel that talks to the network."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp

from channels.contract import FetchError, SendError

from . import media
from .answers import json_object, retry_after
from .errors import network, refusal
from .payload import Json
from .people import recipient

_CONNECT_TIMEOUT = 5.0
_CONNECTIONS = 32


class GraphApi:
    """The calls this channel makes. Every one raises SendError and nothing else; `fetch` FetchError.

    url:      with the version, `https://graph.facebook.com/v26.0`
    timeout:  seconds for one call, all in all
    """

    def __init__(self, *, access_token: str, phone_number_id: str, url: str, timeout: float) -> None:
        self._headers = {"Authorization": f"Bearer {access_token}"}
        self._url = url.rstrip("/")
        self._number = f"{self._url}/{phone_number_id}"
        self._timeout = aiohttp.ClientTimeout(total=timeout, connect=min(timeout, _CONNECT_TIMEOUT))
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                timeout=self._timeout,
                headers=self._headers,
                trust_env=not _is_loopback(self._number),
            )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, address: str, message: Json) -> str:
        """Send one message; its id."""
        whom = {"messaging_product": "whatsapp", "recipient_type": "individual"} | recipient(address)
        answer = await self._call("POST", "/messages", body=whom | dict(message))
        return _message_id(answer)

    async def mark_read(self, message_id: str) -> None:
        """Blue ticks for the customer's message, and the typing sign for up to 25 seconds.
        https://developers.facebook.com/documentation/business-messaging/whatsapp/typing-indicators"""
        body = {"messaging_product": "whatsapp", "status": "read", "message_id": message_id}
        await self._call("POST", "/messages", body=body | {"typing_indicator": {"type": "text"}})

    async def display_phone_number(self) -> str:
        """As people write it: `+1 555-078-3881`."""
        answer = await self._call("GET", "", query={"fields": "display_phone_number"})
        number = answer.get("display_phone_number")
        if not isinstance(number, str):
            raise SendError("WhatsApp did not say the business's phone number")
        return number

    async def fetch(self, media_id: str, limit: int) -> bytes:
        """A file of a customer's, of at most `limit` bytes."""
        if self._session is None:
            raise FetchError("the channel was not started")
        return await media.fetch(self._session, self._url, media_id, limit)

    async def _call(self, method: str, path: str, *, body: Json | None = None, query: Json | None = None) -> Json:
        """Errors keep no trace of where they came from: an error of the network can quote what was sent."""
        try:
            status, headers, content = await self._exchange(method, path, body, query)
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:  # a TimeoutError is an OSError
            raise network(error) from None
        answer = json_object(content)
        if status >= 300:
            raise refusal(status, answer or {}, retry_after(headers))
        if answer is None:
            raise _unreadable()
        return answer

    async def _exchange(
        self, method: str, path: str, body: Json | None, query: Json | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        if self._session is None:
            raise RuntimeError("the channel was not started")
        async with self._session.request(
            method, self._number + path, json=body, params=query, allow_redirects=False
        ) as answer:
            return answer.status, answer.headers, await answer.read()


def _message_id(answer: Json) -> str:
    messages = answer.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    message_id = first.get("id") if isinstance(first, dict) else None
    if not isinstance(message_id, str) or not message_id:
        raise _unreadable()
    return message_id


def _unreadable() -> SendError:
    return SendError("WhatsApp's answer could not be read", uncertain=True)


def _is_loopback(url: str) -> bool:
    """A proxy that the environment names does not lead here."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
