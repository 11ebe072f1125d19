"""What an account of Chatwoot's holds, and how it tells of it.

Shapes: https://github.com/chatwoot/chatwoot/tree/develop/swagger/definitions/resource for the API;
https://www.chatwoot.com/hc/user-guide/articles/1677693021-how-to-use-webhooks for webhooks.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

MESSAGE_TYPES = ("incoming", "outgoing", "activity", "template")
STATUSES = ("open", "resolved", "pending", "snoozed")

_PATIENCE = 20.0


@dataclass(kw_only=True, eq=False)
class Inbox:
    """One of the kind API. `bot`: a bot of Chatwoot's own is connected, and gets new conversations first."""

    id: int
    webhook_url: str
    secret: str = field(repr=False)
    name: str = "Shop"
    bot: bool = False
    one_conversation: bool = False


@dataclass(kw_only=True, eq=False)
class User:
    """Somebody who works here."""

    id: int
    name: str
    role: str
    account: Account = field(repr=False)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(18), repr=False)

    def write(
        self,
        conversation: Conversation,
        text: str,
        *,
        private: bool = False,
        files: Sequence[tuple[str, str]] = (),
    ) -> Message:
        """`files`: kind (image, file…) and address of each."""
        return conversation.add(text, type="outgoing", private=private, sender=self, files=files)

    def assign(self, conversation: Conversation, to: User | None) -> None:
        conversation.change(assignee=to)

    def set_status(self, conversation: Conversation, status: str) -> None:
        conversation.change(status=status)

    @property
    def as_sender(self) -> Json:
        return {"id": self.id, "name": self.name, "email": f"{self.name.lower()}@example.com", "type": "user"}


@dataclass(kw_only=True, eq=False)
class Contact:
    """A customer. `sources`: the inbox's number and its id of them."""

    id: int
    name: str
    identifier: str | None
    additional: Json
    sources: list[tuple[int, str]] = field(default_factory=list)

    @property
    def json(self) -> Json:
        inboxes = [{"source_id": source, "inbox": {"id": inbox}} for inbox, source in self.sources]
        return {
            "id": self.id,
            "name": self.name,
            "identifier": self.identifier,
            "email": None,
            "phone_number": None,
            "additional_attributes": self.additional,
            "contact_inboxes": inboxes,
        }

    @property
    def as_sender(self) -> Json:
        return {"id": self.id, "name": self.name, "type": "contact"}


@dataclass(kw_only=True, eq=False)
class Message:
    id: int
    conversation: Conversation = field(repr=False)
    content: str
    type: str
    private: bool
    sender: User | Contact
    attributes: Json
    files: Sequence[tuple[str, str]]
    created: float
    status: str = "sent"
    error: str | None = None

    async def status_becomes(self, status: str) -> Message:
        await self.conversation.account.until(lambda: self.status == status, f"message {self.id} {status}")
        return self

    @property
    def json(self) -> Json:
        """As the API answers: the type is a number."""
        return {
            "id": self.id,
            "content": self.content,
            "inbox_id": self.conversation.inbox.id,
            "conversation_id": self.conversation.id,
            "message_type": MESSAGE_TYPES.index(self.type),
            "content_type": "text",
            "status": self.status,
            "content_attributes": self.attributes | ({"external_error": self.error} if self.error else {}),
            "created_at": int(self.created),
            "private": self.private,
            "source_id": None,
            "sender": self.sender.as_sender,
        }

    @property
    def webhook_json(self) -> Json:
        attachments = [
            {"id": self.id * 100 + at, "message_id": self.id, "file_type": kind, "data_url": url}
            for at, (kind, url) in enumerate(self.files)
        ]
        return {
            "account": self.conversation.account.json,
            "additional_attributes": {},
            "content": self.content,
            "content_attributes": self.attributes,
            "content_type": "text",
            "conversation": self.conversation.webhook_json,
            "created_at": self.created,
            "id": self.id,
            "inbox": {"id": self.conversation.inbox.id, "name": self.conversation.inbox.name},
            "message_type": self.type,
            "private": self.private,
            "sender": self.sender.as_sender,
            "source_id": None,
            **({"attachments": attachments} if attachments else {}),
        }


