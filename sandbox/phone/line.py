"""The page's line to the phone: one WebSocket for one tab, one person behind it.

Frames are JSON objects with a `type`. From the page: `hello` (`key` of an earlier visit, `language`), `new` (someone
else takes the phone), and whatever the person does in an `app`, such as `say` (`text`): see that app's module. To the
page: `welcome` (`key`, `name`, and `apps`: everything there is in each, null where the channel is off), then `event`
(`app`, `kind`, `data`) for each of the apps' events, and what an app says at once, such as `tapped`.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from aiohttp import WSMsgType, web

from .accounts import Account, App, Feed, Json

log = structlog.get_logger(__name__)

_NAMES = ("Alice", "Bob", "Carol", "Daniel", "Mei Lin", "Arjun", "Siti", "Wei")
_LANGUAGES = ("en", "zh")
_FRAME_MAX = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class _Owner:
    """Whose phone it is."""

    key: str
    name: str
    accounts: Mapping[str, Account]
    """By app."""


class Phones:
    """Who holds which phone. A key is as good as the person's own hand on it.

    apps: by the name that frames carry; None for one that is switched off
    """

    def __init__(self, apps: Mapping[str, App | None]) -> None:
        self._apps = apps
        self._owners: dict[str, _Owner] = {}
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

    def owner(self, key: str) -> _Owner:
        """Who holds the phone with this key; someone new, with a new key, if nobody does."""
        if key not in self._owners:
            key, name = secrets.token_urlsafe(24), _NAMES[len(self._owners) % len(_NAMES)]
            accounts = {app: made.account(name) for app, made in self._apps.items() if made is not None}
            self._owners[key] = _Owner(key=key, name=name, accounts=accounts)
            log.info("phone switched on", phones=len(self._owners))
        return self._owners[key]

    def welcome(self, owner: _Owner) -> Json:
        off: dict[str, Json | None] = dict.fromkeys(self._apps)
        apps = off | {app: account.welcome() for app, account in owner.accounts.items()}
        return {"type": "welcome", "key": owner.key, "name": owner.name, "apps": apps}


class _Line:
    """One open socket."""

    def __init__(self, *, socket: web.WebSocketResponse, phones: Phones) -> None:
        self._socket = socket
        self._phones = phones
        self._owner: _Owner | None = None
        self._language = "en"
        self._showing: asyncio.Task[None] | None = None

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
            kind = str(frame["type"])
        except (ValueError, KeyError, TypeError):
            log.warning("phone sent a frame that cannot be read")
            return
        if kind == "hello":
            self._language = frame["language"] if frame.get("language") in _LANGUAGES else "en"
            self._welcome(str(frame.get("key") or ""))
        elif kind == "new":
            self._welcome("")
        else:
            await self._act(str(frame.get("app")), frame)

    def _welcome(self, key: str) -> None:
        self._hide()
        self._owner = self._phones.owner(key)
        for account in self._owner.accounts.values():
            account.speak(self._language)
        self._showing = asyncio.create_task(self._show(self._owner))

    async def _act(self, app: str, frame: Json) -> None:
        account = self._owner.accounts.get(app) if self._owner is not None else None
        told = await account.act(frame) if account is not None else None
        if told is not None:
            await self._socket.send_json({"app": app, **told})

    async def _show(self, owner: _Owner) -> None:
        # The feeds are open before the welcome is written: nothing is missed between the two.
        with contextlib.ExitStack() as open_feeds, contextlib.suppress(ConnectionError):
            feeds = {app: open_feeds.enter_context(account.events()) for app, account in owner.accounts.items()}
            await self._socket.send_json(self._phones.welcome(owner))
            await asyncio.gather(*(self._forward(app, feed) for app, feed in feeds.items()))

    async def _forward(self, app: str, feed: Feed) -> None:
        while True:
            event = await feed.get()
            await self._socket.send_json({"type": "event", "app": app, "kind": event.kind, "data": event.data})

    def _hide(self) -> None:
        if self._showing is not None:
            self._showing.cancel()
