"""`throughline doctor`: what is on, what is off and why, what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import sqlalchemy as sa

from bot.gateway.beating import in_disagreement
from bot.gateway.channels import Wired
from bot.gateway.operations import (
    PUBLIC_URL_MISSING,
    Checked,
    Deliveries,
    Registering,
    SetByHand,
    all_on,
    started,
)
from bot.gateway.run import CORE_PYTHON, MODELS, CannotRun
from bot.gateway.settings import Settings
from bot.gateway.starting import CLOCK_OFF, look
from bot.store.clock import OFF_BY, DatabaseClock
from bot.store.database import connect, database_url, reading
from bot.store.desk_tables import agents
from bot.store.outage import POSSIBLE
from channels.contract import Channel, SendError


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the report."""

    subject: str
    good: bool
    text: str
    chosen: bool = False
    """Not good, and no fault either: a channel that is off, or a thing that only a person can look up."""


async def examine(settings: Settings, *, online: bool = False) -> list[Finding]:
    """Look at everything that a start depends on, in the database too; `online`: ask the platforms as well. Raises
    SettingsError."""
    found = [await _database(settings), _model(), _core(), *_channels(settings), await _desk(settings)]
    found += await _machines(settings)
    return found + (await _platforms(settings) if online else [])


def healthy(findings: list[Finding]) -> bool:
    """Whether nothing has to be mended."""
    return all(found.good or found.chosen for found in findings)


def report(findings: list[Finding]) -> str:
    """The findings as a table for a terminal."""
    return "\n".join(f"{_mark(found)}  {found.subject:<10} {found.text}" for found in findings)


def _mark(found: Finding) -> str:
    if found.good:
        return "ok"
    return "--" if found.chosen else "!!"


async def _database(settings: Settings) -> Finding:
    engine = connect(database_url(settings.database_url))
    try:
        newer = await look(engine)
    except CannotRun as error:
        return Finding(subject="database", good=False, text=str(error))
    finally:
        await engine.dispose()
    state = f"of version {newer}, newer than what is here" if newer else "up to date"
    return Finding(subject="database", good=True, text=f"{engine.url!r} is {state}")


async def _machines(settings: Settings) -> list[Finding]:
    """On PostgreSQL, what several machines may disagree in."""
    engine = connect(database_url(settings.database_url))
    if engine.dialect.name != "postgresql":
        return []
    try:
        clock = DatabaseClock(engine)
        await clock.tune()
        different = await in_disagreement(engine, settings, clock)
    except POSSIBLE:
        return []  # said of the database already
    finally:
        await engine.dispose()
    return [_clock(clock.ahead), *_settings(different)]


def _clock(ahead: timedelta) -> Finding:
    off = abs(ahead) > OFF_BY
    way = "ahead of" if ahead > timedelta(0) else "behind"
    text = f"{abs(ahead).total_seconds():.1f} s {way} the database's: {CLOCK_OFF}" if off else "as the database's"
    return Finding(subject="clock", good=not off, text=text)


def _settings(different: list[str]) -> Iterator[Finding]:
    if different:
        text = f"{', '.join(different)} differ here from those of a running gateway: give all of them the same"
        yield Finding(subject="settings", good=False, text=text)


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
        _teams(settings),
        _channel("webchat", settings.webchat_origins, "WEBCHAT_ORIGINS", f"for {', '.join(settings.webchat_origins)}"),
        _channel("email", settings.smtp_url, "SMTP_URL", f"from {settings.mail_from}"),
        *_other_desks(settings),
    ]


def _other_desks(settings: Settings) -> Iterator[Finding]:
    """Lines for what is on: few have a desk besides the one here."""
    api = "answered by the API" if settings.desk_api_token else "answered by nobody: DESK_API_TOKEN is not set"
    if settings.desk_webhook_url:
        told = f"another one is told at {_place(settings.desk_webhook_url)}, {api}"
        yield Finding(subject="desk", good=bool(settings.desk_api_token), text=told, chosen=True)
    if settings.chatwoot_url:
        path = f"{settings.public_url or 'PUBLIC_URL'}/desk/outside/chatwoot"
        told = f"on, at {_place(settings.chatwoot_url)}; its inbox's webhook has to be {path}"
        yield Finding(subject="chatwoot", good=True, text=told)


