"""What Telegram tells us, in the contract's words: https://core.telegram.org/bots/api#update

Pure: no network, no clock. Telegram holds back everything behind an update that is refused, for that chat and for up to
24 hours, so an update that cannot be read is an `Unread`, never an error.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from telegram import CallbackQuery, Chat, InlineKeyboardMarkup, Message, Update, User

from channels.contract import (
    Choice,
    Inbound,
    Link,
    Malformed,
    Said,
    Start,
    Text,
    Unread,
    Unsupported,
    Webhook,
    WebhookRejected,
)
from channels.text import storable

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (the header's name)

ALLOWED_UPDATES = ("message", "edited_message", "callback_query")
"""What to ask of setWebhook. Edits are asked for so that they are counted and not lost silently."""

UNSUPPORTED = (
    "animation",
    "audio",
    "checklist",
    "contact",
    "dice",
    "game",
    "live_photo",
    "paid_media",
    "poll",
    "rich_message",
    "sticker",
    "story",
    "venue",
    "video",
    "video_note",
    "voice",
    "document",
    "location",
    "photo",
)
"""Message fields that a customer can fill and the bot cannot read yet: https://core.telegram.org/bots/api#message
The last three also come along with others (an animation is a document too), so they are looked for last."""

_START = re.compile(r"/start(?:@\w+)?(?:\s+([A-Za-z0-9_-]{1,64}))?\s*")
_LINK_CODE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_OPTION = re.compile(r"o:([0-9]{1,18}):([0-9]{1,3})")
_KIND = re.compile(r"[a-z_]{1,64}")


T = TypeVar("T")


class _NotReadable(Exception):
    """Why an update is kept for inspection; holds none of the customer's words."""


def check_secret(webhook: Webhook, secret_token: str) -> None:
    """Raises WebhookRejected unless the request carries the secret that our setWebhook gave to Telegram."""
    given = webhook.headers.get(SECRET_HEADER, "")
    if not hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret_token.encode()):
        raise WebhookRejected(f"{SECRET_HEADER} is missing or wrong")


def read(webhook: Webhook) -> list[Inbound | Unread]:
    """One update: mostly one Inbound; nothing if it is nobody's word to the bot (see HANDLERS). Raises Malformed."""
    data = _json_object(webhook.body)
    kind = _kind(data)
    try:
        return HANDLERS.get(kind, _not_handled)(_parse(kind, data), kind)
    except _NotReadable as problem:
        return [Unread(reason=str(problem))]


def choice_data(message: int, option: int) -> str:
    """`callback_data` of a button, which `read` gives back as a Choice: 24 bytes at most, where Telegram takes 64."""
    return f"o:{message}:{option}"


# --- One function a kind of update ------------------------------------------------------------------------------------


def _message(update: Update, kind: str) -> list[Inbound | Unread]:
    message = _present(update.message, "message")
    if _is_audience(_present(message.chat, "chat")):
        return []
    said = _said(message)
    address = _private_address(message.chat)
    return [
        _by(
            message.from_user,
            address=address,
            said=said,
            dedupe_key=_message_key(message, address, said),
            platform_id=str(_number(message.message_id, "message_id")),
            sent_at=message.date if isinstance(message.date, datetime) else None,
        )
    ]


def _callback_query(update: Update, kind: str) -> list[Inbound | Unread]:
    query = _present(update.callback_query, "callback_query")
    chat = _present(_present(query.message, "callback_query.message").chat, "chat")
    if _is_audience(chat):
        return []
    query_id = _string(query.id, "callback_query.id")
    return [
        _by(
            query.from_user,
            address=_private_address(chat),
            said=_choice(query),
            dedupe_key=f"tap:{query_id}",
            platform_id=query_id,
        )
    ]


def _my_chat_member(update: Update, kind: str) -> list[Inbound | Unread]:
    """Somebody blocked the bot or let it back in. The next send learns it by itself (403): there is nothing to keep."""
    return []


def _not_handled(update: Update, kind: str) -> list[Inbound | Unread]:
    """What goes on in a group is not kept at all, for nobody said it to the bot alone."""
    chat = update.effective_chat
    return [] if chat is not None and _is_audience(chat) else [Unread(reason=f"{kind} is not handled")]


