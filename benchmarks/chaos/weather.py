"""What calls to the vendors meet: refusals to come again later, errors, no answer, a connection cut before or after the
message was taken. As often as the dice have it, and never two platforms differently."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from sandbox.teams import faults as teams
from sandbox.telegram import faults as telegram
from sandbox.whatsapp import faults as whatsapp
from sandbox.whatsapp.errors import THROUGHPUT

CHANCES = {
    "too many requests": 0.015,
    "server error": 0.02,
    "no answer": 0.002,
    "no answer, though taken": 0.002,
    "cut off": 0.005,
    "cut off, though taken": 0.005,
}
"""Of every call that sends something. Who gets no answer waits for 15 seconds, so these are rare."""
_NO_ANSWER = 60.0
_WAIT = 1


class Forecast:
    """Which trouble the next one meets, with what chance each. `met` counts them."""

    def __init__(self, dice: random.Random, chances: Mapping[str, float] = CHANCES) -> None:
        self._dice = dice
        self._chances = chances
        self.met = Counter[str]()

    def next(self) -> str | None:
        left = self._dice.random()
        for trouble, chance in self._chances.items():
            left -= chance
            if left < 0:
                self.met[trouble] += 1
                return trouble
        return None


class TelegramWeather(telegram.FaultPlan):
    def __init__(self, forecast: Forecast) -> None:
        super().__init__()
        self._forecast = forecast

    def take(self, method: str) -> telegram.Fault | None:
        sends = method.lower().startswith("send") and method.lower() != "sendchataction"
        trouble = self._forecast.next() if sends else None
        return _TELEGRAM[trouble]() if trouble else super().take(method)


class WhatsAppWeather(whatsapp.FaultPlan):
    def __init__(self, forecast: Forecast) -> None:
        super().__init__()
        self._forecast = forecast

    def take(self, kind: str) -> whatsapp.Fault | None:
        trouble = self._forecast.next() if kind != "read" else None
        return _WHATSAPP[trouble]() if trouble else super().take(kind)


class TeamsWeather(teams.FaultPlan):
    def __init__(self, forecast: Forecast) -> None:
        super().__init__()
        self._forecast = forecast

    def take(self, operation: str) -> teams.Fault | None:
        trouble = self._forecast.next() if operation == "message" else None
        return _TEAMS[trouble]() if trouble else super().take(operation)


_TELEGRAM: dict[str, Callable[[], telegram.Fault]] = {
    "too many requests": partial(telegram.flood_wait, _WAIT),
    "server error": telegram.server_error,
    "no answer": partial(telegram.hang, _NO_ANSWER),
    "no answer, though taken": partial(telegram.hang, _NO_ANSWER, done=True),
    "cut off": partial(telegram.close_connection, done=False),
    "cut off, though taken": telegram.close_connection,
}
_WHATSAPP: dict[str, Callable[[], whatsapp.Fault]] = {
    "too many requests": partial(whatsapp.Fault, refusal=THROUGHPUT),
    "server error": whatsapp.server_error,
    "no answer": partial(whatsapp.hang, _NO_ANSWER),
    "no answer, though taken": partial(whatsapp.hang, _NO_ANSWER, done=True),
    "cut off": partial(whatsapp.close_connection, done=False),
    "cut off, though taken": whatsapp.close_connection,
}
_TEAMS: dict[str, Callable[[], teams.Fault]] = {
    "too many requests": partial(teams.throttle, _WAIT),
    "server error": partial(teams.refuse, 500, "InternalServerError", "Something went wrong."),
    "no answer": partial(teams.hang, _NO_ANSWER),
    "no answer, though taken": partial(teams.hang, _NO_ANSWER, done=True),
    "cut off": partial(teams.close_connection, done=False),
    "cut off, though taken": teams.close_connection,
}
