"""WhatsApp on the phone: `say` (`text`), `tap` (`message_id`, `button`: its place among buttons or rows), `read`, when
the chat has been looked at, and `photo`, `document`, `location` and `voice`, of each of which the phone has one.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from ..whatsapp import Number, Person, WhatsAppServer
from .accounts import Feed, Json, text_of

_COUNTRY, _FIRST_NUMBER = "SG", 6591230001
_SAMPLES = Path(__file__).parent.parent / "telegram" / "samples"
_HERE = (1.2836, 103.8607)


class WhatsAppApp:
    def __init__(self, whatsapp: WhatsAppServer, number: Number) -> None:
        self._whatsapp = whatsapp
        self._number = number
        self._numbers = itertools.count(_FIRST_NUMBER)

    def account(self, name: str) -> WhatsAppAccount:
        person = self._whatsapp.person(name, str(next(self._numbers)), country=_COUNTRY)
        return WhatsAppAccount(self._number, person)


class WhatsAppAccount:
    def __init__(self, number: Number, person: Person) -> None:
        self._number = number
        self._person = person
        self._seen: set[str] = set()
        self._sends: Mapping[str, Callable[[], Awaitable[object]]] = {
            "photo": lambda: person.image(number, "", _sample("photo.jpg")),
            "document": lambda: person.document(number, "receipt.pdf", "", _sample("receipt.pdf")),
            "location": lambda: person.location(number, *_HERE),
            "voice": lambda: person.voice(number, _sample("voice.ogg")),
        }

    def speak(self, language: str) -> None:
        """WhatsApp does not tell businesses."""

    def welcome(self) -> Json:
        messages = self._person.messages
        taken = [
            one for delivery in self._number.deliveries if delivery.state == "taken" for one in _messages(delivery.json)
        ]
        own = {message["id"] for message in messages if "business" not in message}
        read = {call.get("message_id") for call in self._number.calls if call.get("status") == "read"}
        return {
            "name": self._number.name,
            "messages": messages,
            "taken": [message["id"] for message in taken if message["id"] in own],
            "read": sorted(own & read),
        }

    def events(self) -> AbstractContextManager[Feed]:
        return self._person.phone()

    async def act(self, frame: Json) -> None:
        if frame["type"] == "say" and (text := text_of(frame)):
            await self._person.say(self._number, text)
        if (send := self._sends.get(str(frame["type"]))) is not None:
            await send()
        if frame["type"] == "tap":
            await self._tap(frame)
        if frame["type"] == "read":
            await self._read()

    async def _tap(self, frame: Json) -> None:
        message = next((one for one in self._received() if one["id"] == frame.get("message_id")), None)
        if message is not None and isinstance(frame.get("button"), int):
            with contextlib.suppress(LookupError):
                await self._person.tap(message, frame["button"])

    async def _read(self) -> None:
        """Every message is told to have been read once."""
        for message in self._received():
            if message["id"] not in self._seen:
                self._seen.add(message["id"])
                await self._person.read(message)

    def _received(self) -> list[Json]:
        return [message for message in self._person.messages if "business" in message]


def _sample(name: str) -> bytes:
    return (_SAMPLES / name).read_bytes()


def _messages(webhook: Json) -> list[Json]:
    return [
        message
        for entry in webhook["entry"]
        for change in entry["changes"]
        for message in change["value"].get("messages", [])
    ]
