"""One socket of one visitor, from its hello to its end, and waking the sockets of a visitor.

A socket is only a way of being told early: all it tells comes from the transcript.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import segno
import structlog
from aiohttp import WSMsgType, web
from multidict import CIMultiDict
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.accept import accept_all
from bot.gateway.linking import CODE_LIFETIME, TYPED
from bot.gateway.media.handles import resolve_all
from bot.gateway.throttle import Throttles
from bot.gateway.webchat import transcript
from bot.gateway.webchat.sessions import SESSION_LIFETIME, is_open
from bot.gateway.webchat.uploads import Uploads
from bot.store.database import reading, transaction
from bot.store.outage import POSSIBLE
from channels.contract import Malformed, SendError, Webhook
from channels.webchat import WebchatChannel
from channels.webchat.inbound import VISITOR, is_index, parse
from channels.webchat.outbound import Line, file_frame, frame_of, may_change

log = structlog.get_logger()

_LOOK_ANYWAY_EVERY = 5.0
_WATCHED_MAX = 50

Clock = Callable[[], datetime]
Invite = Callable[[str, str], Awaitable[str]]
"""Visitor and the name of a channel → a deep link to go on with there. Raises SendError."""
MediaUrl = Callable[[str], Awaitable[str]]
"""The id of a file → a path, or for what we sent the whole address, under which it can be had for a while."""


class Hub:
    """Which visitors are connected to this gateway, to wake their sockets."""

    def __init__(self) -> None:
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    def push(self, visitor: str) -> None:
        """There is something new for this visitor."""
        for event in self._waiting.get(visitor, ()):
            event.set()

    def join(self, visitor: str) -> asyncio.Event:
        event = asyncio.Event()
        self._waiting[visitor].add(event)
        return event

    def leave(self, visitor: str, event: asyncio.Event) -> None:
        self._waiting[visitor].discard(event)
        if not self._waiting[visitor]:
            del self._waiting[visitor]


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all sockets have in common."""

    channel: WebchatChannel
    engine: AsyncEngine
    hub: Hub
    invite: Invite
    others: list[str]
    """Names of the channels that one can go on with."""
    uploads: Uploads
    media_url: MediaUrl
    sent_file_url: MediaUrl
    clock: Clock
    frames: Throttles = field(default_factory=lambda: Throttles(at_once=20, a_second=2))
    """How often a visitor may say something, in however many tabs."""


@dataclass(frozen=True, kw_only=True)
class Hello:
    """Who opened a socket, and what they have already."""

    visitor: str
    token_hash: str
    cursor: int
    language: str | None


