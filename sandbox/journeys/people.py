"""One person on one channel, whichever it is: what they do, and what is on their screen.

Whatever a phone does has been taken by the product when the call returns.
"""

from __future__ import annotations

import asyncio
import zlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, ClassVar, Protocol

from sandbox.feed import Event, Feed
from sandbox.teams import BotAccount as TeamsBot
from sandbox.teams import Person as Colleague
from sandbox.telegram import BotAccount as TelegramBot
from sandbox.telegram import User
from sandbox.whatsapp import Number
from sandbox.whatsapp import Person as WhatsAppPerson

from .language import CODE, TITLES
from .screens import (
    Json,
    Part,
    Screen,
    code_in,
    contains,
    is_label,
    on_teams,
    on_telegram,
    on_the_website,
    on_whatsapp,
)
from .visitor import Visitor

PATIENCE = 120.0
"""Seconds that the product may take for anything at all. Only a product that is broken takes as long."""


class CannotDo(Exception):
    """Something that a person cannot do on this channel, or not now; for people."""


class Taken(Protocol):
    """What the sandbox's servers give for whatever a person does."""

    async def taken(self, timeout: float = ...) -> Any: ...


class Phone(ABC):
    """One person on one channel."""

    channel: ClassVar[str]

    def __init__(self, feed: Feed[Any], screen: Screen) -> None:
        self._feed = feed
        self._screen = screen
        self._events: asyncio.Queue[Event[Any]] | None = None
        self._switched_on = ExitStack()
        self.unread: list[Part] = []
        """What came and was not read yet, in order; see `look`."""
        self.kept: list[Part] = []
        """Everything that ever came, for old buttons."""

    def __enter__(self) -> Phone:
        self._events = self._switched_on.enter_context(self._feed.phone())
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._switched_on.close()

    # --- what is on the screen ----------------------------------------------------------------------------------------

    def look(self) -> None:
        """Take up what has come."""
        assert self._events is not None, "the phone is off"
        while not self._events.empty():
            event = self._events.get_nowait()
            if event.kind == "message" and self._is_the_bots(event.data):
                part = self._screen(event.data)
                self.unread.append(part)
                self.kept.append(part)

    async def hears(self, text: str) -> Part:
        """The next with this text; those before it are passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                part = self._screen(await self._next())
                if contains(part.text, [text]):
                    return part

    async def hears_link(self) -> str:
        """The deep link in the next message that offers one; those before it are passed over."""
        async with asyncio.timeout(PATIENCE):
            while True:
                part = self._screen(await self._next())
                if part.link:
                    return await self.link(part)

    async def link(self, part: Part) -> str:
        """The deep link that this offers."""
        return part.link

    async def code(self) -> str:
        """The newest code that the bot showed here, to be typed elsewhere. Raises CannotDo."""
        self.look()
        for part in reversed(self.kept):
            if CODE in part.carries:
                return await self._code_of(part)
        raise CannotDo(f"no code was shown on {TITLES[self.channel]}")

    async def shows_everything(self, _newest_for_visitor: Callable[[str], Awaitable[int]]) -> bool:
        """Whether all that was sent here is on the screen: the platforms say so by taking it."""
        return True

    def with_button(self, label: str) -> Part:
        """What came last with such a button. Raises CannotDo."""
        for part in reversed(self.kept):
            if any(is_label(option, label) for option in part.options):
                return part
        raise CannotDo(f"there is no button [{label}] here")

    # --- what a person does -------------------------------------------------------------------------------------------

    @abstractmethod
    async def say(self, text: str) -> None: ...

    @abstractmethod
    async def tap(self, part: Part, label: str) -> None: ...

    @abstractmethod
    async def follow(self, url: str) -> None:
        """Open a deep link to this channel."""

    @abstractmethod
    async def open(self) -> None:
        """Open the chat for the first time. Raises CannotDo."""

    @abstractmethod
    async def send(self, thing: str, words: str) -> None:
        """Send something of `language.THINGS`. Raises CannotDo."""

    @abstractmethod
    async def block(self) -> None:
        """Let the bot write no more. Raises CannotDo."""

    @abstractmethod
    async def unblock(self) -> None:
        """Let it write again. Raises CannotDo."""

    @abstractmethod
    async def change(self, words: str) -> None:
        """Change what was said last. Raises CannotDo."""

    @abstractmethod
    async def take_back(self) -> None:
        """Delete what was said last. Raises CannotDo."""

    # --- below --------------------------------------------------------------------------------------------------------

    async def _code_of(self, part: Part) -> str:
        """The code that this shows."""
        return code_in(part.text) or ""

    def _is_the_bots(self, _message: Json) -> bool:
        return True

    async def _next(self) -> Json:
        while True:
            message = await self._feed.next_message(PATIENCE)
            if self._is_the_bots(message):
                return message

    async def _do(self, doing: Taken) -> None:
        try:
            await doing.taken(PATIENCE)
        except (AssertionError, RuntimeError) as error:
            raise CannotDo(str(error)) from None


class TelegramPhone(Phone):
    channel = "telegram"

    def __init__(self, bot: TelegramBot, user: User) -> None:
        super().__init__(user, on_telegram)
        self._bot = bot
        self.user = user

    async def say(self, text: str) -> None:
        await self._do(await self.user.say(self._bot, text))

    async def tap(self, part: Part, label: str) -> None:
        await self._do(await self.user.tap(part.raw, _option(part, label)))

    async def follow(self, url: str) -> None:
        await self._do(await self.user.follow(url))

    async def open(self) -> None:
        await self._do(await self.user.start(self._bot))

    async def send(self, thing: str, words: str) -> None:
        user, bot = self.user, self._bot
        kinds: dict[str, Callable[[], Any]] = {
            "a picture": lambda: user.photo(bot, words),
            "a file": lambda: user.document(bot, words),
            "a voice message": lambda: user.voice(bot),
            "a video": lambda: user.video(bot, words),
            "a sticker": lambda: user.sticker(bot),
            "a location": lambda: user.location(bot),
        }
        await self._do(await kinds[thing]())

    async def block(self) -> None:
        await self._do(await self.user.block(self._bot))

    async def unblock(self) -> None:
        await self._do(await self.user.unblock(self._bot))

    async def change(self, words: str) -> None:
        own = [one for one in self.user.messages if one["from"]["id"] == self.user.id]
        if not own:
            raise CannotDo("nothing was said here yet")
        await self._do(await self.user.edit(self._bot, own[-1], words))

    async def take_back(self) -> None:
        raise CannotDo("Telegram does not tell bots that a message was deleted")


class WhatsAppPhone(Phone):
    channel = "whatsapp"

    def __init__(self, number: Number, person: WhatsAppPerson) -> None:
        super().__init__(person, on_whatsapp)
        self._number = number
        self._person = person

    async def say(self, text: str) -> None:
        await self._do(await self._person.say(self._number, text))

    async def tap(self, part: Part, label: str) -> None:
        await self._do(await self._person.tap(part.raw, _option(part, label)))

    async def follow(self, url: str) -> None:
        await self._do(await self._person.follow(url))

    async def open(self) -> None:
        raise CannotDo("on WhatsApp a business hears nothing of it that a chat is opened")

    async def send(self, thing: str, words: str) -> None:
        person, number = self._person, self._number
        kinds: dict[str, Callable[[], Any]] = {
            "a picture": lambda: person.image(number, words),
            "a file": lambda: person.document(number, "receipt.pdf", words),
            "a voice message": lambda: person.voice(number),
            "a video": lambda: person.video(number, words),
            "a sticker": lambda: person.sticker(number),
            "a location": lambda: person.location(number, *MARINA_BAY),
        }
        await self._do(await kinds[thing]())

    async def block(self) -> None:
        self._person.block(self._number)

    async def unblock(self) -> None:
        self._person.unblock(self._number)

    async def change(self, words: str) -> None:
        await self._do(await self._person.edit(self._number, self._last(), words))

    async def take_back(self) -> None:
        await self._do(await self._person.revoke(self._number, self._last()))

    def _last(self) -> Json:
        own = [one for one in self._person.messages if "business" not in one]
        if not own:
            raise CannotDo("nothing was said here yet")
        return own[-1]


class TeamsPhone(Phone):
    channel = "teams"

    def __init__(self, bot: TeamsBot, person: Colleague) -> None:
        super().__init__(person, on_teams)
        self._bot = bot
        self.person = person

    async def say(self, text: str) -> None:
        await self._do(await self.person.say(self._bot, text))

    async def tap(self, part: Part, label: str) -> None:
        await self._do(await self.person.submit(part.raw, _option(part, label)))

    async def follow(self, url: str) -> None:
        await self._do(await self.person.follow(url))

    async def open(self) -> None:
        await self._do(await self.person.install(self._bot))

    async def send(self, thing: str, words: str) -> None:
        person, bot = self.person, self._bot
        kinds: dict[str, Callable[[], Any]] = {
            "a picture": lambda: person.image(bot, words),
            "a file": lambda: person.file(bot, text=words),
        }
        if thing not in kinds:
            raise CannotDo(f"people cannot send {thing} to a bot in Teams")
        await self._do(await kinds[thing]())

    async def block(self) -> None:
        await self.person.block(self._bot)

    async def unblock(self) -> None:
        await self.person.unblock(self._bot)

    async def change(self, words: str) -> None:
        await self._do(await self.person.edit(self._last(), words))

    async def take_back(self) -> None:
        await self._do(await self.person.delete(self._last()))

    def _last(self) -> Json:
        own = [one for one in self.person.messages if one["from"]["id"] == self.person.id]
        if not own:
            raise CannotDo("nothing was said here yet")
        return own[-1]


class WebPhone(Phone):
    """A browser on the shop's page."""

    channel = "webchat"

    def __init__(self, visitor: Visitor) -> None:
        super().__init__(visitor, on_the_website)
        self.visitor = visitor
        self._codes: dict[str, str] = {}
        """By the message that shows it."""

    async def link(self, part: Part) -> str:
        await self.visitor.send(type="invite", channel=part.link)
        return str((await self.visitor.next("invitation", PATIENCE))["url"])

    async def _code_of(self, part: Part) -> str:
        if part.id not in self._codes:
            await self.visitor.send(type="invite", channel="code")
            self._codes[part.id] = str((await self.visitor.next("invitation", PATIENCE))["code"])
        return self._codes[part.id]

    async def say(self, text: str) -> None:
        await self._accepted(self.visitor.say(text))

    async def tap(self, part: Part, label: str) -> None:
        await self._accepted(self.visitor.choose(part.raw, _option(part, label)))

    async def follow(self, url: str) -> None:
        await self._accepted(self.visitor.send(type="link", code=url.partition("#continue=")[2]), shown=False)

    async def open(self) -> None:
        await self._accepted(self.visitor.send(type="start"), shown=False)

    async def send(self, thing: str, words: str) -> None:
        files = {"a picture": (picture(), "picture.png"), "a file": (b"%PDF-1.7\n%%EOF\n", "receipt.pdf")}
        if thing not in files:
            raise CannotDo(f"people cannot send {thing} on the website")
        content, name = files[thing]
        try:
            await self._accepted(self.visitor.send_file(content, name, words))
        except LookupError as error:
            raise CannotDo(str(error)) from None

    async def block(self) -> None:
        raise CannotDo("on the website nobody blocks the bot")

    async def unblock(self) -> None:
        raise CannotDo("on the website nobody blocks the bot")

    async def change(self, words: str) -> None:
        raise CannotDo("on the website nobody changes what was said")

    async def take_back(self) -> None:
        raise CannotDo("on the website nobody takes back what was said")

    async def shows_everything(self, newest_for_visitor: Callable[[str], Awaitable[int]]) -> bool:
        """The website is told by and by, after the product has put the message up."""
        newest = await newest_for_visitor(self.visitor.token_hash)
        return self.visitor.shown >= newest

    def _is_the_bots(self, message: Json) -> bool:
        return bool(message["author"] != "customer")

    async def _accepted(self, doing: Awaitable[str], *, shown: bool = True) -> None:
        """Until the gateway says that it has it: it begins to type, or, where people answer, shows what was done. What
        is not shown is answered."""
        with self.visitor.phone() as events:
            sent = await doing
            try:
                async with asyncio.timeout(PATIENCE):
                    while not _is_accepted(event := await events.get(), sent if shown else None):
                        if event.kind == "error":
                            raise CannotDo(f"the website does not take it: {event.data['code']}")
            except TimeoutError:
                raise CannotDo("the website did not take it") from None


MARINA_BAY = 1.2834, 103.8607
"""Degrees; where people are who send where they are."""


def picture() -> bytes:
    """A red dot, as PNG."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = (1).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    pixel = zlib.compress(b"\x00\xff\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def _option(part: Part, label: str) -> str:
    """The button as the channel calls it. Raises CannotDo."""
    for option in part.options:
        if is_label(option, label):
            return option
    raise CannotDo(f"there is no button [{label}] among {', '.join(f'[{one}]' for one in part.options) or 'none'}")


def _is_accepted(event: Event[Any], shown_as: str | None) -> bool:
    if event.kind == "message":
        author, id = event.data["author"], event.data.get("client_id")
        return bool(id == shown_as if shown_as else author != "customer")
    return bool(event.kind == "typing")
