"""`throughline doctor`: what is on, what is off and why, what is missing."""

from __future__ import annotations

from dataclasses import dataclass

from bot.gateway.migrate import is_current
from bot.gateway.run import CORE_PYTHON, MODELS
from bot.gateway.settings import Settings
from bot.store.database import connect, database_url
from bot.store.outage import POSSIBLE


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report."""

    subject: str
    good: bool
    text: str


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything that a start depends on. Talks to the database, not to the platforms."""
    return [await _database(settings), _model(), _core(), *_channels(settings)]


def report(findings: list[Finding]) -> str:
    """The findings as a table for a terminal."""
    return "\n".join(f"{'ok ' if found.good else '-- '} {found.subject:<10} {found.text}" for found in findings)


async def _database(settings: Settings) -> Finding:
    url = database_url(settings.database_url)
    engine = connect(url)
    try:
        current = await is_current(engine)
    except POSSIBLE as error:
        return Finding(subject="database", good=False, text=f"{url!r} does not answer: {type(error).__name__}")
    finally:
        await engine.dispose()
    state = "up to date" if current else "not up to date: run `throughline migrate`"
    return Finding(subject="database", good=current, text=f"{url!r} is {state}")


def _model() -> Finding:
    models = sorted(MODELS.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    if not models:
        return Finding(subject="model", good=False, text="none in models/: run `make train`")
    return Finding(subject="model", good=True, text=str(models[-1]))


def _core() -> Finding:
    there = CORE_PYTHON.exists()
    return Finding(
        subject="core", good=there, text=str(CORE_PYTHON) if there else f"{CORE_PYTHON} is missing: run `make setup`"
    )


def _channels(settings: Settings) -> list[Finding]:
    return [
        _channel("telegram", settings.telegram_bot_token, "TELEGRAM_BOT_TOKEN", f"through {settings.telegram_api_url}"),
        _channel(
            "whatsapp", settings.whatsapp_access_token, "WHATSAPP_ACCESS_TOKEN", f"through {settings.whatsapp_api_url}"
        ),
        _channel("teams", settings.teams_app_id, "TEAMS_APP_ID", f"with log-in at {settings.teams_login_url}"),
        _channel("webchat", settings.webchat_origins, "WEBCHAT_ORIGINS", f"for {', '.join(settings.webchat_origins)}"),
    ]


def _channel(name: str, set_to: object, setting: str, how: str) -> Finding:
    return Finding(subject=name, good=bool(set_to), text=f"on, {how}" if set_to else f"off: {setting} is not set")
