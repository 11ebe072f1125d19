"""Telegram's refusals and the network's, as SendErrors and FetchErrors. Pure.

https://core.telegram.org/bots/api#making-requests and, for which error python-telegram-bot makes of what,
https://docs.python-telegram-bot.org/en/stable/telegram.error.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import aiohttp
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from channels.contract import FetchError, SendError
from channels.delivery import Refused

TOKEN_REFUSED_WAIT = 60.0
"""Seconds. Somebody has to mend the setting; until then nothing is lost."""

_REASON_MAX = 200
_NEVER_LEFT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,  # also where all connections are in use
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
    RuntimeError,  # the session is closed
)


def translate(error: Exception) -> SendError:
    """What the sender should do about any error of a Bot API call."""
    for kind, sentence in _TABLE:
        if isinstance(error, kind):
            return sentence(error)
    return SendError("Telegram's answer could not be read", uncertain=True)


def unfetched(error: Exception) -> FetchError:
    """The same for a file that was asked for. Telegram gives none of more than 20 MB:
    https://core.telegram.org/bots/api#getfile"""
    if isinstance(error, BadRequest):
        words = _words(error)
        return FetchError(
            f"Telegram does not give the file: {words}",
            permanent="temporarily unavailable" not in words.lower(),
            too_large="too big" in words.lower(),
        )
    sending = translate(error)
    return FetchError(sending.reason, permanent=sending.permanent, retry_after=sending.retry_after)


def seconds_to_wait(error: RetryAfter) -> float:
    wait = error.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def _flood(error: RetryAfter) -> SendError:
    return SendError("too many messages for Telegram", retry_after=seconds_to_wait(error))


def _forbidden(error: Forbidden) -> SendError:
    words = _words(error)
    known = next((reason for said, reason in _FORBIDDEN.items() if said in words.lower()), None)
    return SendError(known or f"Telegram does not let the bot write to this chat: {words}", permanent=True)


_FORBIDDEN = {
    "blocked by the user": "the customer has blocked the bot on Telegram",
    "user is deactivated": "the customer's Telegram account was deleted",
    "initiate conversation": "the customer has not opened the bot's chat on Telegram yet",
    "bot was kicked": "the bot was removed from the group on Telegram",
    "bot is not a member": "the bot was removed from the group on Telegram",
    "group chat was deleted": "the group on Telegram was deleted",
}


def _migrated(error: ChatMigrated) -> SendError:
    return SendError("the group on Telegram got a new id twice", permanent=True)


def _token(error: InvalidToken) -> SendError:
    return SendError("TELEGRAM_BOT_TOKEN was refused", retry_after=TOKEN_REFUSED_WAIT)


def _refused(error: BadRequest) -> SendError:
    if "chat not found" in str(error).lower():
        return SendError("Telegram knows no such chat: it was never opened, or it is gone", permanent=True)
    return Refused(f"Telegram refused the message: {_words(error)}")


def _network(error: NetworkError) -> SendError:
    """An answer with an error status was an answer; otherwise it matters whether the request had left."""
    cause = error.__cause__
    if cause is None or isinstance(cause, TelegramError):
        return _status(error)
    if isinstance(cause, _NEVER_LEFT):
        return SendError(f"Telegram cannot be reached: {type(cause).__name__}")
    return SendError(f"no answer from Telegram: {type(cause).__name__}", uncertain=True)


def _status(error: TelegramError) -> SendError:
    too_large = str(error).startswith("Request Entity Too Large")
    return SendError(f"Telegram is in trouble: {_words(error)}", permanent=too_large)


_TABLE: tuple[tuple[type[TelegramError], Callable[[Any], SendError]], ...] = (
    (RetryAfter, _flood),
    (Forbidden, _forbidden),
    (ChatMigrated, _migrated),
    (InvalidToken, _token),
    (BadRequest, _refused),
    (Conflict, _status),
    (TimedOut, _network),
    (NetworkError, _network),
)
"""In this order: python-telegram-bot's BadRequest and TimedOut are NetworkErrors."""


def _words(error: TelegramError) -> str:
    """Telegram's description, without the page of a proxy in front, which could quote the URL and so the token."""
    return str(error).partition(". Parsing the server response")[0][:_REASON_MAX]
