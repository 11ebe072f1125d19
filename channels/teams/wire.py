"""HTTP, with what matters about a failure: whether the request had left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

_CONNECTIONS = 32
_CONNECT_TIMEOUT = 5.0
_ANSWER_MAX = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """Nothing that can be read came back.

    left: the request may have reached the other side
    """

    def __init__(self, reason: str, *, left: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.left = left


class Wire:
    """timeout: seconds for an answer, of which 5 at most to connect. trust_env: use the proxy that the environment
    names."""

    def __init__(self, *, timeout: float, trust_env: bool) -> None:
        self._timeout = timeout
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=self._timeout, connect=min(_CONNECT_TIMEOUT, self._timeout / 2)),
            trust_env=self._trust_env,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, url: str) -> Answer:
        """Raises NoAnswer."""
        return await self._ask("GET", url, {}, None)

    async def post(self, url: str, data: bytes | Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """`data`: a body, or the fields of a form. Raises NoAnswer."""
        return await self._ask("POST", url, headers, data)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], data: bytes | Mapping[str, str] | None
    ) -> Answer:
        """The original errors go no further: their texts quote addresses."""
        if self._session is None or self._session.closed:
            raise NoAnswer("the channel is closed", left=False)
        try:
            return await _exchange(self._session, method, URL(url, encoded=True), headers, data)
        except _NEVER_LEFT as error:
            raise NoAnswer(type(error).__name__, left=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NoAnswer(type(error).__name__, left=True) from None


_NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


async def _exchange(
    session: aiohttp.ClientSession,
    method: str,
    url: URL,
    headers: Mapping[str, str],
    data: bytes | Mapping[str, str] | None,
) -> Answer:
    """Redirects are not followed: the headers carry the token."""
    async with session.request(method, url, headers=headers, data=data, allow_redirects=False) as answer:
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > _ANSWER_MAX:
                raise ValueError("the answer is too large")
        return Answer(status=answer.status, headers=answer.headers, body=bytes(body))
