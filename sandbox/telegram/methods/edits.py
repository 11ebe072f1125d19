"""Changing what was sent: https://core.telegram.org/bots/api#updating-messages"""

from __future__ import annotations

from ..errors import Json, bad_request
from ..keyboards import read_keyboard
from ..network import Chat
from ..text import message_text
from .call import Call, count, formatted, writable_chat
from .messages import text_fields

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content"
    " and reply markup of the message"
)
_DELETABLE_FOR = 48 * 3600


async def edit_message_text(call: Call) -> Json:
    text = message_text(formatted(call.params, "text", "entities"))
    chat, message = _own_message(call)
    if "text" not in message:
        raise bad_request("there is no text in the message to edit")
    body = {key: message[key] for key in message if key not in ("text", "entities", "reply_markup")}
    return _change(call, chat, message, body | text_fields(text) | _markup(call))


async def edit_message_reply_markup(call: Call) -> Json:
    chat, message = _own_message(call)
    body = {key: message[key] for key in message if key != "reply_markup"}
    return _change(call, chat, message, body | _markup(call))


async def delete_message(call: Call) -> bool:
    chat = writable_chat(call)
    message = chat.messages.get(_message_id(call))
    if message is None:
        raise bad_request("message to delete not found")
    if call.network.unix_time() - message["date"] > _DELETABLE_FOR:
        raise bad_request("message can't be deleted for everyone")
    del chat.messages[message["message_id"]]
    for member in chat.members:
        member.notify("deleted", message)
    return True


def _markup(call: Call) -> Json:
    """An edit without a keyboard takes the old one away."""
    keyboard = read_keyboard(call.params)
    return {} if keyboard is None else {"reply_markup": keyboard}


def _message_id(call: Call) -> int:
    message_id = call.params.integer("message_id")
    if message_id <= 0:
        raise bad_request("message identifier is not specified")
    return message_id


def _own_message(call: Call) -> tuple[Chat, Json]:
    message_id = _message_id(call)
    chat = writable_chat(call)
    message = chat.messages.get(message_id)
    if message is None:
        raise bad_request("message to edit not found")
    if message["from"]["id"] != call.bot.id:
        raise bad_request("message can't be edited")
    return chat, message


def _change(call: Call, chat: Chat, message: Json, body: Json) -> Json:
    unchanged = {key: message[key] for key in message if key != "edit_date"}
    if {key: body[key] for key in body if key != "edit_date"} == unchanged:
        raise bad_request(_NOT_MODIFIED)
    count(call, chat)
    changed = body | {"edit_date": call.network.unix_time()}
    chat.messages[message["message_id"]] = changed
    for member in chat.members:
        member.notify("edited", changed)
    return changed
