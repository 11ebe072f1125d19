"""Codes in the web chat: shown by the widget, and typed into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.gateway.codes import typed
from bot.store.tables import messages
from tests.gateway.people import rows
from tests.gateway.running import Gateway, running_gateway
from tests.gateway.test_webchat import connected, new_token


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path) as gateway:
        yield gateway


async def test_a_code_that_the_widget_shows_is_good_on_another_channel(gateway: Gateway) -> None:
    async with connected(gateway, await new_token(gateway)) as widget:
        await widget.until_ready()
        await widget.send(type="invite", channel="code")
        invitation = await widget.next("invitation")
    assert invitation == {"type": "invitation", "channel": "code", "code": invitation["code"], "expires_in": 600}
    assert typed(invitation["code"]) is not None


async def test_a_code_typed_into_the_widget_is_confirmed_and_not_shown_again(gateway: Gateway) -> None:
    token = await new_token(gateway)
    async with connected(gateway, token) as widget:
        await widget.until_ready()
        await widget.say("AAAA-2222")
        said = await widget.next("message")
        assert (said["author"], said["text"]) == ("customer", "••••-••••")
        assert said["client_id"]
    [row] = await rows(gateway.engine, messages)
    assert row.content["type"] == "link_refused"
