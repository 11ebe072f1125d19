"""The desk's page as an agent uses it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Locator, Page, expect

from sandbox.journeys.stack import ROOT, Stack
from tests.acceptance.sandbox_page import WIDE

PASSWORD = "a-long-word-of-the-tests"


async def throughline(stack: Stack, *command: str) -> None:
    """A command of the operator's, who types `PASSWORD` where one is asked for."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.gateway", *command),
        cwd=ROOT,
        env={**os.environ, **stack.environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate(PASSWORD.encode())
    assert process.returncode == 0, told.decode()


async def staff(stack: Stack) -> None:
    """Maya, an agent, and Sam, a supervisor, who take what waits by themselves."""
    await throughline(stack, "agents", "teams", "add", "Care", "--assignment", "pulled")
    maya = ("agents", "add", "maya", "--name", "Maya", "--team", "Care", "--password-stdin")
    await throughline(stack, *maya)
    sam = ("agents", "add", "sam", "--name", "Sam", "--role", "supervisor", "--team", "Care", "--password-stdin")
    await throughline(stack, *sam)


class DeskPage:
    """One agent's window."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.list = page.get_by_role("main")
        self.transcript = page.locator(".transcript")

    async def log_in(self, login: str, password: str = PASSWORD) -> None:
        await self.page.get_by_label("Login", exact=True).fill(login)
        await self.page.get_by_label("Password", exact=True).fill(password)
        await self.page.get_by_role("button", name="Log in").click()
        await expect(self.page.get_by_role("navigation", name="Desk")).to_be_visible()

    async def goes_to(self, view: str) -> None:
        await self.page.get_by_role("navigation", name="Desk").get_by_role("link", name=view).click()

    def row(self, words: str) -> Locator:
        """In the list."""
        return self.list.get_by_role("link").filter(has_text=words)

    async def opens(self, words: str) -> None:
        await self.row(words).first.click()
        await expect(self.transcript).to_be_visible()

    @property
    def composer(self) -> Locator:
        return self.page.locator("#composer")

    async def does(self, action: str) -> None:
        await self.page.get_by_role("button", name=action, exact=True).first.click()

    async def says(self, words: str) -> None:
        await self.composer.fill(words)
        await self.composer.press("Enter")

    async def sees(self, words: str) -> None:
        await expect(self.transcript.get_by_text(words).last).to_be_visible()


@asynccontextmanager
async def desk_page(
    browser: Browser,
    gateway: str,
    login: str,
    *,
    size: tuple[int, int] = WIDE,
    dark: bool = False,
    locale: str = "en-SG",
) -> AsyncIterator[DeskPage]:
    """An agent's window, logged in. Errors of the page's scripts fail the test."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        locale=locale,
    )
    complaints: list[str] = []
    page = await context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(f"{gateway}/desk")
    desk = DeskPage(page)
    await desk.log_in(login)
    yield desk
    await context.close()
    assert complaints == []
