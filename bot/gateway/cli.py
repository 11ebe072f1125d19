"""The command `throughline`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from aiohttp import web

from bot.gateway.app import build_app
from bot.gateway.doctor import examine, report
from bot.gateway.logs import configure_logging
from bot.gateway.migrate import upgrade
from bot.gateway.run import CannotRun, run
from bot.gateway.settings import Settings, SettingsError, load_settings
from bot.store.database import connect, database_url


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.command(chosen, load_settings()))
    except SettingsError as error:
        print(f"throughline: these settings cannot work:\n{error}", file=sys.stderr)
    except CannotRun as error:
        print(f"throughline: {error}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="throughline", description="One customer, one conversation, on every channel.", epilog="See README.md."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    starts = commands.add_parser("run", help="start gateway, core worker, action server and sandbox on this machine")
    starts.add_argument("--no-sandbox", action="store_true", help="without the sandbox: for real channels only")
    starts.set_defaults(command=_run)
    commands.add_parser("gateway", help="start the gateway alone").set_defaults(command=_gateway)
    commands.add_parser("migrate", help="create or update the database's tables").set_defaults(command=_migrate)
    commands.add_parser("doctor", help="show what is on, what is off and why").set_defaults(command=_doctor)
    return parser


def _run(chosen: argparse.Namespace, settings: Settings) -> int:
    return asyncio.run(run(settings, sandbox=not chosen.no_sandbox))


def _gateway(_chosen: argparse.Namespace, settings: Settings) -> int:
    configure_logging()
    try:
        web.run_app(
            build_app(settings), host=settings.host, port=settings.port, print=None, access_log=None, shutdown_timeout=5
        )
    except OSError as error:
        raise CannotRun(f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); set PORT") from error
    return 0


def _migrate(_chosen: argparse.Namespace, settings: Settings) -> int:
    async def bring_up_to_date() -> None:
        engine = connect(database_url(settings.database_url))
        try:
            await upgrade(engine)
        finally:
            await engine.dispose()

    asyncio.run(bring_up_to_date())
    print("The database is up to date.")
    return 0


def _doctor(_chosen: argparse.Namespace, settings: Settings) -> int:
    findings = asyncio.run(examine(settings))
    print(report(findings))
    return 0 if all(found.good for found in findings[:3]) else 1
