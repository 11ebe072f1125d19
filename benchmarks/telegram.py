"""Telegram as the benchmark needs it: quick, and polite to whatever it is told.

It competes with the product for the same cores, so it does next to nothing: a message becomes a webhook, and what the
bot sends is handed to whoever waits for it. That our calls are right, the tests show on the sandbox's strict server.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from sandbox.journeys.stack import TELEGRAM_SECRET

TOKEN = "1234567890:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"  # noqa: S105  # of a platform that is played
_HEADERS = {"X-Telegram-Bot-Api-Secret-Token": TELEGRAM_SECRET}
_SHOWN = ("text", "caption", "title")


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """A message of the bot's. `at`: time.perf_counter() when it was there."""

    text: str
    at: float


class Telegram:
    """One bot, and anybody who writes to it. A chat's number is whatever the benchmark calls a customer."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._numbers = itertools.count(1)
        self._arrived: dict[int, asyncio.Queue[Arrived]] = defaultdict(asyncio.Queue)
        self.url = ""

    async def say(self, webhook: str, chat: int, text: str) -> None:
        """Deliver somebody's message. Raises aiohttp.ClientResponseError if it is not taken."""
        number, person = next(self._numbers), {"id": chat, "first_name": f"Customer {chat}"}
        message = {
            "message_id": number,
            "date": int(time.time()),
            "chat": {**person, "type": "private"},
            "from": {**person, "is_bot": False, "language_code": "en"},
            "text": text,
        }
        update = {"update_id": number, "message": message}
        async with self._session.post(webhook, json=update, headers=_HEADERS) as answer:
            answer.raise_for_status()

    async def next_message(self, chat: int, timeout: float) -> Arrived:
        """The bot's next message in a chat. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            return await self._arrived[chat].get()

    async def answer(self, request: web.Request) -> web.Response:
        """Any method of the Bot API: https://core.telegram.org/bots/api#making-requests"""
        data = await request.post()
        if not request.match_info["method"].startswith("send"):
            return web.json_response({"ok": True, "result": True})
        chat = int(str(data["chat_id"]))
        text = next((str(data[name]) for name in _SHOWN if name in data), "")
        self._arrived[chat].put_nowait(Arrived(text=text, at=time.perf_counter()))
        return web.json_response({"ok": True, "result": self._message(chat, text)})

    def _message(self, chat: int, text: str) -> dict[str, Any]:
        private = {"id": chat, "type": "private", "first_name": f"Customer {chat}"}
        return {"message_id": next(self._numbers), "date": int(time.time()), "chat": private, "text": text}


@contextlib.asynccontextmanager
async def open_telegram() -> AsyncIterator[Telegram]:
    """Listening on a free port of loopback."""
    async with aiohttp.ClientSession(trust_env=False) as session:
        telegram = Telegram(session)
        app = web.Application()
        app.router.add_post("/bot{token:[^/]+}/{method}", telegram.answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            telegram.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield telegram
        finally:
            await runner.cleanup()
