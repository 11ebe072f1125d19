"""Files of our own in what is said to customers: kept as `vault:` and the file's id, and given an address when shown.

So no address is stored, and none is good for longer than it takes to load it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

from channels.contract import Content

SCHEME = "vault:"
LIFETIME = timedelta(days=1)
"""Of an address that is sent: phones load late, and platforms fetch again."""

Address = Callable[[str], Awaitable[str]]
"""The id of a file → where it can be had for a while."""


def handle(id: str) -> str:
    """What stands in the place of a URL."""
    return SCHEME + id


async def resolve(url: str, address: Address) -> str:
    """The URL that a part of a message has; any that is no handle is left as it is."""
    return await address(url.removeprefix(SCHEME)) if url.startswith(SCHEME) else url


async def resolve_all(content: Content, address: Address) -> Content:
    """The same message with an address in the place of each handle."""
    if content.image and content.image.startswith(SCHEME):
        content = replace(content, image=await resolve(content.image, address))
    if content.file and content.file.url.startswith(SCHEME):
        content = replace(content, file=replace(content.file, url=await resolve(content.file.url, address)))
    if any(card.image and card.image.startswith(SCHEME) for card in content.cards):
        shown = [replace(card, image=card.image and await resolve(card.image, address)) for card in content.cards]
        content = replace(content, cards=tuple(shown))
    return content
