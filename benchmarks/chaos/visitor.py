"""The web chat in a browser that goes on whatever happens: it comes back with its cursor, and says again what it was
not shown to have said. As channels/webchat/README.md has the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp

Frame = dict[str, Any]

_AGAIN_AFTER, _SLOWEST = 0.5, 8.0
"""Seconds."""
_SESSION_PATIENCE = aiohttp.ClientTimeout(total=15)


class Visitor:
    """`heard` is called with every message that is shown, this visitor's own and those that came again included."""

    def __init__(
        self,
        *,
        http: aiohttp.ClientSession,
        gateways: Sequence[str],
        headers: dict[str, str],
        dice: random.Random,
        heard: Callable[[Frame], None],
    ) -> None:
        self._http = http
        self._gateways = list(gateways)
        self._headers = headers
        self._dice = dice
        self._heard = heard
        self._token = ""
        self._cursor = 0
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._unshown: dict[str, Frame] = {}
        self._shown: dict[str, asyncio.Event] = {}
        self._invitations: dict[str, asyncio.Queue[str]] = defaultdict(asyncio.Queue)
        self._attempts = 0
        self.reconnected = -1
        self.restarted = -1
        """Sessions that ended before their time, which none may."""

    async def say(self, text: str) -> None:
        """Until the gateway shows it in the transcript, and so has it."""
        id = str(uuid.uuid4())
        self._unshown[id] = {"type": "say", "id": id, "text": text}
        shown = self._shown[id] = asyncio.Event()
        await self._send(self._unshown[id])
        await shown.wait()

    async def invite(self, channel: str) -> str:
        """A deep link to go on with elsewhere."""
        while True:
            await self._send({"type": "invite", "channel": channel})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(3):
                    return await self._invitations[channel].get()

    async def stay(self) -> None:
        """Have the chat open until cancelled."""
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                await self._visit(self._dice.choice(self._gateways))
            self._socket = None
            await asyncio.sleep(self._pause())
            self._attempts += 1

    def _pause(self) -> float:
        """As the widget does: doubled each time, and spread."""
        wait: float = min(_SLOWEST, _AGAIN_AFTER * 2**self._attempts)
        return wait * self._dice.uniform(0.5, 1)

    async def _visit(self, gateway: str) -> None:
        if not self._token:
            await self._begin(gateway)
        async with self._http.ws_connect(f"{gateway}/webchat/socket", headers=self._headers) as socket:
            await socket.send_json({"type": "hello", "token": self._token, "cursor": self._cursor, "language": "en"})
            async for received in socket:
                if received.type is aiohttp.WSMsgType.TEXT:
                    await self._take(socket, received.json())

    async def _begin(self, gateway: str) -> None:
        async with self._http.post(
            f"{gateway}/webchat/session", json={}, headers=self._headers, timeout=_SESSION_PATIENCE
        ) as answer:
            answer.raise_for_status()
            self._token = (await answer.json())["token"]
            self.restarted += 1

    async def _take(self, socket: aiohttp.ClientWebSocketResponse, frame: Frame) -> None:
        match frame["type"]:
            case "message":
                self._cursor = max(self._cursor, frame["seq"])
                self._note_own(frame.get("client_id"))
                self._heard(frame)
            case "ready":
                self.reconnected += 1
                self._attempts = 0
                self._socket = socket
                for unshown in list(self._unshown.values()):
                    await self._send(unshown)
            case "invitation":
                self._invitations[frame["channel"]].put_nowait(frame["url"])
            case "error" if frame.get("id") in self._unshown:
                await asyncio.sleep(_AGAIN_AFTER)
                await self._send(self._unshown[frame["id"]])
            case "expired":
                self._token, self._cursor = "", 0

    def _note_own(self, id: object) -> None:
        if isinstance(id, str) and self._unshown.pop(id, None) is not None:
            self._shown.pop(id).set()

    async def _send(self, frame: Frame) -> None:
        """Where there is no connection, what is to be shown is sent when there is one."""
        if self._socket is not None:
            with contextlib.suppress(ConnectionError):
                await self._socket.send_json(frame)