class Connection:
    """A socket whose hello was good."""

    def __init__(self, around: Surroundings, socket: web.WebSocketResponse, hello: Hello) -> None:
        self._around = around
        self._socket = socket
        self._hello = hello
        self._visitor = hello.visitor
        self._cursor = hello.cursor
        self._watched: dict[int, Line] = {}
        """What was shown and may look different later."""

    async def run(self) -> None:
        news = self._around.hub.join(self._visitor)
        showing = asyncio.create_task(self._show_news(news))
        try:
            async for frame in self._socket:
                if frame.type is WSMsgType.TEXT:
                    await self._take(frame.data)
        finally:
            self._around.hub.leave(self._visitor, news)
            # Woken and not cancelled: it may be in the middle of a transaction.
            news.set()
            await showing

    # What the visitor is told

    async def _show_news(self, news: asyncio.Event) -> None:
        try:
            await self._show_all()
            await self._socket.send_json(
                {
                    "type": "ready",
                    "channels": self._around.others,
                    "expires_in": int(SESSION_LIFETIME.total_seconds()),
                }
            )
            while not self._socket.closed:
                # Looks now and then without being woken too: another gateway may have sent something.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), _LOOK_ANYWAY_EVERY)
                news.clear()
                if not self._socket.closed:
                    await self._look()
        except ConnectionError:
            pass  # the widget went away, and will come back with its cursor
        except POSSIBLE as error:
            log.error("webchat.unavailable", error=type(error).__name__)
            await self._socket.close()

    async def _look(self) -> None:
        async with reading(self._around.engine) as connection:
            is_theirs = await is_open(connection, self._hello.token_hash, self._around.clock())
            changed = await transcript.look_again(connection, self._visitor, self._watched)
            lines = await transcript.transcript(connection, self._visitor, after=self._cursor)
        if not is_theirs:
            await self._socket.send_json({"type": "expired"})
            await self._socket.close()
            return
        await self._show_changed(changed)
        await self._show(lines)
        if len(lines) == transcript.PAGE:
            await self._show_all()

    async def _show_all(self) -> None:
        while not self._socket.closed:
            async with reading(self._around.engine) as connection:
                lines = await transcript.transcript(connection, self._visitor, after=self._cursor)
            await self._show(lines)
            if len(lines) < transcript.PAGE:
                return

    async def _show(self, lines: list[Line]) -> None:
        for line in lines:
            if self._socket.closed:
                return
            await self._show_one(line)
        await self._note_delivered(lines)

    async def _show_one(self, line: Line) -> None:
        line = await self._with_link(line)
        if frame := frame_of(line):
            await self._socket.send_json(frame)
        self._cursor = line.id
        if may_change(line):
            self._watch(line)

    async def _show_changed(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if may_change(line):
                continue
            del self._watched[line.id]
            file = file_frame(await self._with_link(line))
            told = (
                {"type": "file", "message": line.id, "file": file} if file else {"type": "closed", "message": line.id}
            )
            await self._socket.send_json(told)

    async def _with_link(self, line: Line) -> Line:
        if line.content is not None:
            return replace(line, content=await resolve_all(line.content, self._around.sent_file_url))
        media_id = line.stored_media()
        return replace(line, media_url=await self._around.media_url(media_id)) if media_id else line

    async def _note_delivered(self, lines: list[Line]) -> None:
        if any(line.content is not None for line in lines):
            async with transaction(self._around.engine) as connection:
                await transcript.note_delivered(connection, self._visitor, up_to=self._cursor, now=self._around.clock())

    def _watch(self, line: Line) -> None:
        self._watched[line.id] = line
        if len(self._watched) > _WATCHED_MAX:
            del self._watched[min(self._watched)]

    # What the visitor does

    async def _take(self, data: str) -> None:
        frame: dict[str, Any] = {}
        in_time = self._around.frames.allows(self._visitor)
        try:
            frame = parse(data)
            if not in_time:
                raise Malformed("too_fast")
            match frame["type"]:
                case "invite":
                    await self._invite(frame)
                case "seen":
                    await self._seen(frame)
                case "send_file":
                    await self._accept(await self._with_upload(frame))
                case _:
                    await self._accept(frame)
        except Malformed as error:
            await self._refuse(frame, str(error))
        except SendError as error:
            log.warning("webchat.invite_failed", reason=error.reason)
            await self._refuse(frame, "unavailable")
        except POSSIBLE as error:
            log.error("accept.unavailable", channel="webchat", error=type(error).__name__)
            await self._refuse(frame, "unavailable")

    async def _accept(self, frame: dict[str, Any]) -> None:
        body = json.dumps({"language": self._hello.language, **frame}).encode()
        around = self._around
        read = around.channel.read(Webhook(method="WS", headers=CIMultiDict({VISITOR: self._visitor}), body=body))
        accepted = await accept_all(around.engine, read, channel="webchat", body=body, now=around.clock())
        metrics.accepted.labels("webchat", str(accepted[0].repeated).lower()).inc()
        if not accepted[0].repeated and not accepted[0].with_people:
            await self._socket.send_json({"type": "typing"})
        around.hub.push(self._visitor)

    async def _with_upload(self, frame: dict[str, Any]) -> dict[str, Any]:
        """The frame with what its handle stands for, which the channel reads and no widget can say."""
        upload = await self._around.uploads.look_up(frame.get("file"), self._visitor)
        if upload is None:
            raise Malformed("no_file")
        return {**frame, "upload": upload}

    async def _seen(self, frame: dict[str, Any]) -> None:
        seq = frame.get("seq")
        if not is_index(seq):
            raise Malformed("malformed")
        async with transaction(self._around.engine) as connection:
            # Nobody has seen what they were not shown.
            up_to = min(seq, self._cursor)
            await transcript.note_read(connection, self._visitor, up_to=up_to, now=self._around.clock())

    async def _invite(self, frame: dict[str, Any]) -> None:
        channel = frame.get("channel")
        if not isinstance(channel, str) or channel not in (*self._around.others, TYPED):
            raise Malformed("malformed")
        way = await self._around.invite(self._visitor, channel)
        shown = {"code": way} if channel == TYPED else {"url": way, "qr": _qr_code(way)}
        lifetime = int(CODE_LIFETIME.total_seconds())
        await self._socket.send_json({"type": "invitation", "channel": channel, **shown, "expires_in": lifetime})

    async def _refuse(self, frame: dict[str, Any], code: str) -> None:
        refused = frame.get("id")
        await self._socket.send_json(
            {"type": "error", "code": code, **({"id": refused[:64]} if isinstance(refused, str) else {})}
        )


def _qr_code(url: str) -> str:
    return str(segno.make(url, error="m").svg_inline(scale=4, border=2, dark="#111", light="#fff"))
