"""`make screenshots`: the pictures in docs/, made anew from the running product."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Browser, Page

from sandbox.journeys.stack import ROOT, Stack, running_stack
from tests.acceptance.desk_page import desk_page, staff
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
            await staff(stack)
            await desk(browser, stack)


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


async def desk(browser: Browser, stack: Stack) -> None:
    async with (
        desk_page(browser, stack.gateway_url, "maya") as maya,
        desk_page(browser, stack.gateway_url, "sam") as sam,
        sandbox_page(browser, stack.origin) as customer,
    ):
        await begin_a_return(customer)
        await customer.widget.say("Can we continue on Telegram?")
        await customer.widget.link("Open Telegram").click()
        await customer.phone.start()
        await customer.phone.shows("You were returning")
        await customer.phone.say("Can I talk to a human?")
        await customer.phone.shows("number 1 in the queue")
        await customer.phone.say("it leaks, and I need one before Friday")
        await sam.opens("before Friday")
        await maya.opens("before Friday")
        await maya.does("Take")
        await customer.phone.shows("talking with Maya")
        await maya.says("Hello, this is Maya. I am sorry about the kettle. A new one can be with you on Thursday.")
        await customer.phone.shows("on Thursday")
        await customer.phone.say("That would be perfect, thank you!")
        await maya.sees("That would be perfect")
        await settle(maya.page)
        await maya.page.screenshot(path=DOCS / "desk-wide.png")


async def begin_a_return(customer: SandboxPage) -> None:
    await customer.widget.open()
    await customer.widget.shows("Hello")
    await customer.widget.say("I want to return something from order 1042")
    await customer.widget.shows("Which item")
    await customer.widget.tap("Return blue kettle")
    await customer.widget.shows("reason")


async def settle(page: Page) -> None:
    await page.mouse.move(0, 0)  # nothing looks pointed at
    await page.wait_for_timeout(600)  # animations come to rest


async def save(customer: SandboxPage, name: str) -> None:
    await settle(customer.page)
    await customer.page.screenshot(path=DOCS / f"{name}.png")


if __name__ == "__main__":
    asyncio.run(main())
