"""A web chat's visitor without a browser: the widget's half of the protocol."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

Frame = dict[str, Any]


class Visitor:
    """One visitor with one open chat."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.frames: list[Frame] = []

    async def send(self, **frame: Any) -> None:
        await self._socket.send_json({"id": str(uuid.uuid4()), **frame})

    async def say(self, text: str) -> None:
        await self.send(type="say", text=text)

    async def choose(self, message: Frame, title: str) -> None:
        [option] = [option for option in options(message) if option["title"] == title]
        await self.send(type="choose", message=message["id"], option=option["index"], label=title)

    async def next(self, kind: str, timeout: float = 120) -> Frame:
        while True:
            frame: Frame = await self._socket.receive_json(timeout=timeout)
            self.frames.append(frame)
            if frame["type"] == kind:
                return frame

    async def answer(self) -> Frame:
        """The next message of the bot."""
        while True:
            message = await self.next("message")
            if message["author"] == "bot":
                return message

    async def answer_with_options(self) -> Frame:
        """The bot's next message that asks something."""
        while True:
            message = await self.answer()
            if options(message):
                return message


def options(message: Frame) -> list[Frame]:
    """All options of a message, its cards' included."""
    own: list[Frame] = list(message.get("options", []))
    return own + [option for card in message.get("cards", []) for option in card["options"]]


@asynccontextmanager
async def visitor(gateway_url: str, origin: str, *, language: str = "en") -> AsyncIterator[Visitor]:
    """A new visitor on the page at `origin`."""
    headers = {"Origin": origin}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.post(f"{gateway_url}/webchat/session", json={}) as answer:
            token = (await answer.json())["token"]
        async with http.ws_connect(f"{gateway_url}/webchat/socket") as socket:
            visitor = Visitor(socket)
            await visitor.send(type="hello", token=token, cursor=0, language=language)
            await visitor.next("ready")
            yield visitor
