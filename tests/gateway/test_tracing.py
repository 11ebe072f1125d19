"""OpenTelemetry: one trace from a customer's words to the answer, told to a real OTLP receiver; and nothing unasked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from sqlalchemy.ext.asyncio import create_async_engine

from bot.gateway.tracing import TracesMissing, Untraced, traces_of
from bot.store.tables import messages
from sandbox.telegram import refuse
from tests.gateway.people import rows
from tests.gateway.talking import talking


class Receiver:
    """Takes OTLP over HTTP, as a collector does: https://opentelemetry.io/docs/specs/otlp/#otlphttp"""

    def __init__(self) -> None:
        self.url = ""
        self.spans: list[Span] = []
        self.service = ""

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    async def take(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/x-protobuf"
        told = ExportTraceServiceRequest.FromString(await request.read())
        for resource in told.resource_spans:
            self.service = {one.key: one.value.string_value for one in resource.resource.attributes}["service.name"]
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", receiver.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield receiver
    await runner.cleanup()


def about(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


async def test_a_message_is_one_trace_from_webhook_to_reply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        async with talking(tmp_path) as talk:
            asked = await talk.asks("where is the white rabbit?")
            taken = await talk.is_answered(asked, "it is late", "it is very late")
            inbound, first, second = await rows(talk.gateway.engine, messages)
    # The gateway has ended, and with that has handed over what it had.
    [webhook], [waiting], [turn] = (receiver.named(name) for name in ("webhook", "waiting", "turn"))
    sends = receiver.named("send")
    assert {span.trace_id.hex() for span in receiver.spans} == {inbound.trace}
    assert (webhook.parent_span_id, waiting.parent_span_id, turn.parent_span_id) == (
        b"",
        webhook.span_id,
        webhook.span_id,
    )
    assert [span.parent_span_id for span in sends] == [turn.span_id, turn.span_id]
    assert [about(span)["throughline.message"] for span in sends] == [first.id, second.id]
    assert len({span.span_id for span in receiver.spans}) == 5
    began = round(taken.timestamp() * 1e6) * 1_000
    assert (waiting.end_time_unix_nano, turn.start_time_unix_nano) == (began, began)
    assert (waiting.end_time_unix_nano - waiting.start_time_unix_nano) == 10_000_000
    assert (turn.end_time_unix_nano - turn.start_time_unix_nano) == 80_000_000
    assert all(span.end_time_unix_nano > span.start_time_unix_nano for span in sends)
    assert receiver.service == "throughline"
    said = b"".join(span.SerializeToString() for span in receiver.spans)
    assert not [words for words in (b"rabbit", b"late", b"Alice", str(talk.alice.id).encode()) if words in said]


async def test_a_send_that_failed_is_a_span_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        async with talking(tmp_path) as talk:
            talk.bot.faults.order("sendMessage", refuse(400, "Bad Request: something about rabbits"))
            await talk.is_answered(await talk.asks("hello"), "odd")
    [send] = receiver.named("send")
    assert (send.status.code, about(send)["throughline.outcome"]) == (Status.STATUS_CODE_ERROR, "failed")
    assert b"rabbits" not in send.SerializeToString()


async def test_a_receiver_that_is_away_costs_nobody_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    async with talking(tmp_path) as talk:
        await talk.is_answered(await talk.asks("hello"), "good day")
        assert [message["text"] for message in talk.alice.messages if message["from"]["is_bot"]] == ["good day"]


def test_unasked_nothing_of_it_is_imported() -> None:
    check = "import sys, bot.gateway.cli; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True)
    assert said.stdout.strip() == "[]"


def test_switched_off_it_is_off() -> None:
    engine = create_async_engine("postgresql+asyncpg://nowhere/none")
    on = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    assert isinstance(traces_of(engine, {}), Untraced)
    assert isinstance(traces_of(engine, {**on, "OTEL_SDK_DISABLED": "true"}), Untraced)
    assert not isinstance(traces_of(engine, on), Untraced)


def test_wanted_and_not_installed_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "bot.gateway.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    engine = create_async_engine("postgresql+asyncpg://nowhere/none")
    with pytest.raises(TracesMissing, match=r"install throughline\[otel\]"):
        traces_of(engine, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
