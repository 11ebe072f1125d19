"""The product with all its channels on, and people to use them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from aiohttp import web

from sandbox.mail import MailServer
from sandbox.teams import BotAccount as TeamsBot
from sandbox.teams import Team, TeamsServer
from sandbox.telegram import BotAccount as TelegramBot
from sandbox.telegram import Group, TelegramServer
from sandbox.whatsapp import Number, WhatsAppServer

from .people import PATIENCE, Phone, TeamsPhone, TelegramPhone, WebPhone, WhatsAppPhone
from .stack import TELEGRAM_SECRET, Stack, running_stack
from .visitor import visitor

TOKEN = "1234567892:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"  # noqa: S105  # of a platform that is played
NUMBER_ID, ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN = "106540352242922", "EAAG-of-the-tests", "app-secret", "verify-me"
MAIL_USER, MAIL_PASSWORD = "shop", "s3cret"
MAIL_FROM = "Hearthside <chat@hearthside.example.com>"

PRODUCTS = Path(__file__).resolve().parents[1] / "static" / "products"

_TELEGRAMS = {"en": "en", "zh": "zh-hans"}
_TEAMS = {"en": "en-GB", "zh": "zh-CN"}
_FIRST_NUMBER = 6591230001


@dataclass(frozen=True, kw_only=True)
class Circle:
    """A group with the bot in it."""

    id: str
    """As `Part.chat` has it."""
    chat: Group | Team

    async def say(self, phone: Phone, words: str, *, to_the_bot: bool) -> None:
        if isinstance(self.chat, Group) and isinstance(phone, TelegramPhone):
            update = await self.chat.say(phone.user, words, mention=to_the_bot)
            if update is not None:
                await update.taken(PATIENCE)
        elif isinstance(self.chat, Team) and isinstance(phone, TeamsPhone):
            delivery = await self.chat.say(phone.person, words, mention=to_the_bot)
            if delivery is not None:
                await delivery.taken(PATIENCE)


@dataclass(frozen=True, kw_only=True)
class Town:
    stack: Stack
    telegram: TelegramServer
    bot: TelegramBot
    meta: WhatsAppServer
    number: Number
    teams: TeamsServer
    app: TeamsBot
    mail: MailServer
    """Everybody's mailboxes."""
    numbers: Iterator[int] = field(default_factory=lambda: count(_FIRST_NUMBER))
    """Phone numbers that nobody has yet."""

    @asynccontextmanager
    async def phone(self, channel: str, name: str, *, language: str = "en") -> AsyncIterator[Phone]:
        """Somebody who has never been here."""
        async with AsyncExitStack() as open_pages:
            if channel == "webchat":
                page = visitor(self.stack.gateway_url, self.stack.origin, language=language)
                phone: Phone = WebPhone(await open_pages.enter_async_context(page))
            elif channel == "telegram":
                phone = TelegramPhone(self.bot, self.telegram.user(name, language=_TELEGRAMS[language]))
            elif channel == "whatsapp":
                phone = WhatsAppPhone(self.number, self.meta.person(name, str(next(self.numbers)), country="SG"))
            else:
                phone = TeamsPhone(self.app, self.teams.person(name, language=_TEAMS[language]))
            with phone:
                yield phone

    async def circle(self, title: str, members: Sequence[Phone], *, of_a_team: bool = False) -> Circle:
        """A group, all on one channel that has groups, into which the first member has just put the bot; in Teams a
        channel of a team, if it is to be one."""
        circle = self._circle(title, members, of_a_team)
        updates = [update.ended(PATIENCE) for update in self.bot.updates if update.state == "pending"]
        await asyncio.gather(*updates, *(delivery.ended(PATIENCE) for delivery in self.app.deliveries))
        return circle

    def _circle(self, title: str, members: Sequence[Phone], of_a_team: bool) -> Circle:
        users = [phone.user for phone in members if isinstance(phone, TelegramPhone)]
        if users:
            group = self.telegram.group(title, self.bot, users)
            return Circle(id=str(group.id), chat=group)
        people = [phone.person for phone in members if isinstance(phone, TeamsPhone)]
        team = self.teams.team(self.app, people, kind="channel" if of_a_team else "groupChat", title=title)
        return Circle(id=team.chat.id, chat=team)


@asynccontextmanager
async def town(folder: Path, settings: Mapping[str, str] | None = None) -> AsyncIterator[Town]:
    """Everything running, with the vendors' servers in this process. `settings` are added to the product's."""
    async with AsyncExitStack() as servers:
        telegram = await servers.enter_async_context(TelegramServer())
        meta = await servers.enter_async_context(WhatsAppServer())
        teams = await servers.enter_async_context(TeamsServer())
        mail = await servers.enter_async_context(_mail())
        bot = telegram.bot(TOKEN)
        number = meta.number(NUMBER_ID, access_token=ACCESS_TOKEN, app_secret=APP_SECRET)
        app = teams.bot(endpoint="")
        platforms = {
            "WHATSAPP_ACCESS_TOKEN": ACCESS_TOKEN,
            "WHATSAPP_APP_SECRET": APP_SECRET,
            "WHATSAPP_VERIFY_TOKEN": VERIFY_TOKEN,
            "WHATSAPP_PHONE_NUMBER_ID": NUMBER_ID,
            "WHATSAPP_API_URL": f"{meta.url}/v26.0",
            "TEAMS_APP_ID": app.app_id,
            "TEAMS_APP_PASSWORD": app.password,
            "TEAMS_OPENID_URL": teams.openid_url,
            "TEAMS_LOGIN_URL": teams.login_url,
            "TEAMS_SERVICE_HOSTS": "127.0.0.1",
            "SMTP_URL": f"smtp://{MAIL_USER}:{MAIL_PASSWORD}@127.0.0.1:{mail.port}",
            "MAIL_FROM": MAIL_FROM,
            "SHOP_URL": await servers.enter_async_context(_pictures()),
        }
        stack = await servers.enter_async_context(
            running_stack(
                folder, telegram_url=telegram.url, telegram_token=TOKEN, settings={**platforms, **(settings or {})}
            )
        )
        webhook = {"url": f"{stack.gateway_url}/webhooks/telegram", "secret_token": TELEGRAM_SECRET}
        await telegram.call(bot, "setWebhook", webhook)
        await number.subscribe(f"{stack.gateway_url}/webhooks/whatsapp", VERIFY_TOKEN)
        app.endpoint = f"{stack.gateway_url}/api/messages"
        yield Town(stack=stack, telegram=telegram, bot=bot, meta=meta, number=number, teams=teams, app=app, mail=mail)


@asynccontextmanager
async def _mail() -> AsyncIterator[MailServer]:
    server = MailServer(user=MAIL_USER, password=MAIL_PASSWORD)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def _pictures() -> AsyncIterator[str]:
    """The shop's own website as far as the platforms fetch its products' pictures from there; its address."""
    app = web.Application()
    app.router.add_static("/products", PRODUCTS)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
