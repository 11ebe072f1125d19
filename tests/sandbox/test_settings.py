"""The sandbox's settings."""

from pathlib import Path

import pytest

from sandbox.settings import (
    DeskSettings,
    MailSettings,
    SettingError,
    Settings,
    TeamsSettings,
    WhatsAppSettings,
    read_settings,
)


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


WHATSAPP = {
    "WHATSAPP_ACCESS_TOKEN": "EAAG-token",
    "WHATSAPP_APP_SECRET": "app-secret",
    "WHATSAPP_VERIFY_TOKEN": "verify-me",
    "WHATSAPP_PHONE_NUMBER_ID": "106540352242922",
}
TEAMS = {"TEAMS_APP_ID": "f2f1e0d9-0000-4000-8000-000000000001", "TEAMS_APP_PASSWORD": "app-password"}


def test_whatsapp_and_teams_are_off_unless_they_are_set() -> None:
    assert (read_settings({}).whatsapp, read_settings({}).teams) == (None, None)
    settings = read_settings(WHATSAPP | TEAMS)
    assert settings.whatsapp == WhatsAppSettings(
        access_token="EAAG-token",
        app_secret="app-secret",
        verify_token="verify-me",
        phone_number_id="106540352242922",
    )
    assert settings.teams == TeamsSettings(app_id="f2f1e0d9-0000-4000-8000-000000000001", app_password="app-password")
    for secret in ("EAAG-token", "app-secret", "verify-me", "app-password"):
        assert secret not in repr(settings)


@pytest.mark.parametrize("name", [*list(WHATSAPP)[1:], "TEAMS_APP_PASSWORD"])
def test_what_belongs_to_a_channel_is_needed_with_it(name: str) -> None:
    with pytest.raises(SettingError, match=f"{name} is needed with"):
        read_settings({key: value for key, value in (WHATSAPP | TEAMS).items() if key != name})


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
        ("WHATSAPP_PHONE_NUMBER_ID", "+65 9123 0001"),
    ],
)
def test_a_wrong_setting_is_named_and_not_shown_if_secret(name: str, value: str) -> None:
    with pytest.raises(SettingError) as wrong:
        read_settings(WHATSAPP | {name: value})
    assert str(wrong.value).startswith(name)
    assert "TOKEN" not in name or value not in str(wrong.value)


def test_mail_is_taken_where_the_gateway_hands_it_in() -> None:
    assert read_settings({}).mail is None
    settings = read_settings({"SMTP_URL": "smtp://shop:s3cret@127.0.0.1:2525"})
    assert settings.mail == MailSettings(port=2525, user="shop", password="s3cret")
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize(
    "url", ["smtp://127.0.0.1:2525", "smtps://a:b@127.0.0.1:465", "smtp://a:b@mail.example.com:25", "x"]
)
def test_a_real_mail_server_is_none_of_the_sandboxes(url: str) -> None:
    with pytest.raises(SettingError, match="SMTP_URL"):
        read_settings({"SMTP_URL": url})


def test_the_page_leads_to_a_desk_where_there_is_one() -> None:
    assert read_settings({}).desk is None
    url = "http://127.0.0.1:8080/desk"
    assert read_settings({"DESK_URL": url}).desk == DeskSettings(url=url)
    login = {"DESK_DEMO_LOGIN": "maya", "DESK_DEMO_PASSWORD": "correct horse battery"}
    settings = read_settings({"DESK_URL": url, **login})
    assert settings.desk == DeskSettings(url=url, login="maya", password="correct horse battery")
    assert "correct horse" not in repr(settings)
    with pytest.raises(SettingError, match="DESK_URL"):
        read_settings({"DESK_URL": "javascript:alert(1)"})
