"""A customer's file, from Telegram's server: https://core.telegram.org/bots/api#file

The address holds the bot's token. It is asked for here and goes no further, not into an error's text either.
"""

from __future__ import annotations

import asyncio

import httpx

from channels.contract import FetchError

from .errors import TOKEN_REFUSED_WAIT

_TIMEOUT = 60.0
"""Seconds for the whole file."""
_MINUTE = 60.0


class Files:
    """Downloads from one address and nothing else: no redirect is followed. Raises FetchError and nothing else."""

    def __init__(self, *, base_url: str, timeout: float, trust_env: bool) -> None:
        self._base_url = base_url
        self._client = httpx.AsyncClient(
            timeout=timeout,
            follow_redirects=False,
            trust_env=trust_env,
            headers={"Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def download(self, url: str, *, limit: int) -> bytes:
        if not url.startswith(f"{self._base_url}/"):
            raise FetchError("the file is not on Telegram's server", permanent=True)
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._download(url, limit)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, RuntimeError, TimeoutError) as error:
            # What httpx says names the address.
            raise FetchError(f"the file did not arrive: {type(error).__name__}") from None

    async def _download(self, url: str, limit: int) -> bytes:
        async with self._client.stream("GET", url) as answer:
            if answer.status_code != 200:
                raise _refused(answer)
            content = bytearray()
            async for chunk in answer.aiter_raw():
                content += chunk
                if len(content) > limit:
                    raise FetchError("the file is too large", too_large=True)
            return bytes(content)


def _refused(answer: httpx.Response) -> FetchError:
    status = answer.status_code
    if status == 401:
        return FetchError("TELEGRAM_BOT_TOKEN was refused", retry_after=TOKEN_REFUSED_WAIT)
    wait = answer.headers.get("Retry-After", "") if status == 429 else ""
    return FetchError(
        f"Telegram answered {status} instead of the file",
        permanent=status < 500 and status != 429,
        retry_after=min(_MINUTE, float(wait)) if wait.isdecimal() else None,
    )
