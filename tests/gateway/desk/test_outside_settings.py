"""Another desk is set up wholly or not at all, and what is wrong is named without being shown."""

from __future__ import annotations

from typing import Any

import pytest

from bot.gateway.doctor import _other_desks as lines_of
from bot.gateway.doctor import report
from bot.gateway.settings import Settings, SettingsError, load_settings
from tests.gateway.desk.outside import SECRET, TOKEN

WEBHOOK: dict[str, Any] = {"desk_webhook_url": "https://desk.example.com/hook/s3cret/", "desk_webhook_secret": SECRET}
CHATWOOT: dict[str, Any] = {
    "chatwoot_url": "https://chatwoot.example.com",
    "chatwoot_account_id": 1,
    "chatwoot_inbox_id": 3,
    "chatwoot_api_token": "token-of-a-user",
    "chatwoot_webhook_secret": "secret-of-the-inbox",
}


def load(**given: Any) -> Settings:
    return load_settings(_env_file=None, **given)


def test_the_address_is_kept_as_it_is() -> None:
    assert load(**WEBHOOK).desk_webhook_url == "https://desk.example.com/hook/s3cret/"


@pytest.mark.parametrize("missing", WEBHOOK)
def test_the_webhook_and_its_secret_come_together(missing: str) -> None:
    with pytest.raises(SettingsError, match="DESK_WEBHOOK_SECRET") as error:
        load(**{name: value for name, value in WEBHOOK.items() if name != missing})
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("missing", [name for name in CHATWOOT if name != "chatwoot_url"])
def test_chatwoot_needs_all_of_it(missing: str) -> None:
    with pytest.raises(SettingsError, match=missing.upper()):
        load(**{name: value for name, value in CHATWOOT.items() if name != missing})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("desk_webhook_secret", "whsec_short"),
        ("desk_webhook_url", "desk.example.com"),
        ("desk_api_token", "short"),
        ("chatwoot_inbox_id", "shop"),
        ("chatwoot_url", "ftp://chatwoot.example.com"),
    ],
)
def test_a_wrong_one_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name.upper()):
        load(**{**WEBHOOK, **CHATWOOT, name: value})


def test_the_doctor_says_where_it_is_and_no_secret() -> None:
    settings = load(**WEBHOOK, **CHATWOOT, desk_api_token=TOKEN, public_url="https://chat.example.com")
    said = report(list(lines_of(settings)))
    assert "https://desk.example.com, answered by the API" in said
    assert "https://chat.example.com/desk/outside/chatwoot" in said
    assert not any(secret in said for secret in ("s3cret", SECRET, TOKEN, "token-of-a-user", "secret-of-the-inbox"))
    assert report(list(lines_of(load()))) == ""
