"""A setting that is wrong stops the start with its name; one from a file is as good as one from the environment."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.gateway.settings import Settings, SettingsError, load_settings

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "123456789:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_without_any_setting_it_starts_on_sqlite() -> None:
    settings = load_settings()
    assert (settings.database_url, settings.port) == ("sqlite:///var/throughline.db", 8080)
    assert settings.telegram_bot_token is None
    assert settings.webchat_origins == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("DATABASE_URL", "mysql://localhost/shop"),
        ("DATABASE_URL", "not an address"),
        ("PUBLIC_URL", "chat.example.com"),
        ("TELEGRAM_SECRET_TOKEN", "has spaces"),
        ("WEBCHAT_ORIGINS", "https://shop.example.com/path"),
        ("WEBCHAT_ORIGINS", "*"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_a_token_without_a_secret_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    with pytest.raises(SettingsError, match="TELEGRAM_SECRET_TOKEN") as error:
        load_settings()
    assert TOKEN not in str(error.value)


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("TELEGRAM_SECRET_TOKEN", "secret")
    token = load_settings().telegram_bot_token
    assert token is not None
    assert token.get_secret_value() == TOKEN


def test_a_missing_file_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN_FILE", "/nowhere/token")
    with pytest.raises(SettingsError, match="_FILE"):
        load_settings()


def test_settings_are_not_shown_by_accident(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("TELEGRAM_SECRET_TOKEN", "very-secret")
    shown = repr(load_settings())
    assert TOKEN not in shown
    assert "very-secret" not in shown


def test_origins_are_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBCHAT_ORIGINS", "https://Shop.example.com, http://localhost:8081/")
    assert load_settings().webchat_origins == ("https://shop.example.com", "http://localhost:8081")


def test_every_setting_is_documented() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("channels/*/README.md")]
    documented = set(re.findall(r"`([A-Z][A-Z_]+)`", "".join(page.read_text(encoding="utf-8") for page in pages)))
    assert {name.upper() for name in Settings.model_fields} - documented == set()
