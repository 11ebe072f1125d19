"""The gateway's side of the web chat, played by hand.

For situations that the real gateway cannot be brought into at will: a connection lost between two frames, frames sent
twice, a token that ran out, acknowledgements that take their time. It is as strict as channels/webchat/README.md: what
is not in the protocol closes the socket and stands in `violations`, which must be empty when a test ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from aiohttp import WSMsgType, web

Frame = dict[str, Any]

WIDGET = Path(__file__).parents[3] / "channels" / "webchat" / "widget.js"
CLIENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
LONGEST_TEXT = 8_000
LARGEST_FRAME = 64 * 1024
SHAPES: dict[str, dict[str, type]] = {
    "start": {"id": str},
    "say": {"id": str, "text": str},
    "choose": {"id": str, "message": int, "option": int, "label": str},
    "link": {"id": str, "code": str},
    "invite": {"channel": str},
    "seen": {"seq": int},
    "send_file": {"id": str, "file": str},
}
MAY_HAVE: dict[str, dict[str, type]] = {"send_file": {"text": str}}
HELLO: dict[str, type] = {"token": str, "cursor": int, "language": str}
QR = '<svg width="29" height="29" viewBox="0 0 29 29"><path stroke="#111" d="M4 4.5h21m-21 6h9m3 0h9m-21 7h21"/></svg>'


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that came."""

    token: str
    name: str
    type: str
    body: bytes


@dataclass(kw_only=True)
class Visitor:
    """One person's browser, as the gateway knows it."""

    token: str
    transcript: list[Frame] = field(default_factory=list)
    sockets: dict[web.WebSocketResponse, web.Request] = field(default_factory=dict)
    known_ids: set[str] = field(default_factory=set)


