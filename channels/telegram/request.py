"""python-telegram-bot's way to the network, over aiohttp, which the gateway has anyway and which costs less than httpx.

https://docs.python-telegram-bot.org/en/stable/telegram.request.baserequest.html
"""

from __future__ import annotations

import json
from typing import Any

import aiohttp
from telegram._utils.defaultvalue import DefaultValue
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

_CONNECTIONS = 32
_CONNECT_TIMEOUT = 5.0


class AiohttpRequest(BaseRequest):
    """Calls with their parameters as a form. Nothing is uploaded: files are addresses or ids.

    timeout:  seconds for one call, all in all, unless the call has its own
    """

    def __init__(self, *, timeout: float, trust_env: bool) -> None:
        self._timeout = timeout
        self._trust_env = trust_env
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    @property
    def read_timeout(self) -> float | None:
        return self._timeout

    @property
    def session(self) -> aiohttp.ClientSession:
        """Opened when first needed, within the event loop. Raises RuntimeError once it was closed."""
        if self._is_closed:
            raise RuntimeError("closed")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                trust_env=self._trust_env,
                headers={"User-Agent": self.USER_AGENT, "Accept-Encoding": "identity"},
                auto_decompress=False,  # a small answer could become a large one
            )
        return self._session

    async def initialize(self) -> None:
        """Nothing is opened before it is needed."""

    async def shutdown(self) -> None:
        self._is_closed = True
        if self._session is not None:
            await self._session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Status and body. Raises TimedOut and NetworkError, caused by what aiohttp raised."""
        total = self._timeout if isinstance(read_timeout, DefaultValue) else read_timeout
        try:
            async with self.session.request(
                method,
                url,
                data=request_data.json_parameters if request_data else None,
                timeout=aiohttp.ClientTimeout(total=total, connect=min(total or _CONNECT_TIMEOUT, _CONNECT_TIMEOUT)),
                allow_redirects=False,
            ) as answer:
                return answer.status, await answer.read()
        except TimeoutError as error:
            raise TimedOut from error
        except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
            raise NetworkError(type(error).__name__) from error

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
