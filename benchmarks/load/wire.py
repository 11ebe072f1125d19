"""HTTP/1.1 with as little work as can be, since the driver shares the cores with what it measures.

Both ends are known: bodies have a Content-Length, connections stay open, and one request at a time is under way on
each.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import cast

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *([0-9]+)", re.IGNORECASE)
_END = b"\r\n\r\n"


@dataclass(frozen=True, kw_only=True)
class Request:
    """One POST. `headers`: whole lines with their line ends, Content-Length not among them."""

    path: str
    headers: bytes
    body: bytes

    def as_bytes(self) -> bytes:
        head = f"POST {self.path} HTTP/1.1\r\nHost: gateway\r\nContent-Length: {len(self.body)}\r\n"
        return head.encode() + self.headers + b"\r\n" + self.body


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a request came to. `retry_after`: seconds, where it was told to come again."""

    status: int
    retry_after: int | None = None


class Cut(Exception):
    """The connection ended before the answer was there."""


Handle = Callable[[str, bytes, bytes], tuple[int, bytes]]
"""Path, head and body of a request → status and JSON."""


class Server(asyncio.Protocol):
    """Answers every request at once."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._arrived = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no child of that class

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        while (whole := _cut_off(self._arrived)) is not None:
            head, body = whole
            status, answer = self._handle(head.split(b" ", 2)[1].decode(), head, body)
            self._write(status, answer)

    def _write(self, status: int, answer: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
        self._transport.write(head.encode() + answer)


@contextlib.asynccontextmanager
async def serving(handle: Handle) -> AsyncIterator[int]:
    """The port of loopback that is served."""
    server = await asyncio.get_running_loop().create_server(lambda: Server(handle), "127.0.0.1", 0, backlog=4096)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Line(asyncio.Protocol):
    """One connection to the gateway."""

    def __init__(self) -> None:
        self._arrived = bytearray()
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None

    @property
    def open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no child of that class

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(Cut())

    def data_received(self, data: bytes) -> None:
        self._arrived += data
        whole = _cut_off(self._arrived)
        if whole is not None and self._waiting is not None and not self._waiting.done():
            head, _ = whole
            told = _RETRY_AFTER.search(head)
            status = int(head.split(b" ", 2)[1])
            self._waiting.set_result(Answer(status=status, retry_after=int(told[1]) if told else None))

    async def ask(self, request: Request) -> Answer:
        """Raises Cut."""
        if self._transport is None or self._transport.is_closing():
            raise Cut
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request.as_bytes())
        return await self._waiting

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class Lines:
    """Connections to one gateway, as many at most as `most`, each used again and again. Whoever finds none free waits,
    as behind a platform's own limit of connections."""

    def __init__(self, port: int, *, most: int) -> None:
        self._port = port
        self._free: deque[Line] = deque()
        self._places = asyncio.Semaphore(most)

    async def post(self, request: Request) -> Answer:
        """Raises Cut and OSError."""
        async with self._places:
            line = await self._line()
            answer = await line.ask(request)
            self._free.append(line)
            return answer

    def close(self) -> None:
        for line in self._free:
            line.close()

    async def _line(self) -> Line:
        while self._free:
            line = self._free.pop()
            if line.open:
                return line
        _, line = await asyncio.get_running_loop().create_connection(Line, "127.0.0.1", self._port)
        return line


def _cut_off(arrived: bytearray) -> tuple[bytes, bytes] | None:
    """The first whole message's head and body, taken off; None where it is not there yet."""
    end = arrived.find(_END)
    if end < 0:
        return None
    head = bytes(arrived[:end])
    found = _LENGTH.search(head)
    whole = end + len(_END) + (int(found[1]) if found else 0)
    if len(arrived) < whole:
        return None
    body = bytes(arrived[end + len(_END) : whole])
    del arrived[:whole]
    return head, body
