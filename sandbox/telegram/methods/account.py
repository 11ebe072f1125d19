"""What a bot can look up, and its commands: https://core.telegram.org/bots/api#getme, #getchat, #setmycommands"""

from __future__ import annotations

import re
from typing import Any

from ..errors import Json, bad_request
from ..media import DOWNLOAD_MAX
from .call import Call


async def get_me(call: Call) -> Json:
    return call.bot.json | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


async def get_chat(call: Call) -> Json:
    """https://core.telegram.org/bots/api#chatfullinfo"""
    chat = call.network.chat(call.bot, call.params.text("chat_id"))
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    full: Json = chat.json | {
        "accent_color_id": chat.id % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }
    return full | ({"active_usernames": [chat.json["username"]]} if "username" in chat.json else {})


async def get_file(call: Call) -> Json:
    """https://core.telegram.org/bots/api#getfile"""
    file_id = call.params.text("file_id")
    stored = call.network.shelf.files.get(file_id)
    if not file_id:
        raise bad_request("file_id not specified")
    if stored is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if len(stored.content) > DOWNLOAD_MAX:
        raise bad_request("file is too big")
    return {
        "file_id": file_id,
        "file_unique_id": file_id[-16:],
        "file_size": len(stored.content),
        "file_path": stored.path,
    }


async def set_my_commands(call: Call) -> bool:
    commands = call.params.parsed("commands", "commands")
    if not isinstance(commands, list) or len(commands) > 100:
        raise bad_request("can't parse commands: an Array of BotCommand is expected")
    call.bot.commands[_language(call)] = [_command(command) for command in commands]
    return True


async def get_my_commands(call: Call) -> list[Json]:
    return call.bot.commands.get(_language(call), [])


def _language(call: Call) -> str:
    """A two-letter code of ISO 639-1."""
    code = call.params.text("language_code")
    if not re.fullmatch(r"([a-z]{2})?", code):
        raise bad_request("invalid language code specified")
    return code


def _command(command: Any) -> Json:
    if not isinstance(command, dict):
        raise bad_request("can't parse BotCommand: an Object is expected")
    name, description = str(command.get("command", "")).removeprefix("/"), str(command.get("description", ""))
    if not re.fullmatch(r"[a-z0-9_]{1,32}", name):
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= 256:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}
