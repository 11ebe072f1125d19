"""Files that visitors send. A file comes first, by HTTP, and gets a handle; the message that carries it names that.

So a message never waits in the socket behind megabytes, and what is no file that is taken never becomes a message.
"""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from bot.gateway.media.contents import LARGEST, NotTaken, check
from bot.gateway.media.vault import Vault
from bot.gateway.signing import Signer
from channels.text import storable

_HANDLE_LIFETIME = timedelta(hours=1)
_WITHIN = 300.0
_AT_ONCE = 16
_CHUNK = 64 * 1024
_LONGEST_NAME = 120
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")


class Uploads:
    """Takes files, and knows its own handles again."""

    def __init__(self, *, vault: Vault, signer: Signer) -> None:
        self._vault = vault
        self._signer = signer
        # Each is in memory as a whole until it is checked.
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def take(self, request: web.Request, visitor: str) -> dict[str, Any]:
        """Keep the request's body; what to tell the widget of it. Raises NotTaken, TimeoutError, OSError."""
        async with asyncio.timeout(_WITHIN), self._room:
            body = await _read(request)
            checked = await asyncio.to_thread(check, body, "file")
            sha256 = await self._vault.put(body)
        file = {"kind": _kind(checked.type), "name": _name(request), "type": checked.type, "size": len(body)}
        handle = await self._signer.sign({**file, "sha256": sha256, "visitor": visitor}, _HANDLE_LIFETIME)
        return {"file": handle, **file}

    async def look_up(self, handle: object, visitor: str) -> dict[str, Any] | None:
        """What a handle stands for; None if it is not this visitor's, or not a good one any more."""
        claims = await self._signer.check(handle) if isinstance(handle, str) else None
        if claims is None or claims.get("visitor") != visitor:
            return None
        return {name: claims.get(name) for name in ("sha256", "kind", "name", "type", "size")}


async def _read(request: web.Request) -> bytes:
    if (request.content_length or 0) > LARGEST:
        raise NotTaken("too_large")
    body = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > LARGEST:
            raise NotTaken("too_large")
    return bytes(body)


def _kind(type: str) -> str:
    kinds = {"image": "picture", "audio": "audio", "video": "video"}
    return kinds.get(type.partition("/")[0], "file")


def _name(request: web.Request) -> str | None:
    """A file's name and no path, of `X-File-Name`."""
    given = _CONTROLS.sub(" ", storable(unquote(request.headers.get("X-File-Name", ""))))
    return re.split(r"[/\\]", given)[-1].strip()[:_LONGEST_NAME] or None
