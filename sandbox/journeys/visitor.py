"""A web chat's visitor without a browser: the widget's half of the protocol."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from sandbox.feed import Feed

Frame = dict[str, Any]


class Visitor(Feed[str]):
    """One visitor with one open chat. Whatever the gateway tells ends in the feed, under the frame's type."""

    def __init__(self, http: aiohttp.ClientSession, gateway_url: str, token: str) -> None:
        super().__init__()
        self._http = http
        self._gateway_url = gateway_url
        self._token = token
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.shown = 0
        """The newest message on the screen, as the gateway numbers them."""

    @property
    def token_hash(self) -> str:
        """As the gateway keeps it."""
        return hashlib.sha256(self._token.encode()).hexdigest()

    @asynccontextmanager
    async def open(self, language: str) -> AsyncIterator[None]:
        """The chat on the page, for as long as the context lasts."""
        async with self._http.ws_connect(f"{self._gateway_url}/webchat/socket") as socket:
            self._socket = socket
            listening = asyncio.create_task(self._listen(socket))
            try:
                await self.send(type="hello", token=self._token, cursor=0, language=language)
                await self.next("ready")
                yield
            finally:
                listening.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await listening

    async def send(self, **frame: Any) -> str:
        """The id under which the gateway shows it again, if it is something that is shown."""
        assert self._socket is not None, "the chat is not open"
        id = str(uuid.uuid4())
        await self._socket.send_json({"id": id, **frame})
        return id

    async def say(self, text: str) -> str:
        return await self.send(type="say", text=text)

    async def choose(self, message: Frame, title: str) -> str:
        """Tap an option. Raises LookupError if there is none of this title."""
        for option in options(message):
            if option["title"] == title:
                return await self.send(type="choose", message=message["id"], option=option["index"], label=title)
        raise LookupError(f"no option {title!r} among {[option['title'] for option in options(message)]}")

    async def send_file(self, content: bytes, name: str, text: str = "") -> str:
        """Raises LookupError if the gateway does not take the file."""
        headers = {"Authorization": f"Bearer {self._token}", "X-File-Name": name}
        async with self._http.post(f"{self._gateway_url}/webchat/files", data=content, headers=headers) as answer:
            taken = await answer.json()
            if answer.status != 200:
                raise LookupError(f"the website does not take this file: {taken['error']}")
        return await self.send(type="send_file", file=taken["file"], text=text)

    async def next(self, kind: str, timeout: float = 120) -> Frame:
        return await self.next_event(kind, timeout)

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

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for received in socket:
            frame: Frame = received.json()
            if frame["type"] == "message":
                self.shown = max(self.shown, frame["seq"])
            self.notify(frame["type"], frame)


def options(message: Frame) -> list[Frame]:
    """All options of a message, its cards' included."""
    own: list[Frame] = list(message.get("options", []))
    return own + [option for card in message.get("cards", []) for option in card["options"]]


@asynccontextmanager
async def visitor(gateway_url: str, origin: str, *, language: str = "en") -> AsyncIterator[Visitor]:
    """A new visitor on the page at `origin`."""
    async with aiohttp.ClientSession(headers={"Origin": origin}) as http:
        async with http.post(f"{gateway_url}/webchat/session", json={}) as answer:
            token = (await answer.json())["token"]
        visitor = Visitor(http, gateway_url, token)
        async with visitor.open(language):
            yield visitor
