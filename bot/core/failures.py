"""Noticing what Rasa swallows.

When a custom action fails, Rasa logs it and goes on as if the action had said nothing, and the customer is left without
an answer. Here every failure of a turn is noted, so that the turn can be thrown away and tried again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
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


class ActionServer(EndpointConfig):  # type: ignore[misc]  # Rasa's class is untyped here
    """The action endpoint, with a time-out of our own, noting each call that failed."""

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        """As `EndpointConfig.request`. Once a call of a turn has failed, no further one is made: the turn will be
        thrown away, and its actions should do as little as possible twice."""
        noted = _noted.get()
        if noted:
            raise aiohttp.ClientConnectionError("an earlier action of this turn failed")
        kwargs["timeout"] = aiohttp.ClientTimeout(total=float(self.kwargs.get("timeout", ACTION_TIMEOUT)))
        try:
            answer = await super().request(*args, **kwargs)
            _check_shape(answer)
        except ClientResponseError as error:
            if error.status != 400:  # 400 is how an action says that it rejects to run, which is part of the dialogue
                kind = NobodyThere if error.status == _UNAVAILABLE else TurnFailed
                _note(kind(f"the action server answered {error.status}"))
            raise
        except Exception as error:
            _note(_failure_of(error))
            raise
        return answer


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


def _failure_of(error: Exception) -> TurnFailed:
    name = type(error).__name__
    if isinstance(error, aiohttp.ClientConnectorError):
        return NobodyThere(f"the action server could not be asked: {name}")
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
