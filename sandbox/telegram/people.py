"""The people who use Telegram, to be played by tests, benchmarks and the phone in the sandbox.

Everything a person does ends as an `Update` for the bot, complete as Telegram sends it; everything a bot does to them
ends as an `Event` in their feed.
"""

from __future__ import annotations

import re
import secrets
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from sandbox import feed

from . import media
from .errors import BLOCKED, KICKED, Json, migrated
from .network import BotAccount, Chat, Network, Tap
from .text import find_entities
from .updates import Update

EventKind = Literal["message", "edited", "deleted", "action", "answer", "sent", "taken"]


Event = feed.Event[EventKind]
"""Something a phone shows.

message, edited, deleted:  a bot's message as it is now, or was
action:                    `{"chat", "action"}`, such as typing
answer:                    `{"callback_query_id", "text"?, "show_alert"?, "url"?}`: the spinner ends
sent:                      the person's own message is stored
taken:                     `{"chat", "message_id"}`: the bot's webhook took the person's message
"""


class User(feed.Feed[EventKind]):
    """One person with one phone. Made by `TelegramServer.user`."""

    def __init__(self, network: Network, *, user_id: int, name: str, language: str, username: str | None) -> None:
        super().__init__()
        self._network = network
        self.id = user_id
        self.json: Json = {"id": user_id, "is_bot": False, "first_name": name}
        if username:
            self.json["username"] = username
        if language:
            self.json["language_code"] = language

    def speak(self, language: str) -> None:
        """Set the language of the person's app, which everything they send from now on carries."""
        self.json = self.json | {"language_code": language}

    def chat_json(self) -> Json:
        return {key: self.json[key] for key in ("id", "first_name", "username") if key in self.json} | {
            "type": "private"
        }

    # --- what a person does ---------------------------------------------------------------------------------------

    async def start(self, bot: BotAccount, payload: str = "") -> Update:
        """Press START in the bot's chat, opened by `https://t.me/<bot>?start=<payload>` if there is a payload. Also
        unblocks the bot. Raises ValueError for a payload that Telegram's apps would ignore."""
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", payload):
            raise ValueError("a payload has at most 64 characters of A-Z a-z 0-9 _ -")
        if self._network.private_chat(bot, self).closed == BLOCKED:
            await self.unblock(bot)
        return await self.say(bot, f"/start {payload}".strip())

    async def follow(self, link: str) -> Update:
        """Open a deep link, `https://t.me/<bot>?start=<payload>`, and press START. Raises LookupError if it leads to no
        bot, ValueError for a payload that Telegram's apps would ignore."""
        parts = urlsplit(link)
        bots = [bot for bot in self._network.bots.values() if parts.path == f"/{bot.username}"]
        if parts.scheme != "https" or parts.netloc != "t.me" or not bots:
            raise LookupError("the link leads to no bot")
        return await self.start(bots[0], parse_qs(parts.query).get("start", [""])[0])

    async def say(self, bot: BotAccount, text: str, *, reply_to: Json | None = None) -> Update:
        body: Json = {"text": text}
        if entities := find_entities(text):
            body["entities"] = list(entities)
        if reply_to is not None:
            body["reply_to_message"] = {key: reply_to[key] for key in reply_to if key != "reply_to_message"}
        return await self.send(bot, body)

    async def send(self, bot: BotAccount, body: Json) -> Update:
        """Send a message of any kind, given as the fields of its kind: `{"location": {…}}`."""
        chat = self._network.private_chat(bot, self)
        if chat.closed == BLOCKED:
            raise RuntimeError("this person has blocked the bot: unblock it or press START first")
        chat.closed = None
        message = self._network.store(chat, self.json, body)
        shown = {"chat": chat.json, "message_id": message["message_id"]}
        update = bot.delivery.add(
            {"message": message}, queue=f"chat {chat.id}", on_taken=lambda: self.notify("taken", shown)
        )
        self.notify("sent", message)
        return update

    async def photo(self, bot: BotAccount, caption: str = "", *, content: bytes | None = None) -> Update:
        return await self.send(bot, media.photo(self._shelf, content) | captioned(caption))

    async def document(
        self,
        bot: BotAccount,
        caption: str = "",
        *,
        content: bytes | None = None,
        name: str = "receipt.pdf",
        content_type: str = "application/pdf",
    ) -> Update:
        found = media.document(self._shelf, content, name=name, content_type=content_type)
        return await self.send(bot, found | captioned(caption))

    async def voice(self, bot: BotAccount) -> Update:
        return await self.send(bot, media.voice(self._shelf))

    async def audio(self, bot: BotAccount) -> Update:
        return await self.send(bot, media.audio(self._shelf))

    async def video(self, bot: BotAccount, caption: str = "") -> Update:
        return await self.send(bot, media.video(self._shelf) | captioned(caption))

    async def video_note(self, bot: BotAccount) -> Update:
        return await self.send(bot, media.video_note(self._shelf))

    async def animation(self, bot: BotAccount) -> Update:
        return await self.send(bot, media.animation(self._shelf))

    async def sticker(self, bot: BotAccount) -> Update:
        return await self.send(bot, media.sticker(self._shelf))

    async def location(self, bot: BotAccount, latitude: float = 1.2834, longitude: float = 103.8607) -> Update:
        return await self.send(bot, {"location": {"latitude": latitude, "longitude": longitude}})

    async def venue(self, bot: BotAccount, title: str, address: str) -> Update:
        place = {"latitude": 1.2834, "longitude": 103.8607}
        return await self.send(
            bot, {"venue": {"location": place, "title": title, "address": address}, "location": place}
        )

    async def contact(self, bot: BotAccount) -> Update:
        own = {"phone_number": "+6561234567", "first_name": self.json["first_name"], "user_id": self.id}
        return await self.send(bot, {"contact": own})

    async def edit(self, bot: BotAccount, message: Json, text: str) -> Update:
        """Change one of the person's own messages: its text, or its file's caption."""
        chat = self._network.private_chat(bot, self)
        return edit(self._network, bot, chat, message, text)

    async def tap(self, message: Json, button: int | str) -> Update:
        """Tap a button of a bot's message, by its label or its place. The message is as this phone last showed it: a
        stale keyboard can be tapped. Raises LookupError if there is no such button that calls back."""
        bot = self._bot(message)
        tap = Tap(id=str(secrets.randbits(63)), user=self, at=self._network.now())
        bot.taps[tap.id] = tap
        query = {
            "id": tap.id,
            "from": self.json,
            "message": self._as_now(bot, message),
            "chat_instance": str(message["chat"]["id"] * 7919),
            "data": _callback_data(message, button),
        }
        life = self._network.limits.callback_life
        return bot.delivery.add({"callback_query": query}, queue=f"taps {self.id}", life=life)

    async def block(self, bot: BotAccount) -> Update:
        self._network.private_chat(bot, self).closed = BLOCKED
        return self._membership(bot, "member", "kicked")

    async def unblock(self, bot: BotAccount) -> Update:
        self._network.private_chat(bot, self).closed = None
        return self._membership(bot, "kicked", "member")

    # --- what a person sees ---------------------------------------------------------------------------------------

    @property
    def messages(self) -> list[Json]:
        """Everything in this person's chats, as it is now, in the order it was stored."""
        chats = [chat for bot in self._network.bots.values() for chat in bot.chats.values() if self in chat.members]
        found = [message for chat in chats for message in chat.messages.values()]
        return sorted(found, key=lambda message: message["message_id"])

    # --- below ----------------------------------------------------------------------------------------------------

    @property
    def _shelf(self) -> media.Shelf:
        return self._network.shelf

    def _bot(self, message: Json) -> BotAccount:
        return next(bot for bot in self._network.bots.values() if bot.id == message["from"]["id"])

    def _as_now(self, bot: BotAccount, message: Json) -> Json:
        """The message with its keyboard, or what is left of a deleted one:
        https://core.telegram.org/bots/api#inaccessiblemessage"""
        chat = bot.chats[message["chat"]["id"]]
        gone = {"chat": chat.json, "message_id": message["message_id"], "date": 0}
        return chat.messages.get(message["message_id"], gone)

    def _membership(self, bot: BotAccount, old: str, new: str) -> Update:
        body = {
            "chat": self.chat_json(),
            "from": self.json,
            "date": self._network.unix_time(),
            "old_chat_member": _member(bot.json, old),
            "new_chat_member": _member(bot.json, new),
        }
        return bot.delivery.add({"my_chat_member": body}, queue=f"membership {self.id}")


