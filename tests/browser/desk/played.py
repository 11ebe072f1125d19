"""The desk's server, played: the contract's routes over data in memory, with the real page and the real policy.

What the page gets wrong is written down in `violations`, which every test expects to be empty.
"""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import WSMsgType, web

from bot.gateway.desk.access.page import page_routes
from tests.browser.desk import people
from tests.browser.desk.people import Json, iso
from tests.browser.desk.played_conversations import Conversations
from tests.browser.desk.played_doors import CSRF, Doors
from tests.browser.desk.played_supervision import Supervision

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_SCANLINE = b"\0" + b"".join(bytes((90 + x // 4, 130, 150 - x // 6)) for x in range(320))


def _png() -> bytes:
    """A picture of 320 × 200: https://www.w3.org/TR/png-3/#5DataRep"""
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", 320, 200, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(_SCANLINE * 200)),
        (b"IEND", b""),
    )
    framed = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


_PICTURE = _png()


class PlayedDesk:
    """One agent's desk, `me`, in as many windows as are opened."""

    def __init__(self, *, conversations: int = 60, me: str = "maya") -> None:
        self.url = ""
        self.me = me
        self.agents = people.agents()
        self.teams = people.teams()
        self.items = people.items(conversations)
        self.details: dict[str, Json] = {}
        self.lines: dict[str, list[Json]] = {}
        self.saved = _saved()
        self.logged_in = True
        self.wants_code = False
        self.locked_for = 0
        self.totp = False
        self.is_down = False
        self.refusals: list[tuple[int, Json]] = []
        """What the next doings and messages are answered with."""
        self.hold = asyncio.Event()
        """While it is not set, what changes something is not answered."""
        self.hold.set()
        self.asked: list[tuple[str, str, Json]] = []
        """Method, path and body of what was to be changed."""
        self.frames: list[Json] = []
        self.violations: list[str] = []
        self.version = 1
        self._sockets: dict[web.WebSocketResponse, web.Request] = {}
        self._news = asyncio.Condition()
        self._ids = itertools.count(20_000_000)
        self._missed: list[tuple[int, Json]] = []

    # What tests bring about and wait for

    async def until(self, wanted: Callable[[Self], object], timeout: float = 30) -> None:
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: wanted(self))

    def changes(self, ending: str) -> list[Json]:
        """The bodies of what was asked of paths that end so."""
        return [body for _method, path, body in self.asked if path.endswith(ending)]

    def told(self, kind: str) -> list[Json]:
        return [frame for frame in self.frames if frame["type"] == kind]

    async def push(self, frame: Json) -> None:
        for socket in list(self._sockets):
            await socket.send_json(frame)

    async def change_item(self, id: str, **change: Any) -> None:
        """It is so now, and the lists are told."""
        self.items[id] = {**self.items[id], **change}
        self.version += 1
        frame = {
            "type": "items",
            "items": [self.items[id]],
            "gone": [],
            "counts": self.counts(),
            "version": self.version,
        }
        self._missed.append((self.version, frame))
        await self.push(frame)

    async def hear(self, id: str, text: str, **more: Any) -> Json:
        """The customer writes."""
        line = {
            **people.blank_line(self.next_id(), iso(people.moment())),
            "content": {"type": "text", "text": text},
            **more,
        }
        line["channel"] = more.get("channel", self.items[id]["channels"][0])
        await self.add_line(id, line)
        last = {"id": line["id"], "at": line["at"], "author": "customer", "text": text}
        await self.change_item(id, last=last, unread=self.items[id]["unread"] + 1)
        return line

    async def drop(self) -> None:
        """Lose every connection without a closing handshake."""
        for request in self._sockets.values():
            if isinstance(request.transport, asyncio.Transport):
                request.transport.abort()
        self._sockets.clear()

    def counts(self) -> Json:
        views = {
            view: sum(1 for item in self.items.values() if self.belongs(item, view))
            for view in ("queue", "mine", "team")
        }
        return views

    def next_id(self) -> int:
        return next(self._ids)

    def detail(self, id: str) -> Json:
        return self.details.setdefault(id, people.details(self.items[id]))

    def transcript(self, id: str) -> list[Json]:
        return self.lines.setdefault(id, people.lines(self.items[id]))

    # The routes

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=32 * 1024 * 1024)
        app.add_routes(page_routes())
        app.router.add_get("/desk/played/picture.png", self._picture)
        app.router.add_get("/desk/socket", self._socket)
        for part in (Doors(self), Conversations(self), Supervision(self)):
            app.add_routes(part.routes())
        return app

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        is_api = request.path.startswith("/desk/api/")
        if self.is_down and (is_api or request.path == "/desk/socket"):
            raise web.HTTPServiceUnavailable
        if is_api and request.path not in ("/desk/api/login",) and not self.logged_in:
            return web.json_response({"error": "unauthorized"}, status=401)
        if request.method != "GET":
            await self._check_change(request)
            await self.hold.wait()
            if self.refusals and request.path.rpartition("/")[2] in ("do", "say"):
                status, body = self.refusals.pop(0)
                return web.json_response(body, status=status)
        response = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = POLICY
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    async def _check_change(self, request: web.Request) -> None:
        if request.headers.get("Origin") != self.url:
            self.violations.append(f"{request.path}: Origin {request.headers.get('Origin')}")
        if request.path != "/desk/api/login" and request.headers.get("X-CSRF") != CSRF:
            self.violations.append(f"{request.path}: no X-CSRF")
        is_json = request.content_type == "application/json"
        body = await request.json() if is_json and request.can_read_body else {}
        if not isinstance(body, dict):
            self.violations.append(f"{request.path}: the body is no object")
            body = {}
        async with self._news:
            self.asked.append((request.method, request.path, body))
            self._news.notify_all()

    async def _picture(self, _request: web.Request) -> web.Response:
        return web.Response(body=_PICTURE, content_type="image/png")

    def belongs(self, item: Json, view: str) -> bool:
        is_agent = self.agents[self.me]["role"] == "agent"
        mine = [team["id"] for team in self.teams if self.me in team["members"] or not is_agent]
        with_people = item["state"] in ("queued", "agent", "snoozed")
        return bool(
            {
                "queue": item["state"] == "queued",
                "mine": item["agent"] == self.me and item["state"] in ("agent", "snoozed"),
                "team": with_people and item["team"] in mine,
                "all": True,
                "closed": item["state"] == "closed",
            }[view]
        )

    # The socket

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Origin") != self.url:
            raise web.HTTPForbidden
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if not self.logged_in:
            await socket.send_json({"type": "expired"})
            await socket.close()
            return socket
        self._sockets[socket] = request
        await socket.send_json({"type": "hello", "version": self.version, "agent": self.me})
        await socket.send_json(
            {"type": "items", "items": [], "gone": [], "counts": self.counts(), "version": self.version}
        )
        try:
            async for message in socket:
                if message.type == WSMsgType.TEXT:
                    await self._take(socket, json.loads(message.data))
        finally:
            self._sockets.pop(socket, None)
        return socket

    async def _take(self, socket: web.WebSocketResponse, frame: Json) -> None:
        async with self._news:
            self.frames.append(frame)
            self._news.notify_all()
        if frame["type"] == "since":
            for version, missed in self._missed:
                if version > frame["version"]:
                    await socket.send_json(missed)
        elif frame["type"] == "open":
            news = [line for line in self.transcript(frame["conversation"]) if line["id"] > frame["after"]]
            await socket.send_json({"type": "lines", "conversation": frame["conversation"], "lines": news})
        elif frame["type"] not in ("close", "typing", "seen"):
            self.violations.append(f"socket: {frame['type']}")

    async def add_line(self, id: str, line: Json) -> None:
        self.transcript(id).append(line)
        await self.push({"type": "lines", "conversation": id, "lines": [copy.deepcopy(line)]})


def _saved() -> list[Json]:
    rows = (
        ("hello", "en", "Greeting", "Hello {customer}, this is {agent}. How can I help?", False),
        ("refund", "en", "Refund is on its way", "The refund is on its way; it takes three to five days.", False),
        ("hello", "zh", "问候", "您好，{customer}！我是{agent}，请问有什么可以帮您？", False),
        ("address", "en", "Ask for the new address", "Which address should it go to?", True),
    )
    return [
        {
            "id": at + 1,
            "shortcut": shortcut,
            "language": language,
            "title": title,
            "content": {"text": text},
            "intents": [],
            "own": own,
        }
        for at, (shortcut, language, title, text, own) in enumerate(rows)
    ]
