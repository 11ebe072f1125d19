"""What Teams knows: bots, people, chats and their activities. In memory; knows nothing of HTTP."""

from __future__ import annotations

import itertools
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from .deliveries import Courier, Delivery
from .errors import NOT_FOUND, ApiError, Json, Refusal
from .faults import FaultPlan
from .files import Files
from .keys import Forgery

if TYPE_CHECKING:
    from .people import Person


@dataclass(kw_only=True, eq=False)
class BotAccount:
    """One bot: its registration with Azure, its app in Teams, and what happened to it."""

    app_id: str
    password: str = field(repr=False)
    name: str
    endpoint: str
    """Where activities are delivered; may be changed at any time."""
    chats: dict[str, Chat] = field(default_factory=dict)
    deliveries: list[Delivery] = field(default_factory=list)
    calls: list[tuple[str, Json]] = field(default_factory=list)
    """Every activity that the bot posted with a token of its own, faults included: conversation and activity."""
    changes: list[tuple[str, Json]] = field(default_factory=list)
    """Every activity that the bot put in the place of another, in the same way."""
    faults: FaultPlan = field(default_factory=FaultPlan)
    forgery: Forgery | None = None
    """How deliveries from now on are not as Microsoft signs them."""

    @property
    def id(self) -> str:
        return f"28:{self.app_id}"

    @property
    def json(self) -> Json:
        return {"id": self.id, "name": self.name}


@dataclass(kw_only=True, eq=False)
class Chat:
    """A conversation with one bot in it."""

    bot: BotAccount
    json: Json
    """`conversation`, as every activity of it carries."""
    members: list[Person]
    closed: Refusal | None = None
    """Why the bot may not write here now."""
    activities: dict[str, Json] = field(default_factory=dict)

    @property
    def id(self) -> str:
        chat_id: str = self.json["id"]
        return chat_id


@dataclass(kw_only=True, eq=False)
class Network:
    now: Callable[[], datetime]
    courier: Courier
    service_url: str = ""
    files: Files = field(default_factory=Files)
    tenant: str = field(default_factory=lambda: str(uuid.uuid4()))
    bots: dict[str, BotAccount] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    _numbers: Iterator[int] = field(
        default_factory=lambda: itertools.count(1_795_000_000_000 + secrets.randbelow(10**9))
    )

    def new_id(self) -> str:
        """Activity ids look like milliseconds."""
        return str(next(self._numbers))

    def chat(self, conversation: str) -> Chat:
        """Raises ApiError."""
        for bot in self.bots.values():
            if conversation in bot.chats:
                return bot.chats[conversation]
        raise ApiError(NOT_FOUND)

    def personal_chat(self, bot: BotAccount, person: Person) -> Chat:
        for chat in bot.chats.values():
            if chat.json["conversationType"] == "personal" and person in chat.members:
                return chat
        conversation = {"conversationType": "personal", "tenantId": self.tenant, "id": f"a:{secrets.token_urlsafe(48)}"}
        return self.add_chat(bot, conversation, [person])

    def add_chat(self, bot: BotAccount, conversation: Json, members: list[Person]) -> Chat:
        chat = Chat(bot=bot, json=conversation, members=members)
        bot.chats[chat.id] = chat
        return chat

    @property
    def onedrive_url(self) -> str:
        """People's own SharePoint, which is another host in life."""
        return f"{self.service_url.removesuffix('emea/')}personal"

    def tell(self, chat: Chat, person: Person, body: Json) -> Delivery:
        """Deliver one thing that a person did, as a whole activity."""
        at = self.now()
        activity: Json = {
            "type": "message",
            "id": self.new_id(),
            "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "serviceUrl": self.service_url,
            "channelId": "msteams",
            "from": person.json,
            "conversation": chat.json,
            "recipient": chat.bot.json,
            "locale": person.language,
            "channelData": {"tenant": {"id": self.tenant}},
        } | body
        return self.courier.deliver(chat, activity)
