"""What all parts of the desk's server have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.desk.items import Plain
from bot.gateway.desk.orders import Orders
from bot.gateway.desk.transcript import Address
from bot.gateway.media.handles import SCHEME
from bot.gateway.media.handles import resolve as resolve_handle
from bot.gateway.webchat import Uploads
from channels.contract import Channel


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    engine: AsyncEngine
    channels: Mapping[str, Channel]
    """Those that the gateway serves, by name."""
    clock: Callable[[], datetime]
    plain: Plain
    media_url: Address
    """The id of a file → a path of this gateway's, for the desk's page."""
    uploads: Uploads
    orders: Orders

    async def shown_url(self, url: str) -> str:
        """What stands for a picture or a file in a message, as the desk's page can load it."""
        return await resolve_handle(url, self.media_url) if url.startswith(SCHEME) else url
