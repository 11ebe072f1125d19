"""What load balancers, monitors and `make run` ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.gauges import WORKER_LIVES_FOR, Gauges
from bot.gateway.metrics import REGISTRY
from bot.store.database import reading
from bot.store.outage import POSSIBLE
from bot.store.tables import workers

LEAVING = web.AppKey("leaving", asyncio.Event)
"""Set when this gateway is about to stop."""


class Health:
    """`/healthz`: this process answers. `/readyz`: a turn can be served, and this gateway is not about to stop.
    `/metrics`: its counters, and what the database says of all."""

    def __init__(
        self, *, engine: AsyncEngine, clock: Callable[[], datetime], gauges: Gauges, leaving: asyncio.Event
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._gauges = gauges
        self._leaving = leaving

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        if self._leaving.is_set():
            return web.json_response({"status": "this gateway is about to stop"}, status=503)
        try:
            async with reading(self._engine) as connection:
                alive = await connection.execute(
                    sa.select(workers.c.id, workers.c.model).where(workers.c.seen_at > self._clock() - WORKER_LIVES_FOR)
                )
                models = sorted({row.model for row in alive})
        except POSSIBLE:
            return web.json_response({"status": "the database does not answer"}, status=503)
        if not models:
            return web.json_response({"status": "no worker with a model is alive yet"}, status=503)
        return web.json_response({"status": "ok", "models": models})

    async def metrics(self, _request: web.Request) -> web.Response:
        body = generate_latest(REGISTRY) + generate_latest(await self._gauges.read())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
