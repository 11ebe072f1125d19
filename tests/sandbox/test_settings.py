"""The sandbox's settings."""

from pathlib import Path

import pytest

from sandbox.settings import SettingError, Settings, read_settings


def test_everything_has_a_default_but_the_bot() -> None:
    settings = read_settings({})
    assert (settings.port, settings.gateway_url) == (8081, "http://127.0.0.1:8080")
    assert settings.bot_username == "hearthside_bot"
    assert settings.bot_token != read_settings({}).bot_token


def test_settings_come_from_the_environment_or_from_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("123456:ABC\n")
    assert read_settings(
        {
            "SANDBOX_PORT": "9000",
            "GATEWAY_URL": "https://chat.example.com/",
            "TELEGRAM_BOT_TOKEN_FILE": str(tmp_path / "token"),
            "TELEGRAM_SECRET_TOKEN": "s3cret",
            "SANDBOX_BOT_USERNAME": "other_bot",
        }
    ) == Settings(
        port=9000,
        gateway_url="https://chat.example.com",
        bot_token="123456:ABC",
        secret_token="s3cret",
        bot_username="other_bot",
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SANDBOX_PORT", "80 81"),
        ("SANDBOX_PORT", "65536"),
        ("GATEWAY_URL", "127.0.0.1:8080"),
        ("GATEWAY_URL", "http://127.0.0.1:8080/; script-src *"),
        ("TELEGRAM_BOT_TOKEN", "no colon"),
        ("TELEGRAM_SECRET_TOKEN", "a b"),
        ("TELEGRAM_SECRET_TOKEN_FILE", "/nowhere"),
        ("SANDBOX_BOT_USERNAME", "hearthside"),
    ],
)
def test_a_wrong_setting_is_named_and_not_shown_if_secret(name: str, value: str) -> None:
    with pytest.raises(SettingError) as wrong:
        read_settings({name: value})
    assert str(wrong.value).startswith(name)
    assert "TOKEN" not in name or value not in str(wrong.value)
