"""The sandbox's page as a customer uses it: the chat on the shop's website, and the phone beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Locator, Page, expect

WIDE = (1440, 900)
NARROW = (390, 844)


class Widget:
    """The web chat."""

    def __init__(self, page: Page) -> None:
        self.element = page.locator("throughline-chat")
        self._field = self.element.get_by_role("textbox")

    async def open(self) -> None:
        await self.element.locator(".launcher").click()
        await expect(self._field).to_be_visible()

    async def say(self, text: str) -> None:
        await self._field.fill(text)
        await self._field.press("Enter")

    async def tap(self, label: str) -> None:
        await self.element.get_by_role("button", name=label, exact=True).last.click()

    async def shows(self, text: str) -> None:
        await expect(self.element.locator(".row.bot", has_text=text).last).to_be_visible()

    def link(self, channel: str) -> Locator:
        return self.element.get_by_role("link", name=channel).last


class Phone:
    """The phone with the Telegram-like chat."""

    def __init__(self, page: Page) -> None:
        self.screen = page.locator("#phone")
        self._rows = self.screen.locator("#messages .row")

    async def start(self) -> None:
        await self.screen.locator("#start").click()

    async def say(self, text: str) -> None:
        await self.screen.locator("#words").fill(text)
        await self.screen.locator("#words").press("Enter")

    async def tap(self, label: str) -> None:
        await self.screen.locator(".keys button", has_text=label).last.click()

    async def shows(self, text: str) -> None:
        await expect(self._rows.filter(has_text=text).last).to_be_visible()

    def link(self, name: str) -> Locator:
        return self.screen.locator(".keys a", has_text=name).last


class SandboxPage:
    """One customer with a browser and a phone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.widget = Widget(page)
        self.phone = Phone(page)


@asynccontextmanager
async def sandbox_page(
    browser: Browser, origin: str, *, language: str = "en", size: tuple[int, int] = WIDE, dark: bool = False
) -> AsyncIterator[SandboxPage]:
    """A customer who has never been here. Errors of the page's scripts fail the test."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        locale="zh-CN" if language == "zh" else "en-SG",
    )
    complaints: list[str] = []
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{origin}/?lang={language}")
    await page.locator("throughline-chat").wait_for(state="attached")
    yield SandboxPage(page)
    await context.close()
    assert complaints == []
