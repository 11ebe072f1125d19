"""A code on its way: from the queue, through a whole gateway, to a mailbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.gateway.settings import SettingsError, load_settings
from bot.store.database import reading, transaction
from bot.store.tables import identities, messages, open_channels
from bot.store.verifying import Asked, Asking, ask_for_code
from sandbox.mail import MailServer
from tests.gateway.people import accepted, rows, says
from tests.gateway.running import Gateway, now, running_gateway


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    server = MailServer(user="shop", password="s3cret/")
    await server.start()
    yield server
    await server.close()


@pytest.fixture
async def gateway(server: MailServer, tmp_path: Path) -> AsyncIterator[Gateway]:
    url = f"smtp://shop:s3cret%2F@127.0.0.1:{server.port}"
    async with running_gateway(tmp_path, smtp_url=url, mail_from="Hearthside <chat@hearthside.example.com>") as gateway:
        yield gateway


async def asks(gateway: Gateway, address: str) -> None:
    said = await accepted(gateway.engine, says("Alice", "where does 1042 go"), now())
    [identity] = await rows(gateway.engine, identities)
    asking = Asking(message=said.message, identity=identity.id, conversation=said.conversation, language="en")
    asked = Asked(account="C-1004", address=address, about="1042", by_linked_channel=False)
    async with transaction(gateway.engine) as connection:
        assert await ask_for_code(connection, asking, asked, now())


async def state_of_mail(gateway: Gateway) -> tuple[str, str | None]:
    async with asyncio.timeout(20):
        while True:
            [mail] = await rows(gateway.engine, messages, channel="email")
            if mail.state not in ("queued", "sending") or mail.error:
                return mail.state, mail.error
            await asyncio.sleep(0.05)


async def test_a_code_reaches_the_mailbox_and_works(gateway: Gateway, server: MailServer) -> None:
    await asks(gateway, "alice@example.com")
    assert await state_of_mail(gateway) == ("sent", None)
    [letter] = server.letters
    assert (letter.to, letter.subject) == ("alice@example.com", "Your code for the chat")
    assert letter.sender == "Hearthside <chat@hearthside.example.com>"
    code = next(line for line in letter.text.splitlines() if len(line) == 9 and line[4] == "-")

    await accepted(gateway.engine, says("Alice", code), now())
    [identity] = await rows(gateway.engine, identities)
    assert (identity.assurance, identity.linked_how) == ("code", "email_code")


async def test_a_mailbox_that_is_not_there_is_final(gateway: Gateway, server: MailServer) -> None:
    await asks(gateway, "nobody@example.com")
    assert await state_of_mail(gateway) == ("failed", "the mail server refused the mail with 550")


async def test_a_mailbox_that_is_full_is_tried_again(gateway: Gateway, server: MailServer) -> None:
    await asks(gateway, "full@example.com")
    assert await state_of_mail(gateway) == ("queued", "the mail server refused the mail with 452")


async def test_the_core_is_told_that_there_is_mail(gateway: Gateway) -> None:
    async with reading(gateway.engine) as connection:
        names = set((await connection.execute(open_channels.select())).scalars())
    assert names == {"telegram", "webchat", "email"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"smtp_url": "http://mail.example.com", "mail_from": "a@example.com"}, "SMTP_URL"),
        ({"smtp_url": "smtp://mail.example.com"}, "MAIL_FROM"),
        ({"smtp_url": "smtp://mail.example.com", "mail_from": "nobody"}, "MAIL_FROM"),
        ({"smtp_url": "smtp://mail.example.com", "mail_from": "a@example.com\nBcc: b@example.com"}, "MAIL_FROM"),
    ],
)
def test_a_setting_that_is_wrong_is_named(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named):
        load_settings(_env_file=None, **given)
