"""Telegram on loopback with Hearthside's bot, Alice, who has opened its chat, and the channel between them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from channels.contract import Outbound
from channels.telegram import TelegramChannel
from channels.telegram.pace import STATED, Rates
from sandbox.telegram import UNLIMITED, BotAccount, TelegramServer, User, media

TOKEN = "123456:AAE-hearthside-secret"
SECRET = "a-secret-of-ours"
LINK = "https://wa.me/15550001111?text=f3Kx_9vQ-2LmZr7T"

Open = Callable[..., TelegramChannel]


async def link_to_whatsapp(message: Outbound) -> str:
    return LINK


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with TelegramServer(limits=UNLIMITED) as running:
        yield running


@pytest.fixture
def shop(server: TelegramServer) -> BotAccount:
    return server.bot(TOKEN)


@pytest.fixture
async def alice(server: TelegramServer, shop: BotAccount) -> User:
    alice = server.user("Alice", language="en")
    await alice.start(shop)
    return alice


@pytest.fixture
async def open_channel() -> AsyncIterator[Open]:
    """Open a channel to an address; it is closed at the end."""
    opened: list[TelegramChannel] = []

    def open_channel(
        api_url: str,
        *,
        token: str = TOKEN,
        link: Callable[[Outbound], Awaitable[str]] = link_to_whatsapp,
        timeout: float = 5.0,
        patience: float = 30.0,
        rates: Rates = STATED,
    ) -> TelegramChannel:
        opened.append(
            TelegramChannel(
                token=token,
                secret_token=SECRET,
                api_url=api_url,
                link=link,
                timeout=timeout,
                patience=patience,
                rates=rates,
            )
        )
        return opened[-1]

    yield open_channel
    for channel in opened:
        await channel.close()


@pytest.fixture
async def channel(server: TelegramServer, open_channel: Open) -> TelegramChannel:
    channel = open_channel(server.url)
    await channel.start()
    return channel


@asynccontextmanager
async def answering(status: int, body: str | bytes, content_type: str = "application/json") -> AsyncIterator[str]:
    """A server that answers everything alike, on a free port; its address."""

    async def answer(request: web.Request) -> web.Response:
        content = body.replace("{url}", str(request.url)) if isinstance(body, str) else body
        data = content.encode() if isinstance(content, str) else content
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
async def manual() -> AsyncIterator[str]:
    """The address of a PDF."""
    async with answering(200, media.sample("receipt.pdf"), "application/pdf") as url:
        yield f"{url}/manual.pdf"


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
