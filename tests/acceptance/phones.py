"""A person on any channel, talked to in the same words whichever it is."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sandbox.teams import BotAccount as TeamsBot
from sandbox.teams import TeamsServer
from sandbox.telegram import BotAccount as TelegramBot
from sandbox.telegram import TelegramServer
from sandbox.whatsapp import Number, WhatsAppServer
from tests.acceptance.stack import TELEGRAM_SECRET, Stack, running_stack
from tests.acceptance.widget import Visitor, visitor

TOKEN = "1234567892:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
NUMBER_ID, ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN = "106540352242922", "EAAG-of-the-tests", "app-secret", "verify-me"

_DEEP_LINK = re.compile(
    r'(?:https://t\.me/|https://wa\.me/|https://teams\.microsoft\.com/|http://127\.0\.0\.1:[0-9]+/#continue=)[^"\s]+'
)

Message = dict[str, Any]


class Heard(Protocol):
    """How the sandbox's people on any platform hear."""

    async def next_message(self, timeout: float = 10) -> Message: ...


@dataclass(frozen=True, kw_only=True)
class Phone:
    """One person on one channel."""

    channel: str
    next_message: Callable[[], Awaitable[Message]]
    say: Callable[[str], Awaitable[Any]]
    tap: Callable[[Message, str], Awaitable[Any]]
    follow: Callable[[str], Awaitable[Any]]
    """Open a deep link to this channel."""
    link: Callable[[Message], Awaitable[str]]
    """The deep link in an invitation."""

    async def hears(self, text: str) -> Message:
        """The next message with this text, wherever the channel puts it; those before it are passed over."""
        while True:
            message = await self.next_message()
            if text in json.dumps(message, ensure_ascii=False):
                return message


@dataclass(frozen=True, kw_only=True)
class Town:
    """The product with all its channels on, and people to use them."""

    stack: Stack
    telegram: TelegramServer
    bot: TelegramBot
    meta: WhatsAppServer
    number: Number
    teams: TeamsServer
    app: TeamsBot

    @asynccontextmanager
    async def phone(self, channel: str, name: str) -> AsyncIterator[Phone]:
        """Somebody who has never been here."""
        if channel == "webchat":
            async with visitor(self.stack.gateway_url, self.stack.origin) as web:
                yield _on_the_website(web)
        elif channel == "telegram":
            user = self.telegram.user(name)
            await user.start(self.bot)
            yield _phone(channel, user, partial(user.say, self.bot), user.tap, user.follow)
        elif channel == "whatsapp":
            person = self.meta.person(name, f"1650{abs(hash(name)) % 10**7:07}")
            yield _phone(channel, person, partial(person.say, self.number), person.tap, person.follow)
        else:
            colleague = self.teams.person(name)
            yield _phone(channel, colleague, partial(colleague.say, self.app), colleague.submit, colleague.follow)


@asynccontextmanager
async def town(folder: Path) -> AsyncIterator[Town]:
    """Everything running, with the vendors' servers in this process."""
    async with AsyncExitStack() as servers:
        telegram = await servers.enter_async_context(TelegramServer())
        meta = await servers.enter_async_context(WhatsAppServer())
        teams = await servers.enter_async_context(TeamsServer())
        bot = telegram.bot(TOKEN)
        number = meta.number(NUMBER_ID, access_token=ACCESS_TOKEN, app_secret=APP_SECRET)
        app = teams.bot(endpoint="")
        settings = {
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
        }
        stack = await servers.enter_async_context(
            running_stack(folder, telegram_url=telegram.url, telegram_token=TOKEN, settings=settings)
        )
        webhook = {"url": f"{stack.gateway_url}/webhooks/telegram", "secret_token": TELEGRAM_SECRET}
        await telegram.call(bot, "setWebhook", webhook)
        await number.subscribe(f"{stack.gateway_url}/webhooks/whatsapp", VERIFY_TOKEN)
        app.endpoint = f"{stack.gateway_url}/api/messages"
        yield Town(stack=stack, telegram=telegram, bot=bot, meta=meta, number=number, teams=teams, app=app)


def _phone(
    channel: str,
    person: Heard,
    say: Callable[[str], Awaitable[Any]],
    tap: Callable[[Message, str], Awaitable[Any]],
    follow: Callable[[str], Awaitable[Any]],
) -> Phone:
    async def link(message: Message) -> str:
        [url] = set(_DEEP_LINK.findall(json.dumps(message)))
        return str(url)

    return Phone(
        channel=channel, next_message=partial(person.next_message, 60), say=say, tap=tap, follow=follow, link=link
    )


def _on_the_website(web: Visitor) -> Phone:
    async def follow(url: str) -> None:
        await web.send(type="link", code=url.partition("#continue=")[2])

    async def link(message: Message) -> str:
        await web.send(type="invite", channel=message["invite"])
        return str((await web.next("invitation"))["url"])

    return Phone(channel="webchat", next_message=web.answer, say=web.say, tap=web.choose, follow=follow, link=link)
