"""The company's own helpdesk, told by a webhook that is signed as Standard Webhooks has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import aiohttp

from bot.gateway.desk.outside.delivery import Undelivered
from bot.gateway.desk.outside.events import Event
from bot.gateway.desk.outside.messages import Address, addressed, iso
from bot.gateway.desk.outside.signature import signed_headers

_TIMEOUT = aiohttp.ClientTimeout(total=20.0, connect=5.0)
_LONGEST_WAIT = 3600.0


class SignedWebhook:
    """Posts each event as `{type, timestamp, data}`; any 2xx takes it.

    key:      of the signature; `signature.secret_bytes`
    address:  the id of a file → where the helpdesk can have it for a while
    """

    def __init__(self, *, url: str, key: bytes, address: Address, clock: Callable[[], datetime]) -> None:
        self._url = url
        self._key = key
        self._address = address
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        loopback = urlsplit(self._url).hostname in ("127.0.0.1", "::1", "localhost")
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=not loopback)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def tell(self, event: Event) -> None:
        body = {"type": event.type, "timestamp": iso(event.at), "data": await addressed(event.data, self._address)}
        status, retry_after = await self._post(event.key, json.dumps(body, ensure_ascii=False).encode())
        if not 200 <= status < 300:
            raise Undelivered(f"answered {status}", retry_after=retry_after)

    async def _post(self, id: str, body: bytes) -> tuple[int, float]:
        """The answer's status, and the seconds to wait that it asks for."""
        assert self._session is not None
        signed = signed_headers(self._key, id, int(self._clock().timestamp()), body)
        headers = {"Content-Type": "application/json", "User-Agent": "Throughline", **signed}
        try:
            # A redirection is no answer: what is signed for one address goes to no other.
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                return answer.status, seconds(answer.headers.get("Retry-After"))
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise Undelivered(f"no answer: {type(error).__name__}") from None


def seconds(retry_after: str | None) -> float:
    """Of a header `Retry-After`; 0 for none, and for a date."""
    return min(float(retry_after), _LONGEST_WAIT) if retry_after and retry_after.isdecimal() else 0.0
