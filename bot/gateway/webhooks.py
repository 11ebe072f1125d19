"""Platforms' webhooks: verify → read → accept → 200. Nothing here knows a vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog
from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.accept import Accepted, accept_all
from channels.contract import Channel, Inbound, Malformed, Unread, Webhook, WebhookRejected

log = structlog.get_logger()


class WebhookReceiver:
    """The handler of one channel's webhook."""

    def __init__(self, *, channel: Channel, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._channel = channel
        self._engine = engine
        self._clock = clock
        self._acknowledging: set[asyncio.Task[None]] = set()

    async def receive(self, request: web.Request) -> web.Response:
        webhook = await _as_webhook(request)
        try:
            await self._channel.verify(webhook)
            read = list(self._channel.read(webhook))
        except WebhookRejected as error:
            return self._answer(403, "rejected", str(error))
        except Malformed as error:
            return self._answer(400, "malformed", str(error))
        return await self._accept(webhook, read)

    async def _accept(self, webhook: Webhook, read: list[Inbound | Unread]) -> web.Response:
        name = self._channel.name
        try:
            accepted = await accept_all(self._engine, read, channel=name, body=webhook.body, now=self._clock())
        except (SQLAlchemyError, OSError) as error:
            # The platform keeps it and brings it again.
            log.error("accept.unavailable", channel=name, error=type(error).__name__)
            return self._answer(503, "unavailable", "cannot store this now: deliver it again")
        self._count(read, accepted)
        for part in read:
            if isinstance(part, Inbound):
                self._acknowledge(part)
        return self._answer(200, "accepted", "ok")

    def _acknowledge(self, inbound: Inbound) -> None:
        # Not awaited: the platform waits for our 200 meanwhile.
        task = asyncio.create_task(self._channel.acknowledge(inbound))
        self._acknowledging.add(task)
        task.add_done_callback(self._acknowledging.discard)

    def _count(self, read: list[Inbound | Unread], accepted: list[Accepted]) -> None:
        name = self._channel.name
        for part in read:
            if isinstance(part, Unread):
                metrics.unread.labels(name).inc()
                log.warning("webhook.unread", channel=name, reason=part.reason)
        for message in accepted:
            metrics.accepted.labels(name, str(message.repeated).lower()).inc()

    def _answer(self, status: int, outcome: str, text: str) -> web.Response:
        metrics.webhooks.labels(self._channel.name, outcome).inc()
        if status in (400, 403):
            log.warning("webhook.refused", channel=self._channel.name, status=status, reason=text)
        return web.Response(status=status, text=text)


async def _as_webhook(request: web.Request) -> Webhook:
    # aiohttp answers 413 by itself when the body is larger than the application's client_max_size.
    return Webhook(method=request.method, headers=request.headers, query=request.query, body=await request.read())
