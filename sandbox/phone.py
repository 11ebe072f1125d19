"""The phone's own line to the sandbox: one WebSocket for one tab, one person of Telegram behind it.

Frames are JSON objects with a `type`. From the page: `hello` (`key` of an earlier visit, `language`), `start`
(`payload`), `say` (`text`), `tap` (`message_id`, `button`: its place on the keyboard), `new` (someone else takes the
phone). To the page: `welcome` (everything there is), then `event` for each `telegram.Event`, and `tapped` before the
answer to a tap.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import structlog
from aiohttp import WSMsgType, web

from .telegram import BotAccount, Event, TelegramServer, User
from .telegram.errors import Json

log = structlog.get_logger(__name__)

_NAMES = ("Alice", "Bob", "Carol", "Daniel", "Mei Lin", "Arjun", "Siti", "Wei")
_LANGUAGES = ("en", "zh-hans")
_FRAME_MAX = 64 * 1024


class Phones:
    """Who holds which phone. A key is as good as the person's own hand on it."""

    def __init__(self, telegram: TelegramServer, bot: BotAccount) -> None:
        self._telegram = telegram
        self._bot = bot
        self._owners: dict[str, User] = {}
        self._lines: set[web.WebSocketResponse] = set()

    async def connect(self, request: web.Request) -> web.StreamResponse:
        # Any page in the same browser could otherwise open this socket and read along.
        if urlsplit(request.headers.get("Origin", "")).netloc != request.host:
            return web.Response(status=403)
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=_FRAME_MAX)
        await socket.prepare(request)
        self._lines.add(socket)
        try:
            await _Line(socket=socket, phones=self).serve()
        finally:
            self._lines.discard(socket)
        return socket

    async def close(self, _: web.Application) -> None:
        """Hang up, so that stopping does not wait for open tabs."""
        await asyncio.gather(*(line.close(code=1001) for line in self._lines))

    def owner(self, key: str) -> tuple[str, User]:
        """Who holds the phone with this key; someone new, with a new key, if nobody does."""
        if key in self._owners:
            return key, self._owners[key]
        key = secrets.token_urlsafe(24)
        self._owners[key] = self._telegram.user(_NAMES[len(self._owners) % len(_NAMES)])
        log.info("phone switched on", user=self._owners[key].id)
        return key, self._owners[key]

    def welcome(self, key: str, user: User) -> Json:
        taken = [update for update in self._bot.updates if update.state == "taken" and update.kind == "message"]
        return {
            "type": "welcome",
            "key": key,
            "name": user.json["first_name"],
            "bot": self._bot.json["first_name"],
            "username": self._bot.username,
            "messages": user.messages,
            "taken": [update.message["message_id"] for update in taken if update.message["from"]["id"] == user.id],
        }

    async def start(self, user: User, payload: str) -> None:
        if re.fullmatch(r"[A-Za-z0-9_-]{0,64}", payload):
            await user.start(self._bot, payload)

    async def say(self, user: User, text: str) -> None:
        if 0 < len(text.strip()) <= 4096:
            await user.say(self._bot, text.strip())

    async def tap(self, user: User, message_id: int, button: int) -> Json | None:
        """None where the message or the button is gone."""
        message = next((one for one in user.messages if one["message_id"] == message_id), None)
        if message is None:
            return None
        try:
            update = await user.tap(message, button)
        except LookupError:
            return None
        query: Json = update.json["callback_query"]
        return {"type": "tapped", "message_id": message_id, "button": button, "callback_query_id": query["id"]}


class _Line:
    """One open socket."""

    def __init__(self, *, socket: web.WebSocketResponse, phones: Phones) -> None:
        self._socket = socket
        self._phones = phones
        self._user: User | None = None
        self._language = "en"
        self._showing: asyncio.Task[None] | None = None
        self._on: dict[str, Callable[[Json], Awaitable[None]]] = {
            "hello": self._hello,
            "new": self._new,
            "start": self._start,
            "say": self._say,
            "tap": self._tap,
        }

    async def serve(self) -> None:
        try:
            async for frame in self._socket:
                if frame.type is WSMsgType.TEXT:
                    await self._read(frame.json)
        finally:
            self._hide()

    async def _read(self, parse: Callable[[], Json]) -> None:
        try:
            frame = parse()
            handle = self._on[frame["type"]]
        except (ValueError, KeyError, TypeError):
            log.warning("phone sent a frame that cannot be read")
            return
        await handle(frame)

    async def _hello(self, frame: Json) -> None:
        self._language = frame["language"] if frame.get("language") in _LANGUAGES else "en"
        await self._welcome(str(frame.get("key") or ""))

    async def _new(self, _: Json) -> None:
        await self._welcome("")

    async def _welcome(self, key: str) -> None:
        self._hide()
        key, user = self._phones.owner(key)
        user.speak(self._language)
        self._user = user
        self._showing = asyncio.create_task(self._show(key, user))

    async def _show(self, key: str, user: User) -> None:
        # The feed is open before the welcome is written: nothing is missed between the two.
        with user.phone() as feed, contextlib.suppress(ConnectionError):
            await self._socket.send_json(self._phones.welcome(key, user))
            while True:
                event: Event = await feed.get()
                await self._socket.send_json({"type": "event", "kind": event.kind, "data": event.data})

    def _hide(self) -> None:
        if self._showing is not None:
            self._showing.cancel()

    async def _start(self, frame: Json) -> None:
        if self._user is not None:
            await self._phones.start(self._user, str(frame.get("payload") or ""))

    async def _say(self, frame: Json) -> None:
        if self._user is not None:
            await self._phones.say(self._user, str(frame.get("text") or ""))

    async def _tap(self, frame: Json) -> None:
        message_id, button = frame.get("message_id"), frame.get("button")
        if self._user is None or not isinstance(message_id, int) or not isinstance(button, int):
            return
        tapped = await self._phones.tap(self._user, message_id, button)
        if tapped is not None:
            await self._socket.send_json(tapped)
