"""Thousands of webhooks in one moment, each on a connection of its own: what becomes of each, and the gateway's memory.

Whoever is told to come again does so when told, as the platforms do.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.load.database import fresh_database
from benchmarks.load.files import room_for_connections
from benchmarks.load.stand import Gateway, open_stand
from benchmarks.load.traffic import TELEGRAM, WHATSAPP, Heard, Traffic, open_traffic
from benchmarks.load.wire import Answer, Cut, Lines, Request
from bot.store.database import connect, reading
from bot.store.tables import messages

WEBHOOKS = 5_000
_CUSTOMERS = 1_000
_COME_AGAIN = (429, 503)
_PATIENCE = 120.0
"""Seconds without any progress, after which what is missing is lost."""


@dataclass(frozen=True, kw_only=True)
class Burst:
    """`lost`: messages that are not once in the database, or whose answer did not come. `told_to_come_again`,
    `told_nothing`: requests, by whether they were told when (503 or 429 with Retry-After); `cut`: connections that
    ended without an answer. `took`: seconds until the last was taken, `answered`: until the last answer.
    `rss`: bytes that the gateway had at its largest."""

    webhooks: int
    lost: int
    repeated_answers: int
    told_to_come_again: int
    told_nothing: int
    cut: int
    took: float
    answered: float
    rss: int

    def as_json(self) -> dict[str, Any]:
        whole = {name: getattr(self, name) for name in ("webhooks", "lost", "repeated_answers")}
        told = {name: getattr(self, name) for name in ("told_to_come_again", "told_nothing", "cut")}
        return {
            **whole,
            **told,
            "all_taken_s": round(self.took, 2),
            "all_answered_s": round(self.answered, 2),
            "rss_mb": round(self.rss / 1e6, 1),
        }


async def measure(kind: str, folder: Path, *, webhooks: int = WEBHOOKS) -> Burst:
    """On a fresh database of that kind, Telegram and WhatsApp by turns."""
    room_for_connections(webhooks)
    wave = _Wave()
    async with (
        fresh_database(kind, folder) as database,
        open_traffic(wave.hear) as traffic,
        open_stand(database, folder / "stand", traffic) as stand,
    ):
        gateway = await stand.add_gateway()
        await stand.add_echo()
        begun = time.perf_counter()
        await wave.break_over(traffic, gateway, webhooks)
        taken = time.perf_counter()
        await wave.last_answers()
        answered = wave.last_heard
        return Burst(
            webhooks=webhooks,
            lost=lost(wave.texts, await _stored(database.url), wave.heard),
            repeated_answers=sum(count - 1 for count in wave.heard.values()),
            told_to_come_again=wave.told["again"],
            told_nothing=wave.told["nothing"],
            cut=wave.told["cut"],
            took=taken - begun,
            answered=answered - begun,
            rss=largest_rss(gateway.process.pid),
        )


def lost(said: set[str], stored: Mapping[str, int], heard: Mapping[str, int]) -> int:
    """Of the messages that were said, those that are not there once or were not answered."""
    return sum(1 for text in said if stored.get(text) != 1 or not heard.get(text))


def largest_rss(pid: int) -> int:
    """Bytes. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html"""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    found = re.search(r"^VmHWM:\s+([0-9]+) kB$", status, re.MULTILINE)
    assert found, "the system does not tell"
    return int(found[1]) * 1024


async def _stored(url: str) -> Mapping[str, int]:
    """How often each text is there."""
    engine = connect(url)
    async with reading(engine) as connection:
        rows = await connection.execute(sa.select(messages.c.content).where(messages.c.direction == "in"))
        found = Counter(str(row.content.get("text")) for row in rows)
    await engine.dispose()
    return found


class _Wave:
    def __init__(self) -> None:
        self.texts: set[str] = set()
        self.heard: Counter[str] = Counter()
        self.told: Counter[str] = Counter()
        self.last_heard = 0.0

    def hear(self, heard: Heard) -> None:
        self.heard[heard.text] += 1
        self.last_heard = heard.at

    async def break_over(self, traffic: Traffic, gateway: Gateway, webhooks: int) -> None:
        """Until all were taken, or nothing moved for long."""
        requests = []
        for number in range(webhooks):
            text = f"where is my parcel, number {number}?"
            self.texts.add(text)
            requests.append(traffic.says((TELEGRAM, WHATSAPP)[number % 2], number % _CUSTOMERS + 1, text))
        lines = Lines(gateway.port, most=webhooks)
        await asyncio.gather(*(self._deliver(lines, request) for request in requests))
        lines.close()

    async def _deliver(self, lines: Lines, request: Request) -> None:
        until = time.perf_counter() + _PATIENCE
        while time.perf_counter() < until:
            try:
                answer = await lines.post(request)
            except (Cut, OSError):
                self.told["cut"] += 1
                await asyncio.sleep(1)
                continue
            if answer.status == 200:
                return
            await asyncio.sleep(self._note(answer))

    def _note(self, answer: Answer) -> float:
        """Seconds to wait."""
        if answer.status in _COME_AGAIN and answer.retry_after is not None:
            self.told["again"] += 1
            return float(answer.retry_after)
        self.told["nothing"] += 1
        return 1.0

    async def last_answers(self) -> None:
        quiet_since, before = time.perf_counter(), 0
        while len(self.heard) < len(self.texts) and time.perf_counter() - quiet_since < _PATIENCE:
            await asyncio.sleep(0.05)
            if len(self.heard) > before:
                quiet_since, before = time.perf_counter(), len(self.heard)
