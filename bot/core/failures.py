"""Noticing what Rasa swallows.

When a custom action fails, Rasa logs it and goes on as if the action had said nothing, and the customer is left without
an answer. Here every failure of a turn is noted, so that the turn can be thrown away and tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import aiohttp
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from bot.core.errors import CutOff, NobodyThere, TurnFailed

# Rasa's own is five minutes.
ACTION_TIMEOUT = 30.0

# What stands before a server says so where it is not there.
_UNAVAILABLE = 503

# Seconds for which an action server that was away is taken to be so, and what looking at it may take.
_BELIEVED_FOR = 1.0

# How it shows that a server which had been reached is gone.
_GONE = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, aiohttp.ClientPayloadError)

# Where Rasa logs the exceptions that it goes on after.
_SWALLOWING = "rasa.core.processor"

_noted: ContextVar[list[TurnFailed] | None] = ContextVar("noted_failures", default=None)


@contextmanager
def noting_failures() -> Iterator[list[TurnFailed]]:
    """Collects the failures of one turn."""
    failures: list[TurnFailed] = []
    token = _noted.set(failures)
    try:
        yield failures
    finally:
        _noted.reset(token)


class Absence:
    """Whether the action server is away, as far as a worker knows without asking it.

    Thousands may wait for it, and each turn costs Rasa's understanding before it finds nobody there: so one of them
    looks, once a second, and the others go by what it sees.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: float | None = None
        self._seen = asyncio.Event()

    def noted(self) -> None:
        """It was away just now."""
        self._since = self._clock()
        self._seen.set()

    def over(self) -> None:
        """It was there just now."""
        self._since = None
        self._seen.set()

    async def lasts(self) -> bool:
        """Whether to wait without asking. One that is told otherwise looks, and so finds out for all; who comes while
        it does waits a moment for what it sees."""
        if self._since is None:
            return False
        if self._clock() - self._since >= _BELIEVED_FOR:
            self._since = self._clock()
            self._seen.clear()
            return False
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._seen.wait(), _BELIEVED_FOR)
        return self._since is not None


class ActionServer(EndpointConfig):  # type: ignore[misc]  # Rasa's class is untyped here
    """The action endpoint, with a time-out of our own, noting each call that failed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.absence = Absence()

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """As `EndpointConfig.request`. Once a call of a turn has failed, no further one is made: the turn will be
        thrown away, and its actions should do as little as possible twice."""
        noted = _noted.get()
        if noted:
            raise aiohttp.ClientConnectionError("an earlier action of this turn failed")
        kwargs["timeout"] = aiohttp.ClientTimeout(total=float(self.kwargs.get("timeout", ACTION_TIMEOUT)))
        try:
            answer = await super().request(*args, **kwargs)
            self.absence.over()
            _check_shape(answer)
        except ClientResponseError as error:
            if error.status != _UNAVAILABLE:
                self.absence.over()
            if error.status != 400:  # 400 is how an action says that it rejects to run, which is part of the dialogue
                self._failed(_refusal_of(error.status))
            raise
        except Exception as error:
            self._failed(_failure_of(error))
            raise
        return answer

    def _failed(self, failure: TurnFailed) -> None:
        if isinstance(failure, NobodyThere):
            self.absence.noted()
        _note(failure)


class SwallowedErrors(logging.Handler):
    """Notes the exceptions that Rasa logs and goes on after."""

    @classmethod
    def install(cls) -> None:
        """Once is enough; more does no harm."""
        logger = logging.getLogger(_SWALLOWING)
        if not any(isinstance(handler, cls) for handler in logger.handlers):
            logger.addHandler(cls(logging.ERROR))

    def emit(self, record: logging.LogRecord) -> None:
        """Called by `logging`, in the turn's own context."""
        if record.exc_info and record.exc_info[0] is not None:
            _note(TurnFailed(f"Rasa went on after {record.exc_info[0].__name__}"))


def _refusal_of(status: int) -> TurnFailed:
    answered = f"answered {status}"
    return NobodyThere(answered) if status == _UNAVAILABLE else TurnFailed(f"the action server {answered}")


def _failure_of(error: Exception) -> TurnFailed:
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorError):
        return NobodyThere(name)
    if isinstance(error, _GONE):
        return CutOff(f"the action server went away under a call: {name}")
    return TurnFailed(f"the action server could not be asked: {name}")


def _note(failure: TurnFailed) -> None:
    noted = _noted.get()
    if noted is not None:
        noted.append(failure)


def _check_shape(answer: Any) -> None:
    """What Rasa will look for in an action's answer."""
    events = answer.get("events") if isinstance(answer, dict) else None
    responses = answer.get("responses", []) if isinstance(answer, dict) else None
    if not isinstance(events, list) or not isinstance(responses, list):
        raise aiohttp.ClientError("no action's answer")