Handler = Callable[[Update, str], list[Inbound | Unread]]

HANDLERS: Mapping[str, Handler] = {
    "message": _message,
    "callback_query": _callback_query,
    "my_chat_member": _my_chat_member,
}
"""The events that are read; every other one is an Unread."""


# --- What was said ----------------------------------------------------------------------------------------------------


def _said(message: Message) -> Said:
    if message.text:
        return _words(_string(message.text, "text"))
    for field in UNSUPPORTED:
        if _has(message, field):
            return Unsupported(kind=field)
    raise _NotReadable("message of a kind that is not handled")


def _words(text: str) -> Said:
    """`/start` is what Telegram writes for a customer who presses START, with the deep link's payload if there was one
    (https://core.telegram.org/bots/features#deep-linking). A payload that is no link code, a campaign's say, is a
    Start."""
    start = _START.fullmatch(text)
    if start is None:
        return Text(text=text)
    payload = start[1] or ""
    return Link(code=payload) if _LINK_CODE.fullmatch(payload) else Start()


def _has(message: Message, field: str) -> bool:
    """Fields younger than python-telegram-bot's Message are in its `api_kwargs`."""
    return bool(getattr(message, field, None) or message.api_kwargs.get(field))


def _choice(query: CallbackQuery) -> Choice:
    data = query.data if isinstance(query.data, str) else ""
    option = _OPTION.fullmatch(data)
    if option is None:
        raise _NotReadable("callback_query of a button that is not ours")
    return Choice(message=int(option[1]), option=int(option[2]), label=_label(query, data))


def _label(query: CallbackQuery, data: str) -> str:
    """The button's label; empty if the message is too old for Telegram to tell
    (https://core.telegram.org/bots/api#inaccessiblemessage)."""
    markup = getattr(query.message, "reply_markup", None)
    rows = markup.inline_keyboard if isinstance(markup, InlineKeyboardMarkup) else ()
    labels = [button.text for row in rows for button in row if button.callback_data == data]
    return storable(labels[0]) if labels and isinstance(labels[0], str) else ""


def _message_key(message: Message, address: str, said: Said) -> str:
    """Not the update's id: it starts anew at random after a quiet week. Photos sent together are several messages with
    one `media_group_id`; as long as the bot can only say that it cannot see them, once is enough."""
    if message.media_group_id and isinstance(said, Unsupported):
        return f"album:{address}:{_string(message.media_group_id, 'media_group_id')}"
    return f"message:{address}:{_number(message.message_id, 'message_id')}"


# --- Who said it, and where -------------------------------------------------------------------------------------------


def _by(
    user: User | None,
    *,
    address: str,
    said: Said,
    dedupe_key: str,
    platform_id: str,
    sent_at: datetime | None = None,
) -> Inbound:
    person = _person(user)
    return Inbound(
        channel="telegram",
        external_id=str(_number(person.id, "from.id")),
        address=address,
        dedupe_key=dedupe_key,
        said=said,
        platform_id=platform_id,
        sent_at=sent_at,
        language=_optional(person.language_code),
        name=_optional(person.full_name),
    )


def _person(user: User | None) -> User:
    person = _present(user, "from")
    if person.is_bot:
        raise _NotReadable("said by a bot")
    return person


def _is_audience(chat: Chat) -> bool:
    """A group is an audience, not a customer: nothing of it may enter anyone's conversation."""
    return chat.type in (Chat.GROUP, Chat.SUPERGROUP)


def _private_address(chat: Chat) -> str:
    if chat.type != Chat.PRIVATE:
        raise _NotReadable("said in a chat that is not private")
    return str(_number(chat.id, "chat.id"))


# --- Untrusted values -------------------------------------------------------------------------------------------------


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
        raise _NotReadable(f"{kind} is not as documented: {type(problem).__name__}") from None


def _present(value: T | None, field: str) -> T:
    if value is None:
        raise _NotReadable(f"{field} is missing")
    return value


def _number(value: object, field: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _NotReadable(f"{field} is not a number")
    return value


def _string(value: object, field: str) -> str:
    cleaned = _optional(value)
    if not cleaned:
        raise _NotReadable(f"{field} is not a string that can be kept")
    return cleaned


def _optional(value: object) -> str | None:
    return storable(value) if isinstance(value, str) else None
