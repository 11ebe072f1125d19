"""The operators' commands, as they are typed: against a running gateway and the vendors as the sandbox plays them."""

from __future__ import annotations

import asyncio
import io
import json
import os
import zipfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.gateway.cli import main
from bot.gateway.settings import Settings
from bot.store.database import connect
from bot.store.tables import messages, unread_webhooks
from sandbox.telegram import BotAccount, TelegramServer
from tests.database import fresh_sqlite, utc_now
from tests.gateway.people import accepted, rows, says
from tests.gateway.running import SECRET, TOKEN, Gateway, running_gateway

FIXTURES = Path(__file__).resolve().parents[1] / "channels"
PUBLIC = "https://chat.example.com"
APP_ID, PASSWORD = "3f1c9b52-6a0e-4c55-9b0e-2d6a1c7e8f10", "the-value-of-a-client-secret"
WHATSAPP: dict[str, Any] = {
    "whatsapp_access_token": "EAAG-of-the-tests",
    "whatsapp_app_secret": "app-secret",
    "whatsapp_verify_token": "verify-me",
    "whatsapp_phone_number_id": "106540352242922",
    "whatsapp_api_url": "http://127.0.0.1:9/v26.0",
}


class Shell:
    """An operator's: where the settings are."""

    def __init__(self, environment: pytest.MonkeyPatch, out: pytest.CaptureFixture[bytes]) -> None:
        self._environment = environment
        self._out = out

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self._environment.setenv(name.upper(), value)

    def unset(self, name: str) -> None:
        self._environment.delenv(name.upper())

    async def run(self, *arguments: str, given: bytes = b"") -> tuple[int, bytes]:
        """The exit status, and all that was said; not by a gateway that runs beside it."""
        self._environment.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        self._out.readouterr()
        status = await asyncio.to_thread(main, arguments)
        said = self._out.readouterr()
        lines = (said.out + said.err).splitlines(keepends=True)
        return status, b"".join(line for line in lines if b"[info     ]" not in line)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Shell:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    shell = Shell(monkeypatch, capsysbinary)
    shell.set(database_url=fresh_sqlite(tmp_path))
    return shell


# --- throughline telegram set-webhook ---------------------------------------------------------------------------------


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    async with TelegramServer() as running:
        yield running


@pytest.fixture
def shop(telegram: TelegramServer, shell: Shell) -> BotAccount:
    shell.set(telegram_bot_token=TOKEN, telegram_secret_token=SECRET, telegram_api_url=telegram.url, public_url=PUBLIC)
    return telegram.bot(TOKEN)


async def test_set_webhook_has_telegram_deliver_here(shell: Shell, shop: BotAccount) -> None:
    status, said = await shell.run("telegram", "set-webhook")
    assert (status, shop.delivery.webhook and shop.delivery.webhook.url) == (0, f"{PUBLIC}/webhooks/telegram")
    assert shop.delivery.webhook is not None
    assert shop.delivery.webhook.secret_token == SECRET
    assert f"Telegram delivers to {PUBLIC}/webhooks/telegram from now on".encode() in said
    assert SECRET.encode() not in said


async def test_set_webhook_is_followed_by_a_doctor_who_is_content(shell: Shell, shop: BotAccount) -> None:
    await shell.run("telegram", "set-webhook")
    _, said = await shell.run("doctor", "--online")
    assert f"ok  telegram   webhook: {PUBLIC}/webhooks/telegram, 0 waiting".encode() in said


@pytest.mark.parametrize("missing", ["telegram_bot_token", "public_url"])
async def test_set_webhook_names_the_missing_setting(shell: Shell, shop: BotAccount, missing: str) -> None:
    shell.unset(missing)
    status, said = await shell.run("telegram", "set-webhook")
    assert status == 1
    assert missing.upper().encode() in said
    assert shop.calls == []


async def test_set_webhook_says_what_telegram_refuses(shell: Shell, shop: BotAccount) -> None:
    shell.set(public_url="http://chat.example.com")
    status, said = await shell.run("telegram", "set-webhook")
    assert status == 1
    assert b"an https url must be provided" in said.lower()


