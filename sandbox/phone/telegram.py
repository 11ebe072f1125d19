"""Telegram on the phone: `start` (`payload`), `say` (`text`), `tap` (`message_id`, `button`: its place), and `photo`,
`document`, `location` and `voice`, of each of which the phone has one to send.

`tapped` goes to the page before the answer to a tap, with the `callback_query_id` that the answer will have.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager

from ..telegram import BotAccount, TelegramServer, User
from .accounts import Feed, Json, text_of

_LANGUAGES = {"en": "en", "zh": "zh-hans"}


class TelegramApp:
    def __init__(self, telegram: TelegramServer, bot: BotAccount) -> None:
        self._telegram = telegram
        self._bot = bot

    def account(self, name: str) -> TelegramAccount:
        return TelegramAccount(self._bot, self._telegram.user(name))


class TelegramAccount:
    def __init__(self, bot: BotAccount, user: User) -> None:
        self._bot = bot
        self._user = user
        self._sends: Mapping[str, Callable[[BotAccount], Awaitable[object]]] = {
            "photo": user.photo,
            "document": user.document,
            "location": user.location,
            "voice": user.voice,
        }

    def speak(self, language: str) -> None:
        self._user.speak(_LANGUAGES[language])

    def welcome(self) -> Json:
        taken = [update for update in self._bot.updates if update.state == "taken" and update.kind == "message"]
        own = [update.message["message_id"] for update in taken if update.message["from"]["id"] == self._user.id]
        return {"name": self._bot.json["first_name"], "messages": self._user.messages, "taken": own}

    def events(self) -> AbstractContextManager[Feed]:
        return self._user.phone()

    async def act(self, frame: Json) -> Json | None:
        if frame["type"] == "start":
            await self._start(str(frame.get("payload") or ""))
        if frame["type"] == "say" and (text := text_of(frame)):
            await self._user.say(self._bot, text)
        if (send := self._sends.get(str(frame["type"]))) is not None:
            await send(self._bot)
        return await self._tap(frame) if frame["type"] == "tap" else None

    async def _start(self, payload: str) -> None:
        if re.fullmatch(r"[A-Za-z0-9_-]{0,64}", payload):
            await self._user.start(self._bot, payload)

    async def _tap(self, frame: Json) -> Json | None:
        message_id, button = frame.get("message_id"), frame.get("button")
        message = next((one for one in self._user.messages if one["message_id"] == message_id), None)
        if message is None or not isinstance(button, int):
            return None
        try:
            update = await self._user.tap(message, button)
        except LookupError:
            return None
        query: Json = update.json["callback_query"]
        return {"type": "tapped", "message_id": message_id, "button": button, "callback_query_id": query["id"]}