@dataclass(kw_only=True, eq=False)
class Conversation:
    id: int
    account: Account = field(repr=False)
    inbox: Inbox = field(repr=False)
    contact: Contact
    source_id: str
    status: str
    additional: Json
    assignee: User | None = None
    updated: float = 0.0
    messages: list[Message] = field(default_factory=list, repr=False)

    def add(
        self,
        text: str,
        *,
        type: str,
        private: bool,
        sender: User | Contact,
        attributes: Json | None = None,
        files: Sequence[tuple[str, str]] = (),
    ) -> Message:
        """Somebody writes. What a customer writes opens what was resolved."""
        message = Message(
            id=self.account.next_id(),
            conversation=self,
            content=text,
            type=type,
            private=private,
            sender=sender,
            attributes=attributes or {},
            files=files,
            created=self.account.now(),
        )
        self.messages.append(message)
        if type == "incoming" and not private and self.status in ("resolved", "snoozed"):
            self.change(status="pending" if self.inbox.bot and self.status == "resolved" else "open")
        self.account.tell(self.inbox, "message_created", message.webhook_json, message)
        self.account.notify()
        return message

    def change(self, **values: Any) -> None:
        """Nothing is told of what is as it was."""
        changed = {name: value for name, value in values.items() if getattr(self, name) is not value}
        changed = {name: value for name, value in changed.items() if getattr(self, name) != value}
        if not changed:
            return
        told = [self._change(name, value) for name, value in changed.items()]
        for name, value in changed.items():
            setattr(self, name, value)
        self.updated = self.account.now()
        if "status" in changed:
            payload = {**self.webhook_json, "changed_attributes": [one for one in told if "status" in one]}
            self.account.tell(self.inbox, "conversation_status_changed", payload)
        self.account.tell(self.inbox, "conversation_updated", {**self.webhook_json, "changed_attributes": told})
        self.account.notify()

    async def message(self, words: str) -> Message:
        def found() -> Message | None:
            return next((one for one in self.messages if words in one.content), None)

        await self.account.until(lambda: found() is not None, f"a message with {words!r}")
        message = found()
        assert message is not None
        return message

    async def status_becomes(self, status: str) -> None:
        await self.account.until(lambda: self.status == status, f"conversation {self.id} {status}")

    async def assignee_becomes(self, user: User | None) -> None:
        await self.account.until(lambda: self.assignee is user, f"conversation {self.id} in other hands")

    @property
    def json(self) -> Json:
        """As the API answers."""
        assignee = self.assignee
        return {
            "id": self.id,
            "account_id": self.account.id,
            "inbox_id": self.inbox.id,
            "status": self.status,
            "additional_attributes": self.additional,
            "custom_attributes": {},
            "meta": {"sender": self.contact.json, **({"assignee": assignee.as_sender} if assignee else {})},
            "messages": [one.json for one in self.messages[-1:]],
        }

    @property
    def webhook_json(self) -> Json:
        return {
            "additional_attributes": self.additional,
            "can_reply": True,
            "channel": "Channel::Api",
            "contact_inbox": {"contact_id": self.contact.id, "inbox_id": self.inbox.id, "source_id": self.source_id},
            "id": self.id,
            "inbox_id": self.inbox.id,
            "messages": [one.json for one in self.messages[-1:]],
            "labels": [],
            "meta": {
                "sender": self.contact.as_sender,
                "assignee": self.assignee.as_sender if self.assignee else None,
                "team": None,
                "hmac_verified": False,
            },
            "status": self.status,
            "custom_attributes": {},
            "snoozed_until": None,
            "unread_count": 0,
            "created_at": int(self.updated),
            "updated_at": self.updated,
            "timestamp": int(self.updated),
        }

    def _change(self, name: str, value: Any) -> Json:
        before = getattr(self, name)
        if name == "assignee":
            name, before, value = "assignee_id", before and before.id, value and value.id
        return {name: {"previous_value": before, "current_value": value}}


class Account:
    """All of it. `tell` has a webhook sent."""

    def __init__(self, *, id: int, tell: Callable[..., None], clock: Callable[[], float]) -> None:
        self.id = id
        self.tell = tell
        self.inboxes: list[Inbox] = []
        self.users: list[User] = []
        self.contacts: list[Contact] = []
        self.conversations: list[Conversation] = []
        self._clock = clock
        self._last = 0.0
        self._numbers = 0
        self._changed = asyncio.Event()

    @property
    def json(self) -> Json:
        return {"id": self.id, "name": "Hearthside"}

    def next_id(self) -> int:
        self._numbers += 1
        return self._numbers

    def now(self) -> float:
        """No two moments are the same."""
        self._last = max(self._clock(), self._last + 0.001)
        return self._last

    def notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for it. Raises AssertionError."""
        try:
            async with asyncio.timeout(_PATIENCE):
                while not condition():
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"there never was {what}") from None
