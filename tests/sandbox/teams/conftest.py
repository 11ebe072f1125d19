"""Teams on loopback, a bot that is driven by hand, its endpoint, and Alice."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from sandbox.teams import BotAccount, Person, TeamsServer, Window

Answer = tuple[int, Mapping[str, str], Any]


@dataclass(kw_only=True)
class Hook:
    """Answers 200, or the next of `statuses`; while `gate` is clear no answer leaves."""

    url: str = ""
    received: list[tuple[Mapping[str, str], Any]] = field(default_factory=list)
    statuses: deque[int] = field(default_factory=deque)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: web.Request) -> web.Response:
        self.received.append((request.headers, await request.json()))
        await self.gate.wait()
        return web.json_response({"taken": True}, status=self.statuses.popleft() if self.statuses else 200)


@dataclass(kw_only=True)
class Bot:
    """The bot's side of the wire, with nothing of the product in it."""

    server: TeamsServer
    account: BotAccount
    session: aiohttp.ClientSession
    token: str = ""

    async def login(self, **changed: str) -> Answer:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.account.app_id,
            "client_secret": self.account.password,
            "scope": "https://api.botframework.com/.default",
        }
        answer = await self.ask("POST", f"{self.server.login_url}/oauth2/v2.0/token", data=form | changed)
        self.token = answer[2].get("access_token", "")
        return answer

    async def post(self, conversation: str, activity: Any, *, reply_to: str = "", token: str | None = None) -> Answer:
        path = f"v3/conversations/{conversation}/activities{f'/{reply_to}' if reply_to else ''}"
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return await self.ask("POST", self.server.service_url + path, json=activity, headers=headers)

    async def put(self, conversation: str, number: str, activity: Any, *, token: str | None = None) -> Answer:
        path = f"v3/conversations/{conversation}/activities/{number}"
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        return await self.ask("PUT", self.server.service_url + path, json=activity, headers=headers)

    async def download(self, url: str, *, token: str = "") -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.get(url, headers=headers) as answer:
            return answer.status, await answer.read()

    async def ask(self, method: str, url: str, **fields: Any) -> Answer:
        async with self.session.request(method, url, **fields) as answer:
            return answer.status, answer.headers, await answer.json()

    def message(self, **fields: Any) -> dict[str, Any]:
        return {"type": "message", "from": {"id": self.account.id}, "text": "hello"} | fields


@pytest.fixture
def windows() -> tuple[Window, ...]:
    return ()


@pytest.fixture
async def server(windows: tuple[Window, ...]) -> AsyncIterator[TeamsServer]:
    async with TeamsServer(windows=windows, timeout=1) as running:
        yield running


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    hook.gate.set()
    app = web.Application()
    app.router.add_post("/api/messages", hook.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    hook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/messages"
    yield hook
    hook.gate.set()
    await runner.cleanup()


@pytest.fixture
async def bot(server: TeamsServer, hook: Hook) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        bot = Bot(server=server, account=server.bot(endpoint=hook.url), session=session)
        await bot.login()
        yield bot


@pytest.fixture
def alice(server: TeamsServer) -> Person:
    return server.person("Alice")
