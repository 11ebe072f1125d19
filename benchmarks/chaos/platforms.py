"""The vendors' strict servers, with one bot each, and what the product must be told to find them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from benchmarks.chaos.weather import Forecast, TeamsWeather, TelegramWeather, WhatsAppWeather
from sandbox.journeys.stack import TELEGRAM_SECRET
from sandbox.journeys.town import ACCESS_TOKEN, APP_SECRET, NUMBER_ID, TOKEN, VERIFY_TOKEN
from sandbox.teams import BotAccount as TeamsBot
from sandbox.teams import TeamsServer
from sandbox.telegram import BotAccount as TelegramBot
from sandbox.telegram import Limits as TelegramLimits
from sandbox.telegram import TelegramServer
from sandbox.whatsapp import Limits as WhatsAppLimits
from sandbox.whatsapp import Number, WhatsAppServer

# The vendors wait for hours in the end; a storm has minutes. Nothing else of theirs is made easier.
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 5.0


@dataclass(frozen=True, kw_only=True)
class Platforms:
    telegram: TelegramServer
    bot: TelegramBot
    whatsapp: WhatsAppServer
    number: Number
    teams: TeamsServer
    app: TeamsBot
    forecast: Forecast

    @property
    def settings(self) -> dict[str, str]:
        """The product's."""
        return {
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_SECRET_TOKEN": TELEGRAM_SECRET,
            "TELEGRAM_API_URL": self.telegram.url,
            "WHATSAPP_ACCESS_TOKEN": ACCESS_TOKEN,
            "WHATSAPP_APP_SECRET": APP_SECRET,
            "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
            "WHATSAPP_PHONE_NUMBER_ID": NUMBER_ID,
            "WHATSAPP_API_URL": f"{self.whatsapp.url}/v26.0",
            "TEAMS_APP_ID": self.app.app_id,
            "TEAMS_APP_PASSWORD": self.app.password,
            "TEAMS_OPENID_URL": self.teams.openid_url,
            "TEAMS_LOGIN_URL": self.teams.login_url,
            "TEAMS_SERVICE_HOSTS": "127.0.0.1",
        }

    async def deliver_to(self, url: str) -> None:
        """Register the webhooks; the gateways answer the handshakes already."""
        webhook = {"url": f"{url}/webhooks/telegram", "secret_token": TELEGRAM_SECRET}
        await self.telegram.call(self.bot, "setWebhook", webhook)
        await self.number.subscribe(f"{url}/webhooks/whatsapp", VERIFY_TOKEN)
        self.app.endpoint = f"{url}/api/messages"

    def let_loose(self) -> None:
        """From now on calls meet the weather."""
        self.bot.faults = TelegramWeather(self.forecast)
        self.number.faults = WhatsAppWeather(self.forecast)
        self.app.faults = TeamsWeather(self.forecast)


@asynccontextmanager
async def open_platforms(forecast: Forecast) -> AsyncIterator[Platforms]:
    async with AsyncExitStack() as servers:
        telegram = await servers.enter_async_context(
            TelegramServer(limits=TelegramLimits(retry_base=_FIRST_WAIT, retry_max=_LONGEST_WAIT))
        )
        whatsapp = await servers.enter_async_context(
            WhatsAppServer(limits=WhatsAppLimits(retry_base=_FIRST_WAIT, retry_max=_LONGEST_WAIT))
        )
        teams = await servers.enter_async_context(TeamsServer())
        yield Platforms(
            telegram=telegram,
            bot=telegram.bot(TOKEN),
            whatsapp=whatsapp,
            number=whatsapp.number(NUMBER_ID, access_token=ACCESS_TOKEN, app_secret=APP_SECRET),
            teams=teams,
            app=teams.bot(),
            forecast=forecast,
        )
