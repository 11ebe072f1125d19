"""The bot's own token, by which it is known when it sends:
https://learn.microsoft.com/azure/bot-service/rest-api/bot-framework-rest-connector-authentication#bot-to-connector

Fetched here and not by botbuilder's credentials, which block (msal on requests).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable

from channels.contract import SendError

from .errors import login_refusal, no_login
from .wire import Answer, NoAnswer, Wire

_SCOPE = "https://api.botframework.com/.default"
_EARLY = 300.0
"""Seconds before its end at which a token is not used any more."""


class Login:
    """One token for all, fetched anew shortly before it ends. `clock`: monotonic seconds."""

    def __init__(
        self,
        *,
        app_id: str,
        app_password: str,
        login_url: str,
        wire: Wire,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._form = {
            "grant_type": "client_credentials",
            "client_id": app_id,
            "client_secret": app_password,
            "scope": _SCOPE,
        }
        self._url = f"{login_url.rstrip('/')}/oauth2/v2.0/token"
        self._wire = wire
        self._clock = clock
        self._token = ""
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def token(self) -> str:
        """Raises SendError, never an uncertain one."""
        async with self._lock:
            if not self._token or self._clock() > self._until:
                self._token, lasts = await self._fetch()
                self._until = self._clock() + lasts - min(_EARLY, lasts / 2)
            return self._token

    def forget(self, token: str) -> None:
        """That token was refused: the next one is fetched."""
        if token == self._token:
            self._token = ""

    async def _fetch(self) -> tuple[str, float]:
        try:
            answer = await self._wire.send("POST", self._url, self._form, {})
        except NoAnswer as error:
            raise no_login(error) from None
        if answer.status != 200:
            raise login_refusal(answer)
        return _read(answer)


def _read(answer: Answer) -> tuple[str, float]:
    """Token and seconds that it lasts."""
    try:
        data = json.loads(answer.body)
        token, lasts = data["access_token"], float(data["expires_in"])
    except (ValueError, TypeError, LookupError, RecursionError):
        raise SendError("Microsoft's log-in gave an answer that cannot be read") from None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or " " in token:
        raise SendError("Microsoft's log-in gave no token")
    return token, lasts
