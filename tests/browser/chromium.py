"""The browser that the tests drive: Debian's Chromium, or the one that CHROMIUM names."""

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


_DEBIANS = "/usr/bin/chromium"


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_path(), args=_ARGUMENTS)
        yield browser
        await browser.close()


def _path() -> str:
    path = os.environ.get("CHROMIUM", _DEBIANS)
    if not Path(path).exists():
        pytest.fail(f"{path} is missing: `apt-get install chromium`, or let CHROMIUM name another one", pytrace=False)
    return path
