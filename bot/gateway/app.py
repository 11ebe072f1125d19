"""The gateway put together: the one place that knows which channels there are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import structlog
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.health import Health
from bot.gateway.invitations import Invitations
from bot.gateway.migrate import upgrade
from bot.gateway.sender import Sender
from bot.gateway.settings import Settings
from bot.gateway.webchat import Hub, Webchat
from bot.gateway.webhooks import WebhookReceiver
from bot.store.database import connect, database_url
from bot.store.wake import open_wake
from channels.contract import Channel
from channels.telegram import TelegramChannel
from channels.webchat import WebchatChannel

log = structlog.get_logger()

LARGEST_WEBHOOK = 1024 * 1024

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


def build_app(settings: Settings, clock: Clock = utc_now) -> web.Application:
    """The gateway as aiohttp runs it; it opens the database and starts sending when the application starts."""
    engine = connect(database_url(settings.database_url))
    app = web.Application(client_max_size=LARGEST_WEBHOOK)
    channels: dict[str, Channel] = {}
    invitations = Invitations(engine=engine, channels=channels, clock=clock)

    app.cleanup_ctx.append(lambda _app: _database(engine))
    if settings.telegram_bot_token and settings.telegram_secret_token:
        telegram = TelegramChannel(
            token=settings.telegram_bot_token.get_secret_value(),
            secret_token=settings.telegram_secret_token.get_secret_value(),
            api_url=settings.telegram_api_url,
            link=invitations.for_message,
        )
        channels[telegram.name] = telegram
        app.cleanup_ctx.append(lambda _app: _started(telegram))
        receiver = WebhookReceiver(channel=telegram, engine=engine, clock=clock)
        app.router.add_post("/webhooks/telegram", receiver.receive)
    if settings.webchat_origins:
        _add_webchat(app, settings, engine, channels, invitations, clock)
    app.add_routes(Health(engine=engine, clock=clock).routes())
    app.cleanup_ctx.append(lambda _app: _sending(settings, engine, channels, clock))
    return app


def _add_webchat(
    app: web.Application,
    settings: Settings,
    engine: AsyncEngine,
    channels: dict[str, Channel],
    invitations: Invitations,
    clock: Clock,
) -> None:
    hub = Hub()
    channel = WebchatChannel(origins=settings.webchat_origins, push=hub.push)
    webchat = Webchat(
        channel=channel,
        engine=engine,
        hub=hub,
        invite=invitations.for_visitor,
        others=sorted(channels),
        clock=clock,
    )
    channels[channel.name] = channel
    app.add_routes(webchat.routes())
    app.on_shutdown.append(webchat.close)


async def _database(engine: AsyncEngine) -> AsyncIterator[None]:
    await upgrade(engine)
    yield
    await engine.dispose()


async def _started(channel: TelegramChannel) -> AsyncIterator[None]:
    await channel.start()
    yield
    await channel.close()


async def _sending(
    settings: Settings, engine: AsyncEngine, channels: dict[str, Channel], clock: Clock
) -> AsyncIterator[None]:
    wake = await open_wake(database_url(settings.database_url))
    sender = Sender(engine=engine, channels=channels, wake=wake, clock=clock)
    task = asyncio.create_task(sender.run())
    log.info("gateway.started", port=settings.port, channels=sorted(channels))
    yield
    sender.stop()
    await task
    await wake.close()
