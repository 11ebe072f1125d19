"""The mail server, as a mail program and a browser see it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import aiosmtplib
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.mail import MailPage, MailServer


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    server = MailServer(user="shop", password="s3cret")
    await server.start()
    yield server
    await server.close()


def letter(**headers: str) -> EmailMessage:
    mail = EmailMessage()
    whole = {"From": "shop@example.com", "To": "alice@example.com", "Subject": "您的验证码", **headers}
    for name, value in whole.items():
        if value:
            mail[name] = value
    mail.set_content("K7QM-2XPD <b>")
    return mail


async def hand_in(
    server: MailServer, mail: EmailMessage, to: str = "alice@example.com", password: str = "s3cret"
) -> None:
    if "Date" not in mail:
        mail["Date"] = format_datetime(datetime.now(UTC))
    if "Message-ID" not in mail:
        mail["Message-ID"] = make_msgid()
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=server.port) as client:
        await client.login("shop", password)
        await client.sendmail("shop@example.com", [to], mail.as_bytes())


async def test_a_mail_is_kept(server: MailServer) -> None:
    await hand_in(server, letter())
    [kept] = server.letters
    assert (kept.to, kept.subject, kept.text.strip()) == ("alice@example.com", "您的验证码", "K7QM-2XPD <b>")


async def test_only_who_logs_in_hands_mail_in(server: MailServer) -> None:
    with pytest.raises(aiosmtplib.SMTPAuthenticationError):
        await hand_in(server, letter(), password="guess")
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=server.port) as client:
        with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
            await client.sendmail("a@example.com", ["b@example.com"], b"hello")
    assert refused.value.code == 530
    assert server.letters == []


@pytest.mark.parametrize(("to", "code"), [("nobody@example.com", 550), ("full@example.com", 452)])
async def test_mailboxes_that_are_not_or_are_full(server: MailServer, to: str, code: int) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refused:
        await hand_in(server, letter(), to=to)
    assert refused.value.recipients[0].code == code


async def test_a_mail_without_a_sender_is_refused(server: MailServer) -> None:
    with pytest.raises(aiosmtplib.SMTPDataError):
        await hand_in(server, letter(From=""))
    assert server.letters == []


async def test_the_page_shows_mails_as_text(server: MailServer) -> None:
    await hand_in(server, letter(Subject="<script>alert(1)</script>"))
    app = web.Application()
    app.add_routes(MailPage(server).routes())
    async with TestClient(TestServer(app)) as browser:
        async with browser.get("/mail") as page:
            html = await page.text()
        async with browser.get("/mail.json") as answer:
            [told] = await answer.json()
    assert "&lt;script&gt;" in html
    assert "K7QM-2XPD &lt;b&gt;" in html
    assert (told["to"], told["text"].strip()) == ("alice@example.com", "K7QM-2XPD <b>")
