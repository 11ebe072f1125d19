"""Telegram, through python-telegram-bot's types and its Bot. Knows no database, no Rasa and no web server.

inbound.py   a webhook's bytes → the contract's words; said.py what a message says, groups.py what of a group's talk is
             said to the bot, values.py untrusted values (all pure)
outbound.py  the contract's words → parts, one Bot API call each; entities.py their formatting (pure)
api.py       the Bot API itself; files.py downloads, pace.py how fast, errors.py its errors as SendErrors
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import ClassVar

from channels.contract import Answer, Choice, Inbound, News, Outbound, SendError, Sent, Unread, Webhook
from channels.delivery import deliver, in_its_turn
from channels.pacing import Book

from . import inbound
from .api import BotApi, WebhookInfo
from .groups import Me
from .outbound import Part, describe, render
from .pace import STATED, Pacing, Rates

log = logging.getLogger(__name__)

WEBHOOK_PATH = "/webhooks/telegram"
COMMANDS: Mapping[str | None, Sequence[tuple[str, str]]] = {
    None: (("start", "Begin"), ("help", "What I can do for you")),
    "zh": (("start", "开始"), ("help", "我能为您做什么")),
}
"""What Telegram's menu offers, by language; None is for all others. What they say reaches the bot as text."""

_SECRET_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,256}")
_SOME_LINK = "https://example.org"
"""In the place of a fresh one, where only what is shown matters."""


class TelegramChannel:
    """One bot on Telegram.

    link:      mints the URL for `Content.invite`; asked once per attempt; raises SendError
    timeout:   seconds to wait for Telegram's answer
    patience:  seconds that one message may wait, all in all, for its parts after the first
    rates:     how fast to speak
    book:      where it is kept how fast it was; this process's own, unless one is given

    Raises ValueError, naming the setting, if one cannot be right.
    """

    name: ClassVar[str] = "telegram"
    repeatable: ClassVar[bool] = False
    """The Bot API has no idempotency key: the same call twice is two messages."""
    window: ClassVar[timedelta | None] = None
    sign_lasts: ClassVar[timedelta | None] = timedelta(seconds=5)
    """https://core.telegram.org/bots/api#sendchataction"""

    def __init__(
        self,
        *,
        token: str,
        secret_token: str,
        link: Callable[[Outbound], Awaitable[str]],
        api_url: str = "https://api.telegram.org",
        timeout: float = 15.0,
        patience: float = 30.0,
        rates: Rates = STATED,
        book: Book | None = None,
    ) -> None:
        _check_settings(token, secret_token)
        self._secret_token = secret_token
        self._link = link
        self._patience = patience
        self._id = _bot_id(token)
        self._api = BotApi(token=token, api_url=api_url, timeout=timeout, pacing=Pacing(rates, book))
        self.lost_acknowledgements = 0

    async def start(self) -> None:
        """Open the HTTP client. Asks Telegram nothing: the gateway starts while Telegram is away."""
        await self._api.open()

    async def close(self) -> None:
        await self._api.close()

    async def verify(self, request: Webhook) -> None:
        """Before the first mention of somebody in a group is read, the bot's name is asked for: whether it is meant."""
        inbound.check_secret(request, self._secret_token)
        if self._api.known_as is None and b'"mention"' in request.body:
            await self._api.learn_username()

    def read(self, request: Webhook) -> list[Inbound | Unread]:
        return inbound.read(request, self._me())

    def news(self, request: Webhook) -> list[News]:
        """The Bot API tells bots nothing of what became of their own messages."""
        return inbound.news(request, self._me())

    def answer(self, request: Webhook) -> Answer | None:
        """Telegram wants nothing but a 200; a tap is acknowledged by a call of its own."""
        return None

    async def send(self, message: Outbound) -> Sent:
        """Once the first part is out, SendError is never retryable: another attempt would say it again."""
        link = await self._link(message) if message.content.invite else None
        parts = render(message, link)
        if not parts:
            raise SendError("the message holds nothing to show", permanent=True)
        return await deliver(partial(self._api.send, message.address), parts, patience=self._patience)

    def shows(self, message: Outbound) -> list[str]:
        return [describe(part) for part in render(message, _SOME_LINK)]

    async def withdraw(self, message: Outbound, platform_ids: Sequence[str]) -> None:
        for platform_id in _with_keyboards(render(message, _SOME_LINK), platform_ids):
            try:
                await in_its_turn(partial(self._api.take_keyboard, message.address, platform_id))
            except SendError as error:
                log.info("telegram: a keyboard was not taken away: %s", error.reason)

    async def fetch(self, ref: str, *, limit: int) -> bytes:
        return await self._api.fetch(ref, limit=limit)

    async def acknowledge(self, inbound: Inbound) -> None:
        """Stop the spinner on a tapped button. Telegram forgets a tap soon, so a refusal here is nothing to repair."""
        if not isinstance(inbound.said, Choice) or inbound.platform_id is None:
            return
        try:
            await self._api.answer(inbound.platform_id)
        except SendError as error:
            self.lost_acknowledgements += 1
            log.info("telegram: a tap was not acknowledged: %s", error.reason)

    async def show_typing(self, address: str, platform_id: str | None) -> None:
        try:
            await self._api.show_typing(address)
        except SendError as error:
            log.info("telegram: the typing sign was not shown: %s", error.reason)

    async def deep_link(self, code: str | None) -> str:
        """https://core.telegram.org/bots/features#deep-linking"""
        chat = f"https://t.me/{await self._api.username()}"
        return chat if code is None else f"{chat}?start={code}"

    async def set_webhook(self, public_url: str) -> None:
        """Tell Telegram to deliver here from now on, and what its menu of commands is to offer. Raises SendError."""
        url = public_url.rstrip("/") + WEBHOOK_PATH
        await self._api.set_webhook(url, self._secret_token, inbound.ALLOWED_UPDATES)
        for language, commands in COMMANDS.items():
            await self._api.set_commands(commands, language)

    async def check(self) -> str:
        """Whom Telegram takes us for. Raises SendError."""
        return f"@{await self._api.username()}, the token works"

    async def webhook_info(self) -> WebhookInfo:
        """Where Telegram delivers at present, and how that goes. Raises SendError."""
        return await self._api.webhook_info(inbound.ALLOWED_UPDATES)

    def signed(self, body: bytes) -> Mapping[str, str]:
        """The headers with which Telegram would bring this body: for whoever plays Telegram to their own gateway."""
        return {inbound.SECRET_HEADER: self._secret_token, "Content-Type": "application/json"}

    def _me(self) -> Me:
        return Me(id=self._id, username=self._api.known_as)


def _bot_id(token: str) -> int | None:
    """What stands before the colon: https://core.telegram.org/bots/api#authorizing-your-bot"""
    number = token.partition(":")[0]
    return int(number) if number.isdecimal() else None


def _with_keyboards(parts: Sequence[Part], platform_ids: Sequence[str]) -> list[str]:
    """Which of the messages have one. If there are not as many as there are parts, something else stood in for one of
    them, and any may."""
    ids = [one for one in platform_ids if one.isdecimal()]
    if len(ids) != len(parts):
        return ids
    return [one for one, part in zip(ids, parts, strict=True) if part.keyboard]


def _check_settings(token: str, secret_token: str) -> None:
    """An empty secret would let everybody in: a request without the header would carry the right one."""
    if not token:
        raise ValueError("TELEGRAM_BOT_TOKEN is empty")
    if not _SECRET_TOKEN.fullmatch(secret_token):
        raise ValueError("TELEGRAM_SECRET_TOKEN must be 1 to 256 of the characters A-Z a-z 0-9 _ -")
