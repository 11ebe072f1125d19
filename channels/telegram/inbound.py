"""What Telegram tells us, in the contract's words: https://core.telegram.org/bots/api#update

Pure: no network, no clock. Telegram holds back everything behind an update that is refused, for that chat and for up to
24 hours, so an update that cannot be read is an `Unread`, never an error.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Union

from telegram import CallbackQuery, Chat, ChatMember, InlineKeyboardMarkup, Message, Update, User

from channels.contract import (
    Choice,
    Inbound,
    Malformed,
    Moved,
    News,
    Reach,
    Revised,
    Said,
    Unread,
    Webhook,
    WebhookRejected,
)
from channels.text import storable

from .addresses import address_of
from .groups import Me, is_told, without_name
from .said import caption, has_file, said_by_group, said_by_person
from .values import NotReadable, moment, number, optional, present, string

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (the header's name)

ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
"""What to ask of setWebhook."""

_OPTION = re.compile(r"o:([0-9]{1,18}):([0-9]{1,3})")
_KIND = re.compile(r"[a-z_]{1,64}")

Event = Union[Inbound, News, Unread]


@dataclass(frozen=True, kw_only=True)
class _Ids:
    """What tells one thing that was done from another."""

    dedupe_key: str
    platform_id: str
    sent_at: datetime | None = None


def check_secret(webhook: Webhook, secret_token: str) -> None:
    """Raises WebhookRejected unless the request carries the secret that our setWebhook gave to Telegram."""
    given = webhook.headers.get(SECRET_HEADER, "")
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret_token.encode()):
        raise WebhookRejected(f"{SECRET_HEADER} is missing or wrong")


def read(webhook: Webhook, me: Me) -> list[Inbound | Unread]:
    """One update: mostly one Inbound; nothing if it is nobody's word to the bot. Raises Malformed."""
    return [event for event in _events(webhook, me) if isinstance(event, (Inbound, Unread))]


def news(webhook: Webhook, me: Me) -> list[News]:
    """What the same update says about what is known already. Raises Malformed."""
    return [event for event in _events(webhook, me) if not isinstance(event, (Inbound, Unread))]


def choice_data(message: int, option: int) -> str:
    """`callback_data` of a button, which `read` gives back as a Choice: 24 bytes at most, where Telegram takes 64."""
    return f"o:{message}:{option}"


def _events(webhook: Webhook, me: Me) -> list[Event]:
    data = _json_object(webhook.body)
    kind = _kind(data)
    try:
        event = HANDLERS.get(kind, _not_handled)(_parse(kind, data), me, kind)
    except NotReadable as problem:
        return [Unread(reason=str(problem))]
    return [] if event is None else [event]


# --- One function a kind of update ------------------------------------------------------------------------------------


def _message(update: Update, me: Me, kind: str) -> Event | None:
    message = present(update.message, "message")
    if _is_audience(present(message.chat, "chat")):
        return _group_message(message, me)
    chat = _private(message.chat)
    return _by_person(
        message.from_user,
        address=address_of(chat),
        said=said_by_person(message),
        ids=_ids(message, chat),
    )


def _group_message(message: Message, me: Me) -> Event | None:
    """Only what is said to the bot; of the rest nothing is kept."""
    chat = number(message.chat.id, "chat.id")
    if message.migrate_to_chat_id:
        new = number(message.migrate_to_chat_id, "migrate_to_chat_id")
        return Moved(old=_group_id(chat), new=_group_id(new))
    if not is_told(me, message) or _is_bot_s(message):
        return None
    return _by_group(
        message.chat,
        message.from_user,
        topic=_topic(message),
        said=said_by_group(message, without_name(me, message)),
        ids=_ids(message, chat),
    )


def _edited_message(update: Update, me: Me, kind: str) -> Event | None:
    """A live location that moves, say, is an edit of nothing that was said."""
    message = present(update.edited_message, "edited_message")
    chat = present(message.chat, "chat")
    if not (message.text or has_file(message)):
        return None
    if _is_audience(chat):
        told = is_told(me, message) and not _is_bot_s(message)
        return _revised(_group_id(number(chat.id, "chat.id")), message, without_name(me, message)) if told else None
    _private(chat)
    text = string(message.text, "text") if message.text else caption(message)
    return _revised(str(number(_person(message.from_user).id, "from.id")), message, text)


def _callback_query(update: Update, me: Me, kind: str) -> Event | None:
    query = present(update.callback_query, "callback_query")
    message = present(query.message, "callback_query.message")
    chat = present(message.chat, "chat")
    query_id = string(query.id, "callback_query.id")
    ids = _Ids(dedupe_key=f"tap:{query_id}", platform_id=query_id)
    if _is_audience(chat):
        return _by_group(chat, _person(query.from_user), topic=_topic(message), said=_choice(query), ids=ids)
    return _by_person(query.from_user, address=address_of(_private(chat)), said=_choice(query), ids=ids)


def _my_chat_member(update: Update, me: Me, kind: str) -> Event | None:
    """Somebody blocked the bot or let it back in: https://core.telegram.org/bots/api#chatmemberupdated"""
    changed = present(update.my_chat_member, "my_chat_member")
    if _is_audience(present(changed.chat, "chat")):
        return None
    status = present(changed.new_chat_member, "new_chat_member").status
    return Reach(
        external_id=str(number(_person(changed.from_user).id, "from.id")),
        reachable=status not in (ChatMember.BANNED, ChatMember.LEFT),
    )


