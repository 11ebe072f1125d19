"""`throughline replay`: a captured webhook once more, as the platform would bring it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from bot.gateway.operations import Signing, one_on
from bot.gateway.run import CannotRun
from bot.gateway.settings import Settings

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
_TEXT_MAX = 500

_ADVICE = {
    403: "that gateway has other secrets than this command: run it where the gateway's settings are",
    404: "the channel is off at that gateway, or something else answers there",
    413: "the body is larger than this platform's webhooks may be",
    503: "that gateway's database does not answer",
}


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the gateway said to it."""

    status: int
    text: str

    @property
    def taken(self) -> bool:
        return 200 <= self.status <= 299

    def __str__(self) -> str:
        advice = _ADVICE.get(self.status)
        return f"{self.status} {self.text}".rstrip() + (f"\n{advice}" if advice else "")


async def replay(settings: Settings, name: str, body: bytes, base_url: str) -> Answered:
    """Sign the very bytes with the settings' secrets and post them to the gateway at `base_url`. Harmless to repeat: a
    message that was taken before is known again. Raises CannotRun."""
    wired = one_on(settings, name)
    assert isinstance(wired.channel, Signing)
    try:
        headers = wired.channel.signed(body)
    except ValueError as error:
        raise CannotRun(f"{error}.") from None
    try:
        return await _post(base_url.rstrip("/") + wired.path, body, headers)
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise CannotRun(
            f"no gateway answers at {base_url} ({type(error).__name__}): start it, or give its address by --url."
        ) from None


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> Answered:
    """Straight to that address, without a proxy and without redirects: the headers hold a secret."""
    async with (
        aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as http,
        http.post(url, data=body, headers=headers, allow_redirects=False) as answer,
    ):
        text = (await answer.content.read(_TEXT_MAX)).decode(errors="replace")
        return Answered(status=answer.status, text=" ".join(text.split()))
