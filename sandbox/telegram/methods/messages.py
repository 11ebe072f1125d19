"""Sending: https://core.telegram.org/bots/api#sendmessage, #sendphoto, #senddocument, #sendchataction"""

from __future__ import annotations

from ..documents import fetch_document, read_document
from ..errors import Json, bad_request
from ..keyboards import read_keyboard
from ..network import Chat
from ..params import Params, Upload
from ..pictures import fetch_picture, read_picture
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
    return send(call, chat, text_fields(text), keyboard)


async def send_photo(call: Call) -> Json:
    caption = caption_text(formatted(call.params, "caption", "caption_entities"))
    keyboard = read_keyboard(call.params)
    chat = writable_chat(call)
    return send(call, chat, {"photo": [await _photo(call)]} | _caption_fields(caption), keyboard)


async def send_document(call: Call) -> Json:
    caption = caption_text(formatted(call.params, "caption", "caption_entities"))
    keyboard = read_keyboard(call.params)
    chat = writable_chat(call)
    return send(call, chat, {"document": await _document(call)} | _caption_fields(caption), keyboard)


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


def send(call: Call, chat: Chat, body: Json, keyboard: Json | None) -> Json:
    """Store the message of a bot and show it to everybody in the chat."""
    body = _topic_fields(call.params, chat) | _reply_fields(call.params, chat) | body
    if keyboard is not None:
        body["reply_markup"] = keyboard
    count(call, chat)
    message = call.network.store(chat, call.bot.json, body)
    for member in chat.members:
        member.notify("message", message)
    return message


def _topic_fields(params: Params, chat: Chat) -> Json:
    """https://core.telegram.org/bots/api#forumtopic"""
    topic = params.integer("message_thread_id")
    if not topic:
        return {}
    if topic not in chat.topics:
        raise bad_request("message thread not found")
    return {"message_thread_id": topic, "is_topic_message": True}


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


async def _photo(call: Call) -> Json:
    """By upload, by address, or by the file_id of one that was sent before."""
    given, upload, shelf = call.params.text("photo"), _upload(call, "photo"), call.network.shelf
    if upload is not None:
        return shelf.photo(read_picture(upload.content))
    if not given:
        raise bad_request("there is no photo in the request")
    if given in shelf.pictures:
        size = {"width": shelf.pictures[given].width, "height": shelf.pictures[given].height}
        return _again(call, given) | size
    return shelf.photo(await fetch_picture(call.session, given))


async def _document(call: Call) -> Json:
    """The same for a file of any kind."""
    given, upload, shelf = call.params.text("document"), _upload(call, "document"), call.network.shelf
    if upload is not None:
        content = read_document(upload.content)
        return shelf.document(content, name=upload.filename, content_type="application/octet-stream")
    if not given:
        raise bad_request("there is no document in the request")
    if given in shelf.files:
        return _again(call, given)
    content, content_type, name = await fetch_document(call.session, given)
    return shelf.document(content, name=name, content_type=content_type)


def _upload(call: Call, name: str) -> Upload | None:
    given = call.params.text(name)
    return call.params.files.get(given.removeprefix("attach://") if given.startswith("attach://") else name)


def _again(call: Call, file_id: str) -> Json:
    stored = call.network.shelf.files[file_id]
    return {"file_id": file_id, "file_unique_id": file_id[-16:], "file_size": len(stored.content)}
