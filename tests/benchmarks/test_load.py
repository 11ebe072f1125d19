"""What `make load` rests on: its traffic is what the real channels read and write, and its arithmetic is right."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from benchmarks.cost import cpu_of, memory_of
from benchmarks.load.__main__ import main, measure, result
from benchmarks.load.ack import Acks, schedule
from benchmarks.load.big import mean, ratios
from benchmarks.load.burst import lost
from benchmarks.load.goals import GOALS, missed, table
from benchmarks.load.machines import machines
from benchmarks.load.parts import PARTS, Measured, Sizes
from benchmarks.load.rate import Rate
from benchmarks.load.traffic import TELEGRAM, WHATSAPP, Heard, Traffic, open_traffic
from benchmarks.load.wire import Answer, Cut, Lines, Request, serving
from channels.contract import Channel, Content, Inbound, Outbound, SendError, Text, Webhook
from channels.telegram import TelegramChannel
from channels.whatsapp import WhatsAppChannel

POST = Request(path="/webhooks/telegram", headers=b"", body=b"{}")


async def no_link(message: Outbound) -> str:
    raise AssertionError("nothing here invites")


def channels(traffic: Traffic) -> dict[str, Channel]:
    settings = traffic.environment()
    return {
        TELEGRAM: TelegramChannel(
            token=settings["TELEGRAM_BOT_TOKEN"],
            secret_token=settings["TELEGRAM_SECRET_TOKEN"],
            api_url=settings["TELEGRAM_API_URL"],
            link=no_link,
        ),
        WHATSAPP: WhatsAppChannel(
            access_token=settings["WHATSAPP_ACCESS_TOKEN"],
            app_secret=settings["WHATSAPP_APP_SECRET"],
            verify_token=settings["WHATSAPP_VERIFY_TOKEN"],
            phone_number_id=settings["WHATSAPP_PHONE_NUMBER_ID"],
            api_url=settings["WHATSAPP_API_URL"],
            link=no_link,
        ),
    }


@pytest.fixture
def heard() -> list[Heard]:
    return []


@pytest.fixture
async def traffic(heard: list[Heard]) -> AsyncIterator[Traffic]:
    async with open_traffic(heard.append) as traffic:
        yield traffic


@pytest.mark.parametrize("name", [TELEGRAM, WHATSAPP])
async def test_the_real_channel_takes_what_a_customer_says(traffic: Traffic, name: str) -> None:
    channel = channels(traffic)[name]
    request = traffic.says(name, 42, "where is my parcel?")
    headers = dict(line.split(": ", 1) for line in request.headers.decode().splitlines())
    webhook = Webhook(method="POST", headers=headers, body=request.body)

    await channel.verify(webhook)
    (inbound,) = channel.read(webhook)

    assert isinstance(inbound, Inbound)
    assert inbound.said == Text(text="where is my parcel?")


@pytest.mark.parametrize("name", [TELEGRAM, WHATSAPP])
async def test_what_the_real_channel_sends_is_heard_by_whoever_wrote(
    traffic: Traffic, heard: list[Heard], name: str
) -> None:
    channel = channels(traffic)[name]
    request = traffic.says(name, 42, "hello")
    (inbound,) = channel.read(Webhook(method="POST", headers={}, body=request.body))
    assert isinstance(inbound, Inbound)

    await channel.start()
    try:
        sent = await channel.send(Outbound(id=1, address=inbound.address, content=Content(text="Good morning")))
        await channel.acknowledge(inbound)
    finally:
        await channel.close()

    assert [(each.channel, each.customer, each.text) for each in heard] == [(name, 42, "Good morning")]
    assert sent.platform_ids[0]
    assert traffic.wrong_calls == 0


async def test_a_call_with_another_token_is_refused_and_counted(traffic: Traffic, heard: list[Heard]) -> None:
    token = traffic.environment()["TELEGRAM_BOT_TOKEN"][:-1] + "x"
    channel = TelegramChannel(token=token, secret_token="any", api_url=f"http://127.0.0.1:{traffic.port}", link=no_link)

    await channel.start()
    with pytest.raises(SendError):
        await channel.send(Outbound(id=1, address="42", content=Content(text="Good morning")))
    await channel.close()

    assert (heard, traffic.wrong_calls) == ([], 1)


async def test_a_connection_is_used_again() -> None:
    bodies: list[bytes] = []

    def handle(path: str, head: bytes, body: bytes) -> tuple[int, bytes]:
        bodies.append(body)
        return 200, b"{}"

    async with serving(handle) as port:
        lines = Lines(port, most=1)
        requests = [Request(path="/", headers=b"", body=body) for body in (b"a" * 100_000, b"", b"b\r\n\r\nc")]
        answers = await asyncio.gather(*(lines.post(request) for request in requests))
        lines.close()

    assert answers == [Answer(status=200)] * 3
    assert bodies == [request.body for request in requests]


async def test_an_answer_may_say_when_to_come_again() -> None:
    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-")
        await writer.drain()
        writer.write(b"Length: 5\r\n\r\nlater")
        await writer.drain()

    server = await asyncio.start_server(tell, "127.0.0.1", 0)
    lines = Lines(server.sockets[0].getsockname()[1], most=1)
    try:
        assert await lines.post(POST) == Answer(status=503, retry_after=7)
    finally:
        lines.close()
        server.close()


async def test_a_connection_that_ends_is_told_and_replaced() -> None:
    answers = iter([b"", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        writer.write(next(answers))
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    lines = Lines(server.sockets[0].getsockname()[1], most=1)
    try:
        with pytest.raises(Cut):
            await lines.post(POST)
        assert (await lines.post(POST)).status == 200
    finally:
        lines.close()
        server.close()


def test_arrivals_are_a_crowds_and_the_same_in_every_run() -> None:
    moments = list(schedule(60, 100))

    assert moments == list(schedule(60, 100))
    assert moments == sorted(moments)
    assert 0 < moments[0] < moments[-1] < 60
    assert len(moments) == pytest.approx(6000, rel=0.05)
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(moments))
    assert gaps[len(gaps) // 2] == pytest.approx(0.00693, rel=0.1)  # half of the gaps are below ln 2 of their mean


def test_whatever_is_not_taken_was_refused() -> None:
    acks = Acks(times=[0.01] * 99 + [0.2])
    acks.statuses.update({200: 100, 503: 2, 0: 1})

    assert acks.refused == 3
    assert acks.as_json()["p99_ms"] == pytest.approx(11.9, abs=0.1)
    assert Acks().as_json()["p50_ms"] is None


def test_lost_is_what_is_not_stored_once_or_not_answered() -> None:
    said = {"fine", "twice", "nowhere", "unanswered", "answered twice"}
    stored = {"fine": 1, "twice": 2, "unanswered": 1, "answered twice": 1}
    heard = {"fine": 1, "twice": 1, "nowhere": 1, "answered twice": 2}

    assert lost(said, stored, heard) == 3


def test_a_rate_in_which_nothing_happened_can_be_written_down() -> None:
    nothing = Rate(took=10, times=[], cpu={"gateway": 1.0, "others": 5.0}, refused=0)
    something = Rate(took=10, times=[0.1, 0.3], cpu={"gateway": 1.0, "others": 5.0}, refused=0)

    assert nothing.as_json()["a_second"] == 0
    assert something.as_json()["cpu_ms_a_message"] == {"gateway": 500.0, "others": 2500.0}
    assert something.as_json()["cores_used_by_others"] == 0.5


def test_one_bad_round_does_not_count() -> None:
    assert mean([1, 1, 1, 1, 1, 1, 1, 50]) == 1
    large = {"accept": [2.0, 2.0], "turn": [3.0, 3.0], "send": [1.0, 1.0]}
    empty = {"accept": [1.0, 1.0], "turn": [3.0, 3.0], "send": [4.0, 4.0]}
    assert ratios(large, empty) == {"accept": 2.0, "turn": 1.0, "send": 0.25}


def test_a_missed_goal_says_so() -> None:
    keys = {"ack_p99_ms": 50.1, "ack_refused": 0, "postgres_rate": 300}

    assert missed(keys) == ["ack_p99_ms"]
    lines = table(keys).splitlines()
    assert [line.rsplit(": ", 1)[1] for line in lines] == ["MISSED", "met", "met"]
    assert len(table(dict.fromkeys(GOALS, 0.0)).splitlines()) == len(GOALS)


async def test_a_process_can_be_started_on_a_machine(tmp_path: Path) -> None:
    with machines(1) as (machine,):
        machine.limit(0.5)
        process = await asyncio.create_subprocess_exec(*machine.prefix, "touch", str(tmp_path / "done"))
        assert await process.wait() == 0

    assert (tmp_path / "done").exists()


def test_a_part_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "rate,weather"]) == 2
    assert "weather" in capsys.readouterr().err


def test_a_part_measured_anew_takes_the_place_of_what_was_said_of_it() -> None:
    whole = result(dict.fromkeys(GOALS, 1.0), {name: {"of": "then"} for name in PARTS}, {}, "then")
    anew = result({"scale_out": 1.9}, {"scale": {"of": "now"}}, whole, "now")
    assert [key for key in whole["missed"] if key not in anew["missed"]] == ["scale_out"]
    assert {name: anew[name] for name in PARTS} == {
        name: {"of": "now" if name == "scale" else "then"} for name in PARTS
    }
    assert anew["measured_at"] == {name: "now" if name == "scale" else "then" for name in PARTS}
    assert (anew["scale_out"], anew["ack_p99_ms"]) == (1.9, 1.0)


async def test_what_was_measured_is_kept_though_the_next_part_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def works(*_: object) -> Measured:
        return Measured(keys={"takeover_s": 1.0})

    async def fails(*_: object) -> Measured:
        raise RuntimeError("no more")

    kept: list[list[str]] = []
    monkeypatch.setattr("benchmarks.load.__main__.PARTS", {"takeover": works, "scale": fails})
    with pytest.raises(RuntimeError):
        await measure(["takeover", "scale"], Sizes(), lambda measured: kept.append(list(measured)))
    assert kept == [["takeover"]]


def test_a_process_that_ends_while_it_is_looked_at_costs_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    gone = psutil.Process(child.pid)
    child.wait()
    monkeypatch.setattr(psutil.Process, "children", lambda *_, **__: [gone])
    assert cpu_of([os.getpid()]) > 0
    assert memory_of(os.getpid()) > 0
