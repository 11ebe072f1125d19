"""What the database says of the whole installation, as `GET /metrics` gives it beside the gateway's own counters.

Read when somebody asks, by indexed statements, and at most once a second however often that is. Every gateway tells the
same: `max by (…)` in a query, not `sum`. The core opens no port, so its counts come from here, too, by worker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import sqlalchemy as sa
import structlog
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.gateway.beating import LIVES_FOR
from bot.store.database import reading
from bot.store.outage import POSSIBLE
from bot.store.tables import Utc, conversations, gateways, messages, unsent, workers

log = structlog.get_logger()

WORKER_LIVES_FOR = timedelta(seconds=10)
"""A worker writes its row every two seconds."""

_FRESH_FOR = 1.0
_ANSWER_WITHIN = 3.0
_TROUBLE_OF = timedelta(hours=24)
_TROUBLE_MOST = 2_000

_KINDS = {("in", "failed"): "parked", ("out", "failed"): "failed", ("out", "uncertain"): "uncertain"}

_since = sa.func.coalesce(conversations.c.unanswered_since, conversations.c.waiting_since, type_=Utc())
_QUEUE = (
    sa.select(
        conversations.c.waiting_channel.label("channel"),
        sa.func.count().label("waiting"),
        sa.func.min(_since, type_=Utc()).label("since"),
    )
    .where(conversations.c.waiting_since.is_not(None))
    .group_by(conversations.c.waiting_channel)
)
_heads = (
    sa.select(messages.c.channel, sa.func.count().label("unsent"), sa.func.min(messages.c.id).label("oldest"))
    .where(unsent(messages))
    .group_by(messages.c.channel)
    .subquery()
)
_OUTBOX = sa.select(_heads.c.channel, _heads.c.unsent, messages.c.created_at.label("since")).join_from(
    _heads, messages, messages.c.id == _heads.c.oldest
)
# The index's own words, since SQLite uses a partial index for no others.
_newest = (
    sa.select(messages.c.channel, messages.c.direction, messages.c.state, messages.c.created_at)
    .where(sa.text("state IN ('failed', 'uncertain')"))
    .order_by(messages.c.id.desc())
    .limit(_TROUBLE_MOST)
    .subquery()
)
_TROUBLE = (
    sa.select(_newest.c.channel, _newest.c.direction, _newest.c.state, sa.func.count().label("count"))
    .where(_newest.c.created_at > sa.bindparam("recent", type_=Utc()))
    .group_by(_newest.c.channel, _newest.c.direction, _newest.c.state)
)
_WORKERS = sa.select(workers.c.id, workers.c.counts).where(workers.c.seen_at > sa.bindparam("lives", type_=Utc()))
_GATEWAYS = (
    sa.select(sa.func.count()).select_from(gateways).where(gateways.c.seen_at > sa.bindparam("lives", type_=Utc()))
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one look at the database has found."""

    at: datetime
    queue: Sequence[Any]
    outbox: Sequence[Any]
    trouble: Sequence[Any]
    workers: Sequence[Any]
    gateways: int


