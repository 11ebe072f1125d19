"""The Bot API, through python-telegram-bot's Bot: the one place of this channel that talks to the network."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from telegram import Bot, BotCommand, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, RetryAfter, TelegramError

from channels.contract import FetchError, Location, SendError

from .addresses import chat_and_topic
from .entities import entities
from .errors import seconds_to_wait, translate, unfetched
from .files import Files
from .outbound import Part, is_venue
from .pace import Pacing
from .request import AiohttpRequest

_FETCHING_TIMEOUT = 30.0
"""Seconds; before it answers, Telegram fetches the picture or the file from its URL."""
_ASIDE_TIMEOUT = 3.0
"""Seconds for what a webhook waits for."""
_WEBHOOK_CONNECTIONS = 40
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
_FINE = ("message is not modified", "message can't be edited", "message to edit not found")
"""The keyboard is gone already, or out of reach."""

_ERRORS = (TelegramError, LookupError, TypeError, ValueError, AttributeError)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class WebhookInfo:
    """How deliveries are going."""

    url: str
    """Empty if there is none. Somebody else's address may hold a secret, so it is not for printing."""
    pending: int
    """Updates that wait to be delivered."""
    error: str | None
    """Of the last delivery that failed, in Telegram's words."""
    error_at: datetime | None
    unheard: tuple[str, ...]
    """Kinds of updates that are wanted and not delivered."""


