"""One method call, and what several methods read from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp

from ..errors import ApiError, Json, bad_request, too_many_requests
from ..html_style import parse_html
from ..markdown_style import parse_markdown
from ..network import BotAccount, Chat, Network
from ..params import Params
from ..text import Formatted, utf16_length


@dataclass(frozen=True, kw_only=True)
class Call:
    network: Network
    bot: BotAccount
    params: Params
    session: aiohttp.ClientSession
    """For pictures and files that are given by their address."""


def formatted(params: Params, name: str, entities_name: str) -> Formatted:
    """The text parameter with the entities that `parse_mode` or the entities' own parameter gives it."""
    text, mode = params.text(name), params.text("parse_mode").lower()
    if mode == "html":
        return parse_html(text)
    if mode == "markdownv2":
        return parse_markdown(text)
    if mode not in ("", "none"):
        raise bad_request("unsupported parse_mode")
    return Formatted(text=text, entities=_given(params.parsed(entities_name, "message entities"), text))


def _given(entities: Any, text: str) -> tuple[Json, ...]:
    if entities is None:
        return ()
    if not isinstance(entities, list):
        raise bad_request("can't parse entities: entities must be an Array")
    given = [_given_entity(entity, utf16_length(text)) for entity in entities]
    return tuple(entity for entity in given if _is_shown(entity))


def _given_entity(entity: Any, end: int) -> Json:
    if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
        raise bad_request("can't parse entities: MessageEntity must be an Object with a type")
    offset, length = entity.get("offset"), entity.get("length")
    if not isinstance(offset, int) or not isinstance(length, int) or offset < 0 or length <= 0:
        raise bad_request("can't parse entities: MessageEntity must have an offset and a length")
    if offset + length > end:
        raise bad_request("entity beyond the end of the text")
    return entity


def _is_shown(entity: Json) -> bool:
    """A link to anything but a web address is dropped without a word."""
    return entity["type"] != "text_link" or str(entity.get("url", "")).startswith(("http://", "https://", "tg://"))


def writable_chat(call: Call) -> Chat:
    return call.network.open_chat(call.bot, call.params.text("chat_id"))


def count(call: Call, chat: Chat) -> None:
    """Count one message towards the flood limits. Raises ApiError 429."""
    wait = call.bot.flood.wait(chat.id)
    if wait > 0:
        raise ApiError(too_many_requests(wait))