class Families(Collector):
    """What `generate_latest` takes."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


class Gauges:
    """`read` them."""

    def __init__(self, *, engine: AsyncEngine, clock: Callable[[], datetime], channels: Collection[str]) -> None:
        self._engine = engine
        self._clock = clock
        self._channels = channels
        self._looking: asyncio.Task[Families] | None = None
        self._looked_at = 0.0

    async def read(self) -> Families:
        """Not older than a second. A database that hangs is waited for a moment, and then said to be away; the look is
        not cancelled, and whoever asks next shares it."""
        fresh = time.monotonic() - self._looked_at < _FRESH_FOR
        if self._looking is None or (self._looking.done() and not fresh):
            self._looking = asyncio.create_task(self._look())
            self._looked_at = time.monotonic()
        await asyncio.wait([self._looking], timeout=_ANSWER_WITHIN)
        return self._looking.result() if self._looking.done() else _away()

    async def close(self) -> None:
        """Before the engine is."""
        if self._looking is not None:
            await asyncio.wait([self._looking], timeout=_ANSWER_WITHIN)

    async def _look(self) -> Families:
        try:
            async with reading(self._engine) as connection:
                found = await look(connection, self._clock())
        except POSSIBLE as error:
            log.error("metrics.unavailable", error=type(error).__name__)
            return _away()
        return Families([*_of_all(found, self._channels), *_of_workers(found.workers)])


async def look(connection: AsyncConnection, now: datetime) -> Reading:
    """Five statements."""
    return Reading(
        at=now,
        queue=(await connection.execute(_QUEUE)).all(),
        outbox=(await connection.execute(_OUTBOX)).all(),
        trouble=(await connection.execute(_TROUBLE, {"recent": now - _TROUBLE_OF})).all(),
        workers=(await connection.execute(_WORKERS, {"lives": now - WORKER_LIVES_FOR})).all(),
        gateways=(await connection.execute(_GATEWAYS, {"lives": now - LIVES_FOR})).scalar_one(),
    )


def _away() -> Families:
    return Families([_database(0)])


def _database(up: int) -> Metric:
    return GaugeMetricFamily("throughline_database_up", "Whether the database answers this gateway", value=up)


def _of_all(found: Reading, channels: Collection[str]) -> list[Metric]:
    """Channels without anything are told as 0, so that the first of something is seen as a change."""
    queue = {row.channel or "unknown": row for row in found.queue}
    outbox = {row.channel: row for row in found.outbox}
    trouble = {(row.channel, _KINDS[row.direction, row.state]): row.count for row in found.trouble}
    of_queue, of_outbox = sorted({*channels, *queue}), sorted({*channels, *outbox})
    kinds = {(channel, kind): 0 for channel in channels for kind in _KINDS.values()} | trouble
    return [
        _database(1),
        _gauge(
            "throughline_queue_conversations",
            "Conversations with a message that waits for its turn",
            {(name,): queue[name].waiting if name in queue else 0 for name in of_queue},
        ),
        _gauge(
            "throughline_queue_age_seconds",
            "How long the customer waits who has waited longest for a turn",
            {(name,): _age(found.at, queue.get(name)) for name in of_queue},
        ),
        _gauge(
            "throughline_outbox_messages",
            "Messages that wait to be sent, or are being sent",
            {(name,): outbox[name].unsent if name in outbox else 0 for name in of_outbox},
        ),
        _gauge(
            "throughline_outbox_age_seconds",
            "How long ago the oldest of them was written",
            {(name,): _age(found.at, outbox.get(name)) for name in of_outbox},
        ),
        _gauge(
            "throughline_troubled_messages",
            f"Messages of the last {_TROUBLE_OF.total_seconds() / 3600:.0f} hours that ended badly, of the newest "
            f"{_TROUBLE_MOST} that ever did: parked (its turn was given up), failed or uncertain (sending it)",
            dict(sorted(kinds.items())),
            labels=("channel", "kind"),
        ),
        GaugeMetricFamily("throughline_workers_alive", "Core workers that live", value=len(found.workers)),
        GaugeMetricFamily("throughline_gateways_alive", "Gateways that live", value=found.gateways),
    ]


def _of_workers(rows: Sequence[Any]) -> list[Metric]:
    turns = CounterMetricFamily("throughline_turns", "Turns by outcome", labels=("worker", "channel", "outcome"))
    took = HistogramMetricFamily("throughline_turn_seconds", "Time of a turn", labels=("worker", "channel"))
    waited = HistogramMetricFamily(
        "throughline_turn_wait_seconds", "Time from a message's arrival to its turn", labels=("worker", "channel")
    )
    for row in rows:
        counts: Mapping[str, Any] = row.counts or {}  # a worker of the version before counts nothing
        for channel, outcome, count in counts.get("turns", ()):
            turns.add_metric([row.id, channel, outcome], count)
        for family, name in ((took, "took"), (waited, "waited")):
            for channel, total, spread in counts.get(name, ()):
                family.add_metric([row.id, channel], _buckets(counts["bounds"], spread), total)
    return [turns, took, waited]


def _buckets(bounds: Sequence[float], counts: Sequence[int]) -> list[tuple[str, float]]:
    return list(zip([*(str(float(bound)) for bound in bounds), "+Inf"], map(float, accumulate(counts)), strict=True))


def _age(now: datetime, row: Any) -> float:
    """0 for nothing, and for what another machine's clock puts into the future."""
    return 0.0 if row is None else max(0.0, (now - row.since).total_seconds())


def _gauge(
    name: str, documentation: str, values: Mapping[tuple[str, ...], float], labels: tuple[str, ...] = ("channel",)
) -> Metric:
    family = GaugeMetricFamily(name, documentation, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family
