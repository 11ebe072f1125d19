"""WhatsApp with Hearthside's number, its webhook, a caller of the Graph API, and Alice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from sandbox.whatsapp import Limits, Number, Person, WebhookReceiver, WhatsAppServer

TOKEN = "EAAG-hearthside"
APP_SECRET = "5f4dcc3b5aa765d61d8327deb882cf99"


class Clock:
    """A wall clock, and a monotonic one, that tests may put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic(self) -> float:
        return self._ahead.total_seconds()

    def forward(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@dataclass(kw_only=True)
class Graph:
    """Calls the API as a business does."""

    session: aiohttp.ClientSession
    url: str
    headers: dict[str, str]

    async def post(self, body: Any, path: str = "106540352242922/messages") -> tuple[int, Any]:
        async with self.session.post(f"{self.url}/v26.0/{path}", json=body, headers=self.headers) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(f"{self.url}/v26.0/{path}", headers=self.headers) as answer:
            return answer.status, await answer.json()

    async def send(self, person: Person, kind: str, body: Any, **fields: Any) -> tuple[int, Any]:
        whom = {"messaging_product": "whatsapp", "to": person.number, "type": kind}
        return await self.post(whom | {kind: body} | fields)

    async def text(self, person: Person, body: str = "hi") -> tuple[int, Any]:
        return await self.send(person, "text", {"body": body})

    async def refusal(self, person: Person, kind: str, body: Any, **fields: Any) -> tuple[int, str]:
        """The code and Meta's words of a message that is refused."""
        status, answer = await self.send(person, kind, body, **fields)
        assert status == 400, answer
        found = answer["error"]
        return found["code"], found.get("error_data", {}).get("details") or found["message"]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits() -> Limits:
    """Every refusal is told at once."""
    return Limits(pair=None, overall=None, retry_base=0.01, retry_max=0.05, told_later=frozenset())


@pytest.fixture
async def server(limits: Limits, clock: Clock) -> AsyncIterator[WhatsAppServer]:
    async with WhatsAppServer(limits=limits, now=clock.now, monotonic=clock.monotonic) as running:
        yield running


@pytest.fixture
def shop(server: WhatsAppServer) -> Number:
    return server.number("106540352242922", access_token=TOKEN, app_secret=APP_SECRET)


@pytest.fixture
async def graph(server: WhatsAppServer, shop: Number) -> AsyncIterator[Graph]:
    async with aiohttp.ClientSession(trust_env=False) as session:
        yield Graph(session=session, url=server.url, headers={"Authorization": f"Bearer {TOKEN}"})


@pytest.fixture
async def hook() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as running:
        yield running


@pytest.fixture
async def alice(server: WhatsAppServer, shop: Number) -> Person:
    """She has written: the window is open."""
    alice = server.person("Alice", "16505551234")
    await alice.say(shop, "hello")
    return alice
