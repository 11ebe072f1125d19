"""Platforms' webhooks: verify → read → accept → 200. Nothing here knows a vendor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog
from aiohttp import web

from bot.gateway import metrics
from bot.gateway.accept import Accepted, Acceptor, Brought
from bot.gateway.backlog import COME_AGAIN, Backlog
from bot.gateway.tracing import Traces
from bot.store.outage import POSSIBLE, is_unstorable
from bot.store.traces import new_trace
from channels.contract import Answer, Channel, Inbound, Malformed, News, Unread, Webhook, WebhookRejected

log = structlog.get_logger()

_ACKNOWLEDGED_AT_ONCE = 200
"""More than that are not: a crowd, or a platform that does not answer, must not fill the memory."""

LARGEST = 1024 * 1024
"""Bytes of one webhook, where the platform does not say that its own may be larger."""


class WebhookReceiver:
    """The handler of one channel's webhook."""

    def __init__(
        self,
        *,
        channel: Channel,
        acceptor: Acceptor,
        traces: Traces,
        backlog: Backlog,
        largest: int = LARGEST,
    ) -> None:
        self._channel = channel
        self._largest = largest
        self._acceptor = acceptor
        self._traces = traces
        self._backlog = backlog
        self._acknowledging: set[asyncio.Task[None]] = set()

    async def receive(self, request: web.Request) -> web.Response:
        trace, began = new_trace(), time.time_ns()
        with structlog.contextvars.bound_contextvars(trace=trace):
            answer = await self._receive(request, trace)
        ended = time.time_ns()
        metrics.webhook_seconds.labels(self._channel.name).observe((ended - began) / 1e9)
        self._traces.webhook(trace, self._channel.name, answer.status, began, ended)
        return answer

    async def _receive(self, request: web.Request, trace: str) -> web.Response:
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
        return await self._accept(webhook, read, news, trace) or self._answer_with(answer)

    async def _accept(
        self, webhook: Webhook, read: list[Inbound | Unread], news: Sequence[News], trace: str
    ) -> web.Response | None:
        """None once it is on disk; otherwise what the platform is told."""
        name = self._channel.name
        if self._backlog.is_full and any(isinstance(part, Inbound) for part in read):
            # The platform keeps it. What it tells of our own messages is taken: nothing is to be answered.
            return self._answer(503, "full", "too much is waiting: deliver it again later")
        try:
            accepted = await self._acceptor.accept(
                Brought(read=read, channel=name, body=webhook.body, news=news, trace=trace)
            )
        except POSSIBLE as error:
            if is_unstorable(error) and not any(isinstance(part, Unread) for part in read):
                # Brought again, it would be no better, and hold up everything behind it.
                return await self._accept(webhook, [Unread(reason="the database cannot store it")], [], trace)
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
        if len(self._acknowledging) >= _ACKNOWLEDGED_AT_ONCE:
            return
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
        if accepted:
            log.info("webhook.accepted", channel=name, messages=[message.message for message in accepted])

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
        headers = {"Retry-After": str(COME_AGAIN)} if status == 503 else None
        return web.Response(status=status, text=text, headers=headers)


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
