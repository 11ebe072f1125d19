"""A return begun on the website and finished on each of the other channels, on the trained model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import pytest
import pytest_asyncio
import sqlalchemy as sa

from bot.store.tables import messages
from sandbox.teams import TeamsServer
from sandbox.telegram import TelegramServer
from sandbox.whatsapp import WhatsAppServer
from tests.acceptance.stack import TELEGRAM_SECRET, Stack, running_stack
from tests.acceptance.transcripts import rows
from tests.acceptance.widget import visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOKEN = "1234567892:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr"
NUMBER_ID, ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN = "106540352242922", "EAAG-of-the-tests", "app-secret", "verify-me"


class Heard(Protocol):
    async def next_message(self, timeout: float = 10) -> dict[str, Any]: ...
    async def follow(self, link: str) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class Phone:
    """A person on one channel, whichever it is."""

    person: Heard
    tap: Callable[[dict[str, Any], str], Awaitable[Any]]
    say: Callable[[str], Awaitable[Any]]

    async def hears(self, text: str) -> dict[str, Any]:
        """The next message with this text, wherever the channel puts it."""
        while True:
            message = await self.person.next_message(timeout=60)
            if text in json.dumps(message, ensure_ascii=False):
                return message


@dataclass(frozen=True, kw_only=True)
class Shop:
    stack: Stack
    phones: dict[str, Phone]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
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
        folder = tmp_path_factory.mktemp("every-channel")
        stack = await servers.enter_async_context(
            running_stack(folder, telegram_url=telegram.url, telegram_token=TOKEN, settings=settings)
        )
        webhook = {"url": f"{stack.gateway_url}/webhooks/telegram", "secret_token": TELEGRAM_SECRET}
        await telegram.call(bot, "setWebhook", webhook)
        await number.subscribe(f"{stack.gateway_url}/webhooks/whatsapp", VERIFY_TOKEN)
        app.endpoint = f"{stack.gateway_url}/api/messages"
        on_telegram, on_whatsapp, in_teams = (
            telegram.user("Alice"),
            meta.person("Bob", "16505551234"),
            teams.person("Carol"),
        )
        yield Shop(
            stack=stack,
            phones={
                "telegram": Phone(person=on_telegram, tap=on_telegram.tap, say=partial(on_telegram.say, bot)),
                "whatsapp": Phone(person=on_whatsapp, tap=on_whatsapp.tap, say=partial(on_whatsapp.say, number)),
                "teams": Phone(person=in_teams, tap=in_teams.submit, say=partial(in_teams.say, app)),
            },
        )


@pytest.mark.parametrize(
    ("channel", "link", "order", "item"),
    [
        ("telegram", "https://t.me/", "1042", "blue kettle"),
        ("whatsapp", "https://wa.me/", "1046", "reading lamp"),
        ("teams", "https://teams.microsoft.com/", "1053", "chef's knife"),
    ],
)
async def test_a_return_begun_on_the_website_is_finished_there(
    shop: Shop, channel: str, link: str, order: str, item: str
) -> None:
    phone = shop.phones[channel]
    async with visitor(shop.stack.gateway_url, shop.stack.origin) as web:
        await web.say(f"I want to return the {item} from order {order}")
        await web.answer_with_options()
        await web.send(type="invite", channel=channel)
        invitation = await web.next("invitation")
        assert invitation["url"].startswith(link)
        await phone.person.follow(invitation["url"])

    await phone.hears(f"You were returning the {item} from order {order}")
    await phone.tap(await phone.hears("reason for returning"), "Damaged or faulty")
    await phone.tap(await phone.hears("refund or an exchange"), "Exchange")
    await phone.hears("How will you return it")
    await phone.say("1")
    await phone.tap(await phone.hears("Shall I register"), "Yes, register it")
    await phone.hears("the return is registered")

    joined = sa.select(messages.c.conversation_id).where(messages.c.channel == channel)
    said = await rows(shop.stack, sa.select(messages).where(messages.c.conversation_id.in_(joined)))
    assert len({row.conversation_id for row in said}) == 1
    assert {row.channel for row in said} == {"webchat", channel}