def _place(url: str) -> str:
    """Without the path: people put secrets there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _teams(settings: Settings) -> Finding:
    if settings.teams_development:
        return Finding(subject="teams", good=True, text="on, in development: TEAMS_DEVELOPMENT lets anybody here post")
    return _channel("teams", settings.teams_app_id, "TEAMS_APP_ID", f"with log-in at {settings.teams_login_url}")


def _channel(name: str, set_to: object, setting: str, how: str) -> Finding:
    text = f"on, {how}" if set_to else f"off: {setting} is not set"
    return Finding(subject=name, good=bool(set_to), text=text, chosen=not set_to)


async def _desk(settings: Settings) -> Finding:
    """Whether anybody works there, and where they log in."""
    engine = connect(database_url(settings.database_url))
    try:
        async with reading(engine) as connection:
            there = sa.select(sa.func.count()).select_from(agents).where(agents.c.disabled_at.is_(None))
            count = (await connection.execute(there)).scalar_one()
    except POSSIBLE:
        return Finding(subject="desk", good=False, text="its agents are in the database: see there", chosen=True)
    finally:
        await engine.dispose()
    if not count:
        return Finding(subject="desk", good=False, text="no agents: run `throughline agents add`", chosen=True)
    if (settings.public_url or "").startswith("https://"):
        where = f"at {settings.public_url}/desk"
    else:
        where = f"at http://127.0.0.1:{settings.port}/desk, on this machine alone: PUBLIC_URL is no https address"
    return Finding(subject="desk", good=True, text=f"{count} agent{'s' * (count != 1)}, {where}")


# --- Online -----------------------------------------------------------------------------------------------------------


async def _platforms(settings: Settings) -> list[Finding]:
    """All at once, since one that does not answer takes its time."""
    found = await asyncio.gather(*(_platform(wired, settings.public_url) for wired in all_on(settings)))
    return [finding for findings in found for finding in findings]


async def _platform(wired: Wired, public_url: str | None) -> list[Finding]:
    async with started(wired.channel):
        token = await _token(wired.channel)
        return [token, *await _webhook(wired, public_url, known=token.good)]


async def _token(channel: Channel) -> Finding:
    if not isinstance(channel, Checked):
        return Finding(subject=channel.name, good=False, text="token: this platform cannot be asked", chosen=True)
    try:
        return Finding(subject=channel.name, good=True, text=f"token: {await channel.check()}")
    except SendError as error:
        text = f"token: {error.reason}. See channels/{channel.name}/README.md"
        return Finding(subject=channel.name, good=False, text=text)


async def _webhook(wired: Wired, public_url: str | None, *, known: bool) -> list[Finding]:
    """`known`: the platform knows us, and so may be asked."""
    channel = wired.channel
    if public_url is None:
        return [Finding(subject=channel.name, good=False, text=f"webhook: {PUBLIC_URL_MISSING}")]
    url = public_url + wired.path
    if isinstance(channel, SetByHand):
        text = f"webhook: see for yourself that it is {url}, at {channel.webhook_set_at}"
        return [Finding(subject=channel.name, good=False, text=text, chosen=True)]
    if isinstance(channel, Registering) and known:
        return [await _registered(channel.name, channel, url)]
    return []


async def _registered(name: str, channel: Registering, url: str) -> Finding:
    try:
        info = await channel.webhook_info()
    except SendError as error:
        return Finding(subject=name, good=False, text=f"webhook: {error.reason}")
    wrong = list(_wrong(name, info, url))
    text = ". ".join(wrong) or f"{url}, {info.pending} waiting{_last_error(info)}"
    return Finding(subject=name, good=not wrong, text=f"webhook: {text}")


def _wrong(name: str, info: Deliveries, url: str) -> Iterator[str]:
    """What keeps messages from coming in, and what to do."""
    again = f"run `throughline {name} set-webhook`"
    if info.url != url:
        yield f"{_elsewhere(info.url, url)}: {again}"
        return
    if info.unheard:
        yield f"{', '.join(info.unheard)} would not be delivered: {again}"
    if info.pending and info.error:
        yield f"{info.pending} waiting{_last_error(info)}"
        yield f"If that is 403, the secrets differ: {again}. Else see whether {url} is reached from the internet"


def _elsewhere(there: str, here: str) -> str:
    if not there:
        return "none is set"
    return f"leads to {_place(there)}/… and not to {here}"


def _last_error(info: Deliveries) -> str:
    if not info.error:
        return ""
    return f"; last error{_at(info.error_at)}: {info.error}"


def _at(moment: datetime | None) -> str:
    return f" at {moment:%Y-%m-%d %H:%M} UTC" if moment else ""
