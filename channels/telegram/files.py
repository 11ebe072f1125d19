"""A customer's file, from Telegram's server: https://core.telegram.org/bots/api#file

The address holds the bot's token. It is asked for here and goes no further, not into an error's text either.
"""

from __future__ import annotations

import aiohttp

from channels.contract import FetchError

from .errors import TOKEN_REFUSED_WAIT
from .request import AiohttpRequest

_TIMEOUT = 60.0
"""Seconds for the whole file."""
_MINUTE = 60.0


class Files:
    """Downloads from one address and nothing else: no redirect is followed. Raises FetchError and nothing else."""

    def __init__(self, *, base_url: str, timeout: float, request: AiohttpRequest) -> None:
        self._base_url = base_url
        self._timeout = aiohttp.ClientTimeout(total=_TIMEOUT, sock_connect=timeout, sock_read=timeout)
        self._request = request

    async def download(self, url: str, *, limit: int) -> bytes:
        if not url.startswith(f"{self._base_url}/"):
            raise FetchError("the file is not on Telegram's server", permanent=True)
        try:
            return await self._download(self._request.session, url, limit)
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:  # a TimeoutError is an OSError
            # What aiohttp says names the address.
            raise FetchError(f"the file did not arrive: {type(error).__name__}") from None

    async def _download(self, session: aiohttp.ClientSession, url: str, limit: int) -> bytes:
        async with session.get(url, timeout=self._timeout, allow_redirects=False) as answer:
            if answer.status != 200:
                raise _refused(answer)
            content = bytearray()
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > limit:
                    raise FetchError("the file is too large", too_large=True)
            return bytes(content)


def _refused(answer: aiohttp.ClientResponse) -> FetchError:
    status = answer.status
    if status == 401:
        return FetchError("TELEGRAM_BOT_TOKEN was refused", retry_after=TOKEN_REFUSED_WAIT)
    wait = answer.headers.get("Retry-After", "") if status == 429 else ""
    return FetchError(
        f"Telegram answered {status} instead of the file",
        permanent=status < 500 and status != 429,
        retry_after=min(_MINUTE, float(wait)) if wait.isdecimal() else None,
    )
