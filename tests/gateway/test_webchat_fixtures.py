"""Each frame of the channel's fixtures, good or not, through a real socket: none ends it, none blocks what follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.database import Clock
from tests.gateway.running import Gateway, running_gateway
from tests.gateway.test_webchat import connected, new_token

FIXTURES = Path(__file__).parents[1] / "channels" / "webchat" / "fixtures"


@pytest.fixture
async def gateway(tmp_path: Path, clock: Clock) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path, clock=clock) as gateway:
        yield gateway


async def test_no_frame_ends_the_conversation(gateway: Gateway) -> None:
    for path in sorted(FIXTURES.iterdir()):
        frame = path.read_bytes().decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()
        async with connected(gateway, await new_token(gateway)) as widget:
            await widget.until_ready()
            await widget.socket.send_str(frame)
            client_id = await widget.say("still here?")
            answers: list[dict[str, Any]] = []
            while not answers or answers[-1].get("client_id") != client_id:
                answers.append(await widget.socket.receive_json(timeout=30))
        errors = [answer["code"] for answer in answers if answer["type"] == "error"]
        # No Telegram answers here, so nobody can be invited to it.
        expected = [["unavailable"]] if path.stem == "invite" else [[], ["malformed"], ["too_long"], ["no_file"]]
        assert errors in expected, path.stem
