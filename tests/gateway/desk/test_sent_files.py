"""An agent's file on its way: customers and platforms load it from the gateway by an address that soon ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.database import Clock
from tests.gateway.desk.office import Office, open_office
from tests.gateway.desk.test_replying import PNG, say, upload
from tests.gateway.test_webchat import connected, new_token
from tests.gateway.test_webchat_states import begun

PUBLIC = "https://chat.example.com"


async def shows_a_kettle(office: Office, conversation: str) -> None:
    maya = await office.comes("maya")
    assert (await maya.post(f"/desk/api/conversations/{conversation}/do", {"do": "take"}))[0] == 200
    _, uploaded = await upload(maya, conversation, PNG, "kettle.png")
    assert (await say(maya, conversation, {"text": "Like this", "image": uploaded["file"]["url"]}))[0] == 200


async def loads(office: Office, url: str) -> tuple[int, bytes]:
    assert url.startswith(f"{PUBLIC}/media/")
    async with office.gateway.http.get(office.gateway.url + url.removeprefix(PUBLIC)) as answer:
        return answer.status, await answer.read()


async def test_the_web_chat_shows_it_for_a_day(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> None:
    async with open_office(engine, clock, tmp_path, public_url=PUBLIC) as office:
        async with connected(office.gateway, await new_token(office.gateway)) as widget:
            cause = await begun(office.gateway, widget)
            await shows_a_kettle(office, cause.conversation)
            while "image" not in (frame := await widget.next("message")):
                pass
        assert (frame["author"], frame["text"]) == ("agent", "Like this")
        assert await loads(office, frame["image"]) == (200, PNG)
        clock.forward(hours=23)
        assert (await loads(office, frame["image"]))[0] == 200
        clock.forward(hours=1, seconds=1)
        assert (await loads(office, frame["image"]))[0] == 404


async def test_a_platform_is_given_the_whole_address(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> None:
    asked = asyncio.Queue[Any]()

    async def bot_api(request: web.Request) -> web.Response:
        await asked.put((request.match_info["method"], await request.post()))
        return web.json_response({"ok": True, "result": {"message_id": 1}})

    app = web.Application()
    app.router.add_post("/{bot}/{method}", bot_api)
    telegram = TestServer(app)
    await telegram.start_server()
    try:
        settings: Any = {"telegram_url": str(telegram.make_url("")).rstrip("/"), "public_url": PUBLIC}
        async with open_office(engine, clock, tmp_path, **settings) as office:
            accepted = await office.writes("alice", "hello")
            await shows_a_kettle(office, accepted.conversation)
            method, call = await asyncio.wait_for(asked.get(), 30)
            assert (method, call["caption"]) == ("sendPhoto", "Like this")
            assert await loads(office, call["photo"]) == (200, PNG)
    finally:
        await telegram.close()
