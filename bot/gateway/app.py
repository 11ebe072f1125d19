"""The gateway put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from bot.gateway import working
from bot.gateway.channels import Wired, mail, wire
from bot.gateway.desk.access import Guard, Origins, strict_headers
from bot.gateway.desk.access.doors import access_routes
from bot.gateway.desk.orders import Orders
from bot.gateway.desk.outside.wiring import OtherDesks
from bot.gateway.desk.serving import Serving
from bot.gateway.desk.surroundings import Surroundings as DeskSurroundings
from bot.gateway.gauges import Gauges
from bot.gateway.health import LEAVING, Health
from bot.gateway.parts import Clock, Parts
from bot.gateway.settings import Settings
from bot.gateway.waiting import Waiting, words_after
from bot.gateway.webchat import Hub, Identities, Lookout, Surroundings, Uploads, Webchat, rates_in
from bot.gateway.webhooks import LARGEST, Challenged, WebhookReceiver
from bot.store.database import database_url
from bot.store.outage import POSSIBLE
from bot.store.wake import open_wake
from channels.formatting import as_plain, parse
from channels.webchat import WebchatChannel

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def build_app(settings: Settings, clock: Clock | None = None) -> web.Application:
    """The gateway as aiohttp runs it; it opens the database and starts sending when the application starts. Its time is
    the database's, unless another `clock` is given."""
    parts = Parts.of(settings, clock)
    connected = wire(settings, parts.invitations.for_message, parts.siblings.book)
    parts.channels.update({wired.channel.name: wired.channel for wired in connected})

    largest = max((wired.largest for wired in connected), default=LARGEST)
    app = web.Application(client_max_size=largest, middlewares=[_say_unavailable])
    _during(app, working.with_database, parts)
    _during(app, working.among_gateways, parts)
    app.cleanup_ctx.append(parts.siblings.running)
    for wired in connected:
        _add_webhook(app, wired, parts)
    if settings.webchat_origins:
        _add_webchat(app, parts)
    if (post := mail(settings)) is not None:
        parts.channels[post.name] = post  # after the web chat, which offers to go on with all that are there by then
    _add_desk(app, parts)
    others = _add_other_desks(app, parts)
    app.add_routes(parts.links.routes())
    _add_health(app, parts)
    _during(app, working.running, parts.backlog, _company(parts))
    _during(app, working.working, parts, others)
    return app


@web.middleware
async def _say_unavailable(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A database that does not answer is nobody's mistake but ours, and passes."""
    try:
        return await handler(request)
    except POSSIBLE as error:
        log.error("request.unavailable", path=request.path, error=type(error).__name__)
        raise web.HTTPServiceUnavailable(text="try again in a moment") from None


def _during(app: web.Application, stretch: Callable[..., AsyncIterator[None]], *arguments: Any) -> None:
    """From the application's start to its end, those added first around those added later."""
    app.cleanup_ctx.append(lambda _app: stretch(*arguments))


def _add_webhook(app: web.Application, wired: Wired, parts: Parts) -> None:
    receiver = WebhookReceiver(
        channel=wired.channel,
        acceptor=parts.acceptor,
        traces=parts.traces,
        backlog=parts.backlog,
        largest=wired.largest,
    )
    app.router.add_post(wired.path, receiver.receive)
    if wired.challenge is not None:
        app.router.add_get(wired.path, Challenged(wired.challenge).answer)
    _during(app, working.started, wired.channel)


def _add_webchat(app: web.Application, parts: Parts) -> None:
    settings, whispers = parts.settings, parts.siblings.whispers
    hub = Hub(whispers, parts.name)
    channel = WebchatChannel(
        origins=settings.webchat_origins, push=hub.push, typing=hub.typing, open_upload=parts.vault.get
    )
    around = Surroundings(
        channel=channel,
        engine=parts.engine,
        acceptor=parts.acceptor,
        hub=hub,
        invite=parts.invitations.for_visitor,
        others=sorted(parts.channels),
        uploads=Uploads(vault=parts.vault, signer=parts.signer("upload")),
        media_url=parts.links.url,
        sent_file_url=parts.sent_file_url,
        traces=parts.traces,
        is_full=lambda: parts.backlog.is_full,
        clock=parts.clock,
    )
    secret = settings.webchat_jwt_secret
    webchat = Webchat(
        around=around,
        identities=Identities(secret=secret.get_secret_value() if secret else None, clock=parts.clock),
        trusted_proxies=settings.trusted_proxies,
        rates=rates_in(parts.siblings.book),
    )
    parts.channels[channel.name] = channel
    app.add_routes(webchat.routes())
    app.on_shutdown.append(webchat.close)
    lookout = Lookout(engine=parts.engine, hub=hub, clock=parts.clock)
    whispers.missed(lookout.look_at_all)
    _during(app, working.running, lookout)


def _add_desk(app: web.Application, parts: Parts) -> None:
    settings = parts.settings
    guard = Guard(engine=parts.engine, clock=parts.clock, origins=Origins(public_url=settings.public_url))
    app.on_response_prepare.append(strict_headers)
    app.add_routes(
        access_routes(
            engine=parts.engine,
            clock=parts.clock,
            guard=guard,
            channels=parts.channels,
            trusted_proxies=settings.trusted_proxies,
            book=parts.siblings.book,
        )
    )
    around = DeskSurroundings(
        engine=parts.engine,
        channels=parts.channels,
        clock=parts.clock,
        plain=lambda text: as_plain(parse(text)),
        media_url=parts.links.url,
        uploads=Uploads(vault=parts.vault, signer=parts.signer("desk-upload")),
        orders=Orders(settings.action_endpoint_url),
    )
    serving = Serving(around, lambda: open_wake(database_url(settings.database_url)), parts.siblings)
    app.add_routes(serving.routes(guard))
    app.on_shutdown.append(lambda _app: serving.close_sockets())
    _during(app, working.closed, serving.close)


def _add_other_desks(app: web.Application, parts: Parts) -> OtherDesks:
    others = OtherDesks(
        settings=parts.settings,
        engine=parts.engine,
        channels=parts.channels,
        vault=parts.vault,
        links=parts.links,
        clock=parts.clock,
    )
    app.add_routes(others.routes())
    app.cleanup_ctx.append(others.running)
    return others


def _add_health(app: web.Application, parts: Parts) -> None:
    gauges = Gauges(engine=parts.engine, clock=parts.clock, channels=parts.channels)
    leaving = asyncio.Event()
    app.add_routes(Health(engine=parts.engine, clock=parts.clock, gauges=gauges, leaving=leaving).routes())
    app[LEAVING] = leaving
    _during(app, working.closed, gauges.close)


def _company(parts: Parts) -> Waiting:
    """For customers who wait."""
    words = words_after(parts.settings.comfort_after, parts.settings.warn_after)
    return Waiting(engine=parts.engine, channels=parts.channels, clock=parts.clock, words=words)
