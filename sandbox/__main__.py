"""`python -m sandbox`: start the sandbox on this machine's loopback address, until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import signal
import sys

import structlog
from aiohttp import web

from .app import make_app
from .settings import SettingError, Settings, read_settings

_HELP = """
A shop's page with the web chat, a phone with Telegram, WhatsApp and Microsoft Teams, and the servers behind them, all
on loopback.

settings, from the environment (each X also as X_FILE):
  SANDBOX_PORT            port on 127.0.0.1 (8081)
  GATEWAY_URL             the gateway: its widget is embedded, its webhook is set (http://127.0.0.1:8080)
  TELEGRAM_BOT_TOKEN      the bot's token, the same as the gateway's; without one nobody answers on the phone
  TELEGRAM_SECRET_TOKEN   the webhook's secret, the same as the gateway's
  SANDBOX_BOT_USERNAME    the bot's name in links (hearthside_bot)

WhatsApp, if there is a token, and Teams, if there is an app; each is the same as the gateway's:
  WHATSAPP_ACCESS_TOKEN, WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN, WHATSAPP_PHONE_NUMBER_ID
  TEAMS_APP_ID, TEAMS_APP_PASSWORD
The gateway reaches them here:
  WHATSAPP_API_URL        http://127.0.0.1:8081/whatsapp/v26.0
  TEAMS_OPENID_URL        http://127.0.0.1:8081/teams/v1/.well-known/openidconfiguration
  TEAMS_LOGIN_URL         http://127.0.0.1:8081/teams/botframework.com
  TEAMS_SERVICE_HOSTS     127.0.0.1
"""

log = structlog.get_logger("sandbox")


def main() -> int:
    argparse.ArgumentParser(
        prog="python -m sandbox", description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    _configure_logging()
    try:
        settings = read_settings(os.environ)
    except SettingError as error:
        sys.stderr.write(f"sandbox: {error}\n")
        return 1
    return asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    for received in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(received, stop.set)
    runner = web.AppRunner(make_app(settings), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", settings.port).start()
    except OSError as error:
        sys.stderr.write(f"sandbox: {_why(error, settings.port)}: free it, or set SANDBOX_PORT to another one\n")
        await runner.cleanup()
        return 1
    log.info("sandbox ready", url=f"http://127.0.0.1:{settings.port}/")
    await stop.wait()
    await runner.cleanup()
    log.info("sandbox stopped")
    return 0


def _why(error: OSError, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} is in use"
    return f"port {port} cannot be opened ({os.strerror(error.errno or 0)})"


def _configure_logging() -> None:
    """One line an event on standard error: ids and names of events, never a token or anybody's words."""
    terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S" if terminal else "iso", utc=not terminal),
            structlog.dev.ConsoleRenderer(colors=terminal),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


if __name__ == "__main__":
    raise SystemExit(main())