async def test_set_webhook_with_a_wrong_token_does_not_show_it(shell: Shell, shop: BotAccount) -> None:
    shell.set(telegram_bot_token="1:wrong")
    status, said = await shell.run("telegram", "set-webhook")
    assert (status, said) == (1, b"throughline: the webhook was not set. TELEGRAM_BOT_TOKEN was refused\n")


# --- throughline teams manifest ---------------------------------------------------------------------------------------


async def manifest_of(shell: Shell, *arguments: str) -> dict[str, object]:
    status, said = await shell.run("teams", "manifest", "--output", "hearthside.zip", *arguments)
    assert (status, PASSWORD.encode() in said) == (0, False)
    with zipfile.ZipFile("hearthside.zip") as archive:
        assert archive.namelist() == ["manifest.json", "color.png", "outline.png"]
        found: dict[str, object] = json.loads(archive.read("manifest.json"))
    return found


def zips(folder: Path) -> list[Path]:
    return list(folder.glob("*.zip"))


async def test_manifest_is_made_of_the_settings(shell: Shell) -> None:
    shell.set(teams_app_id=APP_ID, teams_app_password=PASSWORD, webchat_origins="https://hearthside.example")
    manifest = await manifest_of(shell)
    assert (manifest["id"], manifest["name"]) == (APP_ID, {"short": "Customer service", "full": "Customer service"})
    assert manifest["developer"] == {
        "name": "hearthside.example",
        "websiteUrl": "https://hearthside.example",
        "privacyUrl": "https://hearthside.example",
        "termsOfUseUrl": "https://hearthside.example",
    }


async def test_manifest_says_what_it_is_told_to(shell: Shell) -> None:
    shell.set(teams_app_id=APP_ID, teams_app_password=PASSWORD)
    pages = {"website": "https://h.example", "privacy": "https://h.example/privacy", "terms": "https://h.example/terms"}
    options = [part for name, url in pages.items() for part in (f"--{name}", url)]
    manifest = await manifest_of(shell, "--name", "Hearthside", "--developer", "Hearthside Ltd", *options)
    assert manifest["name"] == {"short": "Hearthside", "full": "Hearthside"}
    assert manifest["developer"] == {
        "name": "Hearthside Ltd",
        "websiteUrl": "https://h.example",
        "privacyUrl": "https://h.example/privacy",
        "termsOfUseUrl": "https://h.example/terms",
    }


async def test_manifest_says_what_is_missing_or_would_be_refused(shell: Shell, tmp_path: Path) -> None:
    _, off = await shell.run("teams", "manifest")
    shell.set(teams_app_id=APP_ID, teams_app_password=PASSWORD)
    _, nowhere = await shell.run("teams", "manifest")
    _, long = await shell.run("teams", "manifest", "--website", "https://h.example", "--name", "x" * 31)
    _, unwritable = await shell.run("teams", "manifest", "--website", "https://h.example", "--output", "no/such/f.zip")
    assert b"TEAMS_APP_ID, TEAMS_APP_PASSWORD are not set" in off
    assert b"give --website" in nowhere
    assert b"name must have 1 to 30 characters" in long
    assert b"no/such/f.zip cannot be written" in unwritable
    assert zips(tmp_path) == []


# --- throughline replay, throughline unread ---------------------------------------------------------------------------


@pytest.fixture
async def gateway(tmp_path: Path, shell: Shell) -> AsyncIterator[Gateway]:
    """All channels are on, and the shell has the same settings."""
    url = fresh_sqlite(tmp_path)
    async with running_gateway(tmp_path, database_url=url, teams_development=True, **WHATSAPP) as gateway:
        port = gateway.url.rpartition(":")[2]
        shell.set(telegram_bot_token=TOKEN, telegram_secret_token=SECRET, teams_development="true", **WHATSAPP)
        shell.set(database_url=url, port=port)
        yield gateway


