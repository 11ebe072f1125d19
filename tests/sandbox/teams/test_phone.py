"""Teams on the phone, in a real browser, with the product's channel behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from multidict import CIMultiDict
from playwright.async_api import Browser, Locator, Page, expect

from channels.contract import Content, File, Inbound, Media, Option, Outbound, Reach, SendError, Start, Webhook
from channels.teams import TeamsChannel
from sandbox.app import make_app
from sandbox.journeys.stack import until
from sandbox.ports import free_ports
from sandbox.settings import Settings, TeamsSettings
from tests.browser.chromium import chromium

pytestmark = pytest.mark.asyncio(loop_scope="module")

APP = TeamsSettings(app_id="3f1c9b52-6a0e-4c55-9b0e-2d6a1c7e8f10", app_password="password")
KETTLES = (
    Option(title="Blue kettle", payload="/a", description="1.7 l, enamel"),
    Option(title="Red kettle", payload="/b"),
)


@dataclass(kw_only=True)
class World:
    """The sandbox, the channel, what the channel was told, and Teams on the page."""

    channel: TeamsChannel
    webhooks: list[Webhook]
    page: Page
    errors: list[str]

    @property
    def teams(self) -> Locator:
        return self.page.locator("#teams")

    def heard(self) -> list[Inbound]:
        return [one for webhook in self.webhooks for one in self.channel.read(webhook) if isinstance(one, Inbound)]

    async def hears(self, count: int) -> Inbound:
        """The newest thing, once there are so many."""
        await until(lambda: len(self.heard()) >= count, f"{count} things that were said")
        return self.heard()[-1]

    async def say(self, address: str, content: Content) -> tuple[Outbound, tuple[str, ...]]:
        outbound = Outbound(id=345, address=address, content=content, language="en")
        return outbound, (await self.channel.send(outbound)).platform_ids


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


async def no_link(_: Outbound) -> str:
    raise AssertionError("nobody is invited here")


@pytest_asyncio.fixture(loop_scope="module")
async def world(browser: Browser) -> AsyncIterator[World]:
    webhooks = list[Webhook]()

    async def take(request: web.Request) -> web.Response:
        webhooks.append(Webhook(method="POST", headers=CIMultiDict(request.headers), body=await request.read()))
        return web.Response()

    gateway, sandbox = free_ports(2)
    settings = Settings(
        port=sandbox,
        gateway_url=f"http://127.0.0.1:{gateway}",
        bot_token="123456:AAE-hearthside",
        secret_token="secret",
        bot_username="hearthside_bot",
        teams=APP,
    )
    product = web.Application()
    product.router.add_post("/api/messages", take)
    channel = TeamsChannel(
        app_id=APP.app_id,
        app_password=APP.app_password,
        openid_url=f"{settings.url}/teams/v1/.well-known/openidconfiguration",
        login_url=f"{settings.url}/teams/botframework.com",
        service_hosts=("127.0.0.1",),
        link=no_link,
    )
    await channel.start()
    runners = [web.AppRunner(app, access_log=None, shutdown_timeout=0.1) for app in (product, make_app(settings))]
    for runner, port in zip(runners, (gateway, sandbox), strict=True):
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page, errors = await context.new_page(), list[str]()
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto(settings.url)
    await expect(page.locator("#owner")).not_to_be_empty()
    await page.locator("#tab-teams").click()
    yield World(channel=channel, webhooks=webhooks, page=page, errors=errors)
    await context.close()
    await channel.close()
    for runner in runners:
        await runner.cleanup()
    assert errors == []


async def test_pasted_picture_reaches_the_bot_and_is_shown(world: World) -> None:
    await world.teams.locator(".clip").click()
    await world.teams.locator(".attach-photo").click()
    heard = await world.hears(1)
    assert isinstance(heard.said, Media)
    assert (await world.channel.fetch(heard.said.ref, limit=100_000)).startswith(b"\xff\xd8")
    picture = world.teams.locator(".row.own img.pasted")
    await expect(picture).to_be_visible()
    await expect(picture).to_have_js_property("complete", True)
    assert await picture.evaluate("image => image.naturalWidth") > 0


async def test_file_reaches_the_bot_and_is_shown(world: World) -> None:
    await world.teams.locator(".clip").click()
    await world.teams.locator(".attach-document").click()
    heard = await world.hears(1)
    assert isinstance(heard.said, Media)
    assert (heard.said.kind, heard.said.name) == ("file", "receipt.pdf")
    assert (await world.channel.fetch(heard.said.ref, limit=100_000)).startswith(b"%PDF")
    await expect(world.teams.locator(".row.own .attached", has_text="receipt.pdf")).to_be_visible()


async def test_buttons_that_are_withdrawn_leave_the_screen(world: World) -> None:
    await world.teams.locator("#teams-words").fill("hello")
    await world.teams.locator("#teams-words").press("Enter")
    file = File(url="https://shop.example/kettles.pdf", name="All kettles.pdf")
    content = Content(text="**Which one** would you like?", options=KETTLES, file=file)
    asked, ids = await world.say((await world.hears(1)).address, content)
    row = world.teams.locator(".row", has_text="Which one")
    await expect(row.locator(".actions button")).to_have_text(["Blue kettle", "Red kettle"])
    await expect(row.locator("strong")).to_have_text(["Which one", "Blue kettle"])
    await expect(row.get_by_text("1.7 l, enamel")).to_be_visible()
    await world.channel.withdraw(asked, ids)
    await expect(row.locator(".actions button")).to_have_count(0)
    await expect(row.locator(".actions a")).to_have_text(["Open"])


async def test_app_is_removed_and_added_again(world: World) -> None:
    await world.teams.locator("#teams-words").fill("hello")
    await world.teams.locator("#teams-words").press("Enter")
    address = (await world.hears(1)).address
    await world.teams.locator(".remove-app").click()
    await expect(world.teams.locator(".removed")).to_be_visible()
    await expect(world.teams.locator(".composer")).to_be_hidden()
    with pytest.raises(SendError, match="removed the app"):
        await world.say(address, Content(text="are you there?"))
    await world.teams.locator(".add-app").click()
    await expect(world.teams.locator(".composer")).to_be_visible()
    assert (await world.hears(2)).said == Start()
    told = [
        one.reachable for webhook in world.webhooks for one in world.channel.news(webhook) if isinstance(one, Reach)
    ]
    assert told == [False, True]


@pytest.mark.parametrize("night", [False, True])
async def test_what_is_attached_can_be_used_by_everybody(world: World, night: bool) -> None:
    if night:
        await world.teams.locator(".night").click()
    await world.teams.locator(".clip").click()
    await world.teams.locator(".attach-document").click()
    await world.hears(1)
    await world.teams.locator(".clip").click()
    await world.teams.locator(".attach-photo").click()
    await expect(world.teams.locator(".row.own img.pasted")).to_be_visible()
    results = await Axe().run(world.page, context="#teams")
    assert results.violations_count == 0, results.generate_report()
    await world.teams.locator(".remove-app").click()
    await expect(world.teams.locator(".removed")).to_be_visible()
    results = await Axe().run(world.page, context="#teams")
    assert results.violations_count == 0, results.generate_report()
