"""Telegram and WhatsApp as a load needs them: quick, and strict where that costs next to nothing.

That every call of ours is as the vendors want it, the tests show on the sandbox's servers; here a call that is plainly
wrong is refused and counted, so that no figure rests on it.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from benchmarks.load.wire import Request, serving

_TOKEN = "1234567890:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"  # noqa: S105  # of platforms that are played
_SECRET = "a-secret-of-the-load_0123456789"  # noqa: S105
_ACCESS = "an-access-token-of-the-load"
_APP_SECRET = "an-app-secret-of-the-load"  # noqa: S105
_NUMBER_ID = "106540352242922"
_JSON = b"Content-Type: application/json\r\n"
_TELEGRAM_HEADERS = _JSON + f"X-Telegram-Bot-Api-Secret-Token: {_SECRET}\r\n".encode()
_BEARER = f"authorization: bearer {_ACCESS}".encode()
_CALL = f"/bot{_TOKEN}/"
_MESSAGES = f"/v26.0/{_NUMBER_ID}/messages"
# Numbers of a country code that nobody has.
_FIRST_NUMBER = 999_000_000_000

TELEGRAM, WHATSAPP = "telegram", "whatsapp"


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A message of the product's. `at`: time.perf_counter() when it was there."""

    channel: str
    customer: int
    text: str
    at: float


class Traffic:
    """The platforms, and their customers, who are numbers. `hear` is told of everything that reaches a customer."""

    def __init__(self, hear: Callable[[Heard], None]) -> None:
        self.hear = hear
        self.port = 0
        self.wrong_calls = 0
        # Ids are new even on a database that was used before: none is used up within its millisecond.
        self._numbers = itertools.count(time.time_ns() // 1_000_000 % 2**31)

    def environment(self) -> dict[str, str]:
        """The gateway's settings."""
        url = f"http://127.0.0.1:{self.port}"
        return {
            "TELEGRAM_BOT_TOKEN": _TOKEN,
            "TELEGRAM_SECRET_TOKEN": _SECRET,
            "TELEGRAM_API_URL": url,
            "WHATSAPP_ACCESS_TOKEN": _ACCESS,
            "WHATSAPP_APP_SECRET": _APP_SECRET,
            "WHATSAPP_VERIFY_TOKEN": "any",
            "WHATSAPP_PHONE_NUMBER_ID": _NUMBER_ID,
            "WHATSAPP_API_URL": f"{url}/v26.0",
        }

    def says(self, channel: str, customer: int, text: str) -> Request:
        """The webhook of a customer's message. https://core.telegram.org/bots/api#update"""
        number = next(self._numbers)
        if channel == WHATSAPP:
            return self._whatsapp(customer, number, text)
        person = {"id": customer, "first_name": f"Customer {customer}"}
        message = {
            "message_id": number,
            "date": int(time.time()),
            "chat": {**person, "type": "private"},
            "from": {**person, "is_bot": False, "language_code": "en"},
            "text": text,
        }
        update = {"update_id": number, "message": message}
        return Request(path="/webhooks/telegram", headers=_TELEGRAM_HEADERS, body=json.dumps(update).encode())

    def _whatsapp(self, customer: int, number: int, text: str) -> Request:
        """https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/text"""
        wa_id = str(_FIRST_NUMBER + customer)
        said = {
            "from": wa_id,
            "id": f"wamid.{number}",
            "timestamp": str(int(time.time())),
            "type": "text",
            "text": {"body": text},
        }
        value = {
            "messaging_product": "whatsapp",
            "metadata": {"display_phone_number": "15550783881", "phone_number_id": _NUMBER_ID},
            "contacts": [{"profile": {"name": f"Customer {customer}"}, "wa_id": wa_id}],
            "messages": [said],
        }
        entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        signed = hmac.new(_APP_SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = _JSON + f"X-Hub-Signature-256: sha256={signed}\r\n".encode()
        return Request(path="/webhooks/whatsapp", headers=headers, body=body)

    def answer(self, path: str, head: bytes, body: bytes) -> tuple[int, bytes]:
        """Any call of the product's."""
        if path == _CALL + "sendMessage":
            return self._telegram_sent(body)
        if path == _MESSAGES and _BEARER in head.lower():
            return self._whatsapp_sent(body)
        if path.startswith(_CALL):
            return 200, b'{"ok":true,"result":true}'
        return self._refuse()

    def _telegram_sent(self, body: bytes) -> tuple[int, bytes]:
        """https://core.telegram.org/bots/api#sendmessage"""
        fields = parse_qs(body.decode())
        chat, text = fields.get("chat_id", [""])[0], fields.get("text", [""])[0]
        if not chat.isdecimal() or not 0 < len(text) <= 4096:
            return self._refuse()
        self._heard(TELEGRAM, int(chat), text)
        message = {
            "message_id": next(self._numbers),
            "date": int(time.time()),
            "chat": {"id": int(chat), "type": "private"},
            "text": text,
        }
        return 200, json.dumps({"ok": True, "result": message}).encode()

    def _whatsapp_sent(self, body: bytes) -> tuple[int, bytes]:
        """https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/text-messages"""
        call = json.loads(body)
        if call.get("messaging_product") != "whatsapp":
            return self._refuse()
        if call.get("status") == "read":
            return 200, b'{"success":true}'
        to, text = str(call.get("to", "")), _text_of(call)
        if not to.removeprefix("+").isdecimal() or not 0 < len(text) <= 4096:
            return self._refuse()
        self._heard(WHATSAPP, int(to) - _FIRST_NUMBER, text)
        taken = {
            "messaging_product": "whatsapp",
            "contacts": [{"input": to, "wa_id": to}],
            "messages": [{"id": f"wamid.{next(self._numbers)}"}],
        }
        return 200, json.dumps(taken).encode()

    def _heard(self, channel: str, customer: int, text: str) -> None:
        self.hear(Heard(channel=channel, customer=customer, text=text, at=time.perf_counter()))

    def _refuse(self) -> tuple[int, bytes]:
        self.wrong_calls += 1
        return 400, b'{"ok":false,"error_code":400,"description":"Bad Request"}'


def _text_of(call: dict[str, Any]) -> str:
    text = call.get("text")
    return str(text.get("body", "")) if call.get("type") == "text" and isinstance(text, dict) else ""


@contextlib.asynccontextmanager
async def open_traffic(hear: Callable[[Heard], None] = lambda heard: None) -> AsyncIterator[Traffic]:
    """Served on a free port of loopback."""
    traffic = Traffic(hear)
    async with serving(traffic.answer) as traffic.port:
        yield traffic
