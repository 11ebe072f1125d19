"""The other gateways on the same database: what is shared with them, and the way to tell them something."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web
from sqlalchemy.engine import URL

from bot.gateway.rates import GatewaysBook, book_of
from bot.store.whispers import Whispers, whispers_of


@dataclass(frozen=True, kw_only=True)
class Siblings:
    """name: this gateway's among them"""

    name: str
    book: GatewaysBook
    whispers: Whispers

    async def running(self, _app: web.Application) -> AsyncIterator[None]:
        await self.whispers.start()
        yield
        await self.whispers.close()
        await self.book.close()


def siblings_of(url: URL, name: str) -> Siblings:
    """Of the gateway of that name."""
    return Siblings(name=name, book=book_of(url), whispers=whispers_of(url))
