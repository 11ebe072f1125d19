"""Telegram with Hearthside's bot, the bot as python-telegram-bot drives it, its webhook, and Alice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
import telegram
from telegram.request import HTTPXRequest

from sandbox.telegram import BotAccount, Limits, TelegramServer, User, WebhookReceiver

TOKEN = "123456:AAE-hearthside"


class Clock:
    """A wall clock that tests may put forward."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def forward(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def _seconds_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product asks python-telegram-bot for timedeltas, for the whole process; here it speaks for itself."""
    monkeypatch.delenv("PTB_TIMEDELTA", raising=False)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pass_time(clock: Clock) -> Callable[[float], None]:
    """Let that many seconds pass on the server's wall clock."""
    return clock.forward


@pytest.fixture
def limits() -> Limits:
    return Limits(per_chat=None, per_group=None, overall=None, retry_base=0.01, retry_max=0.05)


@pytest.fixture
async def server(limits: Limits, clock: Clock) -> AsyncIterator[TelegramServer]:
    async with TelegramServer(limits=limits, now=clock) as running:
        yield running


@pytest.fixture
def shop(server: TelegramServer) -> BotAccount:
    return server.bot(TOKEN)


@pytest.fixture
async def bot(server: TelegramServer, shop: BotAccount) -> AsyncIterator[telegram.Bot]:
    async with telegram.Bot(
        TOKEN,
        base_url=f"{server.url}/bot",
        base_file_url=f"{server.url}/file/bot",
        request=HTTPXRequest(httpx_kwargs={"trust_env": False}),
    ) as running:
        yield running


@pytest.fixture
async def hook() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver() as running:
        yield running


@pytest.fixture
def alice(server: TelegramServer) -> User:
    return server.user("Alice", language="en", username="alice")
