"""One socket of one visitor, from its hello to its end.

A socket is only a way of being told early: all it tells comes from the transcript. Most are idle, and thousands fit
into a gateway: while there is nothing to tell, a socket has nothing but its own reader.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import segno
import structlog
from aiohttp import ClientConnectionResetError, WSMsgType, web
from multidict import CIMultiDict
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway import metrics
from bot.gateway.accept import Acceptor, Brought
from bot.gateway.backlog import COME_AGAIN
from bot.gateway.linking import CODE_LIFETIME, TYPED
from bot.gateway.media.handles import resolve_all
from bot.gateway.throttle import Throttles
from bot.gateway.tracing import Traces
from bot.gateway.webchat import transcript
from bot.gateway.webchat.hub import Hub
from bot.gateway.webchat.sessions import SESSION_LIFETIME, is_open
from bot.gateway.webchat.uploads import Uploads
from bot.store.database import reading, transaction
from bot.store.outage import POSSIBLE, is_unstorable
from bot.store.traces import new_trace
from channels.contract import Malformed, SendError, Webhook
from channels.webchat import WebchatChannel
from channels.webchat.inbound import VISITOR, is_index, parse
from channels.webchat.outbound import Line, file_frame, frame_of, may_change

log = structlog.get_logger()

_WATCHED_MAX = 50
_LOOKS_AT_ONCE = 4
"""Of all sockets of a gateway: when all come back at once, they leave the database to others too."""

Clock = Callable[[], datetime]
Invite = Callable[[str, str], Awaitable[str]]
"""Visitor and the name of a channel → a deep link to go on with there. Raises SendError."""
MediaUrl = Callable[[str], Awaitable[str]]
"""The id of a file → a path, or for what we sent the whole address, under which it can be had for a while."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all sockets have in common."""

    channel: WebchatChannel
    engine: AsyncEngine
    acceptor: Acceptor
    hub: Hub
    invite: Invite
    others: list[str]
    """Names of the channels that one can go on with."""
    uploads: Uploads
    media_url: MediaUrl
    sent_file_url: MediaUrl
    traces: Traces
    is_full: Callable[[], bool]
    """Whether more waits than may."""
    clock: Clock
    frames: Throttles = field(default_factory=lambda: Throttles(at_once=20, a_second=2))
    """How often a visitor may say something, in however many tabs."""
    looks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_LOOKS_AT_ONCE))
    """For whoever is about to read what is new. Nobody holds one while they wait for a visitor's line."""


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
        self.visitor = hello.visitor
        self.token_hash = hello.token_hash
        self.cursor = hello.cursor
        """The last message that was shown."""
        self.watched: set[int] = set()
        """Messages that were shown and may look different later."""
        self._around = around
        self._socket = socket
        self._language = hello.language
        self._is_ready = False
        self._news = True
        self._typing = False
        self._telling: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self._around.hub.join(self)
        self.wake()
        try:
            async for frame in self._socket:
                if frame.type is WSMsgType.TEXT:
                    await self._take(frame.data)
        finally:
            self._around.hub.leave(self)
            if self._telling is not None:
                # Not cancelled: it may be in the middle of a transaction.
                await self._telling

    # What the visitor is told

    def wake(self) -> None:
        """There may be something new."""
        self._news = True
        self._tell_soon()

    def show_typing(self) -> None:
        """An answer is being made."""
        self._typing = True
        self._tell_soon()

    def _tell_soon(self) -> None:
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        try:
            while (self._news or self._typing) and not self._socket.closed:
                await self._tell_once()
        except ClientConnectionResetError:
            # The widget went away, and will come back with its cursor. Nothing wider: a database that refuses
            # connections raises a ConnectionError, too, and then the widget is to come back.
            pass
        except POSSIBLE as error:
            log.error("webchat.unavailable", error=type(error).__name__)
            await self._socket.close()
        except Exception as error:
            # A fault of ours must not leave a chat in silence: the widget comes back and begins anew.
            log.error("webchat.broke", error=type(error).__name__)
            await self._socket.close()
        finally:
            self._telling = None

    async def _tell_once(self) -> None:
        typing, self._typing = self._typing and self._is_ready, False
        if typing:
            await self._socket.send_json({"type": "typing"})
        news, self._news = self._news, False
        if news:
            await (self._look() if self._is_ready else self._begin())

    async def _begin(self) -> None:
        await self._show_all()
        self._is_ready = True
        await self._socket.send_json(
            {
                "type": "ready",
                "channels": self._around.others,
                "expires_in": int(SESSION_LIFETIME.total_seconds()),
            }
        )

    async def _look(self) -> None:
        async with self._around.looks, reading(self._around.engine) as connection:
            is_theirs = await is_open(connection, self.token_hash, self._around.clock())
            changed = await transcript.look_again(connection, self.visitor, self.watched)
            lines = await transcript.transcript(connection, self.visitor, after=self.cursor)
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
            async with self._around.looks, reading(self._around.engine) as connection:
                lines = await transcript.transcript(connection, self.visitor, after=self.cursor)
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
        self.cursor = line.id
        if may_change(line):
            self._watch(line.id)

    async def _show_changed(self, lines: Iterable[Line]) -> None:
        for line in lines:
            if may_change(line):
                continue
            self.watched.discard(line.id)
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
            async with self._around.looks, transaction(self._around.engine) as connection:
                await transcript.note_delivered(connection, self.visitor, up_to=self.cursor, now=self._around.clock())

    def _watch(self, id: int) -> None:
        self.watched.add(id)
        if len(self.watched) > _WATCHED_MAX:
            self.watched.remove(min(self.watched))

    # What the visitor does

    async def _take(self, data: str) -> None:
        frame: dict[str, Any] = {}
        in_time = await self._around.frames.allows(self.visitor)
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
            await self._refuse(frame, "malformed" if is_unstorable(error) else "unavailable")

    async def _accept(self, frame: dict[str, Any]) -> None:
        if self._around.is_full():
            await self._refuse(frame, "busy", retry_after=COME_AGAIN)
            return
        trace, began = new_trace(), time.time_ns()
        with structlog.contextvars.bound_contextvars(trace=trace):
            await self._store(frame, trace)
        self._around.traces.webhook(trace, "webchat", 200, began, time.time_ns())

    async def _store(self, frame: dict[str, Any], trace: str) -> None:
        body = json.dumps({"language": self._language, **frame}).encode()
        around = self._around
        read = around.channel.read(Webhook(method="WS", headers=CIMultiDict({VISITOR: self.visitor}), body=body))
        accepted = await around.acceptor.accept(Brought(read=read, channel="webchat", body=body, trace=trace))
        log.info("webchat.accepted", channel="webchat", messages=[message.message for message in accepted])
        metrics.accepted.labels("webchat", str(accepted[0].repeated).lower()).inc()
        if not accepted[0].repeated and not accepted[0].with_people:
            await self._socket.send_json({"type": "typing"})
        around.hub.push(self.visitor)

    async def _with_upload(self, frame: dict[str, Any]) -> dict[str, Any]:
        """The frame with what its handle stands for, which the channel reads and no widget can say."""
        upload = await self._around.uploads.look_up(frame.get("file"), self.visitor)
        if upload is None:
            raise Malformed("no_file")
        return {**frame, "upload": upload}

    async def _seen(self, frame: dict[str, Any]) -> None:
        seq = frame.get("seq")
        if not is_index(seq):
            raise Malformed("malformed")
        async with transaction(self._around.engine) as connection:
            # Nobody has seen what they were not shown.
            up_to = min(seq, self.cursor)
            await transcript.note_read(connection, self.visitor, up_to=up_to, now=self._around.clock())

    async def _invite(self, frame: dict[str, Any]) -> None:
        channel = frame.get("channel")
        if not isinstance(channel, str) or channel not in (*self._around.others, TYPED):
            raise Malformed("malformed")
        way = await self._around.invite(self.visitor, channel)
        shown = {"code": way} if channel == TYPED else {"url": way, "qr": _qr_code(way)}
        lifetime = int(CODE_LIFETIME.total_seconds())
        await self._socket.send_json({"type": "invitation", "channel": channel, **shown, "expires_in": lifetime})

    async def _refuse(self, frame: dict[str, Any], code: str, **more: int) -> None:
        refused = frame.get("id")
        which = {"id": refused[:64]} if isinstance(refused, str) else {}
        await self._socket.send_json({"type": "error", "code": code, **which, **more})


def _qr_code(url: str) -> str:
    return str(segno.make(url, error="m").svg_inline(scale=4, border=2, dark="#111", light="#fff"))
