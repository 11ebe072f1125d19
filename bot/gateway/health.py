"""What load balancers, monitors and `make run` ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import sqlalchemy as sa
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.metrics import REGISTRY
from bot.store.database import reading
from bot.store.outage import POSSIBLE
from bot.store.tables import workers

# A worker writes its row every two seconds.
_SEEN_WITHIN = timedelta(seconds=10)


class Health:
    """`/healthz`: this process answers. `/readyz`: a turn can be served. `/metrics`: the counters."""

    def __init__(self, *, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock

    def routes(self) -> list[web.AbstractRouteDef]:
        return [
            web.get("/healthz", self.healthz),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    async def healthz(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(self, _request: web.Request) -> web.Response:
        try:
            async with reading(self._engine) as connection:
                alive = await connection.execute(
                    sa.select(workers.c.id, workers.c.model).where(workers.c.seen_at > self._clock() - _SEEN_WITHIN)
                )
                models = sorted({row.model for row in alive})
        except POSSIBLE:
            return web.json_response({"status": "the database does not answer"}, status=503)
        if not models:
            return web.json_response({"status": "no worker with a model is alive yet"}, status=503)
        return web.json_response({"status": "ok", "models": models})

    async def metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})
