"""Sending: https://core.telegram.org/bots/api#sendmessage, #sendphoto, #sendchataction"""

from __future__ import annotations

import hashlib

from ..errors import Json, bad_request
from ..keyboards import read_keyboard
from ..network import Chat, Network
from ..params import Params
from ..pictures import Picture, fetch_picture, read_picture
from ..text import Formatted, caption_text, message_text
from .call import Call, count, formatted, writable_chat

_ACTIONS = frozenset(
    {"typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
     "choose_sticker", "find_location", "record_video_note", "upload_video_note", "record_audio", "upload_audio"}
)  # fmt: skip


async def send_message(call: Call) -> Json:
    text = message_text(formatted(call.params, "text", "entities"))
    keyboard = read_keyboard(call.params)
    chat = writable_chat(call)
    return _send(call, chat, text_fields(text), keyboard)


async def send_photo(call: Call) -> Json:
    caption = caption_text(formatted(call.params, "caption", "caption_entities"))
    keyboard = read_keyboard(call.params)
    chat = writable_chat(call)
    file_id, picture = await _picture(call)
    return _send(call, chat, {"photo": [_size(file_id, picture)]} | _caption_fields(caption), keyboard)


async def send_chat_action(call: Call) -> bool:
    action = call.params.text("action").lower()
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = writable_chat(call)
    for member in chat.members:
        member.notify("action", {"chat": chat.json, "action": action})
    return True


def text_fields(text: Formatted) -> Json:
    return {"text": text.text} | ({"entities": list(text.entities)} if text.entities else {})


def _caption_fields(caption: Formatted) -> Json:
    if not caption.text:
        return {}
    return {"caption": caption.text} | ({"caption_entities": list(caption.entities)} if caption.entities else {})


def _send(call: Call, chat: Chat, body: Json, keyboard: Json | None) -> Json:
    body = _reply_fields(call.params, chat) | body
    if keyboard is not None:
        body["reply_markup"] = keyboard
    count(call, chat)
    message = call.network.store(chat, call.bot.json, body)
    for member in chat.members:
        member.notify("message", message)
    return message


def _reply_fields(params: Params, chat: Chat) -> Json:
    """https://core.telegram.org/bots/api#replyparameters; the older `reply_to_message_id` is still taken."""
    reply = params.parsed("reply_parameters", "reply parameters") or {}
    if not isinstance(reply, dict):
        raise bad_request("object expected as reply parameters")
    wanted = reply.get("message_id") or params.integer("reply_to_message_id")
    if not wanted:
        return {}
    found = chat.messages.get(int(wanted))
    if found is not None:
        return {"reply_to_message": {key: found[key] for key in found if key != "reply_to_message"}}
    if reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply"):
        return {}
    raise bad_request("message to be replied not found")


async def _picture(call: Call) -> tuple[str, Picture]:
    """By upload, by address, or by the file_id of one that was sent before."""
    given = call.params.text("photo")
    upload = call.params.files.get(given.removeprefix("attach://") if given.startswith("attach://") else "photo")
    if upload is not None:
        return _keep(call.network, read_picture(upload.content))
    if not given:
        raise bad_request("there is no photo in the request")
    if given in call.network.pictures:
        return given, call.network.pictures[given]
    return _keep(call.network, await fetch_picture(call.session, given))


def _keep(network: Network, picture: Picture) -> tuple[str, Picture]:
    file_id = "AgACAgIAAxkDAAI" + hashlib.sha256(picture.content).hexdigest()[:40]
    network.pictures[file_id] = picture
    return file_id, picture


def _size(file_id: str, picture: Picture) -> Json:
    return {
        "file_id": file_id,
        "file_unique_id": file_id[-16:],
        "width": picture.width,
        "height": picture.height,
        "file_size": len(picture.content),
    }
