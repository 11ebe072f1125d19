"""HTTP, with what matters about a failure: whether the request had left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

_CONNECTIONS = 32
_CONNECT_TIMEOUT = 5.0
_ANSWER_MAX = 1024 * 1024
_DOWNLOAD = aiohttp.ClientTimeout(total=120, connect=_CONNECT_TIMEOUT, sock_read=15)


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


class TooLarge(Exception):
    """More came than was asked for."""


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
        return await self._ask(_Request(method="GET", url=url))

    async def download(self, url: str, headers: Mapping[str, str], *, limit: int) -> Answer:
        """A file of at most `limit` bytes, which may take longer than an answer. Raises NoAnswer, TooLarge."""
        packed = {**headers, "Accept-Encoding": "identity"}  # so that few bytes cannot become many here
        return await self._ask(_Request(method="GET", url=url, headers=packed, limit=limit, timeout=_DOWNLOAD))

    async def send(self, method: str, url: str, data: bytes | Mapping[str, str], headers: Mapping[str, str]) -> Answer:
        """`data`: a body, or the fields of a form. Raises NoAnswer."""
        return await self._ask(_Request(method=method, url=url, headers=headers, data=data))

    async def _ask(self, request: _Request) -> Answer:
        """The original errors go no further: their texts quote addresses."""
        if self._session is None or self._session.closed:
            raise NoAnswer("the channel is closed", left=False)
        try:
            return await _exchange(self._session, request)
        except _NEVER_LEFT as error:
            raise NoAnswer(type(error).__name__, left=False) from None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NoAnswer(type(error).__name__, left=True) from None


@dataclass(frozen=True, kw_only=True)
class _Request:
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    data: bytes | Mapping[str, str] | None = None
    limit: int | None = None
    """Bytes of the answer that are wanted at most, which TooLarge tells; without one, an answer is never large."""
    timeout: aiohttp.ClientTimeout | None = None
    """Instead of the session's."""


_NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)


async def _exchange(session: aiohttp.ClientSession, request: _Request) -> Answer:
    """Redirects are not followed: the headers carry the token, and the address was checked."""
    async with session.request(
        request.method,
        URL(request.url, encoded=True),
        headers=request.headers,
        data=request.data,
        allow_redirects=False,
        timeout=request.timeout or session.timeout,
    ) as answer:
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if request.limit is not None and len(body) > request.limit:
                raise TooLarge
            if request.limit is None and len(body) > _ANSWER_MAX:
                raise ValueError("the answer is too large")
        return Answer(status=answer.status, headers=answer.headers, body=bytes(body))
