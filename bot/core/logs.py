"""Logging. Ids, names of events, types of errors: never a secret, never a customer's words.

Rasa writes both into its own log lines, so of what it and other libraries log only the place and the type of the error
are kept. Our own loggers are apart from structlog's global configuration, which is Rasa's.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

_FRAMES = 8

_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
]


def get_logger() -> Any:
    """A logger for this product's own lines."""
    return structlog.wrap_logger(
        _Stderr(), processors=_PROCESSORS, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO)
    )


def configure_logging() -> None:
    """Make everybody else's loggers in this process discreet."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, _name_only, *_PROCESSORS[2:]],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    # Warnings speak to their libraries' developers, quote what they warn of, and libraries turn them on again at will.
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").disabled = True
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Discreet())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


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


class _Stderr:
    """Writes to whatever standard error is at that moment."""

    def msg(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    log = debug = info = warning = error = critical = exception = failure = fatal = err = warn = msg


class _Discreet(logging.Formatter):
    """Where a library logged something, how bad it was, and the type of the error."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.levelname.lower()} {record.name} {_short(record.pathname)}:{record.lineno}"
        if record.exc_info and record.exc_info[1] is not None:
            details = described(record.exc_info[1])
            line += f" error={details['error']} at={details['at']}"
        return line


def _name_only(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {"event": f"rasa:{event.get('event')}", "level": event.get("level")}


def _short(path: str) -> str:
    return "/".join(path.split("/")[-3:])
