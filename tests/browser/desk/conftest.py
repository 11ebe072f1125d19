"""A browser, a desk's server played by `PlayedDesk`, and the page that it serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Literal, Protocol

import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.browser.chromium import chromium
from tests.browser.desk.played import PlayedDesk

WIDE, PHONE = (1440, 900), (390, 844)

expect.set_options(timeout=30_000)


class Visit(Protocol):
    """Opens the desk in a browser of its own, or in another window of `context`, and waits until it is drawn."""

    async def __call__(
        self,
        place: str = "queue",
        *,
        size: tuple[int, int] = WIDE,
        scheme: Literal["light", "dark"] = "light",
        locale: str = "en-GB",
        context: BrowserContext | None = None,
        init: str = "",
    ) -> Page: ...


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def desk() -> AsyncIterator[PlayedDesk]:
    desk = PlayedDesk()
    runner = await serve(desk)
    yield desk
    await runner.cleanup()
    assert desk.violations == []


@pytest_asyncio.fixture(loop_scope="module")
async def visit(browser: Browser, desk: PlayedDesk) -> AsyncIterator[Visit]:
    complaints: list[str] = []
    async with AsyncExitStack() as stack:

        async def visit(
            place: str = "queue",
            *,
            size: tuple[int, int] = WIDE,
            scheme: Literal["light", "dark"] = "light",
            locale: str = "en-GB",
            context: BrowserContext | None = None,
            init: str = "",
        ) -> Page:
            if context is None:
                context = await browser.new_context(
                    viewport={"width": size[0], "height": size[1]},
                    color_scheme=scheme,
                    locale=locale,
                    has_touch=size == PHONE,
                )
                stack.push_async_callback(context.close)
            page = await context.new_page()
            if init:
                await page.add_init_script(init)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda message: complaints.append(message.text) if _is_ours(message) else None)
            await page.goto(f"{desk.url}/desk#/{place}")
            await page.locator("main, .list-pane").first.wait_for()
            return page

        yield visit
    assert complaints == []


def _is_ours(message: Any) -> bool:
    """The browser itself reports every connection that fails; those are brought about on purpose."""
    brought_about = ("Failed to load resource", "failed:")
    return message.type in ("error", "warning") and not any(words in message.text for words in brought_about)


async def serve(desk: PlayedDesk) -> web.AppRunner:
    """Start on a free port; `desk.url` is where."""
    runner = web.AppRunner(desk.app(), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    desk.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    return runner
