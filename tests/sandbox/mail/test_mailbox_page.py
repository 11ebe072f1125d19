"""The mailboxes in a real browser, and the way to them from the shop's page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from sandbox.app import make_app
from sandbox.ports import free_port
from sandbox.settings import MailSettings, Settings
from tests.browser.chromium import chromium

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@asynccontextmanager
async def sandbox(mail: MailSettings | None) -> AsyncIterator[str]:
    """Its address. The gateway is nowhere."""
    nowhere = free_port()
    settings = Settings(
        port=0,
        gateway_url=f"http://127.0.0.1:{nowhere}",
        bot_token="123456:AAE-hearthside",
        secret_token="s3cret",
        bot_username="hearthside_bot",
        mail=mail,
    )
    runner = web.AppRunner(make_app(settings), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("query", "link", "title", "again"),
    [
        ("", "Mail (new tab)", "Mail", "Look for new mail"),
        ("?lang=zh", "邮件（新标签页）", "邮件", "查看新邮件"),
    ],
)
async def test_the_mailbox_is_opened_beside_the_shop(
    browser: Browser, query: str, link: str, title: str, again: str
) -> None:
    port = free_port()
    async with sandbox(MailSettings(port=port, user="shop", password="s3cret")) as url:
        page = await browser.new_page(viewport={"width": 1440, "height": 900})
        await page.goto(f"{url}/{query}")
        async with page.expect_popup() as opening:
            await page.get_by_role("link", name=link).click()
        mailbox = await opening.value
        await expect(mailbox.get_by_role("heading", level=1)).to_have_text(title)
        await mailbox.get_by_role("link", name=again).click()
        await expect(mailbox.get_by_role("heading", level=1)).to_have_text(title)
        for one in (page, mailbox):
            found = await Axe().run(one, options={"resultTypes": ["violations"]})
            assert found.violations_count == 0, found.generate_report()


async def test_without_a_mail_server_there_is_no_link(browser: Browser) -> None:
    async with sandbox(None) as url:
        page = await browser.new_page()
        await page.goto(url)
        await expect(page.locator("#mail")).to_be_hidden()
