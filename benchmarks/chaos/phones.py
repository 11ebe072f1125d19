"""The people: each has a phone on a platform, or a browser on the shop's page, and never gives up."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from benchmarks.chaos.counting import LINKED, Said, Taken
from benchmarks.chaos.platforms import Platforms
from benchmarks.chaos.visitor import Frame, Visitor
from sandbox.feed import Feed
from sandbox.teams.deliveries import Delivery

_A_DAY = 24 * 3600.0
_MARK = re.compile(r"\b\d{7}\b")
_PRESSES_AGAIN, _AT_THE_LATEST = 0.5, 5.0
"""Seconds; people lose heart slowly."""


class Phone(ABC):
    """`name` says whose it is and on which channel. `taken`: what reached it, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken: list[Taken] = []
        self._said: dict[str, bool] = {}

    @property
    def said(self) -> list[Said]:
        return [Said(phone=self.name, mark=mark, acknowledged=done) for mark, done in self._said.items()]

    async def say(self, text: str, mark: str) -> None:
        """Until the platform, or the browser, was told that it is there."""
        self._said[mark] = False
        await self._say(text)
        self._said[mark] = True

    async def follow(self, link: str) -> None:
        """Open a deep link; the same."""
        self._said[LINKED] = False
        await self._follow(link)
        self._said[LINKED] = True

    @abstractmethod
    async def listen(self) -> None:
        """Take what comes, until cancelled."""

    @abstractmethod
    async def _say(self, text: str) -> None: ...

    async def _follow(self, link: str) -> None:
        raise NotImplementedError

    def _take(self, id: str, text: str) -> None:
        self.taken.append(Taken(phone=self.name, id=id, text=text, mark=mark_of(text), at=datetime.now(UTC)))

    async def _take_from(self, feed: Feed[Any]) -> None:
        with feed.phone() as screen:
            while True:
                event = await screen.get()
                if event.kind == "message":
                    self._take(*shown(event.data))


class TelegramPhone(Phone):
    def __init__(self, name: str, platforms: Platforms) -> None:
        super().__init__(name)
        self._user = platforms.telegram.user(name)
        self._bot = platforms.bot

    async def listen(self) -> None:
        await self._take_from(self._user)

    async def _say(self, text: str) -> None:
        await (await self._user.say(self._bot, text)).taken(_A_DAY)

    async def _follow(self, link: str) -> None:
        await (await self._user.follow(link)).taken(_A_DAY)


class WhatsAppPhone(Phone):
    def __init__(self, name: str, platforms: Platforms, number: str) -> None:
        super().__init__(name)
        self._person = platforms.whatsapp.person(name, number, country="SG")
        self._number = platforms.number

    async def listen(self) -> None:
        await self._take_from(self._person)

    async def _say(self, text: str) -> None:
        await (await self._person.say(self._number, text)).taken(_A_DAY)

    async def _follow(self, link: str) -> None:
        await (await self._person.follow(link)).taken(_A_DAY)


class TeamsPhone(Phone):
    """Teams itself delivers once; who is shown that it failed presses again."""

    def __init__(self, name: str, platforms: Platforms) -> None:
        super().__init__(name)
        self._person = platforms.teams.person(name)
        self._app = platforms.app

    async def listen(self) -> None:
        await self._take_from(self._person)

    async def _say(self, text: str) -> None:
        await _until_taken(await self._person.say(self._app, text))

    async def _follow(self, link: str) -> None:
        await _until_taken(await self._person.follow(link))


class WebPhone(Phone):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.visitor: Visitor

    async def listen(self) -> None:
        await self.visitor.stay()

    async def link(self, channel: str) -> str:
        return await self.visitor.invite(channel)

    def hear(self, frame: Frame) -> None:
        if frame["author"] != "customer":
            self._take(str(frame["seq"]), frame.get("text", ""))

    async def _say(self, text: str) -> None:
        await self.visitor.say(text)


def mark_of(text: str) -> str | None:
    """The number by which a message and its answer are known."""
    found = _MARK.search(text)
    return found[0] if found else None


async def _until_taken(delivery: Delivery) -> None:
    pause = _PRESSES_AGAIN
    while not (await delivery.ended(_A_DAY)).ok:
        await asyncio.sleep(pause)
        delivery, pause = delivery.again(), min(2 * pause, _AT_THE_LATEST)


def shown(message: Mapping[str, Any]) -> tuple[str, str]:
    """The platform's id of a message, and its words, as each of the platforms has them."""
    if "message_id" in message:
        return str(message["message_id"]), message.get("text") or message.get("caption") or ""
    text = message.get("text") or message.get("interactive", {}).get("body") or _on_cards(message) or ""
    return str(message["id"]), text if isinstance(text, str) else text.get("body") or text.get("text") or ""


def _on_cards(activity: Mapping[str, Any]) -> str | None:
    """What Teams shows with buttons is on a card; the words stand first."""
    cards = [each.get("content") or {} for each in activity.get("attachments") or ()]
    blocks = [block for card in cards for block in card.get("body") or () if block.get("type") == "TextBlock"]
    return blocks[0]["text"] if blocks else None
