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
from urllib.parse import parse_qs, urlsplit

from sandbox import feed

from .cards import actions_of
from .deliveries import Delivery
from .errors import BLOCKED, DISABLED, REMOVED, Json
from .network import BotAccount, Chat, Network
from .rules import ADAPTIVE_CARD

EventKind = Literal["message", "typing", "sent", "taken", "refused"]


Event = feed.Event[EventKind]
"""Something a window shows.

message:  a bot's activity
typing:   a bot's typing activity
sent:     the person's own activity is on its way
taken:    `{"id", "status", "answer"}`: the bot's endpoint took it
refused:  the same and `error`: it did not, and Teams shows that the bot cannot be reached
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
        self._network.tell(chat, self, {"type": "conversationUpdate", "membersAdded": [bot.json]})
        return self._network.tell(chat, self, {"type": "installationUpdate", "action": "add"})

    async def uninstall(self, bot: BotAccount) -> Delivery:
        chat = self._network.personal_chat(bot, self)
        chat.closed = REMOVED
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

    async def image(self, bot: BotAccount, text: str = "") -> Delivery:
        picture = {
            "contentType": "image/*",
            "contentUrl": f"{self._network.service_url}v3/attachments/0-wus-d1/views/x",
        }
        return await self.send(bot, {"attachments": [picture]} | ({"text": text} if text else {}))

    async def file(self, bot: BotAccount, name: str = "invoice.pdf") -> Delivery:
        """https://learn.microsoft.com/microsoftteams/platform/bots/how-to/bots-filesv4"""
        file = {
            "contentType": "application/vnd.microsoft.teams.file.download.info",
            "contentUrl": f"https://contoso.sharepoint.com/personal/alice/Documents/{name}",
            "name": name,
            "content": {"uniqueId": str(uuid.uuid4()), "fileType": name.rpartition(".")[2]},
        }
        return await self.send(bot, {"attachments": [file]})

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
        return self._network.tell(self._chat(message), self, body)

    async def delete(self, message: Json) -> Delivery:
        data = message["channelData"] | {"eventType": "softDeleteMessage"}
        body = {"type": "messageDelete", "id": message["id"], "channelData": data}
        return self._network.tell(self._chat(message), self, body)

    async def block(self, bot: BotAccount) -> None:
        """The bot is not told."""
        self._network.personal_chat(bot, self).closed = BLOCKED

    async def unblock(self, bot: BotAccount) -> None:
        self._network.personal_chat(bot, self).closed = None

    async def lose_to_admin(self, bot: BotAccount) -> None:
        """An administrator of the person's organisation switches the app off."""
        self._network.personal_chat(bot, self).closed = DISABLED

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
        self, network: Network, bot: BotAccount, *, kind: Literal["groupChat", "channel"], members: list[Person]
    ) -> None:
        self._network = network
        thread = f"19:{secrets.token_hex(16)}@thread.{'v2' if kind == 'groupChat' else 'tacv2'}"
        self._root = f"{thread};messageid={network.new_id()}" if kind == "channel" else thread
        conversation = {"isGroup": True, "conversationType": kind, "tenantId": network.tenant, "id": self._root}
        self.chat = network.add_chat(bot, conversation, members)
        network.tell(self.chat, members[0], {"type": "conversationUpdate", "membersAdded": [bot.json]})

    async def say(self, person: Person, text: str, *, mention: bool = False) -> Delivery | None:
        """None if the bot is not told of it."""
        if not mention:
            return None
        shown = f"<at>{self.chat.bot.name}</at>"
        entities = [{"type": "mention", "mentioned": self.chat.bot.json, "text": shown}]
        return self._network.tell(self.chat, person, {"text": f"{shown} {text}", "entities": entities})


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
