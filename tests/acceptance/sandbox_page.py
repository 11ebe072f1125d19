"""The sandbox's page as a customer uses it: the chat on the shop's website, and the phone beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from playwright.async_api import Browser, Locator, Page, expect

WIDE = (1440, 900)
NARROW = (390, 844)


class App(Protocol):
    """One channel in a customer's hands."""

    async def open(self) -> None:
        """Look at it, and begin to talk if it has never been opened."""

    async def say(self, text: str) -> None: ...

    async def tap(self, label: str) -> None:
        """One of the newest options with this label."""

    async def shows(self, text: str) -> None: ...

    def link(self, name: str) -> Locator:
        """The newest link of this name in what the bot said."""

    async def arrive(self) -> None:
        """After a link to this channel was opened elsewhere: do what the app asks for to send it on."""


class Widget:
    """The web chat."""

    def __init__(self, page: Page) -> None:
        self.element = page.locator("throughline-chat")
        self._field = self.element.get_by_role("textbox")

    async def open(self) -> None:
        if not await self._field.is_visible():
            await self.element.locator(".launcher").click()
        await expect(self._field).to_be_visible()

    async def say(self, text: str) -> None:
        await self._field.fill(text)
        await self._field.press("Enter")

    async def tap(self, label: str) -> None:
        await self.element.get_by_role("button", name=label, exact=True).last.click()

    async def shows(self, text: str) -> None:
        await expect(self.element.locator(".row:is(.bot, .agent)", has_text=text).last).to_be_visible()

    def link(self, name: str) -> Locator:
        return self.element.get_by_role("link", name=name).last

    async def arrive(self) -> None:
        """The widget takes the code from the page's address by itself, and opens."""


class Phone:
    """The phone with the Telegram-like chat."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.screen = page.locator("#phone")
        self._rows = self.screen.locator("#messages .row")

    async def open(self) -> None:
        await self._page.locator("#tab-telegram").click()
        await self.start()

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

    async def arrive(self) -> None:
        await self.start()


class WhatsApp:
    """The WhatsApp-like chat on the phone."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._screen = page.locator("#whatsapp")

    async def open(self) -> None:
        await self._page.locator("#tab-whatsapp").click()

    async def say(self, text: str) -> None:
        await self._screen.locator("#whatsapp-words").fill(text)
        await self._screen.locator("#whatsapp-words").press("Enter")

    async def tap(self, label: str) -> None:
        """On a reply button, or in the list that the newest message opens."""
        reply = self._screen.locator(".replies button", has_text=label)
        opens = self._screen.locator(".row").last.locator(".open-list")
        await expect(reply.last.or_(opens)).to_be_visible()
        if await opens.count():
            await opens.click()
            await self._page.locator(".sheet li button", has_text=label).last.click()
            confirm = self._page.locator(".sheet .send")
            if await confirm.count() and await confirm.is_visible():
                await confirm.click()
        else:
            await reply.last.click()

    async def shows(self, text: str) -> None:
        await expect(self._screen.locator(".row", has_text=text).last).to_be_visible()

    def link(self, name: str) -> Locator:
        return self._screen.locator(".replies a", has_text=name).last

    async def arrive(self) -> None:
        """The message is ready in the field; it is the customer who sends it."""
        await expect(self._screen.locator("#whatsapp-words")).not_to_have_value("")
        await self._screen.locator("#whatsapp-words").press("Enter")


class Teams:
    """The Teams-like chat on the phone."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._screen = page.locator("#teams")

    async def open(self) -> None:
        await self._page.locator("#tab-teams").click()

    async def say(self, text: str) -> None:
        await self._screen.locator("#teams-words").fill(text)
        await self._screen.locator("#teams-words").press("Enter")

    async def tap(self, label: str) -> None:
        await self._screen.locator(".actions button", has_text=label).last.click()

    async def shows(self, text: str) -> None:
        await expect(self._screen.locator(".row", has_text=text).last).to_be_visible()

    def link(self, name: str) -> Locator:
        return self._screen.locator(".actions a", has_text=name).last

    async def arrive(self) -> None:
        """The message is ready in the field; it is the customer who sends it."""
        await expect(self._screen.locator("#teams-words")).not_to_have_value("")
        await self._screen.locator("#teams-words").press("Enter")


class SandboxPage:
    """One customer with a browser and a phone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.widget = Widget(page)
        self.phone = Phone(page)
        self.apps: Mapping[str, App] = {
            "webchat": self.widget,
            "telegram": self.phone,
            "whatsapp": WhatsApp(page),
            "teams": Teams(page),
        }


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
