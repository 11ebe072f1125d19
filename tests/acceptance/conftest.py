"""The product running with its sandbox, started once for the tests that only talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from sandbox.journeys.stack import Stack, running_stack
from tests.browser.chromium import chromium

expect.set_options(timeout=30_000)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Gateway, core worker with the trained model, action server and sandbox."""
    async with running_stack(tmp_path_factory.mktemp("product")) as stack:
        yield stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser
