"""Platforms' webhooks: verify → read → accept → 200. Nothing here knows a vendor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.accept import Accepted, accept_all
from bot.store.outage import POSSIBLE
from channels.contract import Answer, Channel, Inbound, Malformed, News, Unread, Webhook, WebhookRejected

log = structlog.get_logger()

LARGEST = 1024 * 1024
"""Bytes of one webhook, where the platform does not say that its own may be larger."""


class WebhookReceiver:
    """The handler of one channel's webhook."""

    def __init__(
        self, *, channel: Channel, engine: AsyncEngine, clock: Callable[[], datetime], largest: int = LARGEST
    ) -> None:
        self._channel = channel
        self._largest = largest
        self._engine = engine
        self._clock = clock
        self._acknowledging: set[asyncio.Task[None]] = set()

    async def receive(self, request: web.Request) -> web.Response:
        webhook = await _as_webhook(request)
        if len(webhook.body) > self._largest:
            raise web.HTTPRequestEntityTooLarge(max_size=self._largest, actual_size=len(webhook.body))
        try:
            await self._channel.verify(webhook)
            read = list(self._channel.read(webhook))
            news = self._channel.news(webhook)
            answer = self._channel.answer(webhook)
        except WebhookRejected as error:
            return self._answer(403, "rejected", str(error))
        except Malformed as error:
            return self._answer(400, "malformed", str(error))
        return await self._accept(webhook, read, news) or self._answer_with(answer)

    async def _accept(
        self, webhook: Webhook, read: list[Inbound | Unread], news: Sequence[News]
    ) -> web.Response | None:
        """None once it is on disk; otherwise what the platform is told."""
        name = self._channel.name
        try:
            accepted = await accept_all(
                self._engine, read, channel=name, body=webhook.body, now=self._clock(), news=news
            )
        except POSSIBLE as error:
            # The platform keeps it and brings it again.
            log.error("accept.unavailable", channel=name, error=type(error).__name__)
            return self._answer(503, "unavailable", "cannot store this now: deliver it again")
        self._count(read, accepted)
        for part in read:
            if isinstance(part, Inbound):
                self._acknowledge(part)
        return None

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

    def _answer_with(self, answer: Answer | None) -> web.Response:
        accepted = self._answer(200, "accepted", "ok")
        if answer is None:
            return accepted
        if answer.body is None:
            return web.Response(status=answer.status)
        return web.json_response(answer.body, status=answer.status)

    def _answer(self, status: int, outcome: str, text: str) -> web.Response:
        metrics.webhooks.labels(self._channel.name, outcome).inc()
        if status in (400, 403):
            log.warning("webhook.refused", channel=self._channel.name, status=status, reason=text)
        return web.Response(status=status, text=text)


class Challenged:
    """The handler of a platform that asks, by GET, whether this is the right place."""

    def __init__(self, challenge: Callable[[Webhook], str]) -> None:
        self._challenge = challenge

    async def answer(self, request: web.Request) -> web.Response:
        try:
            return web.Response(text=self._challenge(await _as_webhook(request)))
        except WebhookRejected as error:
            return web.Response(status=403, text=str(error))


async def _as_webhook(request: web.Request) -> Webhook:
    """The request as the contract has it. aiohttp answers 413 by itself where the body is larger than anybody's may
    be."""
    return Webhook(method=request.method, headers=request.headers, query=request.query, body=await request.read())