class BotApi:
    """The calls this channel makes. Every one raises SendError and nothing else, but for `fetch`: FetchError."""

    def __init__(self, *, token: str, api_url: str, timeout: float, pacing: Pacing) -> None:
        _keep_token_out_of_logs()
        os.environ.setdefault("PTB_TIMEDELTA", "true")  # or python-telegram-bot warns of its own coming change
        url, trust_env = api_url.rstrip("/"), not _is_loopback(api_url)
        self._request = AiohttpRequest(timeout=timeout, trust_env=trust_env)
        self._bot = Bot(
            token,
            base_url=f"{url}/bot",
            base_file_url=f"{url}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )
        self._files = Files(base_url=f"{url}/file/bot{token}", timeout=timeout, request=self._request)
        self._pacing = pacing
        self._fetching_timeout = max(timeout, _FETCHING_TIMEOUT)
        self.known_as: str | None = None
        """The bot's username, once it was asked for."""

    async def open(self) -> None:
        """Not `Bot.initialize`, which calls getMe and fails with Telegram away."""
        await self._request.initialize()

    async def close(self) -> None:
        await self._request.shutdown()

    async def send(self, address: str, part: Part) -> str:
        """Send one part; its message id. A group that got a new id is written to under that one."""
        chat, topic = chat_and_topic(address)
        return await self._in_turn(chat, lambda: self._send(chat, topic, part))

    async def take_keyboard(self, address: str, message_id: str) -> None:
        """https://core.telegram.org/bots/api#editmessagereplymarkup"""
        chat, _ = chat_and_topic(address)
        await self._in_turn(chat, lambda: self._take_keyboard(chat, int(message_id)))

    async def fetch(self, file_id: str, *, limit: int) -> bytes:
        """https://core.telegram.org/bots/api#getfile. Raises FetchError."""
        try:
            file = await self._bot.get_file(file_id)
            url, size = file.file_path, file.file_size
        except _ERRORS as error:
            raise unfetched(error) from None
        if size is not None and size > limit:
            raise FetchError("the file is too large", too_large=True)
        return await self._files.download(url or "", limit=limit)

    async def answer(self, callback_query_id: str) -> None:
        """https://core.telegram.org/bots/api#answercallbackquery"""
        await _ask(self._bot.answer_callback_query(callback_query_id))

    async def show_typing(self, address: str) -> None:
        """https://core.telegram.org/bots/api#sendchataction"""
        chat, topic = chat_and_topic(address)
        await _ask(self._bot.send_chat_action(chat, ChatAction.TYPING, message_thread_id=topic))

    async def username(self) -> str:
        """Asked once, when first needed: https://core.telegram.org/bots/api#getme"""
        self.known_as = self.known_as or (await _ask(self._bot.get_me())).username
        if not self.known_as:
            raise SendError("Telegram did not say what the bot is called")
        return self.known_as

    async def learn_username(self) -> None:
        """The same for somebody who cannot wait long, and can do without."""
        with contextlib.suppress(SendError, TimeoutError):
            async with asyncio.timeout(_ASIDE_TIMEOUT):
                await self.username()

    async def set_webhook(self, url: str, secret_token: str, allowed_updates: Sequence[str]) -> None:
        """https://core.telegram.org/bots/api#setwebhook"""
        await _ask(
            self._bot.set_webhook(
                url,
                secret_token=secret_token,
                allowed_updates=allowed_updates,
                max_connections=_WEBHOOK_CONNECTIONS,
            )
        )

    async def set_commands(self, commands: Sequence[tuple[str, str]], language: str | None = None) -> None:
        """Names and descriptions; without a language for everybody who has no list in theirs:
        https://core.telegram.org/bots/api#setmycommands"""
        await _ask(self._bot.set_my_commands([BotCommand(*one) for one in commands], language_code=language))

    async def webhook_info(self, wanted: Sequence[str]) -> WebhookInfo:
        """https://core.telegram.org/bots/api#getwebhookinfo"""
        info = await _ask(self._bot.get_webhook_info())
        return WebhookInfo(
            url=info.url,
            pending=info.pending_update_count,
            error=info.last_error_message or None,
            error_at=info.last_error_date,
            # No list stands for Telegram's own choice, which has all that is wanted here.
            unheard=tuple(kind for kind in wanted if info.allowed_updates and kind not in info.allowed_updates),
        )

    async def _in_turn(self, chat: str, call: Callable[[], Awaitable[T]]) -> T:
        await self._pacing.turn(chat)
        return await _ask(self._held(chat, call))

    async def _held(self, chat: str, call: Callable[[], Awaitable[T]]) -> T:
        """Telegram does not say whether it asks to wait with a chat or with all; one after the other they will tell."""
        try:
            return await call()
        except RetryAfter as flood:
            await self._pacing.hold(chat, seconds_to_wait(flood))
            raise

    async def _send(self, chat: str, topic: int | None, part: Part) -> str:
        """https://core.telegram.org/bots/api#responseparameters"""
        try:
            sent = await self._call(chat, topic, part)
        except ChatMigrated as moved:
            sent = await self._call(str(moved.new_chat_id), None, part)
        return str(sent.message_id)

    async def _call(self, chat: str, topic: int | None, part: Part) -> Message:
        where: dict[str, Any] = {
            "chat_id": chat,
            "message_thread_id": topic,
            "reply_markup": part.keyboard,
            "reply_parameters": _reply(part.reply_to),
        }
        if part.location:
            return await self._location(part.location, where)
        if part.photo or part.document:
            return await self._fetched(part, where)
        return await self._text(part, where)

    async def _text(self, part: Part, where: dict[str, Any]) -> Message:
        """https://core.telegram.org/bots/api#sendmessage"""
        preview = None if part.preview else _NO_PREVIEW
        return await self._bot.send_message(
            text=part.text.text, entities=entities(part.text), link_preview_options=preview, **where
        )

    async def _fetched(self, part: Part, where: dict[str, Any]) -> Message:
        """https://core.telegram.org/bots/api#sendphoto, #senddocument"""
        where |= {
            "caption": part.text.text or None,
            "caption_entities": entities(part.text),
            "read_timeout": self._fetching_timeout,
        }
        if part.photo:
            return await self._bot.send_photo(photo=part.photo, **where)
        return await self._bot.send_document(document=part.document or "", **where)

    async def _location(self, location: Location, where: dict[str, Any]) -> Message:
        """https://core.telegram.org/bots/api#sendlocation, #sendvenue"""
        where |= {"latitude": location.latitude, "longitude": location.longitude}
        if is_venue(location):
            return await self._bot.send_venue(title=location.name, address=location.address, **where)
        return await self._bot.send_location(**where)

    async def _take_keyboard(self, chat: str, message_id: int) -> None:
        try:
            with contextlib.suppress(ChatMigrated):  # what was said stayed behind, and nobody can tap on it there
                await self._bot.edit_message_reply_markup(chat_id=chat, message_id=message_id)
        except BadRequest as refused:
            if not str(refused).lower().startswith(_FINE):
                raise


async def _ask(call: Awaitable[T]) -> T:
    """Errors that are not Telegram's come from answers that are not as documented. The original error goes no further:
    its text can quote an answer."""
    try:
        return await call
    except _ERRORS as error:
        raise translate(error) from None


def _reply(message_id: int | None) -> ReplyParameters | None:
    """What was answered may be gone by now: https://core.telegram.org/bots/api#replyparameters"""
    return ReplyParameters(message_id, allow_sending_without_reply=True) if message_id else None


def _is_loopback(url: str) -> bool:
    """aiohttp would take even these to the proxy that the environment names."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _keep_token_out_of_logs() -> None:
    """The token is part of every URL, and python-telegram-bot logs its base URL at DEBUG."""
    logging.getLogger("telegram").setLevel(logging.WARNING)
