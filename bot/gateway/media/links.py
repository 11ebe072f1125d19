"""Links to customers' files, each good for a few minutes: whoever may see a transcript is given fresh ones with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.media.vault import Vault
from bot.gateway.signing import Signer
from bot.store.database import reading
from bot.store.tables import media

LIFETIME = timedelta(minutes=10)

_SHOWN = ("image/", "audio/", "video/")


class MediaLinks:
    """Makes the links, and serves what they lead to."""

    def __init__(self, *, engine: AsyncEngine, vault: Vault, signer: Signer) -> None:
        self._engine = engine
        self._vault = vault
        self._signer = signer

    async def url(self, media_id: str, lifetime: timedelta = LIFETIME) -> str:
        """A path under which the file can be had for a while. It may be handed to whoever may see the message."""
        return f"/media/{await self._signer.sign({'sub': media_id}, lifetime)}"

    def routes(self) -> list[web.AbstractRouteDef]:
        return [web.get("/media/{token}", self.serve)]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """404 for whatever is no link of ours, is over, or leads to nothing: they are not told apart."""
        claims = await self._signer.check(request.match_info["token"])
        row = await self._find(str(claims["sub"])) if claims and "sub" in claims else None
        if row is None or not self._vault.path(row.sha256).exists():
            raise web.HTTPNotFound(text="this link is over")
        return web.FileResponse(self._vault.path(row.sha256), headers=_headers(row.type, row.name))

    async def _find(self, media_id: str) -> Any:
        kept = sa.select(media.c.sha256, media.c.type, media.c.name).where(
            media.c.id == media_id, media.c.state == "stored"
        )
        async with reading(self._engine) as connection:
            return (await connection.execute(kept)).one_or_none()


def _headers(type: str, name: str | None) -> dict[str, str]:
    """Nothing in a customer's file may run in anybody's browser, nor be kept there by others."""
    shown = type.startswith(_SHOWN)
    file_name = f"; filename*=UTF-8''{quote(name, safe='')}" if name else ""
    return {
        "Content-Type": f"{type}; charset=utf-8" if type == "text/plain" else type,
        "Content-Disposition": ("inline" if shown else "attachment") + file_name,
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": f"private, max-age={int(LIFETIME.total_seconds())}",
    }
