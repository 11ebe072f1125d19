"""Logging. Ids, names of events, types of errors: never a secret, never a customer's words."""

from __future__ import annotations

import sys

import structlog

from bot.store.lines import Style, finishing, quieten

_PROCESS = "gateway"


def configure_logging(style: Style) -> None:
    """One line an event on standard error: readable on a terminal, key=value elsewhere, or JSON."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            *finishing(style, _PROCESS),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(style.number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    quieten(style, _PROCESS)
