"""`make screenshots`: the pictures in docs/, made anew from the running product."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser

from sandbox.journeys.stack import ROOT, running_stack
from tests.acceptance.sandbox_page import NARROW, WIDE, SandboxPage, sandbox_page
from tests.browser.chromium import chromium

DOCS = ROOT / "docs"


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with running_stack(Path(folder)) as stack, chromium() as browser:
            await wide(browser, stack.origin)
            await phone_in_chinese(browser, stack.origin)
            await narrow(browser, stack.origin)
            await dark(browser, stack.origin)


async def wide(browser: Browser, origin: str) -> None:
    async with sandbox_page(browser, origin, size=WIDE) as customer:
        await begin_a_return(customer)
        await customer.widget.say("Can we continue on Telegram?")
        await customer.widget.link("Open Telegram").click()
        await customer.phone.start()
        await customer.phone.shows("You were returning")
        await customer.phone.tap("Damaged")
        await customer.phone.shows("refund or an exchange")
        await save(customer, "sandbox-wide")


async def phone_in_chinese(browser: Browser, origin: str) -> None:
    async with sandbox_page(browser, origin, language="zh", size=NARROW) as customer:
        await customer.widget.open()
        await customer.widget.shows("您好")
        await customer.widget.say("我想退订单 1048 里的蓝色水壶")
        await customer.widget.shows("原因")
        await customer.widget.say("换到 Telegram 继续")
        await customer.widget.link("Telegram").click()
        await customer.phone.start()
        await customer.phone.shows("您正在退")
        await save(customer, "sandbox-phone-zh")


async def narrow(browser: Browser, origin: str) -> None:
    async with sandbox_page(browser, origin, size=NARROW) as customer:
        await begin_a_return(customer)
        await save(customer, "sandbox-narrow")


async def dark(browser: Browser, origin: str) -> None:
    async with sandbox_page(browser, origin, size=NARROW, dark=True) as customer:
        await customer.widget.open()
        await customer.widget.shows("Hello")
        await customer.widget.say("Is the wool blanket in stock?")
        await customer.widget.shows("blanket")
        await save(customer, "sandbox-dark")


async def begin_a_return(customer: SandboxPage) -> None:
    await customer.widget.open()
    await customer.widget.shows("Hello")
    await customer.widget.say("I want to return something from order 1042")
    await customer.widget.shows("Which item")
    await customer.widget.tap("Return blue kettle")
    await customer.widget.shows("reason")


async def save(customer: SandboxPage, name: str) -> None:
    await customer.page.mouse.move(0, 0)  # nothing looks pointed at
    await customer.page.wait_for_timeout(600)  # animations come to rest
    await customer.page.screenshot(path=DOCS / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
