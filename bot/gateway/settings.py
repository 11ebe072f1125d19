"""What an operator can set, from the environment or a file `.env`, and what is wrong with it.

Every setting `X` may also be given as `X_FILE`, the path of a file that holds it.
"""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from bot.gateway.desk.outside.signature import secret_bytes
from bot.store.database import DEFAULT_URL, database_url


class SettingsError(Exception):
    """Settings that cannot work; each line of the text names one and says what it should be."""


def _origin(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError(f"{text!r} is not an origin such as https://shop.example.com")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _base_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("must be an http or https address")
    return text.rstrip("/")


def _telegram_secret(secret: SecretStr | None) -> SecretStr | None:
    # https://core.telegram.org/bots/api#setwebhook
    if secret and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret.get_secret_value()):
        raise ValueError("must be 1 to 256 of A-Z, a-z, 0-9, _ and -")
    return secret


def _jwt_secret(secret: SecretStr | None) -> SecretStr | None:
    # As long as the hash, or it is easier to guess than to forge: RFC 7518, section 3.2.
    if secret and len(secret.get_secret_value().encode()) < 32:
        raise ValueError("must have 32 bytes at least")
    return secret


def _web_address(url: str) -> str:
    """As it is: somebody else's path may end in a slash."""
    _base_url(url)
    return url


def _webhook_secret(secret: SecretStr | None) -> SecretStr | None:
    if secret:
        secret_bytes(secret.get_secret_value())
    return secret


def _smtp(url: SecretStr | None) -> SecretStr | None:
    parts = urlsplit(url.get_secret_value()) if url else None
    if parts and (parts.scheme not in ("smtp", "smtps") or not parts.hostname):
        raise ValueError("must be like smtps://user:password@mail.example.com:465, or smtp:// for STARTTLS")
    return url


def _database(url: str) -> str:
    database_url(url)
    return url


BaseUrl = Annotated[str, AfterValidator(_base_url)]


