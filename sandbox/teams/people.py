"""The people who use Teams, to be played by tests and by the window in the sandbox.

Everything a person does ends as a `Delivery` to the bot, complete as Teams sends it; everything a bot does to them ends
as an `Event` in their feed.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from html import escape
from typing import Literal
from urllib.parse import parse_qs, quote, urlsplit

from sandbox import feed

from .cards import actions_of
from .deliveries import Delivery
from .errors import BLOCKED, DISABLED, REMOVED, Json
from .files import DOT
from .network import BotAccount, Chat, Network
from .rules import ADAPTIVE_CARD

EventKind = Literal["message", "typing", "sent", "taken", "refused", "edited", "deleted", "installed"]


Event = feed.Event[EventKind]
"""Something a window shows.

message:   a bot's activity
typing:    a bot's typing activity
sent:      the person's own activity is on its way
taken:     `{"id", "status", "answer"}`: the bot's endpoint took it
refused:   the same and `error`: it did not, and Teams shows that the bot cannot be reached
edited:    an activity, the bot's or the person's own, that is another one from now on
deleted:   `{"id"}`: the person took a message of theirs back
installed: `{"is"}`: whether the app is there from now on
"""


class Person(feed.Feed[EventKind]):
    """One person with one window. Made by `TeamsServer.person`."""

    def __init__(self, network: Network, *, name: str, language: str, aad_object_id: str | None) -> None:
        super().__init__()
        self._network = network
        self.name = name
        self.language = language
        self.json: Json = {"id": f"29:{secrets.token_urlsafe(48)}", "name": name}
        if aad_object_id != "":
            self.json["aadObjectId"] = aad_object_id or str(uuid.uuid4())

    @property
    def id(self) -> str:
        person_id: str = self.json["id"]
        return person_id

    # --- what a person does ---------------------------------------------------------------------------------------

    async def install(self, bot: BotAccount) -> Delivery:
        """Add the app: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/subscribe-to-conversation-events
        Teams tells it twice; the `installationUpdate`, which comes second, is returned."""
        chat = self._network.personal_chat(bot, self)
        chat.closed = None
        self.notify("installed", {"is": True})
        self._network.tell(chat, self, {"type": "conversationUpdate", "membersAdded": [bot.json]})
        return self._network.tell(chat, self, {"type": "installationUpdate", "action": "add"})

    async def uninstall(self, bot: BotAccount) -> Delivery:
        chat = self._network.personal_chat(bot, self)
        chat.closed = REMOVED
        self.notify("installed", {"is": False})
        return self._network.tell(chat, self, {"type": "installationUpdate", "action": "remove"})

    async def follow(self, link: str) -> Delivery:
        """Open a chat by its deep link and send the message that it put into the compose box. Raises LookupError if it
        leads to no bot.

        https://learn.microsoft.com/microsoftteams/platform/concepts/build-and-test/deep-link-teams"""
        parts = urlsplit(link)
        query = parse_qs(parts.query)
        bots = [bot for bot in self._network.bots.values() if query.get("users") == [bot.id]]
        if (parts.scheme, parts.netloc, parts.path) != ("https", "teams.microsoft.com", "/l/chat/0/0") or not bots:
            raise LookupError("the link leads to no bot")
        return await self.say(bots[0], query.get("message", [""])[0])

    async def say(self, bot: BotAccount, text: str) -> Delivery:
        """Teams brings the words along a second time, formatted."""
        html = {"contentType": "text/html", "content": f"<p>{escape(text)}</p>"}
        return await self.send(bot, {"text": text, "textFormat": "plain", "attachments": [html]})

    async def send(self, bot: BotAccount, body: Json) -> Delivery:
        """Send an activity of any kind, given as the fields that make it one: `{"attachments": […]}`."""
        chat = self._network.personal_chat(bot, self)
        if chat.closed == BLOCKED:
            raise RuntimeError("this person has blocked the bot: unblock it first")
        delivery = self._network.tell(chat, self, body)
        chat.activities[delivery.json["id"]] = delivery.json
        self.notify("sent", delivery.json)
        return delivery

    async def image(
        self, bot: BotAccount, text: str = "", *, content: bytes = DOT, content_type: str = "image/png"
    ) -> Delivery:
        """Paste a picture. Teams tells of its type only that it is a picture."""
        return await self.send(bot, self.pasting(text, content, content_type))

    def pasting(self, text: str, content: bytes = DOT, content_type: str = "image/png") -> Json:
        """The fields of a message with a pasted picture."""
        number = self._network.files.paste(content, content_type)
        url = f"{self._network.service_url}v3/attachments/{number}/views/original"
        attachments = [{"contentType": "image/*", "contentUrl": url}]
        if not text:
            return {"attachments": attachments}
        return {"text": text, "attachments": [*attachments, {"contentType": "text/html", "content": escape(text)}]}

    async def file(
        self, bot: BotAccount, name: str = "invoice.pdf", *, content: bytes = b"%PDF-1.7\n", text: str = ""
    ) -> Delivery:
        """Attach a file from one's OneDrive: https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4"""
        number = self._network.files.upload(content, name)
        permission = self._network.files.onedrive[number].permission
        download = f"{self._network.onedrive_url}/_layouts/15/download.aspx?UniqueId={number}&tempauth={permission}"
        file = {
            "contentType": "application/vnd.microsoft.teams.file.download.info",
            "contentUrl": f"{self._network.onedrive_url}/Documents/{quote(name)}",
            "name": name,
            "content": {"downloadUrl": download, "uniqueId": number, "fileType": name.rpartition(".")[2]},
        }
        return await self.send(bot, {"attachments": [file]} | ({"text": text} if text else {}))

    async def submit(self, message: Json, button: int | str) -> Delivery:
        """Press a button of a bot's card, by its label or its place among all of the message's buttons. Raises
        LookupError if there is none that submits."""
        chat, action = self._chat(message), _submitting(message, button)
        if action["type"] == "Action.Execute":
            value = {"action": action, "trigger": "manual"}
            body: Json = {"type": "invoke", "name": "adaptiveCard/action", "value": value}
        else:
            body = {"value": action.get("data", {})}
        return self._network.tell(chat, self, body | {"replyToId": message["id"]})

    async def invoke(self, bot: BotAccount, name: str, value: Json) -> Delivery:
        """Any invoke; `Delivery.answer` is what the bot answered."""
        chat = self._network.personal_chat(bot, self)
        return self._network.tell(chat, self, {"type": "invoke", "name": name, "value": value})

    async def react(self, message: Json, reaction: str = "like") -> Delivery:
        body = {"type": "messageReaction", "reactionsAdded": [{"type": reaction}], "replyToId": message["id"]}
        return self._network.tell(self._chat(message), self, body)

    async def edit(self, message: Json, text: str) -> Delivery:
        """Change one of the person's own messages."""
        data = message["channelData"] | {"eventType": "editMessage"}
        body = {"type": "messageUpdate", "id": message["id"], "text": text, "channelData": data}
        chat = self._chat(message)
        chat.activities[message["id"]] = message | {"text": text}
        self.notify("edited", chat.activities[message["id"]])
        return self._network.tell(chat, self, body)

    async def delete(self, message: Json) -> Delivery:
        data = message["channelData"] | {"eventType": "softDeleteMessage"}
        body = {"type": "messageDelete", "id": message["id"], "channelData": data}
        chat = self._chat(message)
        chat.activities.pop(message["id"], None)
        self.notify("deleted", {"id": message["id"]})
        return self._network.tell(chat, self, body)

    async def block(self, bot: BotAccount) -> None:
        """The bot is not told."""
        self._network.personal_chat(bot, self).closed = BLOCKED

    async def unblock(self, bot: BotAccount) -> None:
        self._network.personal_chat(bot, self).closed = None

    async def lose_to_admin(self, bot: BotAccount) -> None:
        """An administrator of the person's organisation switches the app off."""
        self._network.personal_chat(bot, self).closed = DISABLED

    def has(self, bot: BotAccount) -> bool:
        """Whether the app is there."""
        return self._network.personal_chat(bot, self).closed is not REMOVED

    # --- what a person sees ---------------------------------------------------------------------------------------

    @property
    def messages(self) -> list[Json]:
        """Everything in this person's chats, in order."""
        chats = [chat for bot in self._network.bots.values() for chat in bot.chats.values() if self in chat.members]
        found = [activity for chat in chats for activity in chat.activities.values()]
        return sorted(found, key=lambda activity: int(activity["id"]))

    def _chat(self, message: Json) -> Chat:
        return self._network.chat(message["conversation"]["id"])


