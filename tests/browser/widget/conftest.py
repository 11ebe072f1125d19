"""A browser, a gateway played by `ProtocolServer`, and the shop's page that embeds the widget."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import chromium
from tests.browser.widget.protocol_server import ProtocolServer, ShopPage

DESKTOP = (1100, 800)

expect.set_options(timeout=30_000)


class Visit(Protocol):
    """Opens the shop's page in a browser of its own, or in another tab of `context`."""

    async def __call__(
        self,
        *,
        size: tuple[int, int] = DESKTOP,
        scheme: Literal["light", "dark"] = "light",
        fragment: str = "",
        context: BrowserContext | None = None,
        init: str = "",
        **page: str,
    ) -> Page: ...


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def server() -> AsyncIterator[ProtocolServer]:
    server = ProtocolServer()
    runner, server.url = await serve(server.app(), "127.0.0.1")
    yield server
    await runner.cleanup()
    assert server.violations == []


@pytest_asyncio.fixture(loop_scope="module")
async def shop(server: ProtocolServer) -> AsyncIterator[ShopPage]:
    shop = ShopPage(server.url)
    runner, shop.url = await serve(shop.app(), "localhost")
    server.allowed_origins = {shop.url}
    yield shop
    await runner.cleanup()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, shop: ShopPage) -> AsyncIterator[Visit]:
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def visit(
            *,
            size: tuple[int, int] = DESKTOP,
            scheme: Literal["light", "dark"] = "light",
            fragment: str = "",
            context: BrowserContext | None = None,
            init: str = "",
            **page: str,
        ) -> Page:
            if context is None:
                context = await browser.new_context(
                    viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="en-GB"
                )
                stack.push_async_callback(context.close)
            tab = await context.new_page()
            if init:
                await tab.add_init_script(init)
            tab.on("pageerror", lambda error: complaints.append(str(error)))
            tab.on("console", lambda message: complaints.append(message.text) if _is_ours(message) else None)
            query = urlencode({name.replace("_", "-"): value for name, value in page.items()})
            await tab.goto(f"{shop.url}/?{query}{fragment}")
            await tab.locator("throughline-chat").wait_for(state="attached")
            return tab

        yield visit
    assert complaints == []


def _is_ours(message: Any) -> bool:
    """The browser itself reports every connection that fails; those are brought about on purpose."""
    brought_about = ("Failed to load resource", "failed:")
    return message.type in ("error", "warning") and not any(words in message.text for words in brought_about)


async def serve(app: web.Application, host: str) -> tuple[web.AppRunner, str]:
    """Start on a free port; returns the runner and the URL."""
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://{host}:{runner.addresses[0][1]}"
