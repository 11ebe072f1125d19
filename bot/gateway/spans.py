"""Spans as OpenTelemetry has them, handed to an OTLP receiver over HTTP by the SDK's own thread.

    webhook            the platform's request, until its answer
    ├─ waiting         from then until a worker began the turn that was committed
    └─ turn            until its commit, Rasa and actions included
       └─ send         one attempt, for each reply

Only ids, names of channels and outcomes are told. A span's id follows from the trace and the message, so that any
gateway can name the span of another one as the parent.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.database import reading
from bot.store.outage import POSSIBLE
from bot.store.tables import messages

log = structlog.get_logger()

_MOST = 2_000
"""Attempts that wait to be told of; more are left out."""
_TOGETHER = 100

_SCOPE = InstrumentationScope("throughline")

_reply, _cause, _earlier = messages.alias("reply"), messages.alias("cause"), messages.alias("earlier")
_TOLD = (
    sa.select(
        _reply.c.id,
        _reply.c.trace,
        _reply.c.channel,
        _reply.c.attempts,
        _cause.c.id.label("cause"),
        _cause.c.author,
        _cause.c.channel.label("cause_channel"),
        _cause.c.attempts.label("tries"),
        _cause.c.state,
        _cause.c.created_at,
        _cause.c.taken_at,
        _cause.c.finished_at,
        sa.exists()
        .where(
            _earlier.c.conversation_id == _reply.c.conversation_id,
            _earlier.c.seq > _cause.c.seq,
            _earlier.c.seq < _reply.c.seq,
            _earlier.c.cause_id == _cause.c.id,
        )
        .label("told_before"),
    )
    .select_from(_reply.outerjoin(_cause, _cause.c.id == _reply.c.cause_id))
    .where(_reply.c.id.in_(sa.bindparam("ids", expanding=True)), _reply.c.trace.is_not(None))
)


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    message: int
    outcome: str
    began: int
    ended: int


class Exported:
    """`bot.gateway.tracing.Traces`, told to the receiver that the environment names."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        name = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "throughline"}
        self._resource = Resource.create(name)
        self._export = BatchSpanProcessor(OTLPSpanExporter())
        self._attempts: asyncio.Queue[_Attempt | None] = asyncio.Queue(_MOST)
        self._telling: asyncio.Task[None] | None = None

    def webhook(self, trace: str, channel: str, status: int, began: int, ended: int) -> None:
        about: dict[str, str | int] = {"throughline.channel": channel, "http.response.status_code": status}
        self._tell(_Span("webhook", trace, _id(trace, "webhook"), None, began, ended, about, kind=SpanKind.SERVER))

    def sent(self, message: int, outcome: str, began: int, ended: int) -> None:
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell_attempts())
        if not self._attempts.full():
            self._attempts.put_nowait(_Attempt(message=message, outcome=outcome, began=began, ended=ended))

    async def close(self) -> None:
        if self._telling is not None:
            await self._attempts.put(None)
            await self._telling
        await asyncio.to_thread(self._export.shutdown)

    async def _tell_attempts(self) -> None:
        while (first := await self._attempts.get()) is not None:
            together = [first]
            while len(together) < _TOGETHER and not self._attempts.empty():
                following = self._attempts.get_nowait()
                if following is None:
                    await self._tell_of(together)
                    return
                together.append(following)
            await self._tell_of(together)

    async def _tell_of(self, attempts: list[_Attempt]) -> None:
        try:
            async with reading(self._engine) as connection:
                found = (await connection.execute(_TOLD, {"ids": [attempt.message for attempt in attempts]})).all()
        except POSSIBLE as error:
            log.warning("traces.left_out", attempts=len(attempts), error=type(error).__name__)
            return
        rows = {row.id: row for row in found}
        for attempt in attempts:
            if (row := rows.get(attempt.message)) is not None:
                for span in _spans(row, attempt):
                    self._tell(span)

    def _tell(self, span: _Span) -> None:
        self._export.on_end(span.readable(self._resource))


@dataclass(frozen=True)
class _Span:
    name: str
    trace: str
    id: int
    parent: int | None
    began: int
    ended: int
    about: Mapping[str, str | int]
    kind: SpanKind = SpanKind.INTERNAL
    failed: bool = False

    def readable(self, resource: Resource) -> ReadableSpan:
        return ReadableSpan(
            name=self.name,
            context=self._context(self.id),
            parent=None if self.parent is None else self._context(self.parent),
            resource=resource,
            attributes=self.about,
            kind=self.kind,
            status=Status(StatusCode.ERROR if self.failed else StatusCode.UNSET),
            start_time=self.began,
            end_time=max(self.began, self.ended),
            instrumentation_scope=_SCOPE,
        )

    def _context(self, span: int) -> SpanContext:
        return SpanContext(int(self.trace, 16), span, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _spans(row: Any, attempt: _Attempt) -> list[_Span]:
    """Those of the turn come with its first reply, at the first attempt."""
    parent = None if row.cause is None else _id(row.trace, "turn", row.cause)
    about = {"throughline.channel": row.channel, "throughline.message": row.id, "throughline.outcome": attempt.outcome}
    send = _Span(
        "send",
        row.trace,
        _id(row.trace, "send", row.id, row.attempts),
        parent,
        attempt.began,
        attempt.ended,
        about,
        kind=SpanKind.CLIENT,
        failed=attempt.outcome != "sent",
    )
    told = row.cause is None or row.told_before or row.attempts > 1
    return [send] if told else [*_spans_of_turn(row), send]


def _spans_of_turn(row: Any) -> list[_Span]:
    if row.taken_at is None or row.finished_at is None:
        return []  # a worker of the version before
    created, taken, finished = _ns(row.created_at), _ns(row.taken_at), _ns(row.finished_at)
    parent = _id(row.trace, "webhook") if row.author == "customer" else None
    about = {"throughline.channel": row.cause_channel, "throughline.message": row.cause, "throughline.tries": row.tries}
    failed = row.state == "failed"
    return [
        _Span("waiting", row.trace, _id(row.trace, "waiting", row.cause), parent, created, taken, about),
        _Span("turn", row.trace, _id(row.trace, "turn", row.cause), parent, taken, finished, about, failed=failed),
    ]


def _id(trace: str, *what: str | int) -> int:
    named = "/".join([trace, *map(str, what)])
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:8], "big")


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