class ProtocolServer:
    """Plays the gateway. `received` holds every frame after the hellos but for what was seen, in order; `hellos` the
    hellos, `seen` the cursors."""

    def __init__(self) -> None:
        self.url = ""
        self.allowed_origins: set[str] = set()
        self.visitors: dict[str, Visitor] = {}
        self.received: list[Frame] = []
        self.hellos: list[Frame] = []
        self.seen: list[int] = []
        self.uploads: list[Upload] = []
        self.refuse_uploads: tuple[int, str] | None = None
        """Answer uploads with this status and code."""
        self.uploading = asyncio.Event()
        """Cleared: uploads are not answered yet."""
        self.uploading.set()
        self.expires_in = 7 * 24 * 3600
        self.identities: dict[str, str] = {}
        """JWT → the token of the visitor that it stands for; any other is refused."""
        self.sessions: list[Frame] = []
        self.violations: list[str] = []
        self.channels: list[str] = ["telegram"]
        self.refuse_with: str | None = None
        """Answer what the customer does with this error instead of storing it."""
        self.swallow = False
        """Take frames without storing them, like a connection that died on the way."""
        self.ack = asyncio.Event()
        """Cleared: what is stored is not shown yet."""
        self.ack.set()
        self.ready = asyncio.Event()
        """Cleared: the history is not sent to the end."""
        self.ready.set()
        self.is_down = False
        self.invitation: Callable[[str], Frame] | None = self._invitation
        self._seq = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Condition()

    # What a test does as the gateway

    @property
    def visitor(self) -> Visitor:
        """The newest visitor; the only one in most tests."""
        return list(self.visitors.values())[-1]

    async def say(self, text: str | None = None, *, author: str = "bot", at: str | None = None, **parts: Any) -> Frame:
        """Write a message of the bot or an agent into the transcript and show it to who is connected."""
        frame = self._message(author, at=at, **({"text": text} if text is not None else {}), **parts)
        self.visitor.transcript.append(frame)
        await self.push(frame)
        return frame

    async def push(self, frame: Frame) -> None:
        """Send any frame to every socket of the visitor."""
        for socket in list(self.visitor.sockets):
            await _send(socket, frame)

    async def drop(self) -> None:
        """Lose every connection without a closing handshake."""
        for visitor in self.visitors.values():
            for request in visitor.sockets.values():
                if isinstance(request.transport, asyncio.Transport):
                    request.transport.abort()
            visitor.sockets.clear()

    def expire(self) -> None:
        """Forget the visitor's token."""
        del self.visitors[self.visitor.token]

    async def until(self, wanted: Callable[[Self], object], timeout: float = 30) -> None:
        """Wait until something has come about here."""
        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: wanted(self))

    def of_type(self, kind: str) -> list[Frame]:
        return [frame for frame in self.received if frame["type"] == kind]

    def customer_said(self) -> list[str]:
        """What the transcript holds of the customer's, once each."""
        return [frame["text"] for frame in self.visitor.transcript if frame["author"] == "customer"]

    # The protocol

    def app(self) -> web.Application:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_get("/widget.js", self._widget)
        app.router.add_get("/picture.svg", self._picture)
        app.router.add_route("OPTIONS", "/webchat/session", self._preflight)
        app.router.add_post("/webchat/session", self._session)
        app.router.add_route("OPTIONS", "/webchat/files", self._preflight)
        app.router.add_post("/webchat/files", self._file)
        app.router.add_get("/webchat/socket", self._socket)
        return app

    async def _widget(self, _request: web.Request) -> web.FileResponse:
        return web.FileResponse(WIDGET, headers={"Content-Type": "text/javascript; charset=utf-8"})

    async def _picture(self, _request: web.Request) -> web.Response:
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 100"><rect width="160" height="100" '
            'fill="#cfe3dd"/><circle cx="80" cy="50" r="28" fill="#0f6b5c"/></svg>'
        )
        return web.Response(text=svg, content_type="image/svg+xml")

    async def _preflight(self, request: web.Request) -> web.Response:
        return web.Response(status=204, headers=self._cors(request))

    async def _session(self, request: web.Request) -> web.Response:
        headers = self._cors(request)
        if self.is_down:
            raise web.HTTPServiceUnavailable(headers=headers)
        body = json.loads(await request.text())
        self.sessions.append(body)
        if set(body) - {"token", "identity"}:
            self.violations.append(f"session: {body}")
        token, identity = body.get("token", ""), body.get("identity", "")
        if identity and identity not in self.identities:
            await self._tell()
            return web.json_response({"error": "identity_refused"}, status=401, headers=headers)
        if identity is None:
            self.visitors.pop(token, None)
        wanted = self.identities[identity] if identity else token
        visitor = self.visitors.get(wanted) or Visitor(token=wanted if identity else secrets.token_urlsafe(16))
        self.visitors[visitor.token] = visitor
        await self._tell()
        return web.json_response({"token": visitor.token, "expires_in": self.expires_in}, headers=headers)

    async def _file(self, request: web.Request) -> web.Response:
        headers = self._cors(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        body = await request.read()
        await self.uploading.wait()
        if token not in self.visitors:
            return web.json_response({"error": "expired"}, status=401, headers=headers)
        if self.refuse_uploads:
            status, code = self.refuse_uploads
            return web.json_response({"error": code}, status=status, headers=headers)
        name = unquote(request.headers["X-File-Name"])
        self.uploads.append(Upload(token=token, name=name, type=request.content_type, body=body))
        await self._tell()
        file = {"kind": _kind(request.content_type), "name": name, "type": request.content_type, "size": len(body)}
        return web.json_response({"file": f"handle-{len(self.uploads) - 1}", **file}, headers=headers)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        self._cors(request)
        if self.is_down:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(max_msg_size=LARGEST_FRAME)
        await socket.prepare(request)
        visitor: Visitor | None = None
        try:
            visitor = await self._hello(socket, request)
            if visitor:
                await self._listen(socket, visitor)
        finally:
            if visitor:
                visitor.sockets.pop(socket, None)
            await self._tell()
        return socket

    async def _hello(self, socket: web.WebSocketResponse, request: web.Request) -> Visitor | None:
        try:
            message = await socket.receive(timeout=30)
        except TimeoutError:
            await self._violation(socket, "no hello within 10 s")
            return None
        if message.type is not WSMsgType.TEXT:
            return None
        hello = json.loads(message.data)
        if problem := _wrong("hello", hello, HELLO):
            await self._violation(socket, problem)
            return None
        self.hellos.append(hello)
        visitor = self.visitors.get(hello["token"])
        if visitor is None:
            await _send(socket, {"type": "expired"})
            await socket.close()
            await self._tell()
            return None
        for frame in [frame for frame in visitor.transcript if frame["seq"] > hello["cursor"]]:
            await _send(socket, frame)
        visitor.sockets[socket] = request
        await self._tell()
        await self.ready.wait()
        await _send(socket, {"type": "ready", "channels": self.channels, "expires_in": self.expires_in})
        await self._tell()
        return visitor

    async def _listen(self, socket: web.WebSocketResponse, visitor: Visitor) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            frame = json.loads(message.data)
            if problem := _wrong(frame.get("type"), frame, SHAPES.get(frame.get("type"))):
                await self._violation(socket, problem)
                return
            if frame["type"] == "seen":
                self.seen.append(frame["seq"])
                await self._tell()
                continue
            self.received.append(frame)
            await self._take(socket, visitor, frame)
            await self._tell()

    async def _take(self, socket: web.WebSocketResponse, visitor: Visitor, frame: Frame) -> None:
        if self.swallow:
            return
        if frame["type"] == "invite":
            answer = {"type": "error", "code": "unavailable"}
            return await _send(socket, self.invitation(frame["channel"]) if self.invitation else answer)
        code = "too_long" if len(frame.get("text", "")) > LONGEST_TEXT else self.refuse_with
        if code:
            later = {"retry_after": 1} if code == "busy" else {}
            return await _send(socket, {"type": "error", "code": code, "id": frame["id"], **later})
        if frame["id"] in visitor.known_ids:
            return
        visitor.known_ids.add(frame["id"])
        parts = {"text": frame.get("text") or frame.get("label")}
        if frame["type"] == "choose":
            parts["choice"] = {"message": frame["message"], "option": frame["option"]}
        if frame["type"] == "send_file":
            upload = self.uploads[int(frame["file"].removeprefix("handle-"))]
            file = {"kind": _kind(upload.type), "name": upload.name, "type": upload.type, "outcome": "pending"}
            parts["file"] = {**file, "size": len(upload.body)}
        if any(parts.values()):
            told = {name: part for name, part in parts.items() if part}
            shown = self._message("customer", client_id=frame["id"], **told)
            visitor.transcript.append(shown)
            task = asyncio.create_task(self._show(visitor, shown))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _show(self, visitor: Visitor, frame: Frame) -> None:
        await self.ack.wait()
        for socket in list(visitor.sockets):
            await _send(socket, frame)

    async def _violation(self, socket: web.WebSocketResponse, problem: str) -> None:
        self.violations.append(problem)
        await socket.close(code=1008)

    def _message(self, author: str, *, at: str | None = None, **parts: Any) -> Frame:
        self._seq += 1
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"type": "message", "seq": self._seq, "id": 1000 + self._seq, "author": author, "at": at or now, **parts}

    def _invitation(self, channel: str) -> Frame:
        url = f"https://t.me/shop_bot?start={secrets.token_hex(8)}"
        return {"type": "invitation", "channel": channel, "url": url, "qr": QR, "expires_in": 600}

    def _cors(self, request: web.Request) -> dict[str, str]:
        origin = request.headers.get("Origin", "")
        if origin not in self.allowed_origins:
            raise web.HTTPForbidden(headers={"Access-Control-Allow-Origin": origin})
        allowed = "Authorization, Content-Type, X-File-Name"
        return {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Headers": allowed}

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()


def _wrong(kind: object, frame: Frame, shape: dict[str, type] | None) -> str:
    """What the protocol does not know about this frame; empty if it is right."""
    if shape is None or frame.get("type") != kind:
        return f"not expected here: {frame}"
    fields = {name: type(value) for name, value in frame.items() if name != "type"}
    if fields not in (shape, shape | MAY_HAVE.get(str(kind), {})):
        return f"fields of {kind}: {fields}"
    if "id" in frame and not CLIENT_ID.fullmatch(frame["id"]):
        return f"not a UUID: {frame['id']}"
    return ""


def _kind(type: str) -> str:
    return {"image": "picture", "audio": "audio", "video": "video"}.get(type.partition("/")[0], "file")


async def _send(socket: web.WebSocketResponse, frame: Frame) -> None:
    if not socket.closed:
        await socket.send_json(frame)


class ShopPage:
    """A page of another origin that embeds the widget, under the strictest policy that can work."""

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self.url = ""

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/", self._page)
        return app

    async def _page(self, request: web.Request) -> web.Response:
        """`?lang=` sets the page's language, `?body=` ends it; the others become attributes of the script tag."""
        query = dict(request.query)
        language, body = query.pop("lang", "en"), query.pop("body", "")
        attributes = " ".join(f'{name}="{value}"' for name, value in query.items())
        socket = self.gateway.replace("http", "ws", 1)
        policy = f"default-src 'none'; script-src {self.gateway}; connect-src {self.gateway} {socket}; img-src data: *"
        html = f"""<!doctype html>
<html lang="{language}">
<head><meta charset="utf-8"><title>Shop</title><meta name="viewport" content="width=device-width, initial-scale=1">
<script src="{self.gateway}/widget.js" async {attributes}></script></head>
<body><main><h1>Shop</h1><p>Things to buy.</p><a href="#top">Up</a></main>{body}</body>
</html>"""
        return web.Response(text=html, content_type="text/html", headers={"Content-Security-Policy": policy})