class Settings(BaseSettings):
    """All settings of the gateway. README.md and the channels' own READMEs explain them; a test holds them together."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore")

    database_url: Annotated[str, AfterValidator(_database)] = DEFAULT_URL
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    public_url: BaseUrl | None = None
    media_dir: Path = Path("var/media")
    keep_messages_days: Annotated[int, Field(ge=1)] | None = None

    telegram_bot_token: SecretStr | None = None
    telegram_secret_token: Annotated[SecretStr | None, AfterValidator(_telegram_secret)] = None
    telegram_api_url: BaseUrl = "https://api.telegram.org"

    whatsapp_access_token: SecretStr | None = None
    whatsapp_app_secret: SecretStr | None = None
    whatsapp_verify_token: SecretStr | None = None
    whatsapp_phone_number_id: Annotated[str, Field(pattern=r"^[0-9]{5,20}$")] | None = None
    whatsapp_api_url: BaseUrl = "https://graph.facebook.com/v26.0"

    teams_app_id: str | None = None
    teams_app_password: SecretStr | None = None
    teams_openid_url: BaseUrl = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    teams_login_url: BaseUrl = "https://login.microsoftonline.com/botframework.com"
    teams_service_hosts: Annotated[tuple[str, ...], NoDecode] = (
        "smba.trafficmanager.net",
        "smba.onyx.prod.teams.trafficmanager.net",
        "smba.infra.gcc.teams.microsoft.com",
    )
    teams_development: bool = False

    webchat_origins: Annotated[tuple[Annotated[str, AfterValidator(_origin)], ...], NoDecode] = ()
    webchat_jwt_secret: Annotated[SecretStr | None, AfterValidator(_jwt_secret)] = None
    smtp_url: Annotated[SecretStr | None, AfterValidator(_smtp)] = None
    mail_from: Annotated[str, Field(pattern=r"^[^\r\n,;]*[^\s@<>,;]+@[^\s@<>,;]+>?$")] | None = None

    desk_webhook_url: Annotated[str, AfterValidator(_web_address)] | None = None
    desk_webhook_secret: Annotated[SecretStr | None, AfterValidator(_webhook_secret)] = None
    desk_api_token: Annotated[SecretStr | None, AfterValidator(_jwt_secret)] = None

    chatwoot_url: BaseUrl | None = None
    chatwoot_account_id: Annotated[int, Field(ge=1)] | None = None
    chatwoot_inbox_id: Annotated[int, Field(ge=1)] | None = None
    chatwoot_api_token: SecretStr | None = None
    chatwoot_webhook_secret: SecretStr | None = None

    action_endpoint_url: BaseUrl | None = None

    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    shutdown_delay: Annotated[float, Field(ge=0, le=300)] = 0

    max_backlog: Annotated[int, Field(ge=1)] = 50_000
    comfort_after: Annotated[float, Field(ge=0, le=3600)] = 8
    warn_after: Annotated[float, Field(ge=0, le=3600)] = 60

    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()

    allow_different_settings: bool = False

    @model_validator(mode="before")
    @classmethod
    def _split_lists(cls, values: dict[str, Any]) -> dict[str, Any]:
        for name in ("webchat_origins", "trusted_proxies", "teams_service_hosts"):
            listed = values.get(name)
            if isinstance(listed, str):
                values[name] = tuple(part for part in re.split(r"[,\s]+", listed) if part)
        return {name: value for name, value in values.items() if value != ""}

    @model_validator(mode="after")
    def _telegram_is_whole(self) -> Settings:
        if self.telegram_bot_token and not self.telegram_secret_token:
            raise ValueError("TELEGRAM_SECRET_TOKEN is needed with TELEGRAM_BOT_TOKEN: without it anyone could post")
        return self

    @model_validator(mode="after")
    def _whatsapp_is_whole(self) -> Settings:
        if self.whatsapp_access_token is None:
            return self
        for name in ("whatsapp_app_secret", "whatsapp_verify_token", "whatsapp_phone_number_id"):
            if getattr(self, name) is None:
                raise ValueError(f"{name.upper()} is needed with WHATSAPP_ACCESS_TOKEN")
        return self

    @model_validator(mode="after")
    def _teams_is_whole(self) -> Settings:
        if self.teams_app_id and not self.teams_app_password:
            raise ValueError("TEAMS_APP_PASSWORD is needed with TEAMS_APP_ID")
        return self

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Settings:
        if self.smtp_url and not self.mail_from:
            raise ValueError("MAIL_FROM is needed with SMTP_URL")
        return self

    @model_validator(mode="after")
    def _other_desk_is_whole(self) -> Settings:
        if bool(self.desk_webhook_url) != bool(self.desk_webhook_secret):
            raise ValueError("DESK_WEBHOOK_URL and DESK_WEBHOOK_SECRET are needed together")
        return self

    @model_validator(mode="after")
    def _chatwoot_is_whole(self) -> Settings:
        names = ("chatwoot_account_id", "chatwoot_inbox_id", "chatwoot_api_token", "chatwoot_webhook_secret")
        if self.chatwoot_url is None:
            return self
        for name in names:
            if getattr(self, name) is None:
                raise ValueError(f"{name.upper()} is needed with CHATWOOT_URL")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _FromFiles(settings_cls), dotenv_settings


class _FromFiles(PydanticBaseSettingsSource):
    """Reads `X` from the file that `X_FILE` names, as container platforms hand out secrets."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{field_name.upper()}_FILE")
        return (Path(path).read_text(encoding="utf-8").strip() if path else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def load_settings(**given: Any) -> Settings:
    """The settings in force; `given` wins over the environment. Raises SettingsError."""
    try:
        return Settings(**given)
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(item) for item in error.errors(include_input=False))) from None
    except OSError as error:
        raise SettingsError(f"A file named by a setting …_FILE cannot be read: {error.strerror}") from None


def _explain(item: Any) -> str:
    name = str(item["loc"][0]).upper() if item["loc"] else ""
    reason = item["msg"].removeprefix("Value error, ")
    return f"{name}: {reason}" if name else reason
