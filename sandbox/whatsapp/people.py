"""The people who use WhatsApp, to be played by tests, benchmarks and the phone in the sandbox.

Everything a person does ends as a `Delivery` to the business's webhook, complete as Meta sends it; everything a
business does to them ends as an `Event` in their feed.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from sandbox import feed

from .deliveries import Delivery
from .errors import Json
from .network import Network, Number, new_message_id

EventKind = Literal["message", "typing", "read", "sent", "taken", "edited", "revoked"]


Event = feed.Event[EventKind]
"""Something a phone shows.

message:  a business's message, as the request had it, with `id`, `timestamp` and `business`
typing:   `{"business", "message_id"}`
read:     the same: blue ticks
sent:     the person's own message is stored
taken:    `{"business", "id"}`: the webhook took the person's message
edited:   the person's own message, as it is now
revoked:  `{"business", "id"}`: the person took their message back
"""

_EDIT_WITHIN = timedelta(minutes=15)
_REVOKE_WITHIN = timedelta(days=2)


class Person(feed.Feed[EventKind]):
    """One person with one phone. Made by `WhatsAppServer.person`."""

    def __init__(self, network: Network, *, name: str, number: str, country: str, user_id: str | None) -> None:
        super().__init__()
        self._network = network
        self.name = name
        self.number = number
        self.country = country
        self.user_id = user_id
        """The business-scoped user id; None as before 2026."""
        self.shows_number = True
        self.messages: list[Json] = []
        """Everything in this person's chats, their own words included."""
        self._blocked: set[str] = set()
        self._wrote: dict[str, datetime] = {}

    # --- what a person does ---------------------------------------------------------------------------------------

    async def say(self, business: Number, text: str) -> Delivery:
        return await self.send(business, "text", {"body": text})

    async def follow(self, link: str) -> Delivery:
        """Open `https://wa.me/<digits>?text=<text>` and send the text that stands there. Raises LookupError if it leads
        to no business, or no text stands there."""
        parts = urlsplit(link)
        found = [one for one in self._network.numbers.values() if parts.path == f"/{one.digits}"]
        if parts.scheme != "https" or parts.netloc != "wa.me" or not found:
            raise LookupError("the link leads to no business")
        text = parse_qs(parts.query).get("text", [""])[0]
        if not text:
            raise LookupError("the link brings no text to send")
        return await self.say(found[0], text)

    async def tap(self, message: Json, option: int | str) -> Delivery:
        """Tap a button or a row of a list, by its label or its place. Raises LookupError if there is none."""
        kind, reply = _reply(message, option)
        context = {"context": {"from": self._business(message).digits, "id": message["id"]}}
        return await self.send(self._business(message), "interactive", {"type": kind, kind: reply}, **context)

    async def image(
        self, business: Number, caption: str = "", content: bytes = b"\xff\xd8\xff\xe0", mime_type: str = "image/jpeg"
    ) -> Delivery:
        return await self.send(business, "image", self._upload(content, mime_type) | _caption(caption))

    async def voice(self, business: Number, content: bytes = b"OggS") -> Delivery:
        return await self.send(business, "audio", self._upload(content, "audio/ogg; codecs=opus") | {"voice": True})

    async def video(self, business: Number, caption: str = "") -> Delivery:
        media = self._upload(b"\0\0\0\x18ftypmp42", "video/mp4")
        return await self.send(business, "video", media | _caption(caption))

    async def document(
        self, business: Number, filename: str, caption: str = "", content: bytes = b"%PDF-1.7"
    ) -> Delivery:
        media = self._upload(content, "application/pdf") | {"filename": filename}
        return await self.send(business, "document", media | _caption(caption))

    async def sticker(self, business: Number) -> Delivery:
        return await self.send(
            business, "sticker", self._upload(b"RIFF\0\0\0\0WEBP", "image/webp") | {"animated": False}
        )

    async def location(
        self, business: Number, latitude: float, longitude: float, *, name: str = "", address: str = ""
    ) -> Delivery:
        """A place with a name, or without one where the person stands."""
        place = {"latitude": latitude, "longitude": longitude}
        named = {field: text for field, text in (("name", name), ("address", address)) if text}
        return await self.send(business, "location", place | named)

    async def contact(self, business: Number, name: str, number: str) -> Delivery:
        phone = {"phone": f"+{number}", "wa_id": number, "type": "CELL"}
        card = {"name": {"formatted_name": name, "first_name": name}, "phones": [phone]}
        return await self.send(business, "contacts", [card])

    async def react(self, message: Json, emoji: str) -> Delivery:
        """An empty emoji takes the reaction back."""
        reaction = {"message_id": message["id"]} | ({"emoji": emoji} if emoji else {})
        return await self._post(self._business(message), "reaction", reaction)

    async def edit(self, business: Number, message: Json, text: str) -> Delivery:
        """Change one's own text, or a caption, within 15 minutes. Raises LookupError if it is too late.
        https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/edit"""
        self._in_time(message, _EDIT_WITHIN)
        kind = message["type"]
        message[kind] = message[kind] | ({"body": text} if kind == "text" else {"caption": text})
        self.notify("edited", message)
        now = {"context": {"id": "M0"}, "type": kind, kind: message[kind]}
        return await self._post(business, "edit", {"original_message_id": message["id"], "message": now})

    async def revoke(self, business: Number, message: Json) -> Delivery:
        """Delete one's own message for everybody, within two days. Raises LookupError if it is too late.
        https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/revoke"""
        self._in_time(message, _REVOKE_WITHIN)
        self.messages.remove(message)
        self.notify("revoked", {"business": business.id, "id": message["id"]})
        return await self._post(business, "revoke", {"original_message_id": message["id"]})

    async def send(self, business: Number, kind: str, body: Json | list[Json], **fields: Json) -> Delivery:
        """Send a message of any type, given as the object of that name; it stands in the chat."""
        return await self._post(business, kind, body, shown=True, **fields)

    async def _post(
        self, business: Number, kind: str, body: Json | list[Json], *, shown: bool = False, **fields: Json
    ) -> Delivery:
        if business.id in self._blocked:
            raise RuntimeError("this person has blocked the business: unblock it first")
        self._wrote[business.id] = self._network.now()
        message_id = new_message_id(self.user_id or self.number)
        message: Json = self._as_sender() | {"id": message_id, "timestamp": business.timestamp(), "type": kind}
        message |= {kind: body} | fields
        if shown:
            self.messages.append(message)
            self.notify("sent", message)
        value: Json = {"contacts": [self._as_contact()], "messages": [dict(message)]}
        told = {"business": business.id, "id": message_id}
        return business.post(value, queue=self.number, on_taken=lambda: self.notify("taken", told))

    async def read(self, message: Json) -> Delivery:
        """Open the chat: the business is told, unless this person has that switched off."""
        return self._business(message).tell(self, message["id"], "read")[0]

    async def change_number(self, business: Number, number: str) -> Delivery:
        """The user id changes too. https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system"""
        before, old_id = self._as_sender(), self.user_id
        self.number, self.user_id = number, new_user_id(self.country) if old_id else None
        system: Json = {"type": "user_changed_number" if self.shows_number else "user_changed_user_id"}
        system |= {"wa_id": number} if self.shows_number else {}
        system |= {"user_id": self.user_id, "previous_user_id": old_id} if old_id else {}
        before.pop("from_user_id", None)
        message = before | {"id": new_message_id(number), "timestamp": business.timestamp(), "type": "system"}
        return business.post({"messages": [message | {"system": system | {"body": "User changed"}}]}, queue=number)

    def hide_number(self) -> None:
        """Take a username: businesses are not told the number any more."""
        self.shows_number = False

    def block(self, business: Number) -> None:
        """The business hears nothing of it: its messages are sent and never delivered."""
        self._blocked.add(business.id)

    def unblock(self, business: Number) -> None:
        self._blocked.discard(business.id)

    # --- for the server -------------------------------------------------------------------------------------------

    def has_blocked(self, business: Number) -> bool:
        return business.id in self._blocked

    def window_closed(self, business: Number, window: float) -> bool:
        """Whether it is longer ago than that many seconds that this person wrote to the business."""
        wrote = self._wrote.get(business.id)
        return wrote is None or (self._network.now() - wrote).total_seconds() > window

    def as_recipient(self) -> Json:
        """How a status names this person."""
        return self._ids("recipient_id", "recipient_user_id")

    # --- below ----------------------------------------------------------------------------------------------------

    def _as_sender(self) -> Json:
        return self._ids("from", "from_user_id")

    def _as_contact(self) -> Json:
        return {"profile": {"name": self.name}} | self._ids("wa_id", "user_id")

    def _ids(self, number: str, user_id: str) -> Json:
        shown = {number: self.number} if self.shows_number or self.user_id is None else {}
        return shown | ({user_id: self.user_id} if self.user_id else {})

    def _in_time(self, message: Json, within: timedelta) -> None:
        if "business" in message or message not in self.messages:
            raise LookupError("this is no message of this person's")
        sent = datetime.fromtimestamp(int(message["timestamp"]), UTC)
        if self._network.now() - sent > within:
            raise LookupError("it is too late for that")

    def _business(self, message: Json) -> Number:
        return self._network.numbers[message["business"]]

    def _upload(self, content: bytes, mime_type: str) -> Json:
        media = self._network.keep(content, mime_type)
        digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
        return {"mime_type": mime_type, "sha256": digest, "id": media.id}


def _caption(text: str) -> Json:
    return {"caption": text} if text else {}


def new_user_id(country: str) -> str:
    return f"{country}.{secrets.randbelow(9 * 10**19) + 10**19}"


def options(message: Json) -> list[Json]:
    """What can be tapped on a message: its buttons, or the rows of its list."""
    action: Json = message.get("interactive", {}).get("action", {})
    rows = [row for section in action.get("sections", []) for row in section["rows"]]
    return [button["reply"] for button in action.get("buttons", [])] + rows


def _reply(message: Json, option: int | str) -> tuple[str, Json]:
    found = [one for place, one in enumerate(options(message)) if option in (place, one["title"])]
    if not found:
        raise LookupError(f"nothing like {option!r} among {[one['title'] for one in options(message)]}")
    kind = "button_reply" if message["interactive"]["type"] == "button" else "list_reply"
    return kind, found[0]