class Group:
    """A group with one bot in it. The bot is in privacy mode, as bots are unless their owner changes it: it is told
    commands, mentions of it and replies to it (https://core.telegram.org/bots/features#privacy-mode)."""

    def __init__(
        self,
        network: Network,
        bot: BotAccount,
        *,
        chat_id: int,
        title: str,
        members: list[User],
        topics: tuple[int, ...] = (),
    ) -> None:
        self._network = network
        self._bot = bot
        kind = {"type": "supergroup", "is_forum": True} if topics else {"type": "group"}
        self.chat = Chat(json={"id": chat_id, "title": title} | kind, members=members, topics=topics)
        self._enter()

    @property
    def id(self) -> int:
        return self.chat.id

    async def say(
        self,
        user: User,
        text: str,
        *,
        mention: bool = False,
        reply_to: Json | None = None,
        topic: int | None = None,
    ) -> Update | None:
        """None if the bot is not told of it."""
        text = f"@{self._bot.username} {text}" if mention else text
        body: Json = {"text": text}
        if entities := find_entities(text):
            body["entities"] = list(entities)
        return await self.send(user, body, reply_to=reply_to, topic=topic)

    async def send(
        self, user: User, body: Json, *, reply_to: Json | None = None, topic: int | None = None
    ) -> Update | None:
        """The same for a message of any kind."""
        if reply_to is not None:
            body = body | {"reply_to_message": {key: reply_to[key] for key in reply_to if key != "reply_to_message"}}
        if topic is not None:
            body = body | {"message_thread_id": topic, "is_topic_message": True}
        message = self._network.store(self.chat, user.json, body)
        user.notify("sent", message)
        return self._tell(message) if self._concerns_the_bot(message) else None

    async def edit(self, message: Json, text: str) -> Update | None:
        if not self._concerns_the_bot(message):
            return None
        return edit(self._network, self._bot, self.chat, message, text)

    async def migrate(self) -> int:
        """Become a supergroup: the group gets a new id, which is returned, and the old one answers with it."""
        old, new_id = self.chat, -1_000_000_000_000 - self._network.new_id()
        self.chat = Chat(json=old.json | {"id": new_id, "type": "supergroup"}, members=old.members)
        old.closed = migrated(self.chat.id)
        self._bot.chats[self.chat.id] = self.chat
        sender = old.members[0].json
        leaving = self._network.store(old, sender, {"migrate_to_chat_id": self.chat.id})
        self._bot.delivery.add({"message": leaving}, queue=f"chat {old.id}")
        self._tell(self._network.store(self.chat, sender, {"migrate_from_chat_id": old.id}))
        return self.chat.id

    async def kick(self) -> Update:
        """Throw the bot out."""
        self.chat.closed = KICKED
        return self._membership("member", "kicked")

    def _enter(self) -> None:
        self._bot.chats[self.chat.id] = self.chat
        self._membership("left", "member")
        joined = {"new_chat_members": [self._bot.json]}
        self._tell(self._network.store(self.chat, self.chat.members[0].json, joined))

    def _membership(self, old: str, new: str) -> Update:
        body = {
            "chat": self.chat.json,
            "from": self.chat.members[0].json,
            "date": self._network.unix_time(),
            "old_chat_member": _member(self._bot.json, old),
            "new_chat_member": _member(self._bot.json, new),
        }
        return self._bot.delivery.add({"my_chat_member": body}, queue=f"membership {self.chat.id}")

    def _tell(self, message: Json) -> Update:
        return self._bot.delivery.add({"message": message}, queue=f"chat {message['chat']['id']}")

    def _concerns_the_bot(self, message: Json) -> bool:
        text = str(message.get("text", message.get("caption", "")))
        replied: Json = message.get("reply_to_message", {})
        answers_the_bot: bool = replied.get("from", {}).get("id") == self._bot.id
        own = self._bot.username.lower()
        command = re.match(r"/\w+(?:@(\w+))?", text)
        commands_the_bot = command is not None and (command[1] or own).lower() == own
        return answers_the_bot or commands_the_bot or f"@{own}" in text.lower()


