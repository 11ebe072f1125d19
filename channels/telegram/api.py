"""The Bot API, through python-telegram-bot's Bot: the one place of this channel that talks to the network."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from telegram import Bot, LinkPreviewOptions, Message
from telegram.error import TelegramError
from telegram.request import HTTPXRequest

from channels.contract import SendError

from .errors import translate
from .outbound import Part

_CONNECTIONS = 32
_CONNECT_TIMEOUT = 5.0
_PHOTO_TIMEOUT = 30.0
"""Seconds; before it answers, Telegram fetches the picture from its URL."""
_WEBHOOK_CONNECTIONS = 40
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

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
    """The calls this channel makes. Every one raises SendError and nothing else."""

    def __init__(self, *, token: str, api_url: str, timeout: float) -> None:
        _keep_token_out_of_logs()
        os.environ.setdefault("PTB_TIMEDELTA", "true")  # or python-telegram-bot warns of its own coming change
        self._request = _Request(
            connection_pool_size=_CONNECTIONS,
            connect_timeout=_CONNECT_TIMEOUT,
            pool_timeout=timeout,
            read_timeout=timeout,
            write_timeout=timeout,
            httpx_kwargs={"trust_env": not _is_loopback(api_url)},
        )
        url = api_url.rstrip("/")
        self._bot = Bot(
            token,
            base_url=f"{url}/bot",
            base_file_url=f"{url}/file/bot",
            request=self._request,
            get_updates_request=self._request,
        )
        self._photo_timeout = max(timeout, _PHOTO_TIMEOUT)
        self._username: str | None = None

    async def open(self) -> None:
        """Not `Bot.initialize`, which calls getMe and fails with Telegram away."""
        await self._request.initialize()

    async def close(self) -> None:
        await self._request.shutdown()

    async def send(self, address: str, part: Part) -> str:
        """Send one part; its message id."""
        return await _ask(self._send(address, part))

    async def answer(self, callback_query_id: str) -> None:
        """https://core.telegram.org/bots/api#answercallbackquery"""
        await _ask(self._bot.answer_callback_query(callback_query_id))

    async def username(self) -> str:
        """Asked once, when first needed: https://core.telegram.org/bots/api#getme"""
        self._username = self._username or (await _ask(self._bot.get_me())).username
        if not self._username:
            raise SendError("Telegram did not say what the bot is called")
        return self._username

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

    async def _send(self, address: str, part: Part) -> str:
        sent = await (self._photo(address, part) if part.photo else self._text(address, part))
        return str(sent.message_id)

    async def _text(self, address: str, part: Part) -> Message:
        """https://core.telegram.org/bots/api#sendmessage"""
        return await self._bot.send_message(
            address,
            part.text,
            reply_markup=part.keyboard,
            link_preview_options=None if part.preview else _NO_PREVIEW,
        )

    async def _photo(self, address: str, part: Part) -> Message:
        """https://core.telegram.org/bots/api#sendphoto"""
        return await self._bot.send_photo(
            address,
            part.photo or "",
            caption=part.text or None,
            reply_markup=part.keyboard,
            read_timeout=self._photo_timeout,
        )


class _Request(HTTPXRequest):
    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """As python-telegram-bot has it, but for its log line, which quotes the answer and so a customer's words."""
        try:
            data = json.loads(payload)
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise TelegramError("Invalid server response")
        return data


async def _ask(call: Awaitable[T]) -> T:
    """Errors that are not Telegram's come from answers that are not as documented. The original error goes no further:
    its text can quote an answer."""
    try:
        return await call
    except (TelegramError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise translate(error) from None


def _is_loopback(url: str) -> bool:
    """httpx would take even these to the proxy that the environment names."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _keep_token_out_of_logs() -> None:
    """The token is part of every URL, and httpx logs URLs at INFO, python-telegram-bot its base URL at DEBUG."""
    for name in ("httpx", "httpcore", "telegram"):
        logging.getLogger(name).setLevel(logging.WARNING)
