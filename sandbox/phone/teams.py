"""Teams on the phone: `say` (`text`), `tap` (`message_id`, `button`: its place among the message's buttons), `photo`
and `document`, of each of which the phone has one to send, and `install` and `uninstall` for the bot's app.

What a button submits is no message: the page is told `tapped` with the `id` under which it is `taken` or `refused`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from ..teams import BotAccount, Person, TeamsServer
from .accounts import Feed, Json, text_of

_SAMPLES = Path(__file__).parent.parent / "telegram" / "samples"
_LANGUAGES = {"en": "en-GB", "zh": "zh-CN"}


class TeamsApp:
    """The bot's app is there from the beginning: nobody sees it being added."""

    def __init__(self, teams: TeamsServer, bot: BotAccount) -> None:
        self._teams = teams
        self._bot = bot

    def account(self, name: str) -> TeamsAccount:
        return TeamsAccount(self._bot, self._teams.person(name))


class TeamsAccount:
    def __init__(self, bot: BotAccount, person: Person) -> None:
        self._bot = bot
        self._person = person
        self._does: Mapping[str, Callable[[], Awaitable[object]]] = {
            "photo": lambda: person.image(bot, content=_sample("photo.jpg"), content_type="image/jpeg"),
            "document": lambda: person.file(bot, "receipt.pdf", content=_sample("receipt.pdf")),
            "install": lambda: person.install(bot),
            "uninstall": lambda: person.uninstall(bot),
        }

    def speak(self, language: str) -> None:
        self._person.language = _LANGUAGES[language]

    def welcome(self) -> Json:
        own = [one for one in self._bot.deliveries if one.json["from"]["id"] == self._person.id]
        return {
            "name": self._bot.name,
            "bot": self._bot.id,
            "installed": self._person.has(self._bot),
            "messages": self._person.messages,
            "taken": [delivery.json["id"] for delivery in own if delivery.ok],
            "refused": [one.json["id"] for one in own if not one.ok and (one.status or one.error)],
        }

    def events(self) -> AbstractContextManager[Feed]:
        return self._person.phone()

    async def act(self, frame: Json) -> Json | None:
        if frame["type"] == "say" and (text := text_of(frame)):
            await self._person.say(self._bot, text)
        if (do := self._does.get(str(frame["type"]))) is not None:
            await do()
        return await self._tap(frame) if frame["type"] == "tap" else None

    async def _tap(self, frame: Json) -> Json | None:
        message_id, button = frame.get("message_id"), frame.get("button")
        message = next((one for one in self._person.messages if one["id"] == message_id), None)
        if message is None or not isinstance(button, int):
            return None
        try:
            delivery = await self._person.submit(message, button)
        except LookupError:
            return None
        return {"type": "tapped", "message_id": message_id, "button": button, "id": delivery.json["id"]}


def _sample(name: str) -> bytes:
    return (_SAMPLES / name).read_bytes()
