"""How a line of a log looks, in both processes: a time, a level, an event, which process it is, the trace where one is
known, and ids. Never a secret or a customer's word: of what libraries log, only the place and the type of the error are
kept, since they quote what they stumble over.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

_FRAMES = 8
# What is bound for a piece of work and holds for lines of libraries, too.
_IDS = ("trace", "conversation")
# These speak as the product does, by `logging`, because they do not know it.
_OUR_OWN = "channels"

Event = MutableMapping[str, Any]


@dataclass(frozen=True)
class Style:
    """What an operator wants of the logs."""

    format: str = "text"
    level: str = "info"

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Style:
        """From LOG_FORMAT and LOG_LEVEL. Raises ValueError with the setting's name."""
        style = cls((environment.get("LOG_FORMAT") or "text").lower(), (environment.get("LOG_LEVEL") or "info").lower())
        for setting, value, known in (("LOG_FORMAT", style.format, FORMATS), ("LOG_LEVEL", style.level, LEVELS)):
            if value not in known:
                raise ValueError(f"{setting} is none of {', '.join(known)}")
        return style

    @property
    def number(self) -> int:
        """The level as `logging` counts."""
        return int(getattr(logging, self.level.upper()))


def finishing(style: Style, process: str) -> list[Any]:
    """The last processors of every line, which make a string of an event that has its level."""
    terminal = style.format == "text" and sys.stderr.isatty()

    def name_process(_logger: Any, _method: str, event: Event) -> Event:
        return {**event, "process": process}

    times = structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal)
    if style.format == "json":
        return [name_process, times, structlog.processors.JSONRenderer(json.dumps, default=str)]
    return [name_process, times, _on_one_line, structlog.dev.ConsoleRenderer(colors=terminal)]


def with_ids(_logger: Any, _method: str, event: Event) -> Event:
    """The ids of the piece of work in which a library logs."""
    bound = structlog.contextvars.get_contextvars()
    return {**{name: bound[name] for name in _IDS if name in bound}, **event}


def described(error: BaseException) -> dict[str, Any]:
    """An error for a log line: its type, those behind it, and where it happened. Not its text, which may hold words."""
    types: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(types) < _FRAMES:
        types.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    return {
        "error": " < ".join(types),
        "at": " > ".join(f"{_short(frame.filename)}:{frame.lineno}:{frame.name}" for frame in frames),
    }


def quieten(style: Style, process: str) -> None:
    """Make everybody else's loggers in this process discreet. Below a warning they say nothing at any level: Telegram's
    library would write the bot's token with every request."""
    # Warnings speak to their libraries' developers, quote what they warn of, and libraries turn them on again at will.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").disabled = True
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet(finishing(style, process)))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(style.number, logging.WARNING))
    logging.getLogger(_OUR_OWN).setLevel(style.number)


class _Discreet(logging.Formatter):
    """Where a library logged something, how bad it was, and the type of the error."""

    def __init__(self, finishing: list[Any]) -> None:
        super().__init__()
        self._finishing = finishing

    def format(self, record: logging.LogRecord) -> str:
        event: Any = {"level": record.levelname.lower(), **_told(record)}
        for processor in (with_ids, *self._finishing):
            event = processor(None, record.levelname.lower(), event)
        return str(event)


def _told(record: logging.LogRecord) -> dict[str, Any]:
    if record.name.split(".")[0] == _OUR_OWN:
        return {"event": record.getMessage()}
    place = f"{_short(record.pathname)}:{record.lineno}"
    if record.exc_info and record.exc_info[1] is not None:
        return {"event": f"library:{record.name}", "logged": place, **described(record.exc_info[1])}
    return {"event": f"library:{record.name}", "logged": place}


def _on_one_line(_logger: Any, _method: str, event: Event) -> Event:
    """A platform's own words in a reason may have any shape, and must not look like lines of ours."""
    return {
        name: repr(value) if isinstance(value, str) and not value.isprintable() else value
        for name, value in event.items()
    }


def _short(path: str) -> str:
    return "/".join(path.split("/")[-3:])
