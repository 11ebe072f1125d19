"""What operators are told of the bot, its package, and signing in Microsoft's place, which only development allows."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from channels.contract import SendError, Webhook
from channels.teams import TeamsChannel
from sandbox.teams import BotAccount

from .conftest import Open, closed_port


async def test_the_log_in_gives_a_token(channel: TeamsChannel) -> None:
    assert await channel.check() == "the log-in gives a token"


async def test_a_password_that_has_expired(open_channel: Open) -> None:
    channel = await open_channel(app_password="of-last-year")
    with pytest.raises(SendError, match="refused TEAMS_APP_ID and TEAMS_APP_PASSWORD") as caught:
        await channel.check()
    assert "of-last-year" not in str(caught.value)


async def test_a_log_in_that_is_away(open_channel: Open) -> None:
    channel = await open_channel(login_url=closed_port())
    with pytest.raises(SendError, match="log-in cannot be reached"):
        await channel.check()


async def test_in_development_there_is_nothing_to_log_in_to(open_channel: Open) -> None:
    channel = await open_channel(development=True, login_url=closed_port())
    assert await channel.check() == "in development: no token is needed"


async def test_only_microsoft_signs(channel: TeamsChannel) -> None:
    with pytest.raises(ValueError, match="TEAMS_DEVELOPMENT=true"):
        channel.signed(b"{}")


async def test_in_development_what_it_signs_it_takes(open_channel: Open) -> None:
    channel = await open_channel(development=True)
    body = json.dumps({"type": "message", "serviceUrl": "http://127.0.0.1:9/emea/"}).encode()
    await channel.verify(Webhook(method="POST", headers=channel.signed(body), body=body))


async def test_the_package_is_for_this_bot(channel: TeamsChannel, shop: BotAccount) -> None:
    pages = {"website_url": "https://h.example", "privacy_url": "https://h.example", "terms_url": "https://h.example"}
    package = channel.app_package(name="Hearthside", developer="Hearthside Ltd", **pages)
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        assert json.loads(archive.read("manifest.json"))["bots"][0]["botId"] == shop.app_id
