"""The sandbox's settings, from the environment; each `X` may also come as `X_FILE`, the path of its file."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


class SettingError(Exception):
    """A setting that is wrong; the text names it and never holds a secret."""


@dataclass(frozen=True, kw_only=True)
class WhatsAppSettings:
    access_token: str = field(repr=False)
    app_secret: str = field(repr=False)
    verify_token: str = field(repr=False)
    phone_number_id: str


@dataclass(frozen=True, kw_only=True)
class TeamsSettings:
    app_id: str
    app_password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    port: int
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DeskSettings:
    """Where agents work, and who may try it."""

    url: str
    login: str = ""
    """Empty: whoever opens it has a login of their own."""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Settings:
    port: int
    gateway_url: str
    bot_token: str = field(repr=False)
    secret_token: str = field(repr=False)
    bot_username: str
    whatsapp: WhatsAppSettings | None = None
    """None: the channel is off."""
    teams: TeamsSettings | None = None
    webchat_jwt_secret: str = field(default="", repr=False)
    """Shared with the gateway, to vouch for the shop's customers; "": nobody can sign in."""
    mail: MailSettings | None = None
    """None: there is no mail server."""
    desk: DeskSettings | None = None
    """None: the page leads to no desk."""

    @property
    def url(self) -> str:
        """Where the sandbox is reached."""
        return f"http://127.0.0.1:{self.port}"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Raises SettingError."""
    return Settings(
        port=_port(_read(environ, "SANDBOX_PORT") or "8081"),
        gateway_url=_url("GATEWAY_URL", _read(environ, "GATEWAY_URL") or "http://127.0.0.1:8080"),
        bot_token=_token(_read(environ, "TELEGRAM_BOT_TOKEN")),
        secret_token=_secret(_read(environ, "TELEGRAM_SECRET_TOKEN")),
        bot_username=_username(_read(environ, "SANDBOX_BOT_USERNAME") or "hearthside_bot"),
        whatsapp=_whatsapp(environ),
        teams=_teams(environ),
        webchat_jwt_secret=_read(environ, "WEBCHAT_JWT_SECRET"),
        mail=_mail(_read(environ, "SMTP_URL")),
        desk=_desk(environ),
    )


def _whatsapp(environ: Mapping[str, str]) -> WhatsAppSettings | None:
    if not _read(environ, "WHATSAPP_ACCESS_TOKEN"):
        return None
    phone_number_id = _needed(environ, "WHATSAPP_PHONE_NUMBER_ID", "WHATSAPP_ACCESS_TOKEN")
    if not re.fullmatch(r"[0-9]{1,32}", phone_number_id):
        raise SettingError("WHATSAPP_PHONE_NUMBER_ID must be digits, as Meta's console shows them")
    return WhatsAppSettings(
        access_token=_read(environ, "WHATSAPP_ACCESS_TOKEN"),
        app_secret=_needed(environ, "WHATSAPP_APP_SECRET", "WHATSAPP_ACCESS_TOKEN"),
        verify_token=_needed(environ, "WHATSAPP_VERIFY_TOKEN", "WHATSAPP_ACCESS_TOKEN"),
        phone_number_id=phone_number_id,
    )


def _teams(environ: Mapping[str, str]) -> TeamsSettings | None:
    app_id = _read(environ, "TEAMS_APP_ID")
    if not app_id:
        return None
    return TeamsSettings(app_id=app_id, app_password=_needed(environ, "TEAMS_APP_PASSWORD", "TEAMS_APP_ID"))


def _mail(url: str) -> MailSettings | None:
    """As the gateway is told where to hand mail in."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        port = None
    if not port or parts.scheme != "smtp" or parts.hostname != "127.0.0.1" or not (parts.username and parts.password):
        raise SettingError("SMTP_URL must be like smtp://user:password@127.0.0.1:2525: the sandbox listens there")
    return MailSettings(port=port, user=parts.username, password=parts.password)


def _desk(environ: Mapping[str, str]) -> DeskSettings | None:
    if not _read(environ, "DESK_URL"):
        return None
    return DeskSettings(
        url=_url("DESK_URL", _read(environ, "DESK_URL")),
        login=_read(environ, "DESK_DEMO_LOGIN"),
        password=_read(environ, "DESK_DEMO_PASSWORD"),
    )


def _needed(environ: Mapping[str, str], name: str, beside: str) -> str:
    text = _read(environ, name)
    if not text:
        raise SettingError(f"{name} is needed with {beside}")
    return text


def _read(environ: Mapping[str, str], name: str) -> str:
    if environ.get(name):
        return environ[name].strip()
    if not environ.get(f"{name}_FILE"):
        return ""
    try:
        return Path(environ[f"{name}_FILE"]).read_text().strip()
    except OSError as error:
        raise SettingError(f"{name}_FILE cannot be read: {error.strerror}") from None


def _port(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise SettingError(f"SANDBOX_PORT must be a number from 1 to 65535, not {text!r}")
    return int(text)


def _url(name: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        valid = False
    if not valid or not re.fullmatch(r"[^\s\"'<>;]+", text):
        raise SettingError(f"{name} must be an address of the gateway's, such as http://127.0.0.1:8080")
    return text.rstrip("/")


def _token(text: str) -> str:
    """Without a token the sandbox has a bot that nobody drives: its phone works, and waits for an answer."""
    if not text:
        return f"{10**9 + secrets.randbelow(10**9)}:{secrets.token_urlsafe(26)}"
    if not re.fullmatch(r"\d+:[A-Za-z0-9_-]+", text):
        raise SettingError("TELEGRAM_BOT_TOKEN must look like 123456:ABC-def, as @BotFather gives it")
    return text


def _secret(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", text):
        raise SettingError("TELEGRAM_SECRET_TOKEN may have 1 to 256 characters of A-Z a-z 0-9 _ -")
    return text


def _username(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{2,28}bot", text, re.IGNORECASE):
        raise SettingError("SANDBOX_BOT_USERNAME must be a bot's name: 5 to 32 letters, digits or _, ending in bot")
    return text
