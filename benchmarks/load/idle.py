"""What a web chat costs the gateway that is open and says nothing: memory for each, on sockets that said hello."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from benchmarks.load.database import fresh_database
from benchmarks.load.files import room_for_connections
from benchmarks.load.stand import open_stand
from benchmarks.load.traffic import open_traffic

SOCKETS = 5_000
_ORIGIN = "https://shop.example.com"
_AT_ONCE = 20
_FIRST = 50
_SETTLED = 8.0
"""Seconds after which what opening took has gone again; longer than a socket's look for news."""


@dataclass(frozen=True, kw_only=True)
class Idle:
    """`each`: bytes of a socket in the gateway. `cpu`: of a core, that all of them take when nothing happens."""

    sockets: int
    before: int
    after: int
    cpu: float

    @property
    def each(self) -> float:
        return (self.after - self.before) / self.sockets

    def as_json(self) -> dict[str, Any]:
        return {
            "sockets": self.sockets,
            "before_mb": round(self.before / 1e6, 1),
            "after_mb": round(self.after / 1e6, 1),
            "each_kb": round(self.each / 1024, 1),
            "idle_cores": round(self.cpu, 3),
        }


async def measure(kind: str, folder: Path, *, sockets: int = SOCKETS) -> Idle:
    """On a fresh database of that kind."""
    room_for_connections(sockets)
    async with (
        fresh_database(kind, folder) as database,
        open_traffic() as traffic,
        open_stand(database, folder / "stand", traffic, {"WEBCHAT_ORIGINS": _ORIGIN}) as stand,
    ):
        gateway = await stand.add_gateway()
        async with _Widgets.open(gateway.port) as widgets:
            await widgets.add(_FIRST)
            await asyncio.sleep(_SETTLED)
            before = pss(gateway.process.pid)
            await widgets.add(sockets)
            await asyncio.sleep(_SETTLED)
            cpu = await _cores(gateway.process.pid, _SETTLED)
            after = pss(gateway.process.pid)
            widgets.check()
            return Idle(sockets=sockets, before=before, after=after, cpu=cpu)


def pss(pid: int) -> int:
    """Bytes of a process, with its share of what it has in common with others.
    https://man7.org/linux/man-pages/man5/proc_pid_smaps.5.html"""
    found = re.search(r"^Pss:\s+([0-9]+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8"), re.M)
    assert found, "the system does not tell"
    return int(found[1]) * 1024


async def _cores(pid: int, seconds: float) -> float:
    process = psutil.Process(pid)
    before = process.cpu_times()
    await asyncio.sleep(seconds)
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / seconds


class _Widgets:
    """Visitors with a session, whose widget is open. channels/webchat/README.md has the protocol."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self._open: list[aiohttp.ClientWebSocketResponse] = []
        self._listening: list[asyncio.Task[None]] = []

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, port: int) -> AsyncIterator[_Widgets]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, headers={"Origin": _ORIGIN}) as session:
            widgets = cls(session, f"http://127.0.0.1:{port}/webchat")
            try:
                yield widgets
            finally:
                await widgets.close()

    async def add(self, count: int) -> None:
        places = asyncio.Semaphore(_AT_ONCE)

        async def one() -> None:
            async with places:
                await self._add()

        await asyncio.gather(*(one() for _ in range(count)))

    def check(self) -> None:
        ended = sum(socket.closed for socket in self._open)
        assert not ended, f"{ended} of the sockets were closed"

    async def close(self) -> None:
        for listening in self._listening:
            listening.cancel()
        await asyncio.gather(*self._listening, *(socket.close() for socket in self._open), return_exceptions=True)

    async def _add(self) -> None:
        async with self._session.post(f"{self._url}/session", json={}) as answer:
            answer.raise_for_status()
            token = (await answer.json())["token"]
        socket = await self._session.ws_connect(f"{self._url}/socket")
        self._open.append(socket)
        await socket.send_json({"type": "hello", "token": token, "cursor": 0})
        while (await socket.receive_json(timeout=60))["type"] != "ready":
            pass
        self._listening.append(asyncio.create_task(self._listen(socket)))

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """A browser answers the gateway's pings."""
        async for _ in socket:
            pass
