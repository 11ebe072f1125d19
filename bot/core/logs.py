"""Logging. Ids, names of events, types of errors: never a secret, never a customer's words.

Rasa writes both into its own log lines, so of what it and other libraries log only the place and the type of the error
are kept. Our own loggers are apart from structlog's global configuration, which is Rasa's.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from bot.store.lines import Style, described, finishing, quieten, with_ids

__all__ = ["configure_logging", "described", "get_logger"]

_PROCESS = "core"


def get_logger() -> Any:
    """A logger for this product's own lines."""
    return structlog.wrap_logger(
        _Stderr(), processors=_PROCESSORS, wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG)
    )


def configure_logging(style: Style | None = None) -> None:
    """Make our lines look like that, and everybody else's loggers in this process discreet."""
    style = style or Style()
    _PROCESSORS[:] = _ours(style)
    structlog.configure(
        processors=[structlog.processors.add_log_level, _name_only, with_ids, *finishing(style, _PROCESS)],
        wrapper_class=structlog.make_filtering_bound_logger(max(style.number, logging.WARNING)),
        logger_factory=lambda *_: _Stderr(),
        cache_logger_on_first_use=False,
    )
    quieten(style, _PROCESS)


def _ours(style: Style) -> list[Any]:
    def drop_below(_logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if getattr(logging, method.upper()) < style.number:
            raise structlog.DropEvent
        return event

    return [
        drop_below,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        *finishing(style, _PROCESS),
    ]


# Every module makes its logger when it is imported, before anybody has said what lines are to look like.
_PROCESSORS: list[Any] = _ours(Style())


class _Stderr:
    """Writes to whatever standard error is at that moment."""

    def msg(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    log = debug = info = warning = error = critical = exception = failure = fatal = err = warn = msg


def _name_only(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {"event": f"rasa:{event.get('event')}", "level": event.get("level")}
