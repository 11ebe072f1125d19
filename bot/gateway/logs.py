"""Logging. Ids, names of events, types of errors: never a secret, never a customer's words."""

from __future__ import annotations

import logging
import sys

import structlog

# These print request lines at INFO; Telegram's hold the bot's token.
_TOO_TALKATIVE = ("telegram", "aiohttp.access", "alembic")


def configure_logging(level: int = logging.INFO) -> None:
    """One line an event on standard error, readable on a terminal and as key=value elsewhere."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
            structlog.dev.ConsoleRenderer(colors=terminal),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for name in _TOO_TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
