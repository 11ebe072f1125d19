"""The gateway put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.channels import Wired, announce, mail, wire
from bot.gateway.desk.access import Guard, Origins, strict_headers
from bot.gateway.desk.access.doors import access_routes
from bot.gateway.desk.orders import Orders
from bot.gateway.desk.outside.wiring import OtherDesks
from bot.gateway.desk.routing.router import Router
from bot.gateway.desk.searching import Indexer
from bot.gateway.desk.serving import Serving
from bot.gateway.desk.surroundings import Surroundings as DeskSurroundings
from bot.gateway.health import Health
from bot.gateway.invitations import Invitations
from bot.gateway.media import handles
from bot.gateway.media.fetcher import Fetcher
from bot.gateway.media.links import MediaLinks
from bot.gateway.media.sweep import Sweeper
from bot.gateway.media.vault import Vault
from bot.gateway.migrate import upgrade
from bot.gateway.rounds import Watch
from bot.gateway.sender import Fill, Sender
from bot.gateway.settings import Settings
from bot.gateway.signing import Signer
from bot.gateway.webchat import Hub, Identities, Surroundings, Uploads, Webchat
from bot.gateway.webhooks import LARGEST, Challenged, WebhookReceiver
from bot.gateway.withdrawals import Withdrawals
from bot.store.database import connect, database_url, transaction
from bot.store.outage import POSSIBLE
from bot.store.wake import open_wake
from channels.contract import Channel, Outbound
from channels.formatting import as_plain, parse
from channels.webchat import WebchatChannel

log = structlog.get_logger()

Clock = Callable[[], datetime]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def utc_now() -> datetime:
    return datetime.now(UTC)


def build_app(settings: Settings, clock: Clock = utc_now) -> web.Application:
    """The gateway as aiohttp runs it; it opens the database and starts sending when the application starts."""
    engine = connect(database_url(settings.database_url))
    channels: dict[str, Channel] = {}
    invitations = Invitations(engine=engine, channels=channels, clock=clock)
    vault = Vault(settings.media_dir)
    links = MediaLinks(engine=engine, vault=vault, signer=Signer(engine=engine, purpose="media", clock=clock))
    connected = wire(settings, invitations.for_message)
    channels |= {wired.channel.name: wired.channel for wired in connected}

    largest = max((wired.largest for wired in connected), default=LARGEST)
    app = web.Application(client_max_size=largest, middlewares=[_say_unavailable])
    app.cleanup_ctx.append(lambda _app: _database(engine, channels, clock))
    for wired in connected:
        _add_webhook(app, wired, engine, clock)
    if settings.webchat_origins:
        _add_webchat(app, settings, engine, channels, invitations, vault, links, clock)
    if (post := mail(settings)) is not None:
        channels[post.name] = post  # after the web chat, which offers to go on with all that are there by then
    _add_desk(app, settings, engine, channels, vault, links, clock)
    others = OtherDesks(settings=settings, engine=engine, channels=channels, vault=vault, links=links, clock=clock)
    app.add_routes(others.routes())
    app.cleanup_ctx.append(others.running)
    app.add_routes(links.routes())
    app.add_routes(Health(engine=engine, clock=clock).routes())
    fill = _filler(invitations, _sent_files(settings, links))
    app.cleanup_ctx.append(lambda _app: _working(settings, engine, channels, vault, fill, others, clock))
    return app


@web.middleware
async def _say_unavailable(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A database that does not answer is nobody's mistake but ours, and passes."""
    try:
        return await handler(request)
    except POSSIBLE as error:
        log.error("request.unavailable", path=request.path, error=type(error).__name__)
        raise web.HTTPServiceUnavailable(text="try again in a moment") from None


def _add_webhook(app: web.Application, wired: Wired, engine: AsyncEngine, clock: Clock) -> None:
    receiver = WebhookReceiver(channel=wired.channel, engine=engine, clock=clock, largest=wired.largest)
    app.router.add_post(wired.path, receiver.receive)
    if wired.challenge is not None:
        app.router.add_get(wired.path, Challenged(wired.challenge).answer)
    app.cleanup_ctx.append(lambda _app: _started(wired.channel))


