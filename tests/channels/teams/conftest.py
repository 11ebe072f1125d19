"""Teams on loopback with Hearthside's bot, an endpoint that remembers, Alice, and the channel between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from channels.contract import Inbound, Outbound, Webhook
from channels.pacing import Book, Limit
from channels.teams import PER_THREAD, TeamsChannel
from sandbox.ports import free_port
from sandbox.teams import BotAccount, Delivery, Person, TeamsServer

LINK = "https://wa.me/15550001111?text=f3Kx_9vQ-2LmZr7T"

Open = Callable[..., Awaitable[TeamsChannel]]


async def link_to_whatsapp(message: Outbound) -> str:
    return LINK


@dataclass(kw_only=True)
class Endpoint:
    """The gateway's place: keeps every request as the channel would be given it, and answers 200."""

    url: str = ""
    webhooks: list[Webhook] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        webhook = Webhook(method="POST", headers=request.headers, body=await request.read())
        self.webhooks.append(webhook)
        return web.Response()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_post("/api/messages", endpoint.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    endpoint.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/messages"
    yield endpoint
    await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[TeamsServer]:
    async with TeamsServer(windows=()) as running:
        yield running


@pytest.fixture
def shop(server: TeamsServer, endpoint: Endpoint) -> BotAccount:
    return server.bot(endpoint=endpoint.url)


@pytest.fixture
def alice(server: TeamsServer) -> Person:
    return server.person("Alice", language="en-GB")


@pytest.fixture
async def open_channel(server: TeamsServer, shop: BotAccount) -> AsyncIterator[Open]:
    """Open a channel for the shop's bot; it is closed at the end."""
    opened: list[TeamsChannel] = []

    async def open_channel(
        *,
        app_id: str | None = None,
        app_password: str | None = None,
        openid_url: str | None = None,
        login_url: str | None = None,
        service_hosts: tuple[str, ...] = ("127.0.0.1",),
        link: Callable[[Outbound], Awaitable[str]] = link_to_whatsapp,
        development: bool = False,
        timeout: float = 5.0,
        patience: float = 30.0,
        pace: Sequence[Limit] = PER_THREAD,
        book: Book | None = None,
    ) -> TeamsChannel:
        channel = TeamsChannel(
            app_id=shop.app_id if app_id is None else app_id,
            app_password=shop.password if app_password is None else app_password,
            openid_url=openid_url or server.openid_url,
            login_url=login_url or server.login_url,
            service_hosts=service_hosts,
            link=link,
            development=development,
            timeout=timeout,
            patience=patience,
            pace=pace,
            book=book,
        )
        opened.append(channel)
        await channel.start()
        return channel

    yield open_channel
    for channel in opened:
        await channel.close()


@pytest.fixture
async def channel(open_channel: Open) -> TeamsChannel:
    return await open_channel()


async def delivered(delivery: Delivery, endpoint: Endpoint) -> Webhook:
    """The request that brought it."""
    await delivery.taken()
    return endpoint.webhooks[-1]


async def inbound(channel: TeamsChannel, delivery: Delivery, endpoint: Endpoint) -> Inbound:
    """The one thing that a delivery means."""
    webhook = await delivered(delivery, endpoint)
    await channel.verify(webhook)
    [one] = channel.read(webhook)
    assert isinstance(one, Inbound)
    return one


def closed_port() -> str:
    return f"http://127.0.0.1:{free_port()}"
