"""The gateway as a process: what it writes, and how it goes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.gateway.accept import Accepted
from bot.gateway.migrate import upgrade
from bot.store.database import connect, transaction
from bot.store.tables import messages
from sandbox.journeys.stack import ROOT, Process, answers_200
from sandbox.ports import free_port
from sandbox.telegram import BotAccount, TelegramServer, close_connection, flood_wait, refuse, server_error
from tests.database import fresh_postgres, fresh_sqlite
from tests.gateway.people import bot_says, rows
from tests.gateway.running import SECRET, SHOP, TOKEN, now
from tests.gateway.test_webchat import Widget

JWT_SECRET = "a-very-secret-of-the-web-chat-0123456789"
PHONE = "+49 151 12345678"
WORD = "verysecret"
NEVER = (WORD, "12345678", "Liddell", SECRET, TOKEN.partition(":")[2], JWT_SECRET)


@dataclass(kw_only=True)
class Place:
    """Where gateways are started, one after the other."""

    folder: Path
    database: str
    telegram: str
    engine: AsyncEngine
    port: int = field(default_factory=free_port)
    started: list[Process] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, **settings: str) -> Process:
        log = self.folder / f"gateway-{len(self.started)}.log"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("OTEL_")},
            "DATABASE_URL": self.database,
            "PORT": str(self.port),
            "MEDIA_DIR": str(self.folder / "media"),
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_SECRET_TOKEN": SECRET,
            "TELEGRAM_API_URL": self.telegram,
            "WEBCHAT_ORIGINS": SHOP,
            "WEBCHAT_JWT_SECRET": JWT_SECRET,
            **settings,
        }
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot.gateway", "gateway"),
                cwd=ROOT,
                env=environment,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
            )
        self.started.append(Process("gateway", process, log))
        await answers_200(f"{self.url}/healthz")
        return self.started[-1]

    async def delivers(self, telegram: TelegramServer, bot: BotAccount) -> None:
        await telegram.call(bot, "setWebhook", {"url": f"{self.url}/webhooks/telegram", "secret_token": SECRET})

    async def asked(self) -> Accepted:
        """The newest message of a customer."""
        row = (await rows(self.engine, messages, direction="in"))[-1]
        return Accepted(message=row.id, conversation=row.conversation_id, repeated=False)

    async def nothing_left_to_send(self) -> None:
        async with asyncio.timeout(60):
            while [row for row in await rows(self.engine, messages) if row.state in ("queued", "sending")]:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def place(folder: Path, database: str, telegram: str) -> AsyncIterator[Place]:
    there = Place(folder=folder, database=database, telegram=telegram, engine=connect(database))
    await upgrade(there.engine)
    try:
        yield there
    finally:
        for process in there.started:
            if process.alive:
                await process.kill()
        await there.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return fresh_sqlite(tmp_path)
    return await fresh_postgres(request.getfixturevalue("postgres_server"))


def lines_of(process: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.log.read_text(encoding="utf-8").splitlines()]


async def posts(there: Place, body: Any, secret: str = SECRET) -> int:
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"{there.url}/webhooks/telegram"
    async with aiohttp.ClientSession() as http, http.post(url, data=data, headers=headers) as answer:
        return answer.status


@asynccontextmanager
async def widget(there: Place) -> AsyncIterator[Widget]:
    async with aiohttp.ClientSession(headers={"Origin": SHOP}) as http:
        async with http.post(f"{there.url}/webchat/session", json={"token": None}) as answer:
            token = (await answer.json())["token"]
        async with http.ws_connect(f"{there.url}/webchat/socket") as socket:
            connected = Widget(socket)
            await connected.send(type="hello", token=token, cursor=0, language="en")
            await connected.until_ready()
            yield connected


async def test_no_word_name_number_or_secret_is_logged_whatever_happens(tmp_path: Path) -> None:
    async with TelegramServer() as telegram, place(tmp_path, fresh_sqlite(tmp_path), telegram.url) as there:
        bot = telegram.bot(TOKEN)
        gateway = await there.start(LOG_FORMAT="json", LOG_LEVEL="debug")
        await there.delivers(telegram, bot)
        alice = telegram.user("Alice Liddell")
        for words in (f"{WORD} {PHONE}", f"/start {WORD}", f"ABCD{WORD}", f"{WORD}\n{{x}} %s"):
            await (await alice.say(bot, words)).taken()
        await (await alice.document(bot, f"{WORD} {PHONE}", name=f"{WORD}.pdf")).taken()
        await (await alice.contact(bot)).taken()
        assert await posts(there, {"update_id": 1, "a_kind_of_next_year": {"text": f"{WORD} \x00 \ud83e"}}) == 200
        assert await posts(there, f'{{"{WORD}": '.encode()) == 400
        assert await posts(there, {"update_id": 2, "text": WORD}, secret=WORD) == 403
        asked = await there.asked()
        await _plays_web_chat(there)

        for fault in (flood_wait(1), server_error(html=True), refuse(400, "Bad Request: odd"), close_connection()):
            bot.faults.order("sendMessage", fault)
            await bot_says(there.engine, asked, f"{WORD} {PHONE}", now())
            await there.nothing_left_to_send()
        async with transaction(there.engine) as connection:
            await connection.execute(sa.text("ALTER TABLE unread_webhooks RENAME TO elsewhere"))
        assert await posts(there, {"update_id": 3, "another_kind": {"text": WORD}}) == 503
        assert await gateway.end() == 0

    written = gateway.log.read_text(encoding="utf-8")
    assert [word for word in NEVER if word in written] == []
    lines = lines_of(gateway)
    assert all({"timestamp", "level", "event", "process"} <= set(line) for line in lines)
    assert {line["process"] for line in lines} == {"gateway"}
    happened = {line["event"] for line in lines}
    assert happened >= {"webhook.accepted", "webhook.refused", "webhook.unread", "webchat.accepted", "send.failed"}
    assert "accept.unavailable" in happened


async def _plays_web_chat(there: Place) -> None:
    async with widget(there) as visitor:
        await visitor.say(f"{WORD} {PHONE}")
        await visitor.next("message")
        await visitor.send(type=WORD, text=WORD)
        assert (await visitor.socket.receive_json(timeout=30))["type"] in ("error", "typing")
    async with aiohttp.ClientSession(headers={"Origin": SHOP}) as http:
        async with http.post(f"{there.url}/webchat/session", json={"identity": f"{WORD}.{WORD}.{WORD}"}) as answer:
            assert answer.status == 401
        async with http.post(f"{there.url}/webchat/session", data=f'{{"{WORD}'.encode()) as answer:
            assert answer.status == 400


async def test_one_id_leads_from_the_webhook_to_the_reply(tmp_path: Path) -> None:
    async with TelegramServer() as telegram, place(tmp_path, fresh_sqlite(tmp_path), telegram.url) as there:
        bot = telegram.bot(TOKEN)
        gateway = await there.start(LOG_FORMAT="json")
        await there.delivers(telegram, bot)
        alice, bob = telegram.user("Alice"), telegram.user("Bob")
        for person in (alice, bob):
            # A trace that somebody says of themselves is nobody's.
            await (await person.say(bot, "hello")).taken()
            await bot_says(there.engine, await there.asked(), "good day", now())
        await there.nothing_left_to_send()
        kept = [(row.id, row.direction, row.trace) for row in await rows(there.engine, messages)]
        assert await gateway.end() == 0
    traces = {trace for _, _, trace in kept}
    assert len(traces) == 2
    for trace in traces:
        [asked, reply] = [id for id, _, of in kept if of == trace]
        told = [line for line in lines_of(gateway) if line.get("trace") == trace]
        assert [line["event"] for line in told] == ["webhook.accepted", "send.sent"]
        assert (told[0]["messages"], told[1]["message"]) == ([asked], reply)


class Held:
    """A line to Telegram on which a call can be held back."""

    def __init__(self, behind: str) -> None:
        self._behind = behind
        self._free = asyncio.Event()
        self._free.set()
        self.called = asyncio.Event()

    def hold(self) -> None:
        self._free.clear()

    def let_go(self) -> None:
        self._free.set()

    async def passing(self, request: web.Request) -> web.Response:
        body, kind = await request.read(), request.headers.get("Content-Type", "")
        if "sendMessage" in request.path:
            self.called.set()
            await self._free.wait()
        async with aiohttp.ClientSession() as http:
            url = f"{self._behind}{request.path}"
            async with http.request(request.method, url, data=body, headers={"Content-Type": kind}) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")


@asynccontextmanager
async def held_line(behind: str) -> AsyncIterator[tuple[str, Held]]:
    held = Held(behind)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", held.passing)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", held
    held.let_go()
    await runner.cleanup()


async def test_a_gateway_that_is_told_to_stop_loses_nothing_doubles_nothing_and_holds_nothing(
    tmp_path: Path, database: str
) -> None:
    async with (
        TelegramServer() as telegram,
        held_line(telegram.url) as (line, held),
        place(tmp_path, database, line) as there,
    ):
        bot = telegram.bot(TOKEN)
        leaving = await there.start(SHUTDOWN_DELAY="120")
        await there.delivers(telegram, bot)
        alice = telegram.user("Alice")
        await (await alice.say(bot, "hello")).taken()
        asked = await there.asked()
        async with widget(there) as visitor:
            held.hold()
            said = [await bot_says(there.engine, asked, words, now()) for words in ("one", "two", "three")]
            await held.called.wait()  # the first of them is on its way

            leaving.signal(signal.SIGTERM)
            await _answers(f"{there.url}/readyz", 503, "about to stop")
            await _answers(f"{there.url}/healthz", 200, "ok")
            await (await alice.say(bot, "are you still there?")).taken()

            leaving.signal(signal.SIGTERM)  # no load balancer is to be waited for
            frame = await visitor.socket.receive(timeout=30)
            while frame.type is aiohttp.WSMsgType.TEXT:
                frame = await visitor.socket.receive(timeout=30)
            assert visitor.socket.close_code == aiohttp.WSCloseCode.GOING_AWAY
        held.let_go()
        assert await leaving.end() == 0
        [first, *others] = [(await rows(there.engine, messages, id=id))[0] for id in said]
        assert first.state == "sent"
        assert {(row.state, row.lease_until) for row in others} <= {("queued", None), ("sent", None)}

        await there.start()
        await there.nothing_left_to_send()
        heard = [message["text"] for message in alice.messages if message["from"]["is_bot"]]
        # Her own two wait for a core that never comes, of which she may be told.
        assert [words for words in heard if not words.startswith("One moment")] == ["one", "two", "three"]
        assert [row.content["text"] for row in await rows(there.engine, messages, direction="in")] == [
            "hello",
            "are you still there?",
        ]


async def _answers(url: str, status: int, words: str) -> None:
    """Soon, with that status and these words."""
    async with aiohttp.ClientSession() as http, asyncio.timeout(30):
        while True:
            async with http.get(url) as answer:
                text = await answer.text()
                if answer.status == status and words in text:
                    return
            await asyncio.sleep(0.02)