def _add_webchat(
    app: web.Application,
    settings: Settings,
    engine: AsyncEngine,
    channels: dict[str, Channel],
    invitations: Invitations,
    vault: Vault,
    links: MediaLinks,
    clock: Clock,
) -> None:
    hub = Hub()
    channel = WebchatChannel(origins=settings.webchat_origins, push=hub.push, open_upload=vault.get)
    around = Surroundings(
        channel=channel,
        engine=engine,
        hub=hub,
        invite=invitations.for_visitor,
        others=sorted(channels),
        uploads=Uploads(vault=vault, signer=Signer(engine=engine, purpose="upload", clock=clock)),
        media_url=links.url,
        sent_file_url=_sent_files(settings, links),
        clock=clock,
    )
    secret = settings.webchat_jwt_secret
    webchat = Webchat(
        around=around,
        identities=Identities(secret=secret.get_secret_value() if secret else None, clock=clock),
        trusted_proxies=settings.trusted_proxies,
    )
    channels[channel.name] = channel
    app.add_routes(webchat.routes())
    app.on_shutdown.append(webchat.close)


def _add_desk(
    app: web.Application,
    settings: Settings,
    engine: AsyncEngine,
    channels: dict[str, Channel],
    vault: Vault,
    links: MediaLinks,
    clock: Clock,
) -> None:
    guard = Guard(engine=engine, clock=clock, origins=Origins(public_url=settings.public_url))
    app.on_response_prepare.append(strict_headers)
    app.add_routes(
        access_routes(
            engine=engine, clock=clock, guard=guard, channels=channels, trusted_proxies=settings.trusted_proxies
        )
    )

    around = DeskSurroundings(
        engine=engine,
        channels=channels,
        clock=clock,
        plain=lambda text: as_plain(parse(text)),
        media_url=links.url,
        uploads=Uploads(vault=vault, signer=Signer(engine=engine, purpose="desk-upload", clock=clock)),
        orders=Orders(settings.action_endpoint_url),
    )
    serving = Serving(around, lambda: open_wake(database_url(settings.database_url)))
    app.add_routes(serving.routes(guard))
    app.on_shutdown.append(lambda _app: serving.close_sockets())
    app.cleanup_ctx.append(lambda _app: _closed(serving))


def _sent_files(settings: Settings, links: MediaLinks) -> handles.Address:
    """Where customers and platforms load a file that we sent."""
    base = settings.public_url or f"http://127.0.0.1:{settings.port}"

    async def address(media_id: str) -> str:
        return base + await links.url(media_id, handles.LIFETIME)

    return address


def _filler(invitations: Invitations, address: handles.Address) -> Fill:
    """What is put into a message only when it is sent: codes and addresses that are kept nowhere."""

    async def fill(message: Outbound) -> Outbound:
        message = await invitations.with_code(message)
        return replace(message, content=await handles.resolve_all(message.content, address))

    return fill


async def _database(engine: AsyncEngine, channels: Collection[str], clock: Clock) -> AsyncIterator[None]:
    await upgrade(engine)
    async with transaction(engine) as connection:
        await announce(connection, channels, clock())
    yield
    await engine.dispose()


async def _closed(serving: Serving) -> AsyncIterator[None]:
    yield
    await serving.close()


async def _started(channel: Channel) -> AsyncIterator[None]:
    await channel.start()
    yield
    await channel.close()


async def _working(
    settings: Settings,
    engine: AsyncEngine,
    channels: dict[str, Channel],
    vault: Vault,
    fill: Fill,
    others: OtherDesks,
    clock: Clock,
) -> AsyncIterator[None]:
    """Everything that is done beside answering requests."""
    wake = await open_wake(database_url(settings.database_url))
    shared: Any = {"engine": engine, "channels": channels, "clock": clock}
    sender = Sender(**shared, fill=fill)
    every = [Fetcher(vault=vault, **shared).rounds, Withdrawals(**shared).rounds, sender.rounds]
    every.append(Router(engine=engine, clock=clock).rounds)
    indexer = Indexer(engine=engine, clock=clock)
    every.append(indexer.rounds)
    every += others.rounds()
    watch = Watch(every, engine=engine, wake=wake, clock=clock)
    sweeper = Sweeper(engine=engine, vault=vault)
    working = [asyncio.create_task(watch.run()), asyncio.create_task(sweeper.run())]
    log.info("gateway.started", port=settings.port, channels=sorted(channels))
    yield
    watch.stop()
    indexer.stop()
    sweeper.stop()
    await asyncio.gather(*working)
    await wake.close()
