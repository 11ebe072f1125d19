"""A message as a mail."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from channels.contract import Content, Outbound, SendError
from channels.email.outbound import letter

FROM = "Hearthside <chat@hearthside.example.com>"


def mail(text: str, *, to: str = "alice@example.com", language: str | None = "en") -> EmailMessage:
    return letter(Outbound(id=1, address=to, content=Content(text=text), language=language), FROM)


def part(letter: EmailMessage, kind: str) -> str:
    body = letter.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_the_first_line_is_the_subject() -> None:
    sent = mail("Your code\n\n`K7QM-2XPD`\n\nType it in the chat.")

    assert (sent["Subject"], sent["To"], sent["From"]) == ("Your code", "alice@example.com", FROM)
    assert part(sent, "plain").splitlines() == ["K7QM-2XPD", "", "Type it in the chat."]


def test_the_same_as_html() -> None:
    html = part(mail("Hi\n\n**Bold** & `code`, [a link](https://example.com/?a=1&b=2)"), "html")

    assert '<html lang="en">' in html
    assert "<b>Bold</b> &amp; <code " in html
    assert '<a href="https://example.com/?a=1&amp;b=2">a link</a>' in html


def test_markup_in_the_text_is_text() -> None:
    assert "&lt;script&gt;" in part(mail("Hi\n\n<script>alert(1)</script>"), "html")


def test_chinese() -> None:
    sent = mail("您的聊天验证码\n\n`K7QM-2XPD`", language="zh-CN")

    assert (sent["Subject"], sent["Content-Language"]) == ("您的聊天验证码", "zh-Hans")
    assert '<html lang="zh-Hans">' in part(sent, "html")


def test_nobody_is_to_answer_by_machine() -> None:
    assert mail("Hi\nthere")["Auto-Submitted"] == "auto-generated"


def test_each_mail_has_an_id_of_its_own_under_our_domain() -> None:
    one, other = mail("Hi")["Message-ID"], mail("Hi")["Message-ID"]

    assert one != other
    assert one.endswith("@hearthside.example.com>")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "alice",
        "@example.com",
        "alice@",
        "alice@example.com, bob@example.com",
        "alice@example.com\r\nBcc: bob@example.com",
        "alice@example.com;bob@example.com",
        "a b@example.com",
    ],
)
def test_what_is_no_single_address_gets_no_mail(address: str) -> None:
    with pytest.raises(SendError) as refused:
        mail("Hi", to=address)
    assert refused.value.permanent
    assert "bob" not in str(refused.value)


def test_a_text_cannot_add_headers() -> None:
    sent = mail("Hi\r\nBcc: bob@example.com")

    assert sent["Bcc"] is None
    assert "Bcc: bob@example.com" in part(sent, "plain")
