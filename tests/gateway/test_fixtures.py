"""Every webhook that was written down, good or bad, brought to the whole gateway by whom it comes from: none is a
fault of the server, none blocks what comes after, and brought twice it is there once."""

from __future__ import annotations

import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.store.tables import messages
from sandbox.teams import TeamsServer
from tests.gallery.support import fixtures
from tests.gateway.people import rows
from tests.gateway.running import SECRET, Gateway, running_gateway

APP, APP_SECRET, NUMBER_ID = "3f1c9b52-6a0e-4c55-9b0e-2d6a1c7e8f10", "app-secret", "106540352242922"
WEBHOOKS = {"telegram": "/webhooks/telegram", "whatsapp": "/webhooks/whatsapp", "teams": "/api/messages"}


@dataclass(frozen=True, kw_only=True)
class Platforms:
    gateway: Gateway
    sign: Mapping[str, Callable[[bytes], Mapping[str, str]]]

    async def bring(self, channel: str, body: bytes) -> int:
        """The gateway's answer."""
        headers = {"Content-Type": "application/json", **self.sign[channel](body)}
        async with self.gateway.http.post(self.gateway.url + WEBHOOKS[channel], data=body, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def platforms(tmp_path: Path) -> AsyncIterator[Platforms]:
    async with TeamsServer() as microsoft:

        def by_microsoft(body: bytes) -> Mapping[str, str]:
            try:
                service_url = json.loads(body)["serviceUrl"]
            except (ValueError, TypeError, LookupError):
                service_url = ""
            return microsoft.keys.authorization(APP, service_url)

        async with running_gateway(
            tmp_path,
            whatsapp_access_token="token",
            whatsapp_app_secret=APP_SECRET,
            whatsapp_verify_token="verify",
            whatsapp_phone_number_id=NUMBER_ID,
            whatsapp_api_url="http://127.0.0.1:9/v26.0",
            teams_app_id=APP,
            teams_app_password="password",
            teams_openid_url=microsoft.openid_url,
            teams_login_url=microsoft.login_url,
        ) as gateway:
            yield Platforms(
                gateway=gateway,
                sign={
                    "telegram": lambda _: {"X-Telegram-Bot-Api-Secret-Token": SECRET},
                    "whatsapp": lambda body: {
                        "X-Hub-Signature-256": f"sha256={hmac.new(APP_SECRET.encode(), body, 'sha256').hexdigest()}"
                    },
                    "teams": by_microsoft,
                },
            )


@pytest.mark.parametrize("channel", WEBHOOKS)
async def test_no_webhook_that_was_ever_written_down_is_a_fault_or_blocks_the_next(
    platforms: Platforms, channel: str
) -> None:
    bodies = list(fixtures(channel))
    assert len(bodies) >= 30
    answers = [await platforms.bring(channel, body) for body in bodies]
    assert {status for status in answers if status >= 500} <= {501}  # an invoke that no bot of ours knows
    once = len(await rows(platforms.gateway.engine, messages))
    assert once > 10

    again = [await platforms.bring(channel, body) for body in reversed(bodies)]
    assert list(reversed(again)) == answers
    assert len([row for row in await rows(platforms.gateway.engine, messages) if row.direction == "in"]) == once


@pytest.mark.parametrize("channel", WEBHOOKS)
@pytest.mark.parametrize("size", [2_000_000, 5_000_000])
async def test_what_is_far_too_large_is_refused(platforms: Platforms, channel: str, size: int) -> None:
    body = json.dumps({"entry": "x" * size}).encode()
    if channel == "whatsapp" and size < 3 * 1024 * 1024:
        assert await platforms.bring(channel, body) < 500  # Meta's own may be that large
    else:
        assert await platforms.bring(channel, body) == 413