def edit(network: Network, bot: BotAccount, chat: Chat, message: Json, text: str) -> Update:
    """Change a person's message, text or caption, and tell the bot."""
    field = "text" if "text" in message else "caption"
    name = "entities" if field == "text" else "caption_entities"
    entities = list(find_entities(text))
    rest = {key: value for key, value in chat.messages[message["message_id"]].items() if key not in (field, name)}
    edited = rest | {field: text, "edit_date": network.unix_time()} | ({name: entities} if entities else {})
    chat.messages[message["message_id"]] = edited
    return bot.delivery.add({"edited_message": edited}, queue=f"chat {chat.id}")


def captioned(caption: str) -> Json:
    if not caption:
        return {}
    entities = list(find_entities(caption))
    return {"caption": caption} | ({"caption_entities": entities} if entities else {})


def _member(bot: Json, status: str) -> Json:
    """https://core.telegram.org/bots/api#chatmember"""
    return {"user": bot, "status": status} | ({"until_date": 0} if status == "kicked" else {})


def _callback_data(message: Json, button: int | str) -> str:
    rows: list[list[Json]] = message.get("reply_markup", {}).get("inline_keyboard", [])
    buttons = [one for row in rows for one in row]
    found = [one for place, one in enumerate(buttons) if button in (place, one["text"])]
    if not found or "callback_data" not in found[0]:
        raise LookupError(f"no button {button!r} that calls back among {[one['text'] for one in buttons]}")
    data: str = found[0]["callback_data"]
    return data