def captured(channel: str) -> Path:
    return FIXTURES / channel / "fixtures" / "text.json"


@pytest.mark.parametrize("channel", ["telegram", "whatsapp", "teams"])
async def test_a_captured_webhook_is_taken_and_harmless_to_repeat(
    shell: Shell, gateway: Gateway, tmp_path: Path, channel: str
) -> None:
    file = tmp_path / "captured.json"
    file.write_bytes(_on_loopback(captured(channel).read_bytes()))
    assert [await shell.run("replay", channel, str(file)) for _ in range(2)] == [(0, b"200 ok\n")] * 2
    assert len(await rows(gateway.engine, messages, direction="in")) == 1


async def test_the_bytes_are_signed_as_they_are(shell: Shell, gateway: Gateway) -> None:
    """Meta signs bytes, not JSON: spaces and escapes count."""
    odd = json.dumps(json.loads(captured("whatsapp").read_bytes()), indent=7).encode() + b"\r\n\n"
    assert await shell.run("replay", "whatsapp", "-", given=odd) == (0, b"200 ok\n")


async def test_a_replay_with_other_secrets_is_refused_and_told_why(shell: Shell, gateway: Gateway) -> None:
    shell.set(telegram_secret_token="of-last-year")
    status, said = await shell.run("replay", "telegram", str(captured("telegram")))
    assert status == 1
    assert b"403 X-Telegram-Bot-Api-Secret-Token is missing or wrong\n" in said
    assert b"that gateway has other secrets" in said
    assert b"of-last-year" not in said


async def test_teams_is_replayed_in_development_only(shell: Shell, gateway: Gateway) -> None:
    shell.unset("teams_development")
    shell.set(teams_app_id=APP_ID, teams_app_password=PASSWORD)
    status, said = await shell.run("replay", "teams", str(captured("teams")))
    assert status == 1
    assert b"Only Microsoft can sign for Teams" in said
    assert b"TEAMS_DEVELOPMENT=true" in said


async def test_a_replay_that_cannot_be_made_says_so(shell: Shell, gateway: Gateway) -> None:
    text = str(captured("telegram"))
    _, nobody = await shell.run("replay", "telegram", text, "--url", "http://127.0.0.1:9")
    _, no_address = await shell.run("replay", "telegram", text, "--url", "chat.example.com")
    _, no_file = await shell.run("replay", "telegram", "nowhere.json")
    shell.unset("telegram_bot_token")
    _, off = await shell.run("replay", "telegram", text)
    assert b"no gateway answers at http://127.0.0.1:9" in nobody
    assert b"no gateway answers at chat.example.com" in no_address
    assert b"nowhere.json cannot be read: No such file" in no_file
    assert b"telegram is off: TELEGRAM_BOT_TOKEN is not set" in off


async def test_what_could_not_be_read_is_listed_shown_and_replayed(shell: Shell, gateway: Gateway) -> None:
    odd = b'{"update_id": 9,  "a_kind_of_next_year": {"words": "\\u00e9 \xc3\xa9"}}\r\n'
    assert await shell.run("unread") == (0, b"Every webhook so far could be read.\n")
    await shell.run("replay", "telegram", "-", given=odd)

    [row] = await rows(gateway.engine, unread_webhooks)
    _, listed = await shell.run("unread")
    assert [line.split()[:1] for line in listed.decode().splitlines()] == [["id"], [str(row.id)]]
    assert f"telegram  {row.reason}" in listed.decode()
    assert b"words" not in listed

    assert await shell.run("unread", "--show", str(row.id)) == (0, odd)
    status, said = await shell.run("replay", "telegram", "-", given=odd)
    assert (status, said.endswith(b"200 ok\n")) == (0, True)
    assert len(await rows(gateway.engine, unread_webhooks)) == 1


async def test_an_unread_webhook_that_is_not_there(shell: Shell, gateway: Gateway) -> None:
    status, said = await shell.run("unread", "--show", "77")
    assert (status, b"there is no unread webhook 77" in said) == (1, True)


