"""Inline keyboards, checked button by button: https://core.telegram.org/bots/api#inlinekeyboardmarkup"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from .errors import ApiError, Json, bad_request
from .params import Params

_DATA_MAX = 64
"""Bytes, not characters: 21 Chinese ones at most."""
_BUTTONS_MAX = 100
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_OTHER_MARKUP = ("keyboard", "remove_keyboard", "force_reply")


def read_keyboard(params: Params) -> Json | None:
    """The inline keyboard that a message carries, as Telegram stores it. Other markup is taken and not shown."""
    markup = params.parsed("reply_markup", "reply keyboard markup")
    if markup is None or markup == {}:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" not in markup:
        _check_other(markup)
        return None
    rows = [[_button(button) for button in _row(row)] for row in _rows(markup["inline_keyboard"])]
    if sum(len(row) for row in rows) > _BUTTONS_MAX:
        raise bad_request("reply markup is too long")
    rows = [row for row in rows if row]
    return {"inline_keyboard": rows} if rows else None


def _check_other(markup: Json) -> None:
    if not any(name in markup for name in _OTHER_MARKUP):
        raise bad_request("can't parse reply keyboard markup: unknown kind")


def _rows(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    return value


def _row(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    return value


def _button(button: Any) -> Json:
    if not isinstance(button, dict):
        raise _unreadable("InlineKeyboardButton must be an Object")
    text = button.get("text")
    if not isinstance(text, str):
        raise _unreadable('Can\'t find field "text"' if text is None else 'Field "text" must be of type String')
    if not text.strip():
        raise bad_request("inline keyboard button text must be non-empty")
    return {"text": text.strip()} | _action(button)


def _action(button: Json) -> Json:
    if button.get("url"):
        return {"url": _checked_url(str(button["url"]))}
    data = button.get("callback_data")
    if data:
        return {"callback_data": _checked_data(data)}
    for other in ("switch_inline_query", "switch_inline_query_current_chat", "copy_text", "web_app", "login_url"):
        if other in button:
            return {other: button[other]}
    raise bad_request("text buttons are unallowed in the inline keyboard")


def _checked_data(data: Any) -> str:
    if not isinstance(data, str):
        raise _unreadable('Field "callback_data" must be of type String')
    if len(data.encode()) > _DATA_MAX:
        raise bad_request("BUTTON_DATA_INVALID")
    return data


def _checked_url(url: str) -> str:
    """The real Telegram also refuses addresses that only mean something here, `http://127.0.0.1` and `localhost`, as
    "Wrong HTTP URL". Ours takes loopback, because in the sandbox everything is on loopback."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong_url(url, "Wrong HTTP URL") from None
    if parts.scheme not in ("http", "https", "tg"):
        raise _wrong_url(url, "Unsupported URL protocol")
    if parts.scheme != "tg" and "." not in host.strip(".") and host not in _LOOPBACK:
        raise _wrong_url(url, "Wrong HTTP URL")
    return url if "://" in url else f"http://{url}"


def _wrong_url(url: str, reason: str) -> ApiError:
    return bad_request(f"inline keyboard button URL '{url}' is invalid: {reason}")


def _unreadable(reason: str) -> ApiError:
    return bad_request(f"can't parse inline keyboard button: {reason}")
