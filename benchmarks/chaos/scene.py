"""Everything that a storm needs, running: the database, the vendors' servers, the product's processes, the people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from benchmarks.chaos.databases import open_database
from benchmarks.chaos.fleet import Fleet, keeping, migration, product
from benchmarks.chaos.front import open_front
from benchmarks.chaos.phones import Phone, TeamsPhone, TelegramPhone, WebPhone, WhatsAppPhone
from benchmarks.chaos.plan import Plan, names
from benchmarks.chaos.platforms import Platforms, open_platforms
from benchmarks.chaos.report import Report
from benchmarks.chaos.storm import Phones, Say, Storm, ended
from benchmarks.chaos.visitor import Visitor
from benchmarks.chaos.weather import Forecast
from bot.store.database import connect
from sandbox.journeys.stack import answers_200
from sandbox.ports import free_ports

_ORIGIN = "http://shop.example.com"
_FIRST_NUMBER = 6_590_000_000


async def play(plan: Plan, *, database: str, folder: Path, patience: float, say: Say) -> Report:
    """The whole storm on a product of its own. `folder` keeps the processes' logs."""
    async with AsyncExitStack() as everything:
        enter = everything.enter_async_context
        opened = await enter(open_database(database))
        platforms = await enter(open_platforms(Forecast(plan.dice("weather"))))
        actions, *gateways = free_ports(1 + plan.size.gateways)
        urls = [f"http://127.0.0.1:{port}" for port in gateways]
        logs = folder / "logs"
        logs.mkdir(parents=True)
        environment = {**_environment(opened.url, folder, actions), **platforms.settings}
        fleet = Fleet(product(environment, gateways=gateways, workers=plan.size.workers, actions=actions), logs)
        await fleet.run(migration(environment))
        await enter(_running(fleet, plan, urls, f"http://127.0.0.1:{actions}/health", say))
        front = await enter(open_front(urls, plan.dice("front")))
        await platforms.deliver_to(front.url)
        phones = await enter(_people(plan, platforms, urls))
        engine = connect(opened.url)
        everything.push_async_callback(engine.dispose)
        storm = Storm(
            plan,
            database=opened,
            engine=engine,
            fleet=fleet,
            platforms=platforms,
            front=front,
            phones=phones,
            patience=patience,
            say=say,
        )
        say("everything is running")
        return await storm.run()


@asynccontextmanager
async def _running(fleet: Fleet, plan: Plan, gateways: list[str], actions: str, say: Say) -> AsyncIterator[None]:
    async with keeping(fleet, names(plan.size)):
        try:
            for url in (*(f"{gateway}/readyz" for gateway in gateways), actions):
                await answers_200(url)
        except AssertionError:
            say(fleet.last_words())
            raise
        yield


@asynccontextmanager
async def _people(plan: Plan, platforms: Platforms, gateways: list[str]) -> AsyncIterator[Phones]:
    """With everybody's phones on."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), trust_env=False) as http:
        phones: dict[tuple[str, str], Phone] = {}
        for place, customer in enumerate(plan.customers):
            for channel in customer.channels:
                name = f"{customer.name} on {channel}"
                phones[customer.name, channel] = _phone(name, channel, place, platforms)
        for place, phone in enumerate(phones.values()):
            if isinstance(phone, WebPhone):
                headers = {"Origin": _ORIGIN, "X-Forwarded-For": f"10.0.{place // 250}.{place % 250 + 1}"}
                phone.visitor = Visitor(
                    http=http, gateways=gateways, headers=headers, dice=plan.dice(phone.name), heard=phone.hear
                )
        listening = [asyncio.create_task(phone.listen()) for phone in phones.values()]
        try:
            yield phones
        finally:
            await ended(*listening)


def _phone(name: str, channel: str, place: int, platforms: Platforms) -> Phone:
    makers: dict[str, Callable[[], Phone]] = {
        "webchat": lambda: WebPhone(name),
        "telegram": lambda: TelegramPhone(name, platforms),
        "whatsapp": lambda: WhatsAppPhone(name, platforms, str(_FIRST_NUMBER + place)),
        "teams": lambda: TeamsPhone(name, platforms),
    }
    return makers[channel]()


def _environment(database: str, folder: Path, actions: int) -> dict[str, str]:
    """What all processes share, besides the platforms. Visitors come through a proxy, so each has an address."""
    return {
        "DATABASE_URL": database,
        "MEDIA_DIR": f"{folder}/media",
        "SHOP_DATABASE_URL": f"sqlite:///{folder}/shop.db",
        "SHOP_URL": _ORIGIN,
        "ACTION_ENDPOINT_URL": f"http://127.0.0.1:{actions}/webhook",
        "SANIC_HOST": "127.0.0.1",
        "WEBCHAT_ORIGINS": _ORIGIN,
        "TRUSTED_PROXIES": "127.0.0.0/8",
        "OMP_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "RASA_TELEMETRY_ENABLED": "false",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "PYTHONWARNINGS": "ignore",
    }
