"""What of a group's talk is said to the bot: https://core.telegram.org/bots/features#privacy-mode

Pure. In privacy mode Telegram tells a bot little more than that; without it, or where the bot is an administrator, it
is told everything, so every message is looked at here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from telegram import Message, MessageEntity

from channels.text import storable

_LEFT_OVER = re.compile(r"^[\s,:，：]+|\s+$")
"""What stood between the bot's name and the words."""
_GAP = re.compile(r" {2,}")


@dataclass(frozen=True, kw_only=True)
class Me:
    """The bot, as others call it."""

    id: int | None
    username: str | None = None
    """Without @. None: not known yet."""

    def is_called(self, name: str) -> bool:
        """Until the bot's own name is known, any bot's is taken for it: in privacy mode Telegram delivers no mention of
        others, and every bot's name ends in this way (https://core.telegram.org/bots/features#botfather)."""
        if self.username is None:
            return name.lower().endswith("bot")
        return name.lower() == self.username.lower()


@dataclass(frozen=True, kw_only=True)
class _Call:
    """The bot's name in a text: where it stands, in UTF-16 code units."""

    start: int
    end: int


def is_told(me: Me, message: Message) -> bool:
    """Whether this is an answer to the bot, calls it by its name, or is a command for it."""
    return _answers(me, message) or next(_calls(me, message), None) is not None


def without_name(me: Me, message: Message) -> str:
    """The message's text or caption without the bot's name."""
    text = _text(message).encode("utf-16-le", "surrogatepass")
    calls = sorted(_calls(me, message), key=lambda call: call.start, reverse=True)
    for call in calls:
        text = text[: 2 * call.start] + text[2 * call.end :]
    words = storable(text.decode("utf-16-le", "replace"))
    return _LEFT_OVER.sub("", _GAP.sub(" ", words)) if calls else words


def _answers(me: Me, message: Message) -> bool:
    """In a topic, every message that answers no other counts as an answer to the topic's beginning."""
    answered = message.reply_to_message
    if answered is None or answered.from_user is None or answered.forum_topic_created:
        return False
    return me.id is not None and answered.from_user.id == me.id


def _calls(me: Me, message: Message) -> Iterator[_Call]:
    text = _text(message).encode("utf-16-le", "surrogatepass")
    for entity in message.entities or message.caption_entities or ():
        start, length = entity.offset, entity.length
        if not (isinstance(start, int) and isinstance(length, int) and start >= 0 and 0 < length <= len(text)):
            continue
        word = text[2 * start : 2 * (start + length)].decode("utf-16-le", "replace")
        if entity.type == MessageEntity.MENTION and me.is_called(word.removeprefix("@")):
            yield _Call(start=start, end=start + length)
        if entity.type == MessageEntity.BOT_COMMAND and start == 0 and _is_ours(me, word):
            yield _Call(start=len(word.partition("@")[0]), end=length)


def _is_ours(me: Me, command: str) -> bool:
    """`/help` is for every bot in the group, `/help@hearthside_bot` for one."""
    _, at, name = command.partition("@")
    return not at or me.is_called(name)


def _text(message: Message) -> str:
    text = message.text or message.caption
    return text if isinstance(text, str) else ""
