"""WhatsApp on loopback with Hearthside's number, Alice, who has written to it, and the channel between them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from channels.contract import Outbound
from channels.pacing import Book
from channels.whatsapp import WhatsAppChannel
from sandbox.whatsapp import Limits, Number, Person, WhatsAppServer

TOKEN = "EAAG-hearthside-secret"
APP_SECRET = "5f4dcc3b5aa765d61d8327deb882cf99"
VERIFY_TOKEN = "verify-me-2026"
PHONE_NUMBER_ID = "106540352242922"
LINK = "https://t.me/hearthside_bot?start=f3Kx_9vQ-2LmZr7T"

Open = Callable[..., Awaitable[WhatsAppChannel]]


async def link_to_telegram(message: Outbound) -> str:
    return LINK


@pytest.fixture
def limits() -> Limits:
    """Every refusal is told at once."""
    return Limits(pair=None, overall=None, retry_base=0.01, retry_max=0.05, told_later=frozenset())


@pytest.fixture
async def server(limits: Limits) -> AsyncIterator[WhatsAppServer]:
    async with WhatsAppServer(limits=limits) as running:
        yield running


@pytest.fixture
def shop(server: WhatsAppServer) -> Number:
    return server.number(PHONE_NUMBER_ID, access_token=TOKEN, app_secret=APP_SECRET)


@pytest.fixture
async def alice(server: WhatsAppServer, shop: Number) -> Person:
    alice = server.person("Alice", "16505551234")
    await alice.say(shop, "hello")
    return alice


@pytest.fixture
async def open_channel() -> AsyncIterator[Open]:
    """Open a channel to an address; it is closed at the end."""
    opened: list[WhatsAppChannel] = []

    async def open_channel(
        url: str,
        *,
        access_token: str = TOKEN,
        phone_number_id: str = PHONE_NUMBER_ID,
        link: Callable[[Outbound], Awaitable[str]] = link_to_telegram,
        timeout: float = 5.0,
        patience: float = 30.0,
        book: Book | None = None,
    ) -> WhatsAppChannel:
        channel = WhatsAppChannel(
            access_token=access_token,
            app_secret=APP_SECRET,
            verify_token=VERIFY_TOKEN,
            phone_number_id=phone_number_id,
            api_url=f"{url}/v26.0",
            link=link,
            timeout=timeout,
            patience=patience,
            book=book,
        )
        await channel.start()
        opened.append(channel)
        return channel

    yield open_channel
    for channel in opened:
        await channel.close()


@pytest.fixture
async def channel(server: WhatsAppServer, open_channel: Open) -> WhatsAppChannel:
    return await open_channel(server.url)


@asynccontextmanager
async def answering(status: int, body: str | bytes, content_type: str = "application/json") -> AsyncIterator[str]:
    """A server that answers everything alike, on a free port; its address."""

    async def answer(request: web.Request) -> web.Response:
        data = body.encode() if isinstance(body, str) else body
        return web.Response(status=status, body=data, content_type=content_type)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def photo() -> AsyncIterator[str]:
    """The address of a picture."""
    async with answering(200, _png(), "image/png") as url:
        yield f"{url}/sofa.png"


def _png() -> bytes:
    """8 by 8 grey pixels: https://www.w3.org/TR/png/"""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    rows = _chunk(b"IDAT", zlib.compress((b"\0" + b"\x80" * 8) * 8))
    return b"\x89PNG\r\n\x1a\n" + header + rows + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