def _not_handled(update: Update, me: Me, kind: str) -> Event | None:
    """What goes on in a group is not kept at all, for nobody said it to the bot."""
    chat = update.effective_chat
    return None if chat is not None and _is_audience(chat) else Unread(reason=f"{kind} is not handled")


Handler = Callable[[Update, Me, str], Union[Event, None]]

HANDLERS: Mapping[str, Handler] = {
    "message": _message,
    "edited_message": _edited_message,
    "callback_query": _callback_query,
    "my_chat_member": _my_chat_member,
}
"""The events that are read; every other one is an Unread."""


# --- Taps -------------------------------------------------------------------------------------------------------------


def _choice(query: CallbackQuery) -> Choice:
    data = query.data if isinstance(query.data, str) else ""
    option = _OPTION.fullmatch(data)
    if option is None:
        raise NotReadable("callback_query of a button that is not ours")
    return Choice(message=int(option[1]), option=int(option[2]), label=_label(query, data))


def _label(query: CallbackQuery, data: str) -> str:
    """The button's label; empty if the message is too old for Telegram to tell
    (https://core.telegram.org/bots/api#inaccessiblemessage)."""
    markup = getattr(query.message, "reply_markup", None)
    rows = markup.inline_keyboard if isinstance(markup, InlineKeyboardMarkup) else ()
    labels = [button.text for row in rows for button in row if button.callback_data == data]
    return storable(labels[0]) if labels and isinstance(labels[0], str) else ""


# --- Who said it, and where -------------------------------------------------------------------------------------------


def _ids(message: Message, chat: int) -> _Ids:
    """Not the update's: it starts anew at random after a quiet week."""
    message_id = number(message.message_id, "message_id")
    return _Ids(dedupe_key=f"message:{chat}:{message_id}", platform_id=str(message_id), sent_at=moment(message.date))


def _by_person(user: User | None, *, address: str, said: Said, ids: _Ids) -> Inbound:
    person = _person(user)
    return Inbound(
        channel="telegram",
        external_id=str(number(person.id, "from.id")),
        address=address,
        dedupe_key=ids.dedupe_key,
        said=said,
        platform_id=ids.platform_id,
        sent_at=ids.sent_at,
        language=optional(person.language_code),
        name=optional(person.full_name),
    )


def _by_group(chat: Chat, user: User | None, *, topic: int | None, said: Said, ids: _Ids) -> Inbound:
    """A group is an audience: who of it spoke is nothing to the bot but for their language."""
    chat_id = number(chat.id, "chat.id")
    return Inbound(
        channel="telegram",
        external_id=_group_id(chat_id),
        address=address_of(chat_id, topic),
        dedupe_key=ids.dedupe_key,
        said=said,
        platform_id=ids.platform_id,
        sent_at=ids.sent_at,
        language=optional(user.language_code) if user else None,
        name=optional(chat.title),
        audience=True,
    )


def _revised(external_id: str, message: Message, text: str) -> Revised:
    return Revised(
        external_id=external_id,
        platform_id=str(number(message.message_id, "message_id")),
        text=text,
        at=moment(message.edit_date),
    )


def _person(user: User | None) -> User:
    person = present(user, "from")
    if _is_bot(person):
        raise NotReadable("said by a bot")
    return person


def _is_bot(user: User | None) -> bool:
    return bool(user and user.is_bot)


def _is_bot_s(message: Message) -> bool:
    """Administrators who stay anonymous, and channels, speak through a bot of Telegram's own:
    https://core.telegram.org/bots/api#message, `sender_chat`"""
    return _is_bot(message.from_user) and message.sender_chat is None


def _is_audience(chat: Chat) -> bool:
    return chat.type in (Chat.GROUP, Chat.SUPERGROUP)


def _group_id(chat: int) -> str:
    """So that no group is ever taken for a person."""
    return f"group:{chat}"


def _topic(message: object) -> int | None:
    """Of a group that has topics: https://core.telegram.org/bots/api#forumtopic"""
    topic = getattr(message, "message_thread_id", None)
    return number(topic, "message_thread_id") if getattr(message, "is_topic_message", None) and topic else None


def _private(chat: Chat) -> int:
    if chat.type != Chat.PRIVATE:
        raise NotReadable("said in a chat that is not private")
    return number(chat.id, "chat.id")


# --- The body ---------------------------------------------------------------------------------------------------------


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("the body is not JSON") from None
    if not isinstance(data, dict):
        raise Malformed("the body is not a JSON object")
    return data


def _kind(data: Mapping[str, Any]) -> str:
    """The name of the one field that an update has beside its id."""
    kind = next((key for key in data if key != "update_id"), "")
    return kind if _KIND.fullmatch(kind) else "an update of an unknown kind"


def _parse(kind: str, data: dict[str, Any]) -> Update:
    """python-telegram-bot names no errors for data that is not as documented, and raises many kinds of them."""
    try:
        return Update.de_json(data)
    except Exception as problem:
        raise NotReadable(f"{kind} is not as documented: {type(problem).__name__}") from None
