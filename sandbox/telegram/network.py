"""What Telegram knows: people, bots, chats and their messages. In memory; knows nothing of HTTP."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from .errors import NOT_STARTED, ApiError, Json, Refusal, bad_request
from .faults import FaultPlan
from .flood import Flood, Limits
from .media import Shelf
from .pictures import Picture
from .updates import Delivery, Update

if TYPE_CHECKING:
    from .people import User


@dataclass(kw_only=True, eq=False)
class Chat:
    """One chat as one bot sees it."""

    json: Json
    """Telegram's `Chat`, as every message of it carries."""
    members: list[User]
    closed: Refusal | None = None
    """Why the bot may not send here now."""
    messages: dict[int, Json] = field(default_factory=dict)
    topics: tuple[int, ...] = ()
    """`message_thread_id` of a forum's topics."""

    @property
    def id(self) -> int:
        chat_id: int = self.json["id"]
        return chat_id


@dataclass(kw_only=True, eq=False)
class Tap:
    """A callback query; it can be answered once."""

    id: str
    user: User
    at: datetime
    answered: bool = False


@dataclass(kw_only=True, eq=False)
class BotAccount:
    """One bot: its chats, its updates, and the faults and limits its calls meet."""

    token: str = field(repr=False)
    json: Json
    """Telegram's `User`, as messages carry it."""
    flood: Flood
    delivery: Delivery
    faults: FaultPlan = field(default_factory=FaultPlan)
    chats: dict[int, Chat] = field(default_factory=dict)
    taps: dict[str, Tap] = field(default_factory=dict)
    commands: dict[str, list[Json]] = field(default_factory=dict)
    """By language; "" is for all others."""
    calls: list[tuple[str, Json]] = field(default_factory=list)
    """Every method call that came with this bot's token, faults included: name and parameters."""

    @property
    def id(self) -> int:
        bot_id: int = self.json["id"]
        return bot_id

    @property
    def username(self) -> str:
        username: str = self.json["username"]
        return username

    @property
    def updates(self) -> list[Update]:
        return self.delivery.updates


@dataclass(kw_only=True, eq=False)
class Network:
    limits: Limits
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    users: dict[int, User] = field(default_factory=dict)
    bots: dict[str, BotAccount] = field(default_factory=dict)
    shelf: Shelf = field(default_factory=Shelf)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(5_000_000_000 + secrets.randbelow(10**9)))
    _message_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1_000 + secrets.randbelow(100_000)))

    @property
    def pictures(self) -> dict[str, Picture]:
        """Photos by `file_id`."""
        return self.shelf.pictures

    def new_id(self) -> int:
        return next(self._ids)

    def unix_time(self) -> int:
        return int(self.now().timestamp())

    def chat(self, bot: BotAccount, chat_id: str) -> Chat:
        """The chat a call names, open or not. Raises ApiError."""
        if not chat_id.strip():
            raise bad_request("chat_id is empty")
        try:
            number = int(chat_id)
        except ValueError:
            raise bad_request("chat not found") from None
        if number in bot.chats:
            return bot.chats[number]
        if number in self.users:
            return self.private_chat(bot, self.users[number])
        raise bad_request("chat not found")

    def open_chat(self, bot: BotAccount, chat_id: str) -> Chat:
        """The chat a call wants to write to. Raises ApiError."""
        chat = self.chat(bot, chat_id)
        if chat.closed is not None:
            raise ApiError(chat.closed)
        return chat

    def private_chat(self, bot: BotAccount, user: User) -> Chat:
        """A person's chat with a bot; closed to the bot until the person has written."""
        if user.id not in bot.chats:
            bot.chats[user.id] = Chat(json=user.chat_json(), members=[user], closed=NOT_STARTED)
        return bot.chats[user.id]

    def store(self, chat: Chat, sender: Json, body: Json) -> Json:
        """Put a new message into a chat and give it as Telegram would tell it."""
        message_id = next(self._message_ids)
        message = {"message_id": message_id, "from": sender, "chat": chat.json, "date": self.unix_time()} | body
        chat.messages[message_id] = message
        return message
