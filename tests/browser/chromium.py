"""The browser that the tests drive: Debian's Chromium, or the one that CHROMIUM names.

The one without a window, where it is installed: it draws the same and takes much less of the processor.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


_DEBIANS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_path(), args=_ARGUMENTS)
        yield browser
        await browser.close()


def _path() -> str:
    named = os.environ.get("CHROMIUM")
    for path in [named] if named else _DEBIANS:
        if Path(path).exists():
            return path
    remedy = "`apt-get install chromium-headless-shell` or `chromium`, or let CHROMIUM name another one"
    pytest.fail(f"{named or 'Chromium'} is missing: {remedy}", pytrace=False)