async def test_unread_without_a_database_sends_to_the_doctor(shell: Shell) -> None:
    status, said = await shell.run("unread")
    assert (status, b"`throughline doctor` says more" in said) == (1, True)


# --- throughline stuck, backup, restored, copy-database ---------------------------------------------------------------


async def test_stuck_says_by_its_exit_status_whether_anything_is(shell: Shell, tmp_path: Path) -> None:
    await shell.run("migrate")
    assert await shell.run("stuck") == (0, b"Nothing is stuck.\n")
    engine = connect(os.environ["DATABASE_URL"])
    heard = await accepted(engine, says("alice", "my card is 4000"), utc_now() - timedelta(minutes=5))
    status, said = await shell.run("stuck")
    assert (status, b"no worker has taken it" in said, b"4000" in said) == (1, True, False)
    assert (await shell.run("stuck", "--over", "600"))[0] == 0
    status, said = await shell.run("stuck", "--json")
    assert (status, json.loads(said)["turns"][0]["message"]) == (1, heard.message)

    status, said = await shell.run("stuck", "park", "--silently", str(heard.message))
    assert (status, b"is given up without a word by the next core worker" in said) == (0, True)
    assert b"given up by an operator" in (await shell.run("stuck"))[1]
    status, said = await shell.run("stuck", "retry", str(heard.message))
    assert (status, b"waits for its turn already" in said) == (1, True)
    await engine.dispose()


async def test_a_backup_is_made_and_brought_back(shell: Shell) -> None:
    await shell.run("migrate")
    status, said = await shell.run("backup", "backup.db")
    assert (status, b"backup.db: " in said, b"Customers' files stand in var/media" in said) == (0, True, True)
    assert (await shell.run("backup", "backup.db"))[0] == 1
    shell.set(database_url="sqlite:///backup.db")
    status, said = await shell.run("restored")
    assert (status, said) == (0, b"Messages are numbered from 1000000 on. The product can be started.\n")


async def test_a_database_is_copied(shell: Shell, tmp_path: Path) -> None:
    await shell.run("migrate")
    status, said = await shell.run("copy-database", os.environ["DATABASE_URL"], fresh_sqlite(tmp_path))
    assert (status, b"The copy is whole." in said) == (0, True)
    status, said = await shell.run("copy-database", "sqlite:///nowhere.db", fresh_sqlite(tmp_path))
    assert (status, said) == (1, b"throughline: there is no file nowhere.db.\n")


# --- --help -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("doctor", "--online"),
        ("stuck", "--over"),
        ("stuck retry", "--even-uncertain"),
        ("stuck park", "--silently"),
        ("backup", "docs/backup.md"),
        ("restored", "docs/backup.md"),
        ("copy-database", "PGPASSWORD"),
        ("unread", "--show"),
        ("replay", "Harmless"),
        ("telegram set-webhook", "PUBLIC_URL"),
        ("teams manifest", "TEAMS_APP_ID"),
    ],
)
def test_help_explains_each_command(capsys: pytest.CaptureFixture[str], command: str, words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert words in capsys.readouterr().out


def _on_loopback(body: bytes) -> bytes:
    """Fixtures of Teams come from Microsoft's addresses, which a gateway in development does not take."""
    data = json.loads(body)
    if "serviceUrl" in data:
        data["serviceUrl"] = "http://127.0.0.1:9/emea/"
    return json.dumps(data).encode()


# --- throughline merges, unmerge --------------------------------------------------------------------------------------


async def test_merges_of_nobody_and_a_merge_that_is_not_there(shell: Shell) -> None:
    await shell.run("migrate")
    assert await shell.run("merges") == (0, b"No customers have turned out to be one here.\n")
    status, said = await shell.run("unmerge", "7")
    assert (status, said) == (
        1,
        b"throughline: there is no merge 7. `throughline merges` lists those that there are.\n",
    )


async def test_a_database_that_is_not_there_is_said_to_be_so(shell: Shell) -> None:
    status, said = await shell.run("merges")
    assert status == 1
    assert b"the database cannot be used" in said