class Team:
    """A group chat or a channel of a team, with one bot in it. The bot is told what it is mentioned in, and no more:
    https://learn.microsoft.com/microsoftteams/platform/bots/how-to/conversations/channel-and-group-conversations"""

    def __init__(
        self,
        network: Network,
        bot: BotAccount,
        *,
        kind: Literal["groupChat", "channel"],
        members: list[Person],
        title: str,
    ) -> None:
        self._network = network
        self._kind = kind
        self._title = title
        self._thread = f"19:{secrets.token_hex(16)}@thread.{'v2' if kind == 'groupChat' else 'tacv2'}"
        self._members = members
        self._bot = bot
        self.chat = self.thread()
        network.tell(self.chat, members[0], {"type": "conversationUpdate", "membersAdded": [bot.json]} | self._names())

    def thread(self) -> Chat:
        """Where something is said: a group chat has one, a channel as many as there are posts."""
        conversation = {"isGroup": True, "conversationType": self._kind, "tenantId": self._network.tenant}
        if self._kind == "channel":
            conversation["id"] = f"{self._thread};messageid={self._network.new_id()}"
        else:
            conversation |= {"id": self._thread, "name": self._title}
        return self._network.add_chat(self._bot, conversation, self._members)

    async def say(
        self, person: Person, text: str, *, mention: bool = False, thread: Chat | None = None
    ) -> Delivery | None:
        """None if the bot is not told of it."""
        return self._network.tell(thread or self.chat, person, self._mentioning(text)) if mention else None

    async def image(self, person: Person, text: str) -> Delivery:
        """A pasted picture, with the bot mentioned."""
        return self._network.tell(self.chat, person, person.pasting("") | self._mentioning(text))

    async def remove(self, person: Person) -> Delivery:
        """Take the bot out."""
        self.chat.closed = REMOVED
        return self._network.tell(self.chat, person, {"type": "installationUpdate", "action": "remove"} | self._names())

    def _mentioning(self, text: str) -> Json:
        shown = f"<at>{self._bot.name}</at>"
        entities = [{"type": "mention", "mentioned": self._bot.json, "text": shown}]
        return {"text": f"{shown} {text}", "entities": entities} | self._names()

    def _names(self) -> Json:
        tenant = {"tenant": {"id": self._network.tenant}}
        if self._kind == "groupChat":
            return {"channelData": tenant}
        return {"channelData": tenant | {"channel": {"id": self._thread, "name": self._title}}}


def buttons(message: Mapping[str, object]) -> list[Json]:
    """The buttons of all cards of a bot's activity, in reading order."""
    attachments = message.get("attachments")
    cards = (
        [one["content"] for one in attachments if one["contentType"] == ADAPTIVE_CARD]
        if isinstance(attachments, list)
        else []
    )
    return [action for card in cards for action in actions_of(card)]


def _submitting(message: Json, button: int | str) -> Json:
    found = [one for place, one in enumerate(buttons(message)) if button in (place, one["title"])]
    if not found or found[0]["type"] not in ("Action.Submit", "Action.Execute"):
        raise LookupError(f"no button {button!r} that submits among {[one['title'] for one in buttons(message)]}")
    return found[0]
