"""How a message looks as a mail: plain text, and the same as simple HTML. The first line is the subject. Pure, but for
the mail's id and date."""

from __future__ import annotations

from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid, parseaddr
from html import escape

from channels.contract import Outbound, SendError
from channels.formatting import Rich, Run, parse, plain
from channels.text import storable

_LONGEST_SUBJECT = 78
_LANGUAGES = {"zh": "zh-Hans", "en": "en"}


def letter(message: Outbound, sender: str) -> EmailMessage:
    """The mail. Raises SendError for an address that is none."""
    subject, _, rest = storable(message.content.text or "").strip().partition("\n")
    text = parse(rest.strip() or subject)
    mail = EmailMessage(policy=SMTP)
    try:
        mail["From"] = _address(sender)
        mail["To"] = _address(message.address)
        mail["Subject"] = plain(subject).text[:_LONGEST_SUBJECT]
    except (ValueError, MessageError, IndexError):
        raise SendError("this is no e-mail address, or the text cannot be mailed", permanent=True) from None
    mail["Message-ID"] = make_msgid(domain=mail["From"].addresses[0].domain or "localhost")
    mail["Date"] = datetime.now(UTC)
    # So that no answering machine answers: https://www.rfc-editor.org/rfc/rfc3834#section-5
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text.text + "\n")
    mail.add_alternative(_html(text, _language(message)), subtype="html")
    mail["Content-Language"] = _language(message)
    return mail


def _address(text: str) -> Address:
    """One address, with or without a name; several, or none, are a ValueError."""
    if any(character in text for character in "\r\n\0,;"):
        raise ValueError("not one address")
    name, spec = parseaddr(text)
    local, at, domain = spec.rpartition("@")
    if not (local and at and domain) or any(map(str.isspace, spec)):
        raise ValueError("not an address")
    return Address(display_name=name, addr_spec=spec)


def _language(message: Outbound) -> str:
    primary = (message.language or "").replace("_", "-").partition("-")[0].lower()
    return _LANGUAGES.get(primary, "en")


def _html(text: Rich, language: str) -> str:
    body = "".join(map(_run, text.runs())).replace("\n", "<br>\n")
    style = "font: 16px/1.5 system-ui, sans-serif; color: #1c1c1e; max-width: 36em"
    page = f'<body><div style="{style}">{body}</div></body>'
    return f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"></head>{page}</html>\n'


def _run(run: Run) -> str:
    html = escape(run.text)
    if run.code:
        html = f'<code style="font-size: 22px; letter-spacing: 2px">{html}</code>'
    if run.bold:
        html = f"<b>{html}</b>"
    if run.italic:
        html = f"<i>{html}</i>"
    return f'<a href="{escape(run.url)}">{html}</a>' if run.url else html
